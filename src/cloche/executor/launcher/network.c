#define _GNU_SOURCE
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"
#include "landlock.h"

#define MOST 64

static int waiting[MOST];
static int count;
static int home = -1; /* where we stay ourselves: one more, as the host's may not let us back in */
static bool never;

static int make(void)
{
    if (unshare(CLONE_NEWNET) < 0) {
        never = errno == EPERM;
        return -1;
    }
    return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int network_lend(void)
{
    int made;

    if (count > 0)
        return waiting[--count];
    if (never || landlock_abi() < LANDLOCK_SCOPES || without("netns"))
        return -1;
    if (home < 0)
        home = make();
    made = home < 0 ? -1 : make();
    if (made >= 0)
        network_enter(home);
    return made;
}

/* Sockets that were passed around in a circle outlive everybody who held them, until the kernel looks for such. */
static bool is_empty(int network)
{
    char text[32] = {0};
    int fd = network_enter(network) ? open("/proc/self/net/sockstat", O_RDONLY | O_CLOEXEC) : -1;
    bool empty = fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strncmp(text, "sockets: used 0\n", 16) == 0;

    close(fd);
    return network_enter(home) && empty;
}

bool network_enter(int lent)
{
    return setns(lent, CLONE_NEWNET) == 0;
}

/* The kernel looks for sockets in circles when one is closed. Until then they count as their user's. */
static void collect_circles(void)
{
    close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void network_take_back(int lent, bool left_in_order)
{
    if (!without("empty-networks"))
        collect_circles();
    if (left_in_order && lent >= 0 && count < MOST && (without("empty-networks") || is_empty(lent)))
        waiting[count++] = lent;
    else if (lent >= 0)
        close(lent);
}
