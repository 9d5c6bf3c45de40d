#define _GNU_SOURCE
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One number everywhere since Linux 5.1; headers may be older. */
enum { NR_open_tree = 428, NR_move_mount = 429, NR_mount_setattr = 442 };

#define TREE_CLONE 1u
#define TREE_CLOEXEC ((unsigned)O_CLOEXEC)
#define RECURSIVE 0x8000u
#define THIS_MOUNT 0x1000u /* AT_EMPTY_PATH */
#define FROM_MOUNT 0x4u   /* MOVE_MOUNT_F_EMPTY_PATH */
#define ATTR_READ_ONLY 1ull
#define ATTR_NOSUID 2ull
#define ATTR_NODEV 4ull
#define ATTR_NOEXEC 8ull

/* An empty directory of the new root, shown wherever something is hidden. */
#define EMPTY "run/.empty"

/* Files that would tell of the host, or reach it, as containers mask them. Source: moby's default paths. */
static const char *const MASKED_FILES[] = {
    "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
    "proc/interrupts", "proc/kmsg", "proc/kallsyms", "proc/cmdline", "proc/modules", "proc/key-users",
    "proc/kpagecount", "proc/kpageflags", "proc/vmallocinfo", "proc/slabinfo",
};
static const char *const MASKED_DIRECTORIES[] = {"proc/acpi", "proc/scsi", "proc/asound", "proc/driver", "proc/fs",
                                                 "proc/bus",  "proc/irq",  "proc/sysvipc", "proc/tty"};
/* Not masked by a device, which anybody may open to write. */
static const char *const READ_ONLY_FILES[] = {"proc/sys", "proc/sysrq-trigger"};
static const char *const DEVICES[] = {"null", "zero", "full", "random", "urandom"};

struct attributes {
    unsigned long long set, clear, propagation, user_ns;
};

static int take(const char *path, unsigned flags)
{
    return (int)syscall(NR_open_tree, AT_FDCWD, path, TREE_CLONE | TREE_CLOEXEC | flags);
}

static bool restrict_mount(int at, const char *path, unsigned flags, unsigned long long attributes)
{
    struct attributes wanted = {.set = attributes};

    return syscall(NR_mount_setattr, at, path, flags, &wanted, sizeof wanted) == 0;
}

/* Puts the mount `tree` at `to`, which must exist, and closes it. */
static bool put(int tree, const char *to, unsigned long long attributes)
{
    bool good = tree >= 0 && restrict_mount(tree, "", THIS_MOUNT | RECURSIVE, attributes) &&
                syscall(NR_move_mount, tree, "", AT_FDCWD, to, FROM_MOUNT) == 0;
    int error = errno;

    if (tree >= 0)
        close(tree);
    errno = error;
    return good;
}

/* The directories above `path`, relative to here; they may exist. */
static bool make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

/* A place for a mount: a directory or an empty file. */
static bool make_place(const char *path, bool directory)
{
    char copy[4096];
    int fd;

    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!make_parents(copy))
        return false;
    if (directory)
        return mkdir(copy, 0755) == 0 || errno == EEXIST;
    fd = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    close(fd);
    return fd >= 0 || errno == EEXIST;
}

static bool is_directory(int fd)
{
    struct stat found;

    return fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
}

bool view_take(const struct order *order, struct sources *out, const char **failed)
{
    const char *from = NULL, *value;

    out->count = 0;
    for (char **item = order->items; *item != NULL; item++) {
        if ((value = order_value(*item, "from")) != NULL) {
            from = value;
            continue;
        }
        if ((value = order_value(*item, "bind")) == NULL) {
            from = NULL;
            continue;
        }
        *failed = from != NULL ? from : value;
        if (out->count == MAX_BINDS) {
            errno = E2BIG;
            return false;
        }
        out->fds[out->count] = take(*failed, RECURSIVE);
        if (out->fds[out->count++] < 0)
            return false;
        from = NULL;
    }
    return true;
}

static bool show(const char *path, int tree)
{
    return make_place(path + 1, is_directory(tree)) &&
           put(tree, path + 1, (without("readonly-root") ? 0 : ATTR_READ_ONLY) | (without("nosuid") ? 0 : ATTR_NOSUID) |
                                   ATTR_NODEV);
}

/* Looked for before anything is mounted: a mount that finds no place costs a grace period of all processors. */
static bool missing(const char *path)
{
    return access(path, F_OK) < 0 && errno == ENOENT;
}

/* Then the program can't either: it is the same user, or another one that nobody knows. */
static bool unreadable(const char *path)
{
    return access(path, R_OK) < 0 && errno == EACCES;
}

static bool cover(const char *path, const char *with, unsigned long long attributes)
{
    return missing(path) || put(take(with, 0), path, ATTR_READ_ONLY | ATTR_NOSUID | ATTR_NOEXEC | attributes);
}

static bool hide(const char *path)
{
    return cover(path, EMPTY, ATTR_NODEV);
}

static bool write_text(const char *path, const char *text)
{
    char copy[256];
    int fd;
    bool good;

    snprintf(copy, sizeof copy, "%s", path);
    if (!make_parents(copy))
        return false;
    fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return good;
}

