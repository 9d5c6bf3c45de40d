/* The process that a cell's launcher is forked from: it stays, so that no cell costs the executor a fork and an exec.
 *
 * Its stdin is a socket of sequenced packets. It is told
 *
 *   NUMBER \0 MODE \0 ORDER \0 …   with three descriptors, the new launcher's stdin, stdout and stderr
 *   NUMBER \0 kill \0              end that launcher
 *
 * and answers, once for each launcher that has ended, "NUMBER STATUS LEFT": its exit status, or 128 and the signal,
 * and how many of its cgroups are left: those of one that left in order are removed. When the socket ends it waits for
 * its launchers and leaves.
 */
#ifndef CLOCHE_SPAWNER_H
#define CLOCHE_SPAWNER_H

#include <stdbool.h>

struct launch {
    char **words; /* the mode and the orders, ending with NULL */
    bool network; /* whether we are in a network namespace that was lent */
};

/* Returns only in a launcher, whose stdin, stdout and stderr are in place. */
struct launch spawner_run(void);

#endif
