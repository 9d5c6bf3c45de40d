/* A cell made of this machine's namespaces. */
#ifndef CLOCHE_NAMESPACES_H
#define CLOCHE_NAMESPACES_H

#include "cell.h"
#include "order.h"

/* Makes the cell and returns in its first process, to serve there. The caller waits outside and ends with its
 * status; what could not be made is said on stderr, and the status is 126. */
void namespaces_make(const struct order *order, struct cell *cell);

/* Its own file system and, if asked for, its own network's loopback. False: errno says why. */
bool namespaces_furnish(const struct cell *cell, const struct room *room);

#endif
