/* The system call filter of every program. */
#ifndef CLOCHE_FILTER_H
#define CLOCHE_FILTER_H

#include <stdbool.h>

/* Takes away, for this process and all it starts, what no program needs; needs no_new_privs. */
bool filter_install(void);

#endif
