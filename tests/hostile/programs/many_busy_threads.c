#include <pthread.h>
#include <stddef.h>

static void *spin(void *argument)
{
    for (volatile long i = 0;; i++)
        continue;
    return argument;
}

int main(void)
{
    pthread_t thread;

    for (int i = 0; i < 8; i++)
        pthread_create(&thread, NULL, spin, NULL);
    spin(NULL);
}
