/* What a process tree uses, seen from inside its PID namespace. */
#ifndef CLOCHE_MEASURE_H
#define CLOCHE_MEASURE_H

#include "cell.h"

struct sample {
    long long cpu_us;       /* of all live processes and of the children they have reaped */
    long long memory_bytes; /* resident memory of all live processes, shared pages counted more than once */
};

struct cgroup_memory {
    long long peak_bytes; /* -1: not visible */
    long long oom_kills;  /* -1: not visible */
};

/* Microseconds on the monotonic clock. */
long long now_us(void);

/* Sums every process but this one; page tables too where memory is limited by what we see. In gVisor memory is all
 * that its kernel gave out, files included. */
struct sample measure_tree(const struct cell *cell, bool memory_counts);

/* Resident memory of all live processes with shared pages counted once: exact, and dear. */
long long measure_memory(const struct cell *cell);

/* Starts a new peak where the kernel allows it; afterwards OOM kills count from 0. */
void cgroup_reset(const struct cell *cell);
struct cgroup_memory cgroup_read(void);

#endif
