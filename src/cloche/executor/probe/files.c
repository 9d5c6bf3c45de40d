#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

/* An empty file counts as hidden: /dev/null is what masks one. */
static void must_not_read(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return;
    if (read(fd, &byte, 1) == 1)
        broken("read %s", path);
    close(fd);
}

static void must_not_open(const char *path, int how)
{
    int fd = open(path, how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0)
        broken("open %s to %s", path, how == O_RDONLY ? "read it" : "write to it");
}

static void must_be_empty(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            broken("list %s: %s", path, entry->d_name);
    closedir(directory);
}

/* Arguments: files that the executor made on the host for every user to read. */
static void host_files(char **canaries)
{
    static const char *const secrets[] = {"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/crypttab"};
    static const char *const sockets[] = {"/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock"};

    for (; *canaries != NULL; canaries++)
        must_not_open(*canaries, O_RDONLY);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        must_not_read(secrets[i]);
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        if (access(sockets[i], W_OK) == 0)
            broken("reach %s", sockets[i]);
    must_be_empty("/root");
    must_be_empty("/home");
}

static void write_root(char **args)
{
    static const char *const places[] = {"/", "/usr", "/usr/bin", "/usr/lib", "/etc", "/dev", "/proc", "/sys", "/run",
                                         "/var", "/opt", "/home", "/root"};
    char path[64];

    (void)args;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int fd;

        snprintf(path, sizeof path, "%s/.cloche-probe-%d", places[i], (int)getpid());
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            continue;
        unlink(path);
        broken("write to %s", places[i]);
    }
}

/* Who owns nothing there could not write either way: the mounts themselves must refuse. */
static void readonly_mounts(char **places)
{
    struct statvfs about;

    for (; *places != NULL; places++)
        if (statvfs(*places, &about) == 0 && !(about.f_flag & ST_RDONLY))
            broken("write to %s, were its files its own", *places);
}

static void kernel_files(char **args)
{
    static const char *const readable[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kmsg", "/dev/kmsg"};
    static const char *const writable[] = {
        "/proc/sysrq-trigger",          "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",     "/proc/irq/default_smp_affinity", "/proc/1/oom_score_adj",
        "/sys/kernel/uevent_helper",    "/sys/fs/cgroup/cgroup.procs",    "/sys/fs/cgroup/memory/cgroup.procs",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max",
    };
    static const char *const hidden[] = {"/sys/firmware", "/proc/scsi", "/proc/acpi", "/proc/asound"};

    (void)args;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        must_not_read(readable[i]);
    for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
        must_not_open(writable[i], O_WRONLY);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        must_be_empty(hidden[i]);
}

static void launcher_words(char **args)
{
    (void)args;
    must_not_read("/proc/1/environ");
    must_not_read("/proc/1/maps");
    must_not_read("/proc/1/auxv");
    must_be_empty("/proc/1/fd");
}

/* Who could open these of our parent would read the launcher's orders, or speak for it. */
static void launcher_files(char **args)
{
    static const int ways[] = {O_RDONLY, O_WRONLY};
    char path[48];

    (void)args;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
    must_not_open(path, O_RDONLY);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
        for (int fd = 0; fd < 3; fd++) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getppid(), fd);
            must_not_open(path, ways[way]);
        }
}

static bool is_among(const char *name, char **names)
{
    while (*names != NULL && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* A cell makes its own /dev: whatever else is there is the machine's. */
static void must_be_a_cells_dev(char **own)
{
    static const char *const known[] = {".",    "..",     "null", "zero", "full", "random", "urandom", "tty",   "ptmx",
                                        "pts",  "shm",    "fd",   "core", "stdin", "stdout", "stderr", "mqueue", "console"};
    DIR *dev = opendir("/dev");
    struct dirent *entry;

    if (dev == NULL)
        return;
    while ((entry = readdir(dev)) != NULL) {
        bool expected = is_among(entry->d_name, own);

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            expected = expected || strcmp(entry->d_name, known[i]) == 0;
        if (!expected)
            broken("see the device %s", entry->d_name);
    }
    closedir(dev);
}

/* Arguments: names in /dev of what is its own kernel's and no machine's. */
static void devices(char **own)
{
    static const char *const names[] = {"/dev/mem", "/dev/port", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/vda",
                                        "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/vhost-net",
                                        "/dev/vsock", "/dev/tty0", "/dev/input/event0"};

    must_be_a_cells_dev(own);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_among(names[i] + strlen("/dev/"), own))
            must_not_open(names[i], O_RDONLY);
    if (mknod("device", S_IFCHR | 0666, makedev(1, 1)) == 0) {
        unlink("device");
        broken("make a device node");
    }
}

static void setuid_files(char **places)
{
    struct statvfs about;

    for (; *places != NULL; places++) {
        if (access(*places, W_OK) < 0 || statvfs(*places, &about) < 0)
            continue;
        if (!(about.f_flag & ST_NOSUID))
            broken("have set-user-id files honoured in %s", *places);
        if (!(about.f_flag & ST_NODEV))
            broken("have device nodes honoured in %s", *places);
    }
}

const struct attempt FILE_ATTEMPTS[] = {
    {"host_files", host_files},     {"write_root", write_root}, {"readonly_mounts", readonly_mounts},
    {"kernel_files", kernel_files}, {"launcher_words", launcher_words}, {"launcher_files", launcher_files}, {"devices", devices},       {"setuid_files", setuid_files},
    {NULL, NULL},
};
