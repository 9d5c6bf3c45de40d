#include <string.h>
#include <unistd.h>

static volatile int depth;

static int deeper(int left)
{
    volatile char frame[4096];

    frame[0] = (char)left;
    depth++;
    return left == 0 ? 0 : deeper(left - 1) + frame[0];
}

int main(void)
{
    deeper(1000);
    return 0; /* four of the default's eight MiB are enough */
}
