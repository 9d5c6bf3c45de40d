/* What the attempts share. An attempt returns when the cell held it. */
#ifndef CLOCHE_PROBE_H
#define CLOCHE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct attempt {
    const char *name;
    void (*run)(char **args); /* ends with NULL */
};

/* Each ends with an entry without a name. */
extern const struct attempt FILE_ATTEMPTS[], PROCESS_ATTEMPTS[], KERNEL_ATTEMPTS[], NETWORK_ATTEMPTS[],
    INHERITED_ATTEMPTS[], LIMIT_ATTEMPTS[];

/* Says what the program could do, and ends it. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says that the attempt could not even be made, and ends the program with status 3. */
_Noreturn void unable(const char *what);

/* The number in an argument; ends the program where there is none. */
long number(const char *text);

#endif
