#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

#define LEFT_S 60

/* Only ourselves and the launcher may be seen; no /proc at all is better still. */
static void other_processes(char **args)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    (void)args;
    if (proc == NULL)
        return;
    while ((entry = readdir(proc)) != NULL) {
        long pid = atol(entry->d_name);

        if (pid > 1 && pid != getpid())
            broken("see process %ld", pid);
    }
    closedir(proc);
}

static void must_not_signal(pid_t pid)
{
    /* The kernel drops what its own namespace sends to process 1: there only the effect can tell. */
    if (pid == 1 && getppid() == 1) {
        kill(1, SIGSTOP);
        kill(1, SIGKILL);
        return;
    }
    if (pid != getpid() && kill(pid, 0) == 0)
        broken("signal process %d", (int)pid);
}

static void must_not_change(pid_t pid)
{
    struct rlimit none = {0, 0}, had;
    cpu_set_t first;
    struct sched_param idle = {0};

    if (syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &had) == 0)
        broken("read the limits of process %d", (int)pid);
    if (syscall(SYS_prlimit64, pid, RLIMIT_MSGQUEUE, &none, NULL) == 0)
        broken("set the limits of process %d", (int)pid);
    if (setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0)
        broken("slow down process %d", (int)pid);
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (sched_setaffinity(pid, sizeof first, &first) == 0)
        broken("choose the processors of process %d", (int)pid);
    if (syscall(SYS_sched_setscheduler, pid, SCHED_IDLE, &idle) == 0) /* musl has none */
        broken("make process %d idle", (int)pid);
}

static void must_not_enter(pid_t pid)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};

    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
        broken("trace process %d", (int)pid);
    /* EFAULT: allowed, only that nothing is mapped at this address there. */
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
        broken("read the memory of process %d", (int)pid);
}

/* Arguments: process ids on the host, such as the executor's. */
static void launcher(char **pids)
{
    pid_t parent = getppid();

    must_not_signal(parent);
    must_not_enter(parent);
    must_not_change(parent);
    for (; *pids != NULL; pids++) {
        pid_t pid = (pid_t)number(*pids);

        if (pid > 1 && pid != parent)
            must_not_signal(pid);
    }
}

static int lock_left(void)
{
    int fd = open("left", O_RDWR | O_CREAT, 0600);

    if (fd < 0)
        unable("a file in the work directory");
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? fd : -1;
}

/* Leaves a process in a session of its own, deaf to signals, that holds a lock as long as it lives. */
static void leave_process(char **args)
{
    int ready[2];
    char byte;

    (void)args;
    if (pipe(ready) < 0)
        unable("a pipe");
    switch (fork()) {
    case -1:
        unable("a process");
    case 0:
        if (fork() != 0)
            _exit(0);
        setsid();
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_IGN);
        if (lock_left() < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        sleep(LEFT_S);
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        unable("a process that stays");
}

/* After `leave_process`, as the next program in the same cell. */
static void left_processes(char **args)
{
    (void)args;
    if (lock_left() < 0)
        broken("leave a process behind");
    unlink("left");
}

const struct attempt PROCESS_ATTEMPTS[] = {
    {"other_processes", other_processes}, {"launcher", launcher},
    {"leave_process", leave_process},     {"left_processes", left_processes},
    {NULL, NULL},
};
