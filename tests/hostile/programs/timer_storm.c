#include <signal.h>
#include <sys/time.h>
#include <time.h>

static volatile unsigned long count;

static void on_alarm(int number)
{
    (void)number;
    count++;
}

int main(void)
{
    struct itimerval often = {{0, 1}, {0, 1}};
    struct itimerspec spec = {{0, 1000}, {0, 1000}};
    timer_t timer;

    signal(SIGALRM, on_alarm);
    signal(SIGXCPU, SIG_IGN);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 64; i++)
        if (timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0)
            timer_settime(timer, 0, &spec, NULL);
    for (;;)
        continue;
}
