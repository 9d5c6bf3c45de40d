/* Each stops by itself soon after the limit it was told, so that it harms nobody where the limit does not hold. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#define MIB (1024L * 1024)
#define MOST_PROCESSES 256

/* How long a limit that is enforced by sampling may take to be noticed. */
static void linger(void)
{
    const struct timespec pause = {.tv_nsec = 700000000};

    nanosleep(&pause, NULL);
}

/* Argument: how many processes there may be, ourselves included. */
static void processes(char **args)
{
    pid_t children[MOST_PROCESSES];
    long allowed = number(args[0]), alive = 1;

    while (alive <= allowed && alive < MOST_PROCESSES) {
        pid_t child = fork();

        if (child == 0) {
            pause();
            _exit(0);
        }
        if (child < 0)
            break;
        children[alive++] = child;
    }
    if (alive > allowed)
        linger();
    for (long i = 1; i < alive; i++)
        kill(children[i], SIGKILL);
    if (alive > allowed)
        broken("have %ld processes where %ld are allowed", alive, allowed);
}

/* Argument: MiB allowed. A kernel that gives no more holds too. */
static void memory(char **args)
{
    long allowed = number(args[0]) * MIB, wanted = allowed * 2;
    char *block = mmap(NULL, (size_t)wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (block == MAP_FAILED)
        return;
    memset(block, 1, (size_t)wanted);
    linger();
    broken("use %ld MiB of memory where %ld are allowed", wanted / MIB, allowed / MIB);
}

/* Argument: bytes allowed in one file. */
static void file_size(char **args)
{
    static char block[65536];
    long allowed = number(args[0]), written = 0;
    int fd = open("large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    signal(SIGXFSZ, SIG_IGN);
    if (fd < 0)
        unable("a file in the work directory");
    while (written <= allowed) {
        ssize_t put = write(fd, block, sizeof block);

        if (put <= 0)
            break;
        written += put;
    }
    close(fd);
    unlink("large");
    if (written > allowed)
        broken("write %ld bytes to a file where %ld are allowed", written, allowed);
}

static void name_of(char *name, size_t size, long index)
{
    snprintf(name, size, "filled-%ld", index);
}

static void remove_first(long count)
{
    char name[32];

    for (long i = 0; i < count; i++) {
        name_of(name, sizeof name, i);
        unlink(name);
    }
}

/* Argument: bytes allowed in the work directory; written as files of 1 MiB, so that few of them do. */
static void disk(char **args)
{
    static char block[65536];
    long allowed = number(args[0]), files = 0, written = 0;
    char name[32];

    memset(block, 1, sizeof block);
    while (written <= allowed) {
        int fd;
        long put = 0, whole = 0;

        name_of(name, sizeof name, files++);
        fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        while (whole < MIB && (put = write(fd, block, sizeof block)) > 0)
            whole += put;
        close(fd);
        written += whole;
        if (whole < MIB)
            break;
    }
    remove_first(files);
    if (written > allowed)
        broken("write %ld bytes of files where %ld are allowed", written, allowed);
}

/* Argument: files allowed in the work directory. */
static void inodes(char **args)
{
    long allowed = number(args[0]), made = 0;
    char name[32];

    while (made <= allowed) {
        int fd;

        name_of(name, sizeof name, made);
        fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        close(fd);
        made++;
    }
    remove_first(made);
    if (made > allowed)
        broken("make %ld files where %ld are allowed", made, allowed);
}

/* Argument: milliseconds of CPU allowed. They are used up by a child that nobody waits for. */
static void cpu_time(char **args)
{
    long allowed_ms = number(args[0]);
    struct timespec used = {0, 0};
    int ended[2];
    char byte;

    if (pipe(ended) < 0)
        unable("a pipe");
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) {
        while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < allowed_ms * 4 + 600)
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        _exit(0);
    }
    close(ended[1]);
    if (read(ended[0], &byte, 1) == 0)
        broken("use %ld ms of CPU where %ld are allowed", allowed_ms * 4 + 600, allowed_ms);
}

/* Argument: milliseconds of wall time allowed. */
static void wall_time(char **args)
{
    long allowed_ms = number(args[0]), wanted_ms = allowed_ms + 3000;
    const struct timespec pause = {wanted_ms / 1000, wanted_ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
    broken("run for %ld ms where %ld are allowed", wanted_ms, allowed_ms);
}

/* Argument: bytes allowed on stdout. */
static void output(char **args)
{
    static char block[4096];
    long allowed = number(args[0]), written = 0;

    memset(block, '\n', sizeof block);
    while (written < allowed + 64 * MIB) {
        ssize_t put = write(STDOUT_FILENO, block, sizeof block);

        if (put <= 0)
            return;
        written += put;
    }
    broken("write %ld bytes of output where %ld are allowed", written, allowed);
}

const struct attempt LIMIT_ATTEMPTS[] = {
    {"processes", processes}, {"memory", memory},       {"file_size", file_size}, {"disk", disk},
    {"inodes", inodes},       {"cpu_time", cpu_time},   {"wall_time", wall_time}, {"output", output},
    {NULL, NULL},
};
