/* The first process of every cell.
 *
 *   cell-launcher                 in a container that somebody else made: must be its PID 1
 *   cell-launcher cell ORDER…     makes a cell of namespaces, as order.h describes, and serves in it
 *   cell-launcher process ORDER…  serves without namespaces
 */
#define _GNU_SOURCE
#include <fcntl.h>
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

int main(int argc, char **argv)
{
    struct cell cell = {.kind = KIND_CONTAINER};
    struct order order;
    char word[24];

    if (argc > 1 && !order_parse(argv + 2, &order))
        return refuse("an order that can't be read");
    umask(022);
    close_inherited();
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "cell") == 0)
        namespaces_make(&order, &cell);
    else if (argc > 1 && strcmp(argv[1], "process") == 0)
        process_make(&order, &cell);
    else if (argc > 1)
        return refuse("unknown mode");
    /* kill(-1) ends every process in sight, so it must be a cell's PID namespace that we are first in. */
    else if (getpid() != 1 || getppid() != 0)
        return refuse("must be the first process of a PID namespace");
    if (!without("arguments"))
        order_wipe(argc, argv);
    cell.landlock = without("landlock") ? 0 : landlock_abi();
    if (cell.landlock > 0 && cell.read != NULL) {
        snprintf(word, sizeof word, "landlock:%d", cell.landlock);
        cell_feature(&cell, word);
    }
    cell_feature(&cell, "seccomp");
    cell_feature(&cell, "no-capabilities");
    launcher_run(&cell);
}
