/* PID 1 of every cell: runs programs one after another and says how each ended.
 *
 *   cell-launcher                        speaks the protocol of protocol.py on stdin and stdout
 *   cell-launcher enter [FILE…] [uid=N] -- ARG…
 *                                        joins the cgroups behind the cgroup.procs FILEs, becomes user N, executes ARG…
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "frames.h"
#include "measure.h"
#include "step.h"

static int work = -1;
static long long lease_ends_us = LLONG_MAX; /* a cell that waits for its program has no lease */
static bool step_active;
static struct step step;
static struct frame step_frame;

static void broken(const char *detail)
{
    frame_send('X', "stage=protocol\nerrno=0\ndetail=%s\n", detail);
    _exit(2);
}

static void fault(const char *stage, const char *detail)
{
    frame_send('X', "stage=%s\nerrno=%d\ndetail=%s\n", stage, errno, detail);
}

static void set_lease(const char *value)
{
    long long ms;

    if (!field_number(value, &ms) || ms > 86400000)
        broken("a deadline that is no number");
    lease_ends_us = now_us() + ms * 1000;
}

static void on_hello(struct frame *frame)
{
    struct fields fields = {frame->payload, frame->payload + frame->length};
    char *key, *value;

    while (field_next(&fields, &key, &value)) {
        if (strcmp(key, "version") == 0 && atoi(value) != PROTOCOL_VERSION)
            broken("another version");
        else if (strcmp(key, "deadline_ms") == 0)
            set_lease(value);
        else if (strcmp(key, "work") == 0)
            work = open(value, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (work < 0)
        broken("no work directory");
}

static void on_file(struct frame *frame)
{
    struct fields fields = {frame->payload, frame->payload + frame->length};
    char *key, *value, *path = NULL;
    unsigned long mode = 0644;

    while (field_next(&fields, &key, &value)) {
        if (strcmp(key, "path") == 0)
            path = value;
        else if (strcmp(key, "mode") == 0)
            mode = strtoul(value, NULL, 8) & 0777;
        else
            broken("a file with an unknown field");
    }
    if (path == NULL)
        broken("a file without a path");
    if (!file_write(work, path, (mode_t)mode, fields.at, (size_t)(fields.end - fields.at)))
        fault("file", "a file could not be written");
}

static void on_step(struct frame *frame)
{
    struct request request;

    if (!request_parse(frame, &request))
        broken("a step that can't be read");
    step_active = step_start(&step, &request, work);
    if (!step_active)
        fault("step", "no process could be made");
    request_release(&request);
    if (step_active) {
        step_frame = *frame; /* stdin is fed from it */
        frame->payload = NULL;
    }
}

static void on_extend(struct frame *frame)
{
    struct fields fields = {frame->payload, frame->payload + frame->length};
    char *key, *value;

    while (field_next(&fields, &key, &value))
        if (strcmp(key, "deadline_ms") == 0)
            set_lease(value);
}

static void on_frame(struct frame *frame)
{
    if ((frame->type == 'H') != (work < 0) || (step_active && (frame->type == 'F' || frame->type == 'S')))
        broken("a frame out of order");
    switch (frame->type) {
    case 'H':
        on_hello(frame);
        break;
    case 'F':
        on_file(frame);
        break;
    case 'S':
        on_step(frame);
        break;
    case 'E':
        on_extend(frame);
        break;
    case 'K':
        if (step_active)
            step_kill(&step, KILLED_CANCEL);
        break;
    default:
        broken("a frame of unknown type");
    }
    frame_release(frame);
}

static void on_input(void)
{
    struct frame frame;

    switch (frames_read(&frame)) {
    case FEED_MORE:
        break;
    case FEED_FRAME:
        on_frame(&frame);
        break;
    case FEED_END:
        _exit(0); /* the executor is gone: the kernel ends this PID namespace with us */
    case FEED_BROKEN:
        broken("a frame that is too long");
    }
}

/* Moves output while the reader takes it; afterwards either it is slow or nothing is there now. */
static void pump(void)
{
    bool moved = true;

    /* Bounded, so that an endless writer does not keep us from limits and orders. */
    for (int round = 0; moved && round < 16 && frames_flush(); round++) {
        moved = false;
        for (int i = 0; i < 2 && !frames_pending(); i++)
            if (step.streams[i].fd >= 0)
                moved |= step_relay(&step, &step.streams[i]);
    }
    step_stalled(&step, frames_pending());
}

static void advance(void)
{
    step_reap(&step);
    if (step.input_fd >= 0)
        step_feed(&step);
    pump();
    if (!step.running && !frames_pending() && step.streams[0].fd < 0 && step.streams[1].fd < 0) {
        step_report(&step);
        frame_release(&step_frame);
        step_active = false;
    }
}

/* Enforces what is due and returns how long nothing else will be, for poll(2). */
static int due(void)
{
    long long wait = step_active ? step_check(&step) : LLONG_MAX, lease;

    if (lease_ends_us != LLONG_MAX) {
        lease = lease_ends_us - now_us();
        if (lease <= 0) {
            if (!step_active || !step.running)
                _exit(3);
            step_kill(&step, KILLED_DEADLINE);
            lease_ends_us = now_us() + 1000000; /* time to report; then we end */
            return 0;
        }
        if (lease < wait)
            wait = lease;
    }
    if (wait == LLONG_MAX)
        return -1;
    return wait / 1000 >= INT_MAX ? INT_MAX : (int)((wait + 999) / 1000);
}

/* Whatever the engine left open is not for us, nor for the programs. */
static void close_inherited(void)
{
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
        return;
    for (int fd = 3; fd < 65536; fd++)
        close(fd);
}

static void discard(int fd)
{
    char sink[512];

    while (read(fd, sink, sizeof sink) > 0)
        continue;
}

static void serve(int children)
{
    for (;;) {
        bool slow = frames_pending();
        struct pollfd polled[6] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = children, .events = POLLIN},
            {.fd = slow ? STDOUT_FILENO : -1, .events = POLLOUT},
            {.fd = step_active ? step.input_fd : -1, .events = POLLOUT},
            {.fd = step_active && !slow ? step.streams[0].fd : -1, .events = POLLIN},
            {.fd = step_active && !slow ? step.streams[1].fd : -1, .events = POLLIN},
        };
        int timeout = due();

        if (step_active && !step.running && !slow)
            timeout = 0;
        if (poll(polled, 6, timeout) < 0 && errno != EINTR)
            _exit(7);
        if (polled[1].revents)
            discard(children);
        if (polled[0].revents)
            on_input();
        if (step_active)
            advance();
        else
            step_reap(&step);
    }
}

