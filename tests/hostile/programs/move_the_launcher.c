#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sched.h>
#include <sys/resource.h>

int main(void)
{
    pid_t parent = getppid() > 0 ? getppid() : 1, others[] = {1, parent, fork()};
    unsigned long mask = 1;
    struct rlimit none = {0, 0};
    struct sched_param parameter = {0};

    if (others[2] == 0) {
        pause();
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        if (prlimit(others[i], RLIMIT_NOFILE, &none, NULL) == 0 || prlimit(others[i], RLIMIT_CPU, &none, NULL) == 0)
            printf("limits %d\n", i);
        if (sched_setscheduler(others[i], SCHED_IDLE, &parameter) == 0 || sched_setparam(others[i], &parameter) == 0)
            printf("policy %d\n", i);
        if (syscall(SYS_sched_setaffinity, others[i], sizeof mask, &mask) == 0)
            printf("processors %d\n", i);
        if (setpriority(PRIO_PROCESS, others[i], 19) == 0 || syscall(SYS_ioprio_set, 1, others[i], 3 << 13) == 0)
            printf("priority %d\n", i);
        if (syscall(SYS_migrate_pages, others[i], 8, &mask, &mask) >= 0 || syscall(SYS_move_pages, others[i], 0, NULL, NULL, NULL, 0) >= 0)
            printf("pages %d\n", i);
    }
    if (setpriority(PRIO_USER, 0, 19) == 0 || syscall(SYS_ioprio_set, 3 /* user */, getuid(), 3 << 13) == 0)
        puts("priority of a user");
    puts("held");
    return 0;
}
