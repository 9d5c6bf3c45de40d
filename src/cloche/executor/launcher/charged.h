/* What a container's own cgroup says of all processes in it: also of those that nobody waited for, and of memory
 * that none of them maps. Elsewhere, and where the kernel does not say: -1. */
#ifndef CLOCHE_CHARGED_H
#define CLOCHE_CHARGED_H

#include "cell.h"

/* Memory that only ending somebody gives back: anonymous and shared, files of tmpfs too; not what files are cached. */
long long charged_memory(const struct cell *cell);

/* CPU time is counted from here on. */
void charged_cpu_restart(const struct cell *cell);

/* Since then, in microseconds, without our own. */
long long charged_cpu_us(void);

#endif
