#define _GNU_SOURCE
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As a container sees its own cgroup: version 2 (or both), then version 1. */
static const char *const PEAK[] = {"/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"};
static const char *const EVENTS[] = {"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"};

/* Version 2 resets a peak per open file (since Linux 6.12), so the file stays open. */
static int peak_fd = -1;
static long long oom_kills_before;
/* A container's view is read-only: there the peak of earlier steps can't be reset. */
static long long peak_before;

long long now_us(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (long long)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static ssize_t read_file(int at, const char *path, char *to, size_t size)
{
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return -1;
    got = read(fd, to, size - 1);
    close(fd);
    to[got < 0 ? 0 : got] = '\0';
    return got;
}

/* proc(5): the command may hold anything, so fields are counted from its last parenthesis. */
static void add_process(int proc, const char *pid, struct sample *sum)
{
    char path[32], text[1024], *after;
    unsigned long long utime, stime;
    long long cutime, cstime, pages;

    snprintf(path, sizeof path, "%.20s/stat", pid);
    if (read_file(proc, path, text, sizeof text) <= 0 || (after = strrchr(text, ')')) == NULL)
        return;
    if (sscanf(after + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %*d %*d %*u %*u %lld",
               &utime, &stime, &cutime, &cstime, &pages) != 5)
        return;
    sum->cpu_us += ((long long)(utime + stime) + cutime + cstime) * 1000000 / sysconf(_SC_CLK_TCK);
    sum->memory_bytes += pages * sysconf(_SC_PAGESIZE);
}

struct sample measure_tree(void)
{
    struct sample sum = {0, 0};
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    if (proc == NULL)
        return sum;
    while ((entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, "1") != 0)
            add_process(dirfd(proc), entry->d_name, &sum);
    closedir(proc);
    return sum;
}

/* proc(5): smaps_rollup divides shared pages among those who map them. Unreadable: count all of them. */
static long long proportional_memory(int proc, const char *pid)
{
    char path[40], text[1024], *found;
    struct sample whole = {0, 0};

    snprintf(path, sizeof path, "%.20s/smaps_rollup", pid);
    if (read_file(proc, path, text, sizeof text) > 0 && (found = strstr(text, "\nPss:")) != NULL)
        return atoll(found + strlen("\nPss:")) * 1024;
    add_process(proc, pid, &whole);
    return whole.memory_bytes;
}

long long measure_memory(void)
{
    long long sum = 0;
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    if (proc == NULL)
        return 0;
    while ((entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, "1") != 0)
            sum += proportional_memory(dirfd(proc), entry->d_name);
    closedir(proc);
    return sum;
}

static long long read_oom_kills(void)
{
    char text[1024], *found;

    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++)
        if (read_file(AT_FDCWD, EVENTS[i], text, sizeof text) > 0 && (found = strstr(text, "oom_kill ")) != NULL)
            return atoll(found + strlen("oom_kill "));
    return -1;
}

static long long read_peak(void)
{
    char text[64];
    ssize_t got = peak_fd < 0 ? -1 : pread(peak_fd, text, sizeof text - 1, 0);

    if (got <= 0)
        return -1;
    text[got] = '\0';
    return atoll(text);
}

void cgroup_reset(void)
{
    for (size_t i = 0; peak_fd < 0 && i < sizeof PEAK / sizeof *PEAK; i++) {
        peak_fd = open(PEAK[i], O_RDWR | O_CLOEXEC);
        if (peak_fd < 0)
            peak_fd = open(PEAK[i], O_RDONLY | O_CLOEXEC);
    }
    peak_before = peak_fd >= 0 && pwrite(peak_fd, "0", 1, 0) < 0 ? read_peak() : -1;
    oom_kills_before = read_oom_kills();
}

struct cgroup_memory cgroup_read(void)
{
    struct cgroup_memory result = {read_peak(), -1};

    if (result.peak_bytes <= peak_before)
        result.peak_bytes = -1; /* an earlier step's: of this one only the sampled memory is known */
    if (oom_kills_before >= 0)
        result.oom_kills = read_oom_kills() - oom_kills_before;
    return result;
}