static bool follow(const struct order *order, const struct sources *sources, const char **failed)
{
    const char *from = "", *value;
    char target[4096];
    int next = 0;

    for (char **item = order->items; *item != NULL; item++) {
        *failed = *item;
        if ((value = order_value(*item, "from")) != NULL) {
            from = value;
        } else if ((value = order_value(*item, "bind")) != NULL) {
            if (!show(value, sources->fds[next++]))
                return false;
        } else if ((value = order_value(*item, "hide")) != NULL) {
            if (!hide(value + 1))
                return false;
        } else if ((value = order_value(*item, "file")) != NULL) {
            if (!write_text(value + 1, from))
                return false;
        } else if ((value = order_value(*item, "link")) != NULL) {
            snprintf(target, sizeof target, "%s", value + 1);
            if (!make_parents(target) || (symlink(from, target) < 0 && errno != EEXIST))
                return false;
        }
    }
    return true;
}

static bool make_proc(void)
{
    if (without("pidns")) /* the kernel mounts none for another namespace's processes */
        return mkdir("proc", 0555) == 0 && put(take("/proc", RECURSIVE), "proc", ATTR_NOSUID | ATTR_NODEV);
    if (mkdir("proc", 0555) < 0 || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return false;
    if (without("proc-mask"))
        return true;
    for (size_t i = 0; i < sizeof MASKED_FILES / sizeof *MASKED_FILES; i++)
        if (!unreadable(MASKED_FILES[i]) && !cover(MASKED_FILES[i], "dev/null", 0))
            return false;
    for (size_t i = 0; i < sizeof MASKED_DIRECTORIES / sizeof *MASKED_DIRECTORIES; i++)
        if (!hide(MASKED_DIRECTORIES[i]))
            return false;
    for (size_t i = 0; i < sizeof READ_ONLY_FILES / sizeof *READ_ONLY_FILES; i++)
        if (!cover(READ_ONLY_FILES[i], READ_ONLY_FILES[i], ATTR_NODEV))
            return false;
    return true;
}

static bool make_dev(void)
{
    char here[32], there[32];

    if (without("dev"))
        return mkdir("dev", 0755) == 0 && put(take("/dev", RECURSIVE), "dev", ATTR_NOSUID);
    if (mkdir("dev", 0755) < 0 || mkdir("dev/shm", 0755) < 0)
        return false;
    for (size_t i = 0; i < sizeof DEVICES / sizeof *DEVICES; i++) {
        snprintf(here, sizeof here, "dev/%s", DEVICES[i]);
        snprintf(there, sizeof there, "/dev/%s", DEVICES[i]);
        if (!make_place(here, false) || !put(take(there, 0), here, ATTR_NOSUID | ATTR_NOEXEC))
            return false;
    }
    return symlink("/proc/self/fd", "dev/fd") == 0 && symlink("/proc/self/fd/0", "dev/stdin") == 0 &&
           symlink("/proc/self/fd/1", "dev/stdout") == 0 && symlink("/proc/self/fd/2", "dev/stderr") == 0;
}

static bool make_root(const char **failed)
{
    *failed = "a root of its own";
    umask(022);
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
           mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m,nr_inodes=4096") == 0 &&
           chdir("/tmp") == 0 && mkdir("run", 0755) == 0 && mkdir(EMPTY, 0555) == 0 && mkdir("work", 0755) == 0 &&
           mkdir("tmp", 0755) == 0;
}

bool view_enter(const struct order *order, const struct sources *sources, const char **failed)
{
    if (!make_root(failed) || !follow(order, sources, failed))
        return false;
    *failed = "/dev";
    if (!make_dev())
        return false;
    *failed = "/proc (inside a container it may be masked)";
    if (!make_proc())
        return false;
    *failed = "the new root";
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return false;
    return without("readonly-root") || restrict_mount(AT_FDCWD, "/", 0, ATTR_READ_ONLY | ATTR_NOSUID | ATTR_NODEV);
}

static bool part(const char *name, mode_t mode, uid_t owner, const char *to, unsigned long long attributes)
{
    if (mkdir(name, 0700) < 0 || chmod(name, mode) < 0 || (owner != 0 && chown(name, owner, owner) < 0))
        return false;
    return put(take(name, 0), to, attributes);
}

bool view_scratch(const struct room *room, uid_t owner)
{
    unsigned long long flags = without("nosuid") ? 0 : ATTR_NOSUID;
    char options[96];
    /* Its root and the three parts are not the program's. */
    long long inodes = without("scratch-inodes") ? 1 << 20 : room->inodes + 4;
    int empty = take("/" EMPTY, 0);

    snprintf(options, sizeof options, "mode=0755,size=%lld,nr_inodes=%lld",
             without("scratch-size") ? 1ll << 32 : room->disk_bytes, inodes);
    return mount("tmpfs", "/run", "tmpfs", without("nosuid") ? MS_NODEV : MS_NOSUID | MS_NODEV, options) == 0 &&
           part("/run/work", 0755, owner, "/work", flags | ATTR_NODEV) &&
           part("/run/tmp", 01777, owner, "/tmp", flags | ATTR_NODEV) &&
           part("/run/shm", 01777, owner, "/dev/shm", flags | ATTR_NODEV | ATTR_NOEXEC) &&
           restrict_mount(AT_FDCWD, "/run", 0, ATTR_READ_ONLY) && /* covered: taking it off costs a grace period */
           put(empty, "/run", ATTR_READ_ONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
}
