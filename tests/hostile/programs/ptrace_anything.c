#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

int main(void)
{
    pid_t parent = getppid() > 0 ? getppid() : 1, child;
    char memory[8];
    struct iovec local = {memory, 8}, remote = {memory, 8};

    if (ptrace(PTRACE_ATTACH, parent, 0, 0) == 0 || ptrace(PTRACE_SEIZE, parent, 0, 0) == 0)
        puts("traces the launcher");
    child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
            puts("is traced");
        fflush(stdout);
        pause();
    }
    if (ptrace(PTRACE_SEIZE, child, 0, 0) == 0)
        puts("traces a child");
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) >= 0 || process_vm_writev(parent, &local, 1, &remote, 1, 0) >= 0)
        puts("reads memory");
    usleep(20000);
    puts("held");
    return 0;
}
