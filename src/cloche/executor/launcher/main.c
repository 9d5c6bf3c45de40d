/* The first process of every cell.
 *
 *   cell-launcher          in a container that somebody else made: must be its PID 1
 *   cell-launcher spawner  stays and forks launchers as spawner.h describes, each for one of order.h's orders:
 *     cell ORDER…            makes a cell of namespaces and serves in it
 *     process ORDER…         serves without namespaces
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"
#include "launcher.h"
#include "namespaces.h"
#include "order.h"
#include "process.h"
#include "spawner.h"

/* Whatever the engine left open is not for us, nor for the programs. */
static void close_inherited(void)
{
    if (without("close-fds") || syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
        return;
    for (int fd = 3; fd < 65536; fd++)
        close(fd);
}

static int refuse(const char *why)
{
    fprintf(stderr, "cell-launcher: %s\n", why);
    return 125;
}

static void make(const struct launch *launch, struct cell *cell)
{
    struct order order;

    if (!order_parse(launch->words + 1, &order))
        _exit(refuse("an order that can't be read"));
    cell->network_lent = launch->network;
    if (strcmp(launch->words[0], "cell") == 0)
        namespaces_make(&order, cell);
    else if (strcmp(launch->words[0], "process") == 0)
        process_make(&order, cell);
    else
        _exit(refuse("unknown mode"));
}

int main(int argc, char **argv)
{
    struct cell cell = {.kind = KIND_CONTAINER};
    char word[24];

    umask(022);
    close_inherited();
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "spawner") == 0) {
        struct launch launch = spawner_run();

        close_inherited();
        make(&launch, &cell);
    } else if (argc > 1) {
        return refuse("unknown mode");
    } else if (getpid() != 1 || getppid() != 0) {
        /* kill(-1) ends every process in sight, so it must be a cell's PID namespace that we are first in. */
        return refuse("must be the first process of a PID namespace");
    }
    cell.gvisor = access("/proc/sentry-meminfo", F_OK) == 0;
    if (cell.gvisor)
        cell_feature(&cell, "gvisor");
    cell.landlock = without("landlock") ? 0 : landlock_abi();
    if (cell.landlock > 0 && cell.read != NULL) {
        snprintf(word, sizeof word, "landlock:%d", cell.landlock);
        cell_feature(&cell, word);
    }
    if (cell.kind == KIND_CONTAINER && geteuid() == 0)
        cell_feature(&cell, "own-user");
    cell_feature(&cell, "seccomp");
    cell_feature(&cell, "no-capabilities");
    launcher_run(&cell);
}
