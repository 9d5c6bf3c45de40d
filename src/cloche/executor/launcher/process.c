#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "landlock.h"
#include "privileges.h"

#define MAX_PATHS 64

static const char *readable[MAX_PATHS + 3], *writable[3];

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "cell-launcher: %s: %s\n", what, strerror(errno));
    _exit(126);
}

static void take_paths(const struct order *order)
{
    const char *value;
    int reads = 0, writes = 0;

    for (char **item = order->items; *item != NULL; item++) {
        if ((value = order_value(*item, "read")) != NULL && reads < MAX_PATHS)
            readable[reads++] = strdup(value);
        if (((value = order_value(*item, "work")) != NULL || (value = order_value(*item, "tmp")) != NULL) && writes < 2)
            writable[writes++] = strdup(value);
    }
    if (reads == MAX_PATHS || writes != 2) {
        errno = EINVAL;
        give_up("the paths of a process cell");
    }
}

/* From here on our signals, like those of everything we start, end at our own processes. */
static void scope_signals(struct cell *cell)
{
    pid_t outside = getppid();

    if (!landlock_enclose())
        give_up("Landlock");
    cell->signals_scoped = kill(outside, 0) < 0 && errno == EPERM;
    if (!cell->signals_scoped) {
        errno = ENOTSUP;
        give_up("Landlock does not hold signals in");
    }
    cell_feature(cell, "signals-scoped");
}

void process_make(const struct order *order, struct cell *cell)
{
    cell->kind = KIND_PROCESS;
    cell->landlock = landlock_abi();
    cell->program_uid = order->program_uid;
    if (cell->landlock < LANDLOCK_SCOPES && (cell->landlock == 0 || order->program_uid == 0)) {
        errno = ENOTSUP;
        give_up("no Landlock that scopes signals (Linux 6.12), nor Landlock and a user of its own");
    }
    take_paths(order);
    cell->read = readable;
    cell->written = writable;
    if (!order_join(order))
        give_up("a cgroup");
    if (setsid() < 0 && errno != EPERM)
        give_up("a session of its own");
    if (order->launcher_uid != 0 && !privileges_become(order->launcher_uid))
        give_up("the launcher's user");
    /* No death signal: the end of stdin tells us to end the program, which SIGKILL would leave behind. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        give_up("a reaper");
    cell_feature(cell, order->program_uid != 0 ? "own-user" : "shared-user");
    if (cell->landlock >= LANDLOCK_SCOPES)
        scope_signals(cell);
    cell_feature(cell, "own-session");
}
