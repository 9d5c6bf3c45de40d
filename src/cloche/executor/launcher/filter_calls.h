/* The calls that a program may not make, or only with certain arguments. */
#ifndef CLOCHE_FILTER_CALLS_H
#define CLOCHE_FILTER_CALLS_H

#include <linux/filter.h>
#include <stddef.h>

enum filter_arch { FILTER_X86_64, FILTER_AARCH64, FILTER_ARCHES };

/* When a rule holds: a bit for each of filter_mode's socket modes, and one for whose user the program is. */
enum filter_scope {
    IN_UNIX = 1,
    IN_LOOPBACK = 2,
    IN_NONE = 4,
    OWN_USER = 8,
    SHARED_USER = 16,
    ANY_USER = OWN_USER | SHARED_USER,
    ANY_SOCKETS = IN_UNIX | IN_LOOPBACK | IN_NONE,
    ANY = ANY_SOCKETS | ANY_USER,
};

/* An architecture without this call. */
enum { NONE = -1 };

/* `code` returns an answer on every path and starts with the call's number loaded. */
struct call {
    const char *name;
    unsigned scope;
    int numbers[FILTER_ARCHES];
    const struct sock_filter *code;
    size_t length;
};

extern const struct call FILTER_CALLS[];
extern const size_t FILTER_CALL_COUNT;

#endif
