#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    static char block[65536];
    int fd = open("big", O_CREAT | O_WRONLY, 0600);

    memset(block, 'x', sizeof block);
    for (int i = 0; i < 64; i++)
        if (write(fd, block, sizeof block) < 0)
            return 3;
    return 0;
}
