/* What a namespace cell sees: a root of its own, made of binds, links and little file systems. */
#ifndef CLOCHE_VIEW_H
#define CLOCHE_VIEW_H

#include <stdbool.h>

#include "cell.h"
#include "order.h"

#define MAX_BINDS 64

/* Copies of the mounts that binds show, taken while we are still the host's user. */
struct sources {
    int fds[MAX_BINDS];
    int count;
};

/* False: one can't be taken; errno and *failed say which and why. */
bool view_take(const struct order *order, struct sources *out, const char **failed);

/* Makes the root and enters it; nothing of the host's is left in sight. */
bool view_enter(const struct order *order, const struct sources *sources, const char **failed);

/* /work, /tmp and /dev/shm on one file system of this size, owned by the program. */
bool view_scratch(const struct room *room, uid_t owner);

#endif
