#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
#if defined(__x86_64__)
    long answer;

    if (syscall(0x40000000 | 39 /* x32 getpid */) >= 0)
        puts("x32");
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L /* getpid */) : "memory", "r8", "r9", "r10", "r11");
    if (answer > 0)
        puts("i386");
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(102L /* socketcall */), "b"(0L), "c"(0L) : "memory", "r8", "r9", "r10", "r11");
    if (answer != -EPERM && answer != -ENOSYS)
        printf("socketcall %ld\n", answer);
#endif
    puts("held");
    return 0;
}
