#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

static const struct {
    const char *name;
    int family, type;
} SOCKETS[] = {
    {"internet", AF_INET, SOCK_STREAM},  {"internet datagram", AF_INET, SOCK_DGRAM},
    {"IPv6", AF_INET6, SOCK_STREAM},     {"raw", AF_INET, SOCK_RAW},
    {"netlink", AF_NETLINK, SOCK_RAW},   {"packet", AF_PACKET, SOCK_RAW},
    {"virtual machine", 40, SOCK_STREAM}, /* AF_VSOCK */
    {"kernel crypto", 38, SOCK_SEQPACKET}, /* AF_ALG */
    {"bluetooth", 31, SOCK_RAW},
};

/* With no network asked for, only local sockets may be made. */
static void sockets(char **args)
{
    (void)args;
    for (size_t i = 0; i < sizeof SOCKETS / sizeof *SOCKETS; i++)
        if (socket(SOCKETS[i].family, SOCKETS[i].type | SOCK_CLOEXEC, 0) >= 0)
            broken("make a socket: %s", SOCKETS[i].name);
}

static void must_not_connect_locally(const char *name)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || length >= sizeof there.sun_path)
        return;
    memcpy(there.sun_path + 1, name, length);
    if (connect(fd, (struct sockaddr *)&there, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0)
        broken("reach an abstract socket of the host");
    close(fd);
}

static void must_not_connect(const char *address, long port)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    inet_pton(AF_INET, address, &there.sin_addr);
    /* A datagram socket's connect sends nothing: it succeeds where there is a route. */
    if (connect(fd, (struct sockaddr *)&there, sizeof there) == 0)
        broken("find a way to %s", address);
    close(fd);
}

/* Argument: the name of an abstract socket on which the executor listens. */
static void beyond(char **names)
{
    for (; *names != NULL; names++)
        must_not_connect_locally(*names);
    must_not_connect("192.0.2.1", 53);
    must_not_connect("169.254.169.254", 80);
}

const struct attempt NETWORK_ATTEMPTS[] = {{"sockets", sockets}, {"beyond", beyond}, {NULL, NULL}};
