#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char depth[16];
    int next = argc > 1 ? atoi(argv[1]) + 1 : 1;
    pid_t pid;

    if (next > 200)
        return 7;
    snprintf(depth, sizeof depth, "%d", next);
    pid = vfork();
    if (pid == 0) {
        execl(argv[0], argv[0], depth, NULL);
        _exit(8);
    }
    int status = 0;
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (argc == 1)
        puts(WEXITSTATUS(status) == 7 ? "200 generations" : "held");
    return WEXITSTATUS(status);
}
