#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/ioctl.h>

int main(void)
{
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    char letter = 'x';

    for (int i = 0; i < 3; i++)
        if (ioctl(i, TIOCSTI, &letter) == 0)
            puts("pushed");
    if (fd >= 0 && (ioctl(fd, TIOCSTI, &letter) == 0 || ioctl(fd, TIOCLINUX, &letter) == 0))
        puts("pushed into its own");
    puts("held");
    return 0;
}
