#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const HARMLESS[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"};

static int harmless(const char *name)
{
    for (unsigned i = 0; i < sizeof HARMLESS / sizeof *HARMLESS; i++)
        if (strcmp(name, HARMLESS[i]) == 0)
            return 1;
    return 0;
}

int main(void)
{
    DIR *dev = opendir("/dev");
    struct dirent *entry;
    struct stat found;
    char path[300];

    if (mknod("/work/null", S_IFCHR | 0666, makedev(1, 3)) == 0 || mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)) == 0 ||
        mknod("/work/disk", S_IFBLK | 0666, makedev(254, 0)) == 0)
        puts("made a device");
    while (dev != NULL && (entry = readdir(dev)) != NULL) {
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        if (stat(path, &found) == 0 && (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)) && !harmless(entry->d_name))
            printf("device %s\n", path);
    }
    puts("held");
    return 0;
}
