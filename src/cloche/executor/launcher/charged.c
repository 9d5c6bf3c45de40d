#define _GNU_SOURCE
#include "charged.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Version 2 (or both), then version 1. */
static const char *const MEMORY[][2] = {{"/sys/fs/cgroup/memory.stat", "\nanon "},
                                        {"/sys/fs/cgroup/memory/memory.stat", "\nrss "}};
static const char CPU_2[] = "/sys/fs/cgroup/cpu.stat", CPU_1[] = "/sys/fs/cgroup/cpuacct/cpuacct.usage";

/* -1: nobody says. */
static long long cpu_before = -1;

/* The file with a line feed before it, so that a word can be looked for at the beginning of any line. */
static bool read_lines(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return false;
    to[0] = '\n';
    got = read(fd, to + 1, size - 2);
    close(fd);
    to[got < 0 ? 1 : got + 1] = '\0';
    return got > 0;
}

static long long number_at(const char *text, const char *word)
{
    const char *found = strstr(text, word);

    return found == NULL ? -1 : atoll(found + strlen(word));
}

long long charged_memory(const struct cell *cell)
{
    char text[8192];

    for (size_t i = 0; cell->kind == KIND_CONTAINER && i < sizeof MEMORY / sizeof *MEMORY; i++)
        if (read_lines(MEMORY[i][0], text, sizeof text)) {
            long long own = number_at(text, MEMORY[i][1]), shared = number_at(text, "\nshmem ");

            if (own >= 0 && shared >= 0)
                return own + shared;
        }
    return -1;
}

static long long cpu_us(void)
{
    struct rusage used;
    char text[2048];
    long long all = -1;

    if (read_lines(CPU_2, text, sizeof text))
        all = number_at(text, "\nusage_usec ");
    else if (read_lines(CPU_1, text, sizeof text))
        all = atoll(text) / 1000;
    if (all < 0 || getrusage(RUSAGE_SELF, &used) != 0)
        return -1;
    return all - ((long long)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 - used.ru_utime.tv_usec -
           used.ru_stime.tv_usec;
}

void charged_cpu_restart(const struct cell *cell)
{
    cpu_before = cell->kind == KIND_CONTAINER ? cpu_us() : -1;
}

long long charged_cpu_us(void)
{
    return cpu_before < 0 ? -1 : cpu_us() - cpu_before;
}
