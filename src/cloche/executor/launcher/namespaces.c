#define _GNU_SOURCE
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "view.h"

#define NEW_TIME 0x80
/* Who a program is inside. Where it shares the launcher's user, the launcher is that too. */
#define INSIDE 1000

static const struct {
    const char *name;
    int flag;
} NAMESPACES[] = {{"pidns", CLONE_NEWPID}, {"netns", CLONE_NEWNET},       {"ipcns", CLONE_NEWIPC},
                  {"utsns", CLONE_NEWUTS}, {"cgroupns", CLONE_NEWCGROUP}, {"mountns", CLONE_NEWNS}};

static const char *READ[] = {"/", NULL};
static const char *WRITTEN[] = {"/work", "/tmp", "/dev/shm", NULL};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "cell-launcher: %s: %s\n", what, strerror(errno));
    _exit(126);
}

static void write_file(pid_t pid, const char *name, const char *text)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        give_up(name);
    close(fd);
}

static void map_users(pid_t child, const struct order *order)
{
    char users[96], groups[96];

    if (order->program_uid != 0) {
        snprintf(users, sizeof users, "0 %u 1\n%d %u 1\n", order->launcher_uid, INSIDE, order->program_uid);
        snprintf(groups, sizeof groups, "%s", users);
    } else {
        snprintf(users, sizeof users, "%d %u 1\n", INSIDE, geteuid());
        snprintf(groups, sizeof groups, "%d %u 1\n", INSIDE, getegid());
        write_file(child, "setgroups", "deny");
    }
    write_file(child, "uid_map", users);
    write_file(child, "gid_map", groups);
}

/* The maker stays as the cell's parent, which the spawner can see and end. */
static _Noreturn void watch(pid_t child, const struct order *order)
{
    int status;

    if (order->launcher_uid != 0 &&
        (setgroups(0, NULL) < 0 || setresgid(order->launcher_uid, order->launcher_uid, order->launcher_uid) < 0 ||
         setresuid(order->launcher_uid, order->launcher_uid, order->launcher_uid) < 0))
        give_up("the maker's user");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Programs count time from the cell's birth; the machine's uptime is not theirs to know. */
static bool new_time(void)
{
    struct timespec monotonic, boot;
    char text[128];
    int fd;
    bool good;

    if (without("timens") || unshare(NEW_TIME) < 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    snprintf(text, sizeof text, "monotonic -%lld 0\nboottime -%lld 0\n", (long long)monotonic.tv_sec,
             (long long)boot.tv_sec);
    fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    good = fd >= 0 && write(fd, text, strlen(text)) > 0;
    close(fd);
    return good;
}

static bool loopback_up(bool lent)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    bool own = !lent || unshare(CLONE_NEWNET) == 0;
    int fd = own ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    bool good = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    close(fd);
    return good;
}

static void become_launcher(const struct order *order)
{
    if (order->program_uid != 0 && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
        give_up("the launcher's user");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* /proc/self is ours only then; there is no program yet */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void note_features(const struct order *order, struct cell *cell)
{
    cell_feature(cell, order->program_uid != 0 ? "own-user" : "mapped-user");
    cell_feature(cell, "namespaces:user+mount+pid+net+ipc+uts+cgroup");
    if (cell->time_namespace)
        cell_feature(cell, "namespace:time");
    cell_feature(cell, "read-only-view");
    cell_feature(cell, "sized-tmpfs");
}

static void enter(const struct order *order, struct cell *cell, int mapped)
{
    const char *failed = "";
    struct sources sources;
    char go = 0;

    if (read(mapped, &go, 1) != 1)
        _exit(126); /* the maker has said why */
    close(mapped);
    if (!view_take(order, &sources, &failed))
        give_up(failed);
    become_launcher(order);
    if (!view_enter(order, &sources, &failed))
        give_up(failed);
    if (sethostname("cloche", 6) < 0 && !without("utsns"))
        give_up("the host name");
    cell->kind = KIND_NAMESPACE;
    cell->program_uid = order->program_uid != 0 ? INSIDE : 0;
    cell->time_namespace = new_time();
    cell->read = READ;
    cell->written = WRITTEN;
    note_features(order, cell);
}

void namespaces_make(const struct order *order, struct cell *cell)
{
    unsigned long flags = CLONE_NEWUSER | SIGCHLD;
    int mapped[2];
    pid_t child;

    for (size_t i = 0; i < sizeof NAMESPACES / sizeof *NAMESPACES; i++)
        if (!without(NAMESPACES[i].name) && !(NAMESPACES[i].flag == CLONE_NEWNET && cell->network_lent))
            flags |= (unsigned long)NAMESPACES[i].flag;
    if (!order_join(order))
        give_up("a cgroup");
    if (pipe2(mapped, O_CLOEXEC) < 0)
        give_up("pipe");
    child = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (child < 0)
        give_up("namespaces");
    if (child == 0) {
        close(mapped[1]);
        enter(order, cell, mapped[0]);
        return;
    }
    close(mapped[0]);
    map_users(child, order);
    if (write(mapped[1], "1", 1) != 1)
        give_up("the cell");
    close(mapped[1]);
    watch(child, order);
}

bool namespaces_furnish(const struct cell *cell, const struct room *room)
{
    return view_scratch(room, cell->program_uid) && (!room->loopback || loopback_up(cell->network_lent));
}
