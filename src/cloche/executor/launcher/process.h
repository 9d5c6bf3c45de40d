/* A cell without namespaces, for machines that forbid them: weaker, and only where nothing better is. */
#ifndef CLOCHE_PROCESS_H
#define CLOCHE_PROCESS_H

#include "cell.h"
#include "order.h"

/* Turns this process into the launcher of such a cell. What is missing is said on stderr and it exits with 126. */
void process_make(const struct order *order, struct cell *cell);

#endif
