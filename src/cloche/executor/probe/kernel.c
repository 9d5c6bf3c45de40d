#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* Since Linux 5.1 new calls have one number everywhere; headers may be older than the kernel. */
enum { NR_io_uring_setup = 425, NR_open_tree = 428, NR_fsopen = 430, NR_pidfd_getfd = 438, NR_memfd_secret = 447 };

#define NEW_TIME 0x80 /* CLONE_NEWTIME */

/* Any other error means that the kernel looked at what we asked. */
static bool refused(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS);
}

static void privileges(char **args)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];

    (void)args;
    if (syscall(SYS_capget, &header, sets) < 0)
        unable("capget");
    for (int i = 0; i < 2; i++)
        if (sets[i].effective || sets[i].permitted || sets[i].inheritable)
            broken("use capabilities %x", sets[i].effective | sets[i].permitted | sets[i].inheritable);
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
            broken("pass on capability %d", capability);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        broken("gain privileges by exec");
    if (getuid() == 0 || geteuid() == 0 || getgid() == 0)
        broken("be root");
}

static void bounding_set(char **args)
{
    (void)args;
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
            broken("have capability %d in its bounding set", capability);
}

static void filter(char **args)
{
    (void)args;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
        broken("call the kernel without a filter");
}

static void namespaces(char **args)
{
    static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
                                CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, NEW_TIME};
    long child;

    (void)args;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!refused(unshare(flags[i])))
            broken("ask for a new namespace (%#x)", flags[i]);
    child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
    if (!refused(child))
        broken("start a process in a new user namespace");
    if (!refused(setns(0, 0)))
        broken("ask to enter another namespace");
}

/* Arguments: the executor's namespaces as links in /proc name them, such as `net:[4026531840]`. */
static void own_namespaces(char **theirs)
{
    char path[40], own[64];

    for (; *theirs != NULL; theirs++) {
        int kind = (int)strcspn(*theirs, ":");
        ssize_t length;

        snprintf(path, sizeof path, "/proc/self/ns/%.*s", kind, *theirs);
        length = readlink(path, own, sizeof own - 1);
        own[length < 0 ? 0 : length] = '\0';
        if (strcmp(own, *theirs) == 0)
            broken("share the executor's %.*s namespace", kind, *theirs);
    }
}

static void mounts(char **args)
{
    (void)args;
    if (mkdir("mounted", 0700) < 0 && errno != EEXIST)
        unable("a directory in the work directory");
    if (mount("tmpfs", "mounted", "tmpfs", 0, "size=4096") == 0) {
        umount2("mounted", MNT_DETACH);
        broken("mount a file system");
    }
    rmdir("mounted");
    if (!refused(umount2("/proc", MNT_EXPIRE | MNT_DETACH)))
        broken("ask to unmount");
    if (!refused(chroot(".")))
        broken("change its root");
    if (!refused(syscall(NR_open_tree, AT_FDCWD, ".", 1 /* OPEN_TREE_CLONE */)))
        broken("clone a mount");
    if (!refused(syscall(NR_fsopen, "tmpfs", 0)))
        broken("open a file system");
}

/* With arguments that do nothing where the call is allowed. */
static void kernel_doors(char **args)
{
    const struct {
        const char *name;
        long number, first;
    } doors[] = {
        {"io_uring", NR_io_uring_setup, 0},    {"bpf", SYS_bpf, -1},
        {"userfaultfd", SYS_userfaultfd, 1},   {"perf_event_open", SYS_perf_event_open, 0},
        {"keyctl", SYS_keyctl, 0},             {"add_key", SYS_add_key, 0},
        {"request_key", SYS_request_key, 0},   {"pidfd_getfd", NR_pidfd_getfd, -1},
        {"memfd_secret", NR_memfd_secret, -1}, {"init_module", SYS_init_module, 0},
        {"ptrace", SYS_ptrace, -1},            {"open_by_handle_at", SYS_open_by_handle_at, -1},
    };

    (void)args;
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        if (!refused(syscall(doors[i].number, doors[i].first, 0L, 0L, 0L, 0L, 0L)))
            broken("call %s", doors[i].name);
}

#if defined(__x86_64__)
static bool x32_call(void)
{
    return !refused(syscall(0x40000000 | SYS_getpid));
}

static bool i386_call(void)
{
    long result = 20; /* getpid */

    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result > 0;
}

/* In a process of its own: a filter may end who tries, by SIGSYS. */
static bool gets_through(bool (*call)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(call());
    if (child < 0 || waitpid(child, &status, 0) < 0)
        unable("a process");
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}
#endif

/* A filter for one architecture's numbers says nothing of another's. */
static void foreign_calls(char **args)
{
    (void)args;
#if defined(__x86_64__)
    if (gets_through(x32_call))
        broken("call the kernel by x32 numbers");
    if (gets_through(i386_call))
        broken("call the kernel by i386 numbers");
#endif
}

const struct attempt KERNEL_ATTEMPTS[] = {
    {"privileges", privileges},     {"bounding_set", bounding_set},   {"filter", filter},
    {"namespaces", namespaces},     {"own_namespaces", own_namespaces},
    {"mounts", mounts},             {"kernel_doors", kernel_doors},   {"foreign_calls", foreign_calls},
    {NULL, NULL},
};
