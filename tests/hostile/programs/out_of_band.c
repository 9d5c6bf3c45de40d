#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    char byte = 'x';
    struct iovec piece = {&byte, 1};
    struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}}};

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        puts("no pair of sockets");
    if (send(ends[0], &byte, 1, MSG_OOB) >= 0 || errno != EPERM)
        puts("sent by send");
    if (sendto(ends[0], &byte, 1, MSG_OOB | MSG_DONTWAIT, NULL, 0) >= 0 || errno != EPERM)
        puts("sent by sendto");
    if (sendmsg(ends[0], &messages[0].msg_hdr, MSG_OOB | MSG_NOSIGNAL) >= 0 || errno != EPERM)
        puts("sent by sendmsg");
    if (sendmmsg(ends[0], messages, 1, MSG_OOB) >= 0 || errno != EPERM)
        puts("sent by sendmmsg");
    if (send(ends[0], &byte, 1, 0) != 1)
        puts("can not send at all");
    puts("held");
    return 0;
}
