#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

int main(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    char line[512];
    FILE *segments = fopen("/proc/sysvipc/shm", "r");

    while (segments != NULL && fgets(line, sizeof line, segments) != NULL)
        if (strstr(line, "12651598") != NULL || strstr(line, "12651601") != NULL)
            printf("a segment of the host: %.20s\n", line);
    if (shmget(0xC10C4E, 0, 0) >= 0)
        puts("the bait");
    if (shmget(0xC10C51, 4096, 0) >= 0 || semget(0xC10C52, 1, 0) >= 0 || msgget(0xC10C53, 0) >= 0 || mq_open("/cloche-mark", O_RDONLY) >= 0)
        puts("a mark of another cell");
    shmget(0xC10C51, 4096, IPC_CREAT | 0666);
    semget(0xC10C52, 1, IPC_CREAT | 0666);
    msgget(0xC10C53, IPC_CREAT | 0666);
    mq_open("/cloche-mark", O_CREAT | O_RDWR, 0666, &attributes);
    puts("held");
    return 0;
}
