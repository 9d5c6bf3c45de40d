#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    unsigned attributes[32] = {1 /* hardware */, 128};

    if (syscall(SYS_bpf, 0, attributes, sizeof attributes) >= 0 || errno != EPERM)
        puts("bpf");
    attributes[0] = 1 /* PERF_TYPE_SOFTWARE */;
    if (syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0) >= 0)
        puts("perf");
    if (syscall(SYS_perf_event_open, attributes, -1, 0, -1, 0) >= 0 || (errno != EPERM && errno != ENOSYS))
        puts("perf of the machine");
    puts("held");
    return 0;
}
