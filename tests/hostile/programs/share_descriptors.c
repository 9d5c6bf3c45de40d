#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int child(void *argument)
{
    (void)argument;
    close(0);
    close(1);
    close(2);
    for (;;)
        pause();
}

int main(void)
{
    const int flags[] = {CLONE_FILES | SIGCHLD, CLONE_VM | CLONE_FILES | SIGCHLD, CLONE_VM | CLONE_FS | CLONE_SIGHAND,
                         CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES};

    for (int i = 0; i < 4; i++) {
        char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

        clone(child, stack + 65536, flags[i], NULL);
    }
    _exit(5);
}
