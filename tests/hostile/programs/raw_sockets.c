#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    const int made[][3] = {{AF_INET, SOCK_RAW, 1},   {AF_INET6, SOCK_RAW, 58}, {AF_PACKET, SOCK_RAW, 0x300},
                           {AF_PACKET, SOCK_DGRAM, 0}, {AF_NETLINK, SOCK_RAW, 0}, {AF_NETLINK, SOCK_DGRAM, 15},
                           {AF_ALG, SOCK_SEQPACKET, 0}, {AF_VSOCK, SOCK_STREAM, 0}, {AF_KEY, SOCK_RAW, 2},
                           {AF_BLUETOOTH, SOCK_RAW, 0}, {AF_TIPC, SOCK_SEQPACKET, 0}, {AF_XDP, SOCK_RAW, 0}};

    for (unsigned i = 0; i < sizeof made / sizeof *made; i++)
        if (socket(made[i][0], made[i][1], made[i][2]) >= 0)
            printf("made %d %d %d\n", made[i][0], made[i][1], made[i][2]);
    puts("held");
    return 0;
}
