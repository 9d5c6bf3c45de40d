#define _GNU_SOURCE
#include "cell.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void cell_feature(struct cell *cell, const char *word)
{
    size_t have = strlen(cell->features);

    if (have + strlen(word) + 2 > sizeof cell->features)
        return;
    if (have > 0)
        strcat(cell->features, ",");
    strcat(cell->features, word);
}

/* Nobody but the program's processes has its user, so that user's kill(-1) reaches them and nothing else. */
static void kill_as_program(uid_t uid)
{
    pid_t killer = fork();

    if (killer == 0) {
        if (setresuid(uid, uid, uid) == 0 && getuid() == uid && geteuid() == uid)
            kill(-1, SIGKILL);
        _exit(0);
    }
    if (killer > 0)
        waitpid(killer, NULL, 0);
}

void cell_kill(const struct cell *cell)
{
    if (getpid() == 1 || cell->signals_scoped)
        kill(-1, SIGKILL);
    else if (cell->program_uid != 0)
        kill_as_program(cell->program_uid);
}

#ifdef CLOCHE_MUTABLE
bool without(const char *defence)
{
    const char *at = getenv("CLOCHE_MUTATION");
    size_t length = strlen(defence);

    for (; at != NULL; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
        if (strncmp(at, defence, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}
#endif
