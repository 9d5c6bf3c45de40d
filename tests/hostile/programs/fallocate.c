#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(void)
{
    const char *places[] = {"/work/room", "/tmp/room", "/dev/shm/room"};

    for (int i = 0; i < 3; i++) {
        int fd = open(places[i], O_CREAT | O_RDWR, 0600);

        if (fd >= 0 && fallocate(fd, 0, 0, 64 << 20) == 0)
            printf("reserved in %s\n", places[i]);
    }
    puts("held");
    return 0;
}
