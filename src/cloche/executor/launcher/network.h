/* Network namespaces, empty and with nothing up, lent to one cell after the other: making one and taking it apart is
 * the dearest part of a cell. Its programs have no sockets but those of AF_UNIX, which Landlock keeps to themselves by
 * name; where it does not, or we may not make any, none is lent. One in which a socket is left is not lent again. A cell
 * that is given a loopback makes a namespace of its own.
 */
#ifndef CLOCHE_NETWORK_H
#define CLOCHE_NETWORK_H

#include <stdbool.h>

/* A descriptor, or -1: the cell makes its own. */
int network_lend(void);

/* Enters what was lent. */
bool network_enter(int lent);

/* Takes it back from a cell that has ended; -1 is nothing. */
void network_take_back(int lent, bool left_in_order);

#endif
