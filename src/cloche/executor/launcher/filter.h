/* The system call filter of every program. */
#ifndef CLOCHE_FILTER_H
#define CLOCHE_FILTER_H

#include <stdbool.h>

/* Which sockets a program may make; FILTER_SHARED_USER is a bit beside one of the others. */
enum filter_mode {
    FILTER_UNIX_SOCKETS,    /* local ones */
    FILTER_LOOPBACK,        /* also TCP and UDP, for a network namespace of its own */
    FILTER_NO_SOCKETS,      /* only connected pairs */
    FILTER_SHARED_USER = 16 /* the program's files and Cloche's have one owner: no change of modes, owners, times */
};

/* Takes away, for this process and all it starts, what no program needs; needs no_new_privs.
 *
 * Once only: among what it takes away is the installation of filters.
 */
bool filter_install(enum filter_mode mode);

#endif
