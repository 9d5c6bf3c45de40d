/* Words to write classic BPF in. A jump's counts say how many instructions to skip if true, if not. */
#ifndef CLOCHE_FILTER_CODE_H
#define CLOCHE_FILTER_CODE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
/* The low half of an argument, on a little-endian machine. It decides wherever the kernel takes 32 bits, and what is
 * looked at here is never wider: comparing all 64 could be deceived by a high half that the kernel drops. */
#define ARG(n) LOAD((unsigned)(offsetof(struct seccomp_data, args) + 8 * (n)))
/* The other half, for what the kernel takes whole: a pointer. */
#define HIGH(n) LOAD((unsigned)(offsetof(struct seccomp_data, args) + 8 * (n) + 4))
#define MASK(bits) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (bits))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (value), (yes), (no))
#define ANY_BIT(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), (yes), (no))

#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
/* Runtimes probe for what they may do: they are told, never killed. */
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ABSENT RETURN(SECCOMP_RET_ERRNO | ENOSYS)
/* Succeeds without effect. */
#define IGNORE RETURN(SECCOMP_RET_ERRNO)

#endif
