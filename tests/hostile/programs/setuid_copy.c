#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *places[] = {"/work", "/tmp", "/dev/shm", "."};
    struct statvfs file_system;

    if (argc > 1)
        return geteuid() == getuid() && getegid() == getgid() ? 0 : 9;
    if (chmod(argv[0], 06755) == 0 && system("./a.out again") != 0)
        puts("another user by a bit");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        puts("new privileges may be had");
    for (int i = 0; i < 3 && getpid() < 100; i++) /* in a PID namespace there are mounts of its own */
        if (statvfs(places[i], &file_system) == 0 && !(file_system.f_flag & ST_NOSUID))
            printf("%s honours the bit\n", places[i]);
    puts("held");
    return 0;
}
