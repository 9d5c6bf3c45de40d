#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    if (syscall(SYS_add_key, "user", "cloche-mark", "x", 1, -4 /* user session */) >= 0)
        puts("added");
    if (syscall(SYS_keyctl, 0 /* get id */, -3 /* session */, 1) >= 0)
        puts("a ring");
    if (syscall(SYS_keyctl, 1 /* join session */, NULL) >= 0)
        puts("joined");
    if (syscall(SYS_request_key, "user", "cloche-mark", NULL, -3) >= 0)
        puts("requested");
    puts("held");
    return 0;
}
