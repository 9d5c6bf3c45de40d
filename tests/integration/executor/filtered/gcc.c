/* What the C library does that comes near the filter's edges. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void check(int held, const char *what)
{
    if (!held) {
        perror(what);
        exit(1);
    }
}

static void *add(void *sum)
{
    for (int i = 0; i < 1000; i++)
        __atomic_add_fetch((int *)sum, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    char *argv[] = {"/bin/true", NULL}, name[] = "fileXXXXXX", text[8];
    pthread_t threads[4];
    int sum = 0, status, ends[2];
    struct timespec now;
    pid_t child;
    FILE *pipe;

    for (int i = 0; i < 4; i++)
        check(pthread_create(&threads[i], NULL, add, &sum) == 0, "pthread_create");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    check(sum == 4000, "threads");
    check(posix_spawn(&child, argv[0], NULL, NULL, argv, environ) == 0, "posix_spawn");
    check(waitpid(child, &status, 0) == child && status == 0, "waitpid");
    check((pipe = popen("echo one", "r")) != NULL && fgets(text, sizeof text, pipe) != NULL && pclose(pipe) == 0, "popen");
    check(vfork() != 0 || (_exit(0), 0), "vfork");
    check(wait(&status) > 0, "wait");
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && write(ends[0], "x", 1) == 1, "socketpair");
    check(eventfd(0, 0) >= 0 && mkstemp(name) >= 0 && mkfifo("fifo", 0600) == 0, "files");
    check(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED, "mmap");
    check(prctl(PR_SET_NAME, "bell", 0, 0, 0) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "prctl");
    check(clock_gettime(CLOCK_REALTIME, &now) == 0, "clock_gettime");
    puts("done");
    return 0;
}
