#define _GNU_SOURCE
#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const KEYS[] = {"group", "uids", "from", "bind", "file", "link", "hide", "work", "tmp", "read"};

const char *order_value(const char *item, const char *key)
{
    size_t length = strlen(key);

    return strncmp(item, key, length) == 0 && item[length] == '=' ? item + length + 1 : NULL;
}

static bool parse_uids(const char *value, struct order *out)
{
    char *rest;
    unsigned long launcher = strtoul(value, &rest, 10), program;

    if (*rest != ',')
        return false;
    program = strtoul(rest + 1, &rest, 10);
    if (*rest != '\0' || launcher == 0 || program == 0 || launcher > 0x7fffffff || program > 0x7fffffff)
        return false;
    out->launcher_uid = (uid_t)launcher;
    out->program_uid = (uid_t)program;
    return true;
}

static bool is_known(const char *item)
{
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        if (order_value(item, KEYS[i]) != NULL)
            return true;
    return false;
}

bool order_parse(char **items, struct order *out)
{
    const char *value;

    memset(out, 0, sizeof *out);
    out->items = items;
    for (char **item = items; *item != NULL; item++) {
        if (!is_known(*item))
            return false;
        value = order_value(*item, "uids");
        if (value != NULL && !parse_uids(value, out))
            return false;
    }
    return true;
}

static bool join(const char *group)
{
    char procs[4096];
    int fd;
    bool good;

    if (mkdir(group, 0755) < 0 || snprintf(procs, sizeof procs, "%s/cgroup.procs", group) >= (int)sizeof procs)
        return false;
    fd = open(procs, O_WRONLY | O_CLOEXEC);
    good = fd >= 0 && write(fd, "0", 1) == 1;
    close(fd);
    return good;
}

bool order_join(const struct order *order)
{
    for (char **item = order->items; *item != NULL; item++) {
        const char *value = order_value(*item, "group");

        if (value != NULL && !join(value))
            return false;
    }
    return true;
}

int order_leave(char **items, bool remove)
{
    int left = 0;

    for (char **item = items; *item != NULL; item++) {
        const char *value = order_value(*item, "group");

        if (value != NULL && (!remove || (rmdir(value) < 0 && errno != ENOENT)))
            left++;
    }
    return left;
}
