/* The arguments that say what cell to make: KEY=VALUE, read in order.
 *
 *   join=FILE       a cgroup.procs file to enter before anything is made
 *   uids=L,P        host users: L the launcher's, P the program's; needs CAP_SETUID. Else both are our own
 * namespace cells, each a path in the cell:
 *   from=PATH       where the host has what the next bind shows, if not at the same place
 *   bind=PATH       show this file or directory, read-only
 *   file=PATH       a file that holds the last from=
 *   link=PATH       a symbolic link to the last from=
 *   hide=PATH       show an empty directory in its place
 * process cells:
 *   work=DIR tmp=DIR  the program's own directories, which it may write
 *   read=PATH       what it may read and execute
 */
#ifndef CLOCHE_ORDER_H
#define CLOCHE_ORDER_H

#include <stdbool.h>
#include <sys/types.h>

struct order {
    char **items; /* ends with NULL */
    uid_t launcher_uid, program_uid; /* 0: our own */
};

/* False: an argument that can't be read. */
bool order_parse(char **items, struct order *out);

/* The value when `item` has this key, else NULL. */
const char *order_value(const char *item, const char *key);

/* Forgets the arguments, which everybody who sees this process can read: they name the host's paths. */
void order_wipe(int argc, char **argv);

/* Enters every cgroup. False: errno says why. */
bool order_join(const struct order *order);

#endif
