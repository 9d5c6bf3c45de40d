/* The words that say what cell to make: KEY=VALUE, read in order.
 *
 *   group=DIR       a cgroup to make and enter before anything else
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

/* False: a word that can't be read. */
bool order_parse(char **items, struct order *out);

/* The value when `item` has this key, else NULL. */
const char *order_value(const char *item, const char *key);

/* Makes and enters every cgroup. False: errno says why. */
bool order_join(const struct order *order);

/* How many there are, once those that nobody is in were removed. */
int order_leave(char **items, bool remove);

#endif
