/* Landlock: a second lock on files, signals, abstract sockets and TCP, kept by the kernel beside everything else. */
#ifndef CLOCHE_LANDLOCK_H
#define CLOCHE_LANDLOCK_H

#include <stdbool.h>

#include "cell.h"

/* The kernel's ABI; 0: it has none. */
int landlock_abi(void);

/* A ruleset for programs, to be applied in each by landlock_apply: read and execute below `read` (ends with NULL),
 * write below `written`, use the harmless devices, and with `loopback` also TCP. -1: errno says why. */
int landlock_rules(const char *const read[], const char *const written[], bool loopback);

/* Restricts the caller; needs no_new_privs. */
bool landlock_apply(int rules);

/* Restricts the caller to signals within its own domain; programs it starts get one inside. Needs ABI 6. */
bool landlock_enclose(void);

/* The ABI that scopes signals. */
#define LANDLOCK_SCOPES 6

#endif
