#define _GNU_SOURCE
#include "spawner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network.h"
#include "order.h"

/* A launcher follows its executor within this; what does not is held by the kernel. */
#define LEAVE_MS 10000
#define MAX_WORDS 1024
/* What fits into the control message's room, padded as it is. */
#define MAX_DESCRIPTORS 4

struct launcher {
    struct launcher *next;
    long number;
    pid_t pid; /* 0: it has ended and only the answer is left to give */
    int status, left;
    int network; /* lent to it, or -1 */
    char **words; /* its request, for the names of its groups */
};

static const int EXECUTOR = STDIN_FILENO;
static struct launcher *launchers;
static char packet[200 * 1024];
static bool connected = true;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "cell-launcher: %s: %s\n", what, strerror(errno));
    _exit(125);
}

/* One allocation: the pointers, and behind them what they point to. NULL: no words, or too many. */
static char **split(const char *text, size_t length)
{
    size_t count = 0, at = 0;
    char **words, *copy;

    for (size_t i = 0; i < length; i++)
        count += text[i] == '\0';
    if (length == 0 || text[length - 1] != '\0' || count > MAX_WORDS)
        return NULL;
    words = malloc((count + 1) * sizeof *words + length);
    if (words == NULL)
        return NULL;
    copy = memcpy(words + count + 1, text, length);
    for (size_t i = 0; i < count; at += strlen(copy + at) + 1)
        words[i++] = copy + at;
    words[count] = NULL;
    return words;
}

/* Nothing more is asked or told. */
static void leave(void)
{
    close(EXECUTOR);
    connected = false;
}

/* How many descriptors came along. */
static int descriptors(struct msghdr *message, int fds[MAX_DESCRIPTORS])
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    size_t bytes;

    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return 0;
    bytes = head->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(head), bytes);
    return (int)(bytes / sizeof(int));
}

static void in_place(const int fds[3], int network, const sigset_t *mask)
{
    if (network >= 0 && !network_enter(network))
        _exit(126);
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            _exit(126);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static void end(struct launcher *launcher, int status)
{
    /* One that was ended, instead of leaving when told, may be asked about: its groups know of what it died. */
    launcher->left = order_leave(launcher->words + 2, status == 0 || !connected);
    launcher->status = status;
    launcher->pid = 0;
    network_take_back(launcher->network, status == 0 && launcher->left == 0);
}

/* True in the new launcher. */
static bool start(struct launch *launch, const int fds[3], const sigset_t *mask)
{
    char **words = launch->words;
    int network = strcmp(words[1], "cell") == 0 ? network_lend() : -1;
    struct launcher *made = malloc(sizeof *made);
    pid_t pid = made == NULL ? -1 : fork();

    if (pid == 0) {
        in_place(fds, network, mask);
        launch->words++;
        launch->network = network >= 0;
        return true;
    }
    if (made == NULL)
        give_up("memory");
    *made = (struct launcher){.next = launchers, .number = atol(words[0]), .pid = pid, .network = network, .words = words};
    launchers = made;
    if (pid < 0) {
        dprintf(fds[2], "cell-launcher: fork: %s\n", strerror(errno));
        end(made, 126);
    }
    return false;
}

static void kill_launcher(long number)
{
    for (struct launcher *each = launchers; each != NULL; each = each->next)
        if (each->number == number && each->pid > 0)
            kill(each->pid, SIGKILL);
}

/* True in a new launcher. */
static bool on_request(const sigset_t *mask, struct launch *launch)
{
    union {
        char room[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec data = {packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(EXECUTOR, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int fds[MAX_DESCRIPTORS], count;
    char **words;
    bool launched = false;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        leave();
        return false;
    }
    count = descriptors(&message, fds);
    words = split(packet, (size_t)got);
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || words == NULL || words[0] == NULL || words[1] == NULL)
        give_up("a request that can't be read");
    if (strcmp(words[1], "kill") == 0) {
        kill_launcher(atol(words[0]));
        free(words);
    } else if (count == 3) {
        launch->words = words;
        launched = start(launch, fds, mask);
    } else {
        give_up("a request without descriptors");
    }
    for (int i = 0; i < count && !launched; i++)
        close(fds[i]);
    return launched;
}

static void reap(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct launcher *each = launchers; each != NULL; each = each->next)
            if (each->pid == pid)
                end(each, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Whether every answer that is due was given. */
static bool answer(void)
{
    struct launcher **at = &launchers;

    while (*at != NULL) {
        struct launcher *each = *at;
        char text[64];
        int length = snprintf(text, sizeof text, "%ld %d %d", each->number, each->status, each->left);

        if (each->pid > 0) {
            at = &each->next;
            continue;
        }
        if (connected && send(EXECUTOR, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            if (errno == EAGAIN)
                return false;
            leave();
        }
        *at = each->next;
        free(each->words);
        free(each);
    }
    return true;
}

struct launch spawner_run(void)
{
    sigset_t child, before;
    int children;
    struct launch launch = {0};

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0)
        give_up("signalfd");
    while (connected || launchers != NULL) {
        bool told = answer();
        struct pollfd polled[2] = {
            {.fd = connected ? EXECUTOR : -1, .events = (short)(POLLIN | (told ? 0 : POLLOUT))},
            {.fd = children, .events = POLLIN},
        };
        struct signalfd_siginfo sink;
        int ready = poll(polled, 2, connected ? -1 : LEAVE_MS);

        if (ready == 0 || (ready < 0 && errno != EINTR))
            break;
        while (read(children, &sink, sizeof sink) > 0)
            continue;
        reap();
        if (!connected)
            continue;
        /* What it asked for before it died would be cells for nobody. */
        if (polled[0].revents & (POLLHUP | POLLERR))
            leave();
        else if (polled[0].revents & POLLIN && on_request(&before, &launch))
            return launch;
    }
    _exit(0);
}
