/* A deny list: programs see EPERM, as runtimes probe for what they may do.
 *
 * It refuses what reaches other processes or the kernel's wide side doors. A program may share
 * its uid with the launcher, so calls that change another process by number are allowed on the
 * caller alone: prlimit64 on PID 1 would otherwise break it. Signals and ptrace do not reach it.
 */
#define _GNU_SOURCE
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter for this architecture"
#endif

/* Since Linux 5.1 new calls have one number everywhere; headers may be older than the kernel. */
enum {
    NR_io_uring_setup = 425, NR_io_uring_enter = 426, NR_io_uring_register = 427,
    NR_open_tree = 428, NR_move_mount = 429, NR_fsopen = 430, NR_fsconfig = 431, NR_fsmount = 432, NR_fspick = 433,
    NR_clone3 = 435, NR_pidfd_getfd = 438, NR_process_madvise = 440, NR_mount_setattr = 442, NR_quotactl_fd = 443,
    NR_memfd_secret = 447, NR_process_mrelease = 448, NR_open_tree_attr = 467,
};

#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP |       \
     0x80 /* CLONE_NEWTIME */)
#define X32_BIT 0x40000000

/* A little-endian machine's low and high half of an argument. */
#define ARG_LOW(n) ((unsigned)(offsetof(struct seccomp_data, args) + 8 * (n)))

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define IF_NOT_EQUAL_SKIP(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))

#define DENY(nr) IF_NOT_EQUAL_SKIP((nr), 1), REFUSE
/* Kernels take the pid as a 32-bit number: the low half decides. */
#define SELF_ONLY(nr)                                                                                                  \
    IF_NOT_EQUAL_SKIP((nr), 4), LOAD(ARG_LOW(0)), IF_NOT_EQUAL_SKIP(0, 1), ALLOW, REFUSE
/* `which` at most process group, `who` the caller: PRIO_USER and IOPRIO_WHO_USER would reach the launcher. */
#define SELF_PRIORITY(nr, largest_which)                                                                               \
    IF_NOT_EQUAL_SKIP((nr), 6), LOAD(ARG_LOW(0)), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (largest_which), 3, 0),          \
        LOAD(ARG_LOW(1)), IF_NOT_EQUAL_SKIP(0, 1), ALLOW, REFUSE

static struct sock_filter program[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    REFUSE,
    LOAD(offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    REFUSE,
#endif
    /* glibc falls back to clone, whose flags can be looked at. */
    IF_NOT_EQUAL_SKIP(NR_clone3, 1), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    IF_NOT_EQUAL_SKIP(SYS_clone, 4), LOAD(ARG_LOW(0)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1), REFUSE, ALLOW,
    IF_NOT_EQUAL_SKIP(SYS_socket, 6), LOAD(ARG_LOW(0)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_PACKET, 3, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 1, 0), ALLOW, REFUSE,
    SELF_ONLY(SYS_prlimit64),
    SELF_ONLY(SYS_sched_setparam), SELF_ONLY(SYS_sched_setscheduler), SELF_ONLY(SYS_sched_setattr),
    SELF_ONLY(SYS_sched_setaffinity), SELF_ONLY(SYS_migrate_pages), SELF_ONLY(SYS_move_pages),
    SELF_PRIORITY(SYS_setpriority, 1 /* PRIO_PGRP */), SELF_PRIORITY(SYS_ioprio_set, 2 /* IOPRIO_WHO_PGRP */),
    DENY(SYS_ptrace), DENY(SYS_process_vm_readv), DENY(SYS_process_vm_writev), DENY(SYS_kcmp),
    DENY(NR_pidfd_getfd), DENY(NR_process_madvise), DENY(NR_process_mrelease),
    DENY(SYS_mount), DENY(SYS_umount2), DENY(SYS_pivot_root), DENY(SYS_chroot), DENY(NR_open_tree),
    DENY(NR_open_tree_attr), DENY(NR_move_mount), DENY(NR_fsopen), DENY(NR_fsconfig), DENY(NR_fsmount),
    DENY(NR_fspick), DENY(NR_mount_setattr), DENY(SYS_unshare), DENY(SYS_setns),
    DENY(SYS_bpf), DENY(SYS_perf_event_open), DENY(SYS_userfaultfd), DENY(NR_memfd_secret),
    DENY(NR_io_uring_setup), DENY(NR_io_uring_enter), DENY(NR_io_uring_register),
    DENY(SYS_keyctl), DENY(SYS_add_key), DENY(SYS_request_key),
    DENY(SYS_kexec_load), DENY(SYS_kexec_file_load), DENY(SYS_init_module), DENY(SYS_finit_module),
    DENY(SYS_delete_module), DENY(SYS_reboot), DENY(SYS_swapon), DENY(SYS_swapoff), DENY(SYS_acct),
    DENY(SYS_quotactl), DENY(NR_quotactl_fd), DENY(SYS_syslog), DENY(SYS_open_by_handle_at),
    DENY(SYS_name_to_handle_at), DENY(SYS_fanotify_init),
    ALLOW,
};

bool filter_install(enum filter_mode mode)
{
    (void)mode;
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}
