#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int child = fork();
    long fd;

    if (child == 0) {
        pause();
        _exit(0);
    }
    fd = syscall(434 /* pidfd_open */, child, 0);
    if (fd >= 0 && syscall(438 /* pidfd_getfd */, fd, 1, 0) >= 0)
        puts("took a child's");
    fd = syscall(434, getppid() > 0 ? getppid() : 1, 0);
    if (fd >= 0 && syscall(438, fd, 0, 0) >= 0)
        puts("took the launcher's");
    if (fd >= 0 && (syscall(440 /* process_madvise */, fd, NULL, 0, 20, 0) >= 0 || syscall(448 /* process_mrelease */, fd, 0) >= 0))
        puts("advises the launcher");
    puts("held");
    return 0;
}
