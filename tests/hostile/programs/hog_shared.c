#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    size_t size = 512 << 20;
    char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return 3;
    for (size_t at = 0; at < size; at += 1 << 20)
        if (fork() == 0) {
            memset(shared + at, 1, 1 << 20);
            _exit(0);
        } else {
            wait(NULL);
        }
    return 0;
}
