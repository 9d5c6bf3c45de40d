/* What is looked at in the arguments of calls that some may make. Only filter_calls.c includes this. */
#ifndef CLOCHE_FILTER_CHECKS_H
#define CLOCHE_FILTER_CHECKS_H

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "filter_code.h"

/* The numbers of Linux, the same on both architectures; a C library's headers may be older than the kernel. */
enum {
    CORE_SIZE = 4,                  /* RLIMIT_CORE */
    ADDRESSES_NOT_RANDOM = 0x40000, /* ADDR_NO_RANDOMIZE */
    SET_MODE_FILTER = 1,            /* SECCOMP_SET_MODE_FILTER */
    SET_SECCOMP = 22, SCHED_CORE = 62,                      /* PR_ */
    SET_LEASE = 1024, NOTIFY = 1026, SET_DELEGATION = 1040, /* F_ */
    TERMINAL_INPUT = 0x5412, TERMINAL_CONSOLE = 0x541C, TERMINAL_DISCIPLINE = 0x5423, /* TIOCSTI, TIOCLINUX, TIOCSETD */
    HUGE_PAGES = 0x40000, HUGE_FILE = 4, /* MAP_HUGETLB, MFD_HUGETLB */
    OF_SOCKET = 1, OF_TCP = 6, OF_UDP = 17,
    ATTACH_FILTER = 26, ATTACH_BPF = 50, ATTACH_REUSE_FILTER = 51, ATTACH_REUSE_BPF = 52, /* SO_ */
    UPPER_PROTOCOL = 31,                                                                  /* TCP_ULP */
    OUT_OF_BAND = 1,                                                                      /* MSG_OOB */
    SOCKET_TYPE = 0xf,
};

#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

#define NO_BIT(argument, bits) {ARG(argument), ANY_BIT((bits), 1, 0), ALLOW, REFUSE}
#define NO_DEVICE(argument)                                                                                            \
    {ARG(argument), MASK(S_IFMT), EQUAL(S_IFCHR, 2, 0), EQUAL(S_IFBLK, 1, 0), ALLOW, REFUSE}
/* `which` at most this, `who` the caller: a user's all would reach the launcher. */
#define OWN_PRIORITY(largest) {ARG(0), ABOVE((largest), 3, 0), ARG(1), EQUAL(0, 0, 1), ALLOW, REFUSE}

static const struct sock_filter
    refuse[] = {REFUSE},
    absent[] = {ABSENT},
    self_only[] = {ARG(0), EQUAL(0, 0, 1), ALLOW, REFUSE},
    /* A change of the limit that program.c keeps dumps off the host with; reading has no new limit. */
    limits[] = {ARG(0), EQUAL(CORE_SIZE, 1, 0), ALLOW, IGNORE},
    own_limits[] = {ARG(0), EQUAL(0, 0, 8), ARG(1), EQUAL(CORE_SIZE, 0, 4), ARG(2), EQUAL(0, 0, 3),
                    HIGH(2), EQUAL(0, 0, 1), ALLOW, IGNORE, REFUSE},
    own_process_or_group[] = OWN_PRIORITY(1),
    own_io_process_or_group[] = OWN_PRIORITY(2),
    no_namespace[] = NO_BIT(0, NEW_NAMESPACES),
    personalities[] = {ARG(0), EQUAL(0, 2, 0), EQUAL(ADDRESSES_NOT_RANDOM, 1, 0), EQUAL(0xffffffff, 0, 1), ALLOW,
                       REFUSE},
    no_new_filter[] = {ARG(0), EQUAL(SET_MODE_FILTER, 1, 0), ALLOW, REFUSE},
    prctls[] = {ARG(0), EQUAL(SET_SECCOMP, 2, 0), EQUAL(SCHED_CORE, 1, 0), ALLOW, REFUSE},
    fcntls[] = {ARG(1), EQUAL(SET_LEASE, 3, 0), EQUAL(NOTIFY, 2, 0), EQUAL(SET_DELEGATION, 1, 0), ALLOW, REFUSE},
    ioctls[] = {ARG(1), EQUAL(TERMINAL_INPUT, 3, 0), EQUAL(TERMINAL_CONSOLE, 2, 0), EQUAL(TERMINAL_DISCIPLINE, 1, 0),
                ALLOW, REFUSE},
    /* Of file systems too, by their letter: ext's flags and versions, XFS's attributes, FAT's, everything of btrfs. */
    ioctls_of_shared_user[] = {ARG(1), EQUAL(TERMINAL_INPUT, 9, 0), EQUAL(TERMINAL_CONSOLE, 8, 0),
                               EQUAL(TERMINAL_DISCIPLINE, 7, 0), MASK(0xff00), EQUAL('f' << 8, 5, 0),
                               EQUAL('v' << 8, 4, 0), EQUAL('X' << 8, 3, 0), EQUAL('r' << 8, 2, 0),
                               EQUAL(0x94 << 8, 1, 0), ALLOW, REFUSE},
    no_device[] = NO_DEVICE(1),
    no_device_at[] = NO_DEVICE(2),
    no_huge_pages[] = NO_BIT(3, HUGE_PAGES),
    no_huge_file[] = NO_BIT(1, HUGE_FILE),
    local[] = {ARG(0), EQUAL(AF_UNIX, 0, 1), ALLOW, REFUSE},
    local_or_internet[] = {ARG(0), EQUAL(AF_UNIX, 10, 0), EQUAL(AF_INET, 1, 0), EQUAL(AF_INET6, 0, 9),
                           ARG(1), MASK(SOCKET_TYPE), EQUAL(SOCK_STREAM, 1, 0), EQUAL(SOCK_DGRAM, 0, 5),
                           ARG(2), EQUAL(0, 2, 0), EQUAL(OF_TCP, 1, 0), EQUAL(OF_UDP, 0, 1), ALLOW, REFUSE},
    /* One of datagrams could be turned to another address. */
    local_connected[] = {ARG(0), EQUAL(AF_UNIX, 0, 5), ARG(1), MASK(SOCKET_TYPE), EQUAL(SOCK_STREAM, 1, 0),
                         EQUAL(SOCK_SEQPACKET, 0, 1), ALLOW, REFUSE},
    plain_options[] = {ARG(1), EQUAL(OF_TCP, 0, 2), ARG(2), EQUAL(UPPER_PROTOCOL, 7, 6), EQUAL(OF_SOCKET, 0, 5), ARG(2),
                       EQUAL(ATTACH_FILTER, 4, 0), EQUAL(ATTACH_BPF, 3, 0), EQUAL(ATTACH_REUSE_FILTER, 2, 0),
                       EQUAL(ATTACH_REUSE_BPF, 1, 0), ALLOW, REFUSE},
    in_band[] = NO_BIT(2, OUT_OF_BAND),
    in_band_to[] = NO_BIT(3, OUT_OF_BAND);

#endif
