/* How everything of a cell ends. */
#ifndef CLOCHE_ENDING_H
#define CLOCHE_ENDING_H

#include "cell.h"

/* SIGKILL to every process of the program, and to nothing else. */
void cell_kill(const struct cell *cell);

/* The cell that cell_leave ends. */
void cell_serve(const struct cell *cell);

/* Ends this process, and everything of its cell first. */
_Noreturn void cell_leave(int status);

#endif
