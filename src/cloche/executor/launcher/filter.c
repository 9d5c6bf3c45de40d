#define _GNU_SOURCE
#include "filter.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "filter_assemble.h"

#if defined(__x86_64__)
#define OWN_ARCH FILTER_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH FILTER_AARCH64
#else
#error "no filter for this architecture"
#endif

bool filter_install(enum filter_mode mode)
{
    struct sock_filter program[FILTER_ROOM];
    struct sock_fprog filter = {.filter = program};

    filter.len = (unsigned short)filter_assemble(FILTER_CALLS, FILTER_CALL_COUNT, OWN_ARCH, mode, program);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}
