#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 6; i++) {
        long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

        if (pid == 0 && i % 2 == 0)
            _exit(77);
        if (pid == 0) {
            setsid();
            pause();
        }
    }
    usleep(100000);
    puts("held");
    return 0;
}
