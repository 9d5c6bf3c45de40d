#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

#define HIGHEST_FD 4096
#define MOST_LOCKED_BYTES (1024L * 1024)

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

/* Argument: the host's core_pattern. A helper behind a pipe is held back by a limit of exactly 1, one behind a
 * socket by none. Source: Linux, fs/coredump.c. */
static void core_dumps(char **args)
{
    struct rlimit core;

    if (getrlimit(RLIMIT_CORE, &core) < 0)
        unable("getrlimit");
    if (core.rlim_max > 1)
        broken("have its memory dumped to the host");
    core.rlim_cur = 0;
    if (setrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_CORE, &core) < 0)
        unable("a lower limit");
    if (args[0][0] == '|' && core.rlim_cur != 1)
        broken("make the host run %s with its memory", args[0] + 1);
    if (args[0][0] == '@')
        broken("have its memory sent to a socket of the host, %s", args[0]);
}

static void must_be_limited(int resource, const char *what, long allowed)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        unable("getrlimit");
    if (limit.rlim_max > (rlim_t)allowed)
        broken("have more %s than %ld", what, allowed);
}

/* Arguments: how many files may be open, and the bytes of a stack. */
static void resources(char **args)
{
    must_be_limited(RLIMIT_NOFILE, "open files", number(args[0]));
    must_be_limited(RLIMIT_STACK, "bytes of stack", number(args[1]));
    must_be_limited(RLIMIT_MEMLOCK, "bytes of locked memory", MOST_LOCKED_BYTES);
    must_be_limited(RLIMIT_MSGQUEUE, "bytes of message queues", 0);
    must_be_limited(RLIMIT_RTPRIO, "priority", 0);
}

const struct attempt INHERITED_ATTEMPTS[] = {
    {"descriptors", descriptors}, {"environment", environment}, {"core_dumps", core_dumps},
    {"resources", resources},     {NULL, NULL},
};
