/* The cell we are in: how it was made decides what a launcher may rely on. */
#ifndef CLOCHE_CELL_H
#define CLOCHE_CELL_H

#include <stdbool.h>
#include <sys/types.h>

enum kind {
    KIND_CONTAINER, /* somebody else made it and started us as its PID 1 */
    KIND_NAMESPACE, /* we made it, of namespaces */
    KIND_PROCESS,   /* no namespaces: Landlock, a filter and limits around the program alone */
};

struct cell {
    enum kind kind;
    uid_t program_uid; /* 0: the program shares ours */
    bool gvisor; /* the kernel is gVisor's, and nobody's but this cell's */
    bool time_namespace;
    bool network_lent; /* the network namespace is not ours to change */
    bool signals_scoped;  /* kill(2) of ours reaches our programs alone, though we are nobody's PID 1 */
    int landlock;         /* the kernel's ABI; 0: none */
    const char **read;    /* what programs may read and execute, by Landlock; ends with NULL */
    const char **written; /* and write */
    char features[400]; /* what holds the program in, with commas between */
};

/* What HELLO says of the run to come. */
struct room {
    long long disk_bytes, inodes;
    bool loopback;
};

/* Adds a word to the features. */
void cell_feature(struct cell *cell, const char *word);

#ifdef CLOCHE_MUTABLE
/* Only in the binary that `make test-mutation` builds: whether that defence is switched off. */
bool without(const char *defence);
#else
#define without(defence) false
#endif

#endif
