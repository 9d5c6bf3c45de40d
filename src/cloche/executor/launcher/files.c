#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_name(const char *name)
{
    return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The directory that `path` lies in, opened step by step; *name is left at the last part. */
static int open_parent(int work, char *path, char **name)
{
    int at = fcntl(work, F_DUPFD_CLOEXEC, 3), next;
    char *slash;

    for (; at >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        *slash = '\0';
        if (!is_name(path)) {
            close(at);
            errno = EINVAL;
            return -1;
        }
        if (mkdirat(at, path, 0755) < 0 && errno != EEXIST) {
            close(at);
            return -1;
        }
        /* With O_DIRECTORY gVisor would follow a link; a link opened as such is no directory to open from. */
        next = openat(at, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
    }
    *name = path;
    return at;
}

bool file_write(int work, char *path, mode_t mode, const char *bytes, size_t length)
{
    int parent, fd;
    char *name;
    bool good = true;

    parent = open_parent(work, path, &name);
    if (parent < 0)
        return false;
    if (!is_name(name)) {
        close(parent);
        errno = EINVAL;
        return false;
    }
    /* Not blocking: a program of an earlier step may have left a FIFO there. */
    fd = openat(parent, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
    close(parent);
    if (fd < 0)
        return false;
    while (good && length > 0) {
        ssize_t put = write(fd, bytes, length);

        if (put < 0 && errno == EINTR)
            continue;
        good = put > 0;
        if (good) {
            bytes += put;
            length -= (size_t)put;
        }
    }
    if (good)
        good = fchmod(fd, mode) == 0;
    if (close(fd) < 0)
        good = false;
    return good;
}
