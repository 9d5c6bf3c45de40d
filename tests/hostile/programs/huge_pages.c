#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE_2_MIB (21u << 26)
#define SIZE_1_GIB (30u << 26)

int main(void)
{
    static const unsigned sizes[] = {0, SIZE_2_MIB, SIZE_1_GIB};

    /* A host without a pool says that there is no memory: only a refusal proves something. */
    for (int i = 0; i < 3; i++) {
        if (mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (int)sizes[i], -1, 0) !=
                MAP_FAILED ||
            errno != EPERM)
            printf("asked for huge pages: %d\n", errno);
        if (syscall(SYS_memfd_create, "huge", 4 /* MFD_HUGETLB */ | sizes[i]) >= 0 || errno != EPERM)
            printf("asked for a huge file: %d\n", errno);
    }
    puts("held");
    return 0;
}
