/* Starting a program: everything between fork and exec. */
#ifndef CLOCHE_PROGRAM_H
#define CLOCHE_PROGRAM_H

#include <sys/types.h>

#include "cell.h"
#include "step.h"

struct program {
    char **argv, **envp;
    const struct limits *limits;
    const struct cell *cell;
    int work; /* directory to start in */
};

/* Prepares what every program of this cell is confined by. False: errno says why. */
bool confine_programs(const struct cell *cell, const struct room *room);

/* Our ends of the program's stdin, stdout and stderr, none of which blocks. */
struct pipes {
    int input, output, error;
};

/* The program's pid once exec was tried; *exec_errno says how that went. -1: no pipes or no process. */
pid_t program_start(const struct program *program, struct pipes *pipes, int *exec_errno);

#endif
