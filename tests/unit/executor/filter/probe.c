/* The launcher's filter from outside, for the tests beside it.
 *
 *   names                       of the table's calls, in its order
 *   dump ARCH MODE              the assembled program, a line an instruction
 *   drop ARCH MODE              the same for each call of the table without it, with an empty line after each
 *   run MODE PROGRAM ARG…       a program under it
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "filter.h"
#include "filter_assemble.h"

static int names(void)
{
    for (size_t i = 0; i < FILTER_CALL_COUNT; i++)
        puts(FILTER_CALLS[i].name);
    return 0;
}

/* Every call but the one at that place. */
static void dump(enum filter_arch arch, enum filter_mode mode, size_t without)
{
    struct sock_filter program[FILTER_ROOM];
    struct call calls[FILTER_ROOM];
    size_t count = 0, length;

    for (size_t i = 0; i < FILTER_CALL_COUNT; i++)
        if (i != without)
            calls[count++] = FILTER_CALLS[i];
    length = filter_assemble(calls, count, arch, mode, program);
    for (size_t i = 0; i < length; i++)
        printf("%u %u %u %u\n", program[i].code, program[i].jt, program[i].jf, program[i].k);
}

static int run(enum filter_mode mode, char **argv)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !filter_install(mode))
        return 125;
    execvp(argv[0], argv);
    return 126;
}

int main(int argc, char **argv)
{
    enum filter_arch arch = argc > 2 && strcmp(argv[2], "aarch64") == 0 ? FILTER_AARCH64 : FILTER_X86_64;

    if (argc == 2 && strcmp(argv[1], "names") == 0)
        return names();
    if (argc > 3 && strcmp(argv[1], "run") == 0)
        return run(atoi(argv[2]), argv + 3);
    if (argc == 4 && strcmp(argv[1], "dump") == 0)
        dump(arch, atoi(argv[3]), FILTER_CALL_COUNT);
    else if (argc == 4 && strcmp(argv[1], "drop") == 0)
        for (size_t i = 0; i < FILTER_CALL_COUNT; i++) {
            dump(arch, atoi(argv[3]), i);
            puts("");
        }
    else
        return 2;
    return 0;
}
