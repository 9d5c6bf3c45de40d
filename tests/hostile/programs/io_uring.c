#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char params[120] = {0};

    if (syscall(425 /* io_uring_setup */, 8, params) >= 0)
        puts("a ring");
    if (syscall(426 /* io_uring_enter */, 0, 0, 0, 0, NULL, 0) >= 0 || errno == EBADF || errno == EOPNOTSUPP)
        puts("enter answers");
    if (syscall(427 /* io_uring_register */, 0, 0, NULL, 0) >= 0 || errno == EBADF || errno == EOPNOTSUPP)
        puts("register answers");
    puts("held");
    return 0;
}
