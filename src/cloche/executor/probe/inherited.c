#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

#define HIGHEST_FD 4096

static void descriptors(char **args)
{
    struct stat about;

    (void)args;
    for (int fd = 0; fd < 3; fd++)
        if (fstat(fd, &about) == 0 && !S_ISFIFO(about.st_mode))
            broken("use descriptor %d, which is no pipe", fd);
    for (int fd = 3; fd < HIGHEST_FD; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            broken("use inherited descriptor %d", fd);
}

/* Arguments: the names of all variables that it was given. */
static void environment(char **given)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        size_t length = strcspn(*variable, "=");
        bool expected = false;

        for (char **one = given; *one != NULL; one++)
            expected = expected || (strlen(*one) == length && strncmp(*one, *variable, length) == 0);
        if (!expected)
            broken("read the variable %.*s", (int)length, *variable);
    }
}

static void core_dumps(char **args)
{
    struct rlimit core;

    (void)args;
    if (getrlimit(RLIMIT_CORE, &core) < 0)
        unable("getrlimit");
    if (core.rlim_max != 0)
        broken("have its memory dumped to the host");
}

const struct attempt INHERITED_ATTEMPTS[] = {
    {"descriptors", descriptors}, {"environment", environment}, {"core_dumps", core_dumps}, {NULL, NULL}};
