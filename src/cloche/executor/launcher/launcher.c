#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ending.h"
#include "files.h"
#include "frames.h"
#include "measure.h"
#include "namespaces.h"
#include "privileges.h"
#include "program.h"
#include "step.h"

static struct cell *cell;
static int work = -1;
static long long lease_ends_us = LLONG_MAX; /* a cell that waits for its program has no lease */
static bool step_active;
static struct step step;
static struct frame step_frame;

static void broken(const char *detail)
{
    frame_send('X', "stage=protocol\nerrno=0\ndetail=%s\n", detail);
    cell_leave(2);
}

static void fault(const char *stage, const char *detail)
{
    frame_send('X', "stage=%s\nerrno=%d\ndetail=%s\n", stage, errno, detail);
}

static void broken_by(const char *detail)
{
    fault("protocol", detail);
    cell_leave(2);
}

static void set_lease(const char *value)
{
    long long ms;

    if (!field_number(value, &ms) || ms > 86400000)
        broken("a deadline that is no number");
    lease_ends_us = now_us() + ms * 1000;
}

static void read_hello(struct frame *frame, struct room *room, char **directory)
{
    struct fields fields = {frame->payload, frame->payload + frame->length};
    char *key, *value;

    while (field_next(&fields, &key, &value)) {
        if (strcmp(key, "version") == 0 && atoi(value) != PROTOCOL_VERSION)
            broken("another version");
        else if (strcmp(key, "deadline_ms") == 0)
            set_lease(value);
        else if (strcmp(key, "work") == 0)
            *directory = value;
        else if (strcmp(key, "network") == 0)
            room->loopback = strcmp(value, "loopback") == 0;
        else if ((strcmp(key, "disk_bytes") == 0 && !field_number(value, &room->disk_bytes)) ||
                 (strcmp(key, "inodes") == 0 && !field_number(value, &room->inodes)))
            broken("a room that is no number");
    }
}

/* A container's launcher that is root has another user for its programs: the work directory's. */
static void find_program_user(const char *directory)
{
    struct stat about;

    if (cell->kind != KIND_CONTAINER || geteuid() != 0 || without("user-of-programs"))
        return;
    if (directory == NULL || stat(directory, &about) < 0 || about.st_uid == 0 || setgroups(0, NULL) < 0)
        broken("no user for programs");
    cell->program_uid = about.st_uid;
}

static int open_work(const char *directory)
{
    int fd = -1;

    if (privileges_files_begin(cell) && directory != NULL)
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!privileges_files_end(cell))
        broken_by("the program's files");
    return fd;
}

/* Everything that needs a privilege is done here; from then on we have none but over our programs. */
static void on_hello(struct frame *frame)
{
    struct room room = {0};
    char *directory = NULL;

    read_hello(frame, &room, &directory);
    if (cell->kind == KIND_NAMESPACE && !namespaces_furnish(cell, &room))
        broken_by("the cell's own file system");
    find_program_user(directory);
    if (!privileges_drop(cell))
        broken_by("capabilities");
    if (!without("dumpable"))
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (cell->kind == KIND_NAMESPACE)
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a change of user has cleared it */
    work = open_work(directory);
    if (work < 0)
        broken("no work directory");
    if (!confine_programs(cell, &room))
        broken_by("Landlock");
}

static bool write_file(char *path, mode_t mode, const struct fields *content)
{
    bool good;

    good = privileges_files_begin(cell) &&
           file_write(work, path, mode, content->at, (size_t)(content->end - content->at));
    if (!privileges_files_end(cell))
        broken_by("the program's files");
    return good;
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
    if (!write_file(path, (mode_t)mode, &fields))
        fault("file", "a file could not be written");
}

static void on_step(struct frame *frame)
{
    struct request request;

    if (!request_parse(frame, &request))
        broken("a step that can't be read");
    step_active = step_start(&step, &request, cell, work);
    if (!step_active)
        fault("step", "no process could be made");
    request_release(&request);
    if (step_active) {
        step_frame = *frame; /* stdin is fed from it */
        frame->payload = NULL;
    }
}

/* One at a time: the next may come when this one was taken. Too late for a step, it is dropped. */
static void on_more_input(struct frame *frame)
{
    if (!step_active)
        return;
    if (step.owed || !step.live || step.input_left > 0)
        broken("input out of order");
    frame_release(&step_frame);
    step_frame = *frame;
    frame->payload = NULL;
    step_input(&step, step_frame.payload, step_frame.length);
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
    case 'I':
        on_more_input(frame);
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
        cell_leave(0); /* the executor is gone */
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

static void tell_taken(void)
{
    if (!step.owed || step.input_left > 0 || frames_pending())
        return;
    step.owed = false;
    frame_reserve();
    frame_commit('i', 0);
    frames_flush();
}

static void advance(void)
{
    step_reap(&step);
    if (step.input_fd >= 0)
        step_feed(&step);
    pump();
    tell_taken();
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
                cell_leave(3);
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

static void discard(int fd)
{
    char sink[512];

    while (read(fd, sink, sizeof sink) > 0)
        continue;
}

static _Noreturn void serve(int children)
{
    for (;;) {
        bool slow = frames_pending();
        struct pollfd polled[6] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = children, .events = POLLIN},
            {.fd = slow ? STDOUT_FILENO : -1, .events = POLLOUT},
            {.fd = step_active && step.input_left > 0 ? step.input_fd : -1, .events = POLLOUT},
            {.fd = step_active && !slow ? step.streams[0].fd : -1, .events = POLLIN},
            {.fd = step_active && !slow ? step.streams[1].fd : -1, .events = POLLIN},
        };
        int timeout = due();

        if (step_active && !step.running && !slow)
            timeout = 0;
        if (poll(polled, 6, timeout) < 0 && errno != EINTR)
            cell_leave(7);
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

void launcher_run(struct cell *made)
{
    sigset_t all, child;
    int children;

    cell = made;
    cell_serve(made);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0 || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) < 0)
        cell_leave(124);
    step.input_fd = step.streams[0].fd = step.streams[1].fd = -1;
    frame_send('R', "version=%d\nfeatures=%s\n", PROTOCOL_VERSION, cell->features);
    serve(children);
}
