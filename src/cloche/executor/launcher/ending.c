#define _GNU_SOURCE
#include "ending.h"

#include <signal.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "privileges.h"

/* Of a millisecond each. */
#define LEAVE_TRIES 5000

/* kill(-1) with the program's user and no capability reaches its processes and nothing else: nobody else has that user.
 * Only the effective user changes, and signals look at the others, so the program can't reach us meanwhile. */
static void kill_as_program(uid_t uid)
{
    if (seteuid(uid) == 0) {
        if (privileges_suspend() && geteuid() == uid)
            kill(-1, SIGKILL);
        if (!privileges_resume() || seteuid(getuid()) < 0)
            _exit(8); /* we could end nothing any more */
        setfsuid(uid); /* it has followed the effective user; files stay the program's */
    }
}

void cell_kill(const struct cell *cell)
{
    if (getpid() == 1 || cell->signals_scoped)
        kill(-1, SIGKILL);
    else if (cell->program_uid != 0)
        kill_as_program(cell->program_uid);
}

static const struct cell *served;

void cell_serve(const struct cell *cell)
{
    served = cell;
}

void cell_leave(int status)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    /* Where we are PID 1 the kernel does this. */
    for (int tries = 0; served != NULL && served->kind == KIND_PROCESS && tries < LEAVE_TRIES; tries++) {
        pid_t pid;

        cell_kill(served);
        do {
            pid = waitpid(-1, NULL, WNOHANG);
        } while (pid > 0);
        if (pid < 0)
            break;
        nanosleep(&pause, NULL);
    }
    _exit(status);
}
