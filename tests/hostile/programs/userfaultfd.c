#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    if (syscall(SYS_userfaultfd, 1 /* user mode only */) >= 0 || syscall(SYS_userfaultfd, 0) >= 0)
        puts("userfaultfd");
    puts("held");
    return 0;
}
