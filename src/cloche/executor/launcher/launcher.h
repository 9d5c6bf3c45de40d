/* Runs programs one after another, as the frames on stdin say, and tells on stdout how each ended. */
#ifndef CLOCHE_LAUNCHER_H
#define CLOCHE_LAUNCHER_H

#include "cell.h"

/* Speaks the protocol of protocol.py until stdin ends; then everything in the cell does. */
_Noreturn void launcher_run(struct cell *cell);

#endif
