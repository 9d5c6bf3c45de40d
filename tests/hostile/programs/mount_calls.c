#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/mount.h>

int main(void)
{
    char attributes[32] = {0};

    if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || mount("/work", "/tmp", NULL, MS_BIND, NULL) == 0 ||
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 || mount("proc", "/tmp", "proc", 0, NULL) == 0)
        puts("mounted");
    if (umount2("/work", MNT_DETACH) == 0 || umount2("/proc", MNT_DETACH) == 0)
        puts("unmounted");
    if (syscall(SYS_pivot_root, "/", "/tmp") == 0 || chroot("/tmp") == 0)
        puts("another root");
    if (syscall(428 /* open_tree */, AT_FDCWD, "/", 1) >= 0 || syscall(430 /* fsopen */, "tmpfs", 0) >= 0 ||
        syscall(433 /* fspick */, AT_FDCWD, "/", 0) >= 0 || syscall(429 /* move_mount */, -1, "/", -1, "/tmp", 0) >= 0 ||
        syscall(442 /* mount_setattr */, AT_FDCWD, "/", 0, attributes, sizeof attributes) >= 0)
        puts("a door of the new mount calls");
    if (syscall(428, AT_FDCWD, "/", 0) >= 0)
        puts("a handle on a mount");
    puts("held");
    return 0;
}
