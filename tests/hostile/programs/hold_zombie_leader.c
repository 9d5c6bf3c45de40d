#include <pthread.h>
#include <unistd.h>

static void *sleeper(void *argument)
{
    for (;;)
        pause();
    return argument;
}

int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, sleeper, NULL);
    pthread_exit(NULL);
}
