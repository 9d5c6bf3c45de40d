#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    if (sethostname("mark", 4) == 0 || setdomainname("mark", 4) == 0)
        puts("named the machine");
    puts("held");
    return 0;
}