static bool join(const char *cgroup_procs)
{
    int fd = open(cgroup_procs, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, "0", 1) == 1;

    close(fd);
    return good;
}

static bool become_user(const char *number)
{
    long long uid;

    if (!field_number(number, &uid) || uid == 0 || uid > 0x7fffffff)
        return false;
    return setgroups(0, NULL) == 0 && setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid) == 0 &&
           setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) == 0;
}

static int enter(int argc, char **argv)
{
    int i;

    for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool user = strncmp(argv[i], "uid=", 4) == 0;

        if (user ? !become_user(argv[i] + 4) : !join(argv[i])) {
            fprintf(stderr, "cell-launcher: %s: %s\n", argv[i], strerror(errno));
            return 126;
        }
    }
    if (i + 1 >= argc)
        return 125;
    execv(argv[i + 1], argv + i + 1);
    fprintf(stderr, "cell-launcher: %s: %s\n", argv[i + 1], strerror(errno));
    return 127;
}

int main(int argc, char **argv)
{
    sigset_t all, child;
    int children;

    if (argc > 1 && strcmp(argv[1], "enter") == 0)
        return enter(argc, argv);
    /* kill(-1) ends every process in sight, so it must be a cell's PID namespace that we are first in. */
    if (getpid() != 1 || getppid() != 0) {
        fputs("cell-launcher: must be the first process of a PID namespace\n", stderr);
        return 125;
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(022);
    close_inherited();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0 || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) < 0)
        return 124;
    step.input_fd = step.streams[0].fd = step.streams[1].fd = -1;
    frame_send('R', "version=%d\n", PROTOCOL_VERSION);
    serve(children);
}
