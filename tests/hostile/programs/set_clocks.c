#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

int main(void)
{
    struct timespec now;
    struct timeval today;
    struct timex state = {.modes = ADJ_OFFSET};

    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&today, NULL);
    if (clock_settime(CLOCK_REALTIME, &now) == 0 || settimeofday(&today, NULL) == 0 || adjtimex(&state) >= 0)
        puts("set the time");
    puts("held");
    return 0;
}
