/* Why each is here: docs/reference/seccomp.md. */
#define _GNU_SOURCE
#include "filter_calls.h"

#include "filter_checks.h"

#define CALL(scope, name, x86_64, aarch64, check)                                                                      \
    {#name, (scope), {(x86_64), (aarch64)}, (check), sizeof(check) / sizeof *(check)}
#define CHECKED(name, x86_64, aarch64, check) CALL(ANY, name, x86_64, aarch64, check)
#define REFUSED(name, x86_64, aarch64) CALL(ANY, name, x86_64, aarch64, refuse)
#define REFUSED_IF_SHARED(name, x86_64, aarch64) CALL(ANY_SOCKETS | SHARED_USER, name, x86_64, aarch64, refuse)

const struct call FILTER_CALLS[] = {
    /* What clone3 asks for lies in memory, out of sight; C libraries then use clone. */
    CHECKED(clone3, 435, 435, absent),
    CHECKED(clone, 56, 220, no_namespace),

    /* Other processes: reading, steering or slowing them. */
    REFUSED(ptrace, 101, 117), REFUSED(process_vm_readv, 310, 270), REFUSED(process_vm_writev, 311, 271),
    REFUSED(process_madvise, 440, 440), REFUSED(process_mrelease, 448, 448), REFUSED(kcmp, 312, 272),
    REFUSED(pidfd_open, 434, 434), REFUSED(pidfd_getfd, 438, 438),
    CHECKED(prlimit64, 302, 261, own_limits),
    CHECKED(setrlimit, 160, 164, limits),
    CHECKED(sched_setparam, 142, 118, self_only),
    CHECKED(sched_setscheduler, 144, 119, self_only),
    CHECKED(sched_setattr, 314, 274, self_only),
    CHECKED(sched_setaffinity, 203, 122, self_only),
    CHECKED(setpriority, 141, 140, own_process_or_group),
    CHECKED(ioprio_set, 251, 30, own_io_process_or_group),

    /* Namespaces and mounts. */
    REFUSED(unshare, 272, 97), REFUSED(setns, 308, 268), REFUSED(mount, 165, 40), REFUSED(umount2, 166, 39),
    REFUSED(pivot_root, 155, 41), REFUSED(chroot, 161, 51), REFUSED(open_tree, 428, 428),
    REFUSED(open_tree_attr, 467, 467), REFUSED(move_mount, 429, 429), REFUSED(fsopen, 430, 430),
    REFUSED(fsconfig, 431, 431), REFUSED(fsmount, 432, 432), REFUSED(fspick, 433, 433),
    REFUSED(mount_setattr, 442, 442), REFUSED(statmount, 457, 457), REFUSED(listmount, 458, 458),

    /* Side doors into the kernel. */
    CHECKED(io_uring_setup, 425, 425, absent),
    CHECKED(io_uring_enter, 426, 426, absent),
    CHECKED(io_uring_register, 427, 427, absent),
    REFUSED(bpf, 321, 280), REFUSED(perf_event_open, 298, 241), REFUSED(userfaultfd, 323, 282),
    REFUSED(memfd_secret, 447, 447), REFUSED(vmsplice, 278, 75), REFUSED(modify_ldt, 154, NONE),
    REFUSED(uselib, 134, NONE), REFUSED(lookup_dcookie, 212, 18), REFUSED(keyctl, 250, 219),
    REFUSED(add_key, 248, 217), REFUSED(request_key, 249, 218),
    CHECKED(personality, 135, 92, personalities),
    CHECKED(seccomp, 317, 277, no_new_filter),
    CHECKED(prctl, 157, 167, prctls),
    CHECKED(fcntl, 72, 25, fcntls),
    CALL(ANY_SOCKETS | OWN_USER, ioctl, 16, 29, ioctls),
    CALL(ANY_SOCKETS | SHARED_USER, ioctl, 16, 29, ioctls_of_shared_user),

    /* The machine's own. */
    REFUSED(init_module, 175, 105), REFUSED(finit_module, 313, 273), REFUSED(delete_module, 176, 106),
    REFUSED(create_module, 174, NONE), REFUSED(kexec_load, 246, 104), REFUSED(kexec_file_load, 320, 294),
    REFUSED(reboot, 169, 142), REFUSED(swapon, 167, 224), REFUSED(swapoff, 168, 225), REFUSED(acct, 163, 89),
    REFUSED(quotactl, 179, 60), REFUSED(quotactl_fd, 443, 443), REFUSED(syslog, 103, 116), REFUSED(vhangup, 153, 58),
    REFUSED(iopl, 172, NONE), REFUSED(ioperm, 173, NONE), REFUSED(nfsservctl, 180, 42),
    REFUSED(sethostname, 170, 161), REFUSED(setdomainname, 171, 162), REFUSED(settimeofday, 164, 170),
    REFUSED(clock_settime, 227, 112), REFUSED(adjtimex, 159, 171), REFUSED(clock_adjtime, 305, 266),
    REFUSED(sync, 162, 81), REFUSED(syncfs, 306, 267),
    CHECKED(mknod, 133, NONE, no_device),
    CHECKED(mknodat, 259, 33, no_device_at),
    REFUSED(mbind, 237, 235), REFUSED(set_mempolicy, 238, 237), REFUSED(set_mempolicy_home_node, 450, 450),
    REFUSED(migrate_pages, 256, 238), REFUSED(move_pages, 279, 239),

    /* What outlives a run, is counted for all cells together, or tells of them. */
    REFUSED(shmget, 29, 194), REFUSED(shmat, 30, 196), REFUSED(shmctl, 31, 195), REFUSED(semget, 64, 190),
    REFUSED(semop, 65, 193), REFUSED(semtimedop, 220, 192), REFUSED(semctl, 66, 191), REFUSED(msgget, 68, 186),
    REFUSED(msgsnd, 69, 189), REFUSED(msgrcv, 70, 188), REFUSED(msgctl, 71, 187), REFUSED(mq_open, 240, 180),
    REFUSED(mq_unlink, 241, 181), REFUSED(io_setup, 206, 0), REFUSED(inotify_init, 253, NONE),
    REFUSED(inotify_init1, 294, 26), REFUSED(fanotify_init, 300, 262), REFUSED(fanotify_mark, 301, 263),
    REFUSED(cachestat, 451, 451),
    CHECKED(mmap, 9, 222, no_huge_pages),
    CHECKED(memfd_create, 319, 279, no_huge_file),
    REFUSED(name_to_handle_at, 303, 264), REFUSED(open_by_handle_at, 304, 265), REFUSED(sysfs, 139, NONE),
    REFUSED(ustat, 136, NONE),

    /* Sockets. */
    CALL(IN_UNIX | ANY_USER, socket, 41, 198, local),
    CALL(IN_LOOPBACK | ANY_USER, socket, 41, 198, local_or_internet),
    CALL(IN_NONE | ANY_USER, socket, 41, 198, refuse),
    CALL(IN_NONE | ANY_USER, connect, 42, 203, refuse),
    CALL(IN_NONE | ANY_USER, bind, 49, 200, refuse),
    CALL(IN_NONE | ANY_USER, listen, 50, 201, refuse),
    CALL(IN_UNIX | IN_LOOPBACK | ANY_USER, socketpair, 53, 199, local),
    CALL(IN_NONE | ANY_USER, socketpair, 53, 199, local_connected),
    CHECKED(setsockopt, 54, 208, plain_options),
    CHECKED(sendto, 44, 206, in_band_to),
    CHECKED(sendmsg, 46, 211, in_band),
    CHECKED(sendmmsg, 307, 269, in_band_to),

    /* Files of the user who runs Cloche, which Landlock lets a program of the same user change. */
    REFUSED_IF_SHARED(chmod, 90, NONE), REFUSED_IF_SHARED(fchmod, 91, 52), REFUSED_IF_SHARED(fchmodat, 268, 53),
    REFUSED_IF_SHARED(fchmodat2, 452, 452), REFUSED_IF_SHARED(chown, 92, NONE), REFUSED_IF_SHARED(fchown, 93, 55),
    REFUSED_IF_SHARED(lchown, 94, NONE), REFUSED_IF_SHARED(fchownat, 260, 54), REFUSED_IF_SHARED(setxattr, 188, 5),
    REFUSED_IF_SHARED(lsetxattr, 189, 6), REFUSED_IF_SHARED(fsetxattr, 190, 7),
    REFUSED_IF_SHARED(setxattrat, 463, 463), REFUSED_IF_SHARED(removexattr, 197, 14),
    REFUSED_IF_SHARED(lremovexattr, 198, 15), REFUSED_IF_SHARED(fremovexattr, 199, 16),
    REFUSED_IF_SHARED(removexattrat, 466, 466), REFUSED_IF_SHARED(utime, 132, NONE),
    REFUSED_IF_SHARED(utimes, 235, NONE), REFUSED_IF_SHARED(futimesat, 261, NONE),
    REFUSED_IF_SHARED(utimensat, 280, 88), REFUSED_IF_SHARED(file_setattr, 469, 469),
};
const size_t FILTER_CALL_COUNT = sizeof FILTER_CALLS / sizeof *FILTER_CALLS;
