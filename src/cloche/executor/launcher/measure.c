#define _GNU_SOURCE
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How deep a chain of descendants is followed: each level holds two files open. */
#define MAX_DEPTH 256

/* As a container sees its own cgroup: version 2 (or both), then version 1. */
static const char *const PEAK[] = {"/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"};
static const char *const EVENTS[] = {"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"};

/* Version 2 resets a peak per open file (since Linux 6.12), so the file stays open. */
static int peak_fd = -1;
static long long oom_kills_before;
static bool seen;
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

/* Page tables are no resident memory, and a program that maps much and touches little has many. */
static void add_tables(int proc, const char *pid, struct sample *sum)
{
    char path[32], text[4096], *found;

    snprintf(path, sizeof path, "%.20s/status", pid);
    if (read_file(proc, path, text, sizeof text) > 0 && (found = strstr(text, "\nVmPTE:")) != NULL)
        sum->memory_bytes += atoll(found + strlen("\nVmPTE:")) * 1024;
}

static void add_all(int proc, const char *pid, struct sample *sum)
{
    add_process(proc, pid, sum);
    add_tables(proc, pid, sum);
}

/* proc(5): smaps_rollup divides shared pages among those who map them. Unreadable: count all of them. */
static void add_proportional(int proc, const char *pid, struct sample *sum)
{
    char path[40], text[1024], *found;

    snprintf(path, sizeof path, "%.20s/smaps_rollup", pid);
    if (read_file(proc, path, text, sizeof text) > 0 && (found = strstr(text, "\nPss:")) != NULL)
        sum->memory_bytes += atoll(found + strlen("\nPss:")) * 1024;
    else
        add_process(proc, pid, sum);
    add_tables(proc, pid, sum);
}

typedef void adder(int proc, const char *pid, struct sample *sum);

/* In a PID namespace of our own everybody else is the program's. */
static void add_everybody(DIR *proc, adder *add, struct sample *sum)
{
    struct dirent *entry;

    while ((entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, "1") != 0)
            add(dirfd(proc), entry->d_name, sum);
}

static void add_children(int proc, const char *pid, adder *add, struct sample *sum, int depth);

/* The children that one thread started, by the file where the kernel lists them. */
static void add_listed(int proc, FILE *list, adder *add, struct sample *sum, int depth)
{
    char child[24];

    while (fscanf(list, "%23s", child) == 1) {
        add(proc, child, sum);
        add_children(proc, child, add, sum, depth + 1);
    }
}

/* Else our descendants are: who loses its parent becomes our child. */
static void add_children(int proc, const char *pid, adder *add, struct sample *sum, int depth)
{
    char path[80];
    struct dirent *thread;
    DIR *threads;
    int fd;

    snprintf(path, sizeof path, "%.20s/task", pid);
    fd = depth > MAX_DEPTH ? -1 : openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    threads = fd < 0 ? NULL : fdopendir(fd);
    while (threads != NULL && (thread = readdir(threads)) != NULL) {
        FILE *list;

        if (thread->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.20s/children", thread->d_name);
        fd = openat(dirfd(threads), path, O_RDONLY | O_CLOEXEC);
        list = fd < 0 ? NULL : fdopen(fd, "r");
        if (list == NULL)
            continue;
        add_listed(proc, list, add, sum, depth);
        fclose(list);
    }
    if (threads != NULL)
        closedir(threads);
}

static struct sample measure(const struct cell *cell, adder *add)
{
    struct sample sum = {0, 0};
    DIR *proc = opendir("/proc");
    char own[24];

    if (proc == NULL)
        return sum;
    snprintf(own, sizeof own, "%d", (int)getpid());
    if (cell->kind == KIND_PROCESS)
        add_children(dirfd(proc), own, add, &sum, 0);
    else
        add_everybody(proc, add, &sum);
    closedir(proc);
    return sum;
}

/* All memory that this kernel gave out: anonymous and shared, files of tmpfs too, each page once.
 * Source: gVisor, pkg/sentry/fsimpl/proc/tasks_files.go (meminfoData). */
static long long given_out(long long otherwise)
{
    char text[1024], *found;

    if (read_file(AT_FDCWD, "/proc/meminfo", text, sizeof text) <= 0 || (found = strstr(text, "\nAnonPages:")) == NULL)
        return otherwise;
    return atoll(found + strlen("\nAnonPages:")) * 1024;
}

struct sample measure_tree(const struct cell *cell, bool memory_counts)
{
    struct sample seen = measure(cell, memory_counts ? add_all : add_process);

    if (cell->gvisor && memory_counts)
        seen.memory_bytes = given_out(seen.memory_bytes);
    return seen;
}

long long measure_memory(const struct cell *cell)
{
    long long resident = measure(cell, add_proportional).memory_bytes;

    return cell->gvisor ? given_out(resident) : resident;
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

void cgroup_reset(const struct cell *cell)
{
    seen = cell->kind == KIND_CONTAINER; /* elsewhere these are the host's, and somebody outside measures ours */
    if (!seen)
        return;
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
    struct cgroup_memory result = {-1, -1};

    if (!seen)
        return result;
    result.peak_bytes = read_peak();
    if (result.peak_bytes <= peak_before)
        result.peak_bytes = -1; /* an earlier step's: of this one only the sampled memory is known */
    if (oom_kills_before >= 0)
        result.oom_kills = read_oom_kills() - oom_kills_before;
    return result;
}
