#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH 4096
#define CHILDREN 16

static struct sock_filter code[LENGTH];

/* Compiled filters take from a budget of the whole machine; a path may have some eight of this length. */
static int install_until_refused(void)
{
    struct sock_fprog program = {LENGTH, code};
    int installed = 0, pair[2];

    while (installed < 100 && (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
                               syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ||
                               syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0))
        installed++;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
        setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0)
        installed++;
    return installed;
}

int main(void)
{
    int status, installed = 0;

    for (int i = 0; i < LENGTH; i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    code[LENGTH - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            _exit(install_until_refused());
    while (wait(&status) > 0)
        installed += WEXITSTATUS(status);
    if (installed > 0)
        printf("installed %d filters\n", installed);
    puts("held");
    return 0;
}
