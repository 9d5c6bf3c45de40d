#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    if (syscall(447 /* memfd_secret */, 0) >= 0 || (errno != EPERM && errno != ENOSYS))
        puts("secret memory");
    puts("held");
    return 0;
}
