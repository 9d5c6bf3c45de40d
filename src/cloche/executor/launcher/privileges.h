/* What a launcher and its program may do as users: identities, capabilities, Landlock. */
#ifndef CLOCHE_PRIVILEGES_H
#define CLOCHE_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "cell.h"

/* Keeps no capability but what it takes to start and end programs of another user, if there is one. */
bool privileges_drop(const struct cell *cell);

/* Where programs have another user and the kernel no setfsuid (gVisor): files are the program's from `begin` to `end`.
 * Only while no program runs, which could do to us what it can to its own. False: errno says why. */
bool privileges_files_begin(const struct cell *cell);
bool privileges_files_end(const struct cell *cell);

/* Becomes another user of the host that may still start programs of a third. */
bool privileges_become(uid_t uid);

/* Lets no capability count until privileges_resume. False: some still does. */
bool privileges_suspend(void);
bool privileges_resume(void);

/* In the program, last before exec: its own user if it has one, nothing left to regain. */
bool privileges_leave(const struct cell *cell);

#endif
