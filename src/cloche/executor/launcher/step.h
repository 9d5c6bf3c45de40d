/* One step: the program, its pipes, its limits, its end. */
#ifndef CLOCHE_STEP_H
#define CLOCHE_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cell.h"
#include "frames.h"

/* Why we ended a step; the order is that of KILLED_BY in step.c. */
enum killed { KILLED_NONE, KILLED_WALL, KILLED_CPU, KILLED_MEMORY, KILLED_OUTPUT, KILLED_DEADLINE, KILLED_CANCEL };

struct limits {
    long long wall_ms, cpu_ms, memory_bytes, sample_memory, output_bytes;
    long long file_bytes, open_files, stack_bytes, processes;
};

/* What a STEP frame asks for. The strings lie in the frame's payload. */
struct request {
    struct limits limits;
    char **argv, **envp;
    const char *input;
    size_t input_length;
    bool live;
};

/* One of the program's output streams. */
struct stream {
    char type; /* of its frames */
    int fd;    /* -1: ended */
    long long written, kept;
};

struct step {
    const struct cell *cell;
    struct limits limits;
    pid_t main;
    bool running; /* processes may be alive */
    int input_fd; /* -1: all was written, or nobody reads */
    const char *input;
    size_t input_left;
    bool live; /* more input may come */
    bool owed; /* an INPUT frame's TAKEN is still to be sent */
    struct stream streams[2];
    enum killed killed;
    int status, exec_errno;
    long long killed_us; /* since the start, if we killed */
    long long started_us, wall_us, stalled_us, stalled_since_us; /* the last is 0 while not stalled */
    long long reaped_cpu_us, seen_cpu_us, max_rss, sampled_peak, next_sample_us;
};

/* Reads a STEP payload, which must outlive the request; release frees the argument lists. */
bool request_parse(struct frame *frame, struct request *out);
void request_release(struct request *request);

/* Starts the program in `work`. False: it could not be prepared, errno says why. */
bool step_start(struct step *step, const struct request *request, const struct cell *cell, int work);

/* Collects the dead; when the program itself is among them, kills and collects all others. */
void step_reap(struct step *step);

/* Ends every process of the step and collects them; the first reason is kept. */
void step_kill(struct step *step, enum killed reason);

/* Enforces time and sampled memory; returns when to look again, in microseconds from now. */
long long step_check(struct step *step);

/* Feeds stdin. */
void step_feed(struct step *step);

/* Takes more stdin, which must stay where it is until it was taken; nothing at all ends it. */
void step_input(struct step *step, const char *input, size_t length);

/* Reads one piece of output into a frame if there is any; false: nothing now. */
bool step_relay(struct step *step, struct stream *stream);

/* Notes that the reader is slow, or no longer; that time is not the program's. */
void step_stalled(struct step *step, bool stalled);

/* Sends DONE. */
void step_report(const struct step *step);

#endif
