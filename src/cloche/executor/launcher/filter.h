/* The system call filter of every program. */
#ifndef CLOCHE_FILTER_H
#define CLOCHE_FILTER_H

#include <stdbool.h>

/* Which sockets a program may make; FILTER_SHARED_USER is a bit beside one of the others. */
enum filter_mode { FILTER_UNIX_SOCKETS, FILTER_LOOPBACK, FILTER_NO_SOCKETS, FILTER_SHARED_USER = 16 };

/* Takes away, for this process and all it starts, what no program needs; needs no_new_privs. */
bool filter_install(enum filter_mode mode);

#endif
