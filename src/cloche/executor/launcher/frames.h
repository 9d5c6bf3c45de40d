/* Frames and fields, as protocol.py describes them. */
#ifndef CLOCHE_FRAMES_H
#define CLOCHE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#define PROTOCOL_VERSION 3
#define MAX_IN (66u * 1024 * 1024)
#define MAX_OUT (64u * 1024)

/* One received frame; the payload is followed by a NUL that is not part of it. */
struct frame {
    char type;
    char *payload;
    size_t length;
};

/* A run of key=value entries inside a payload. */
struct fields {
    char *at;
    char *end;
};

enum feed { FEED_MORE, FEED_FRAME, FEED_END, FEED_BROKEN };

/* Reads what is there on stdin, without blocking; FEED_FRAME fills *out, which the caller releases. */
enum feed frames_read(struct frame *out);
void frame_release(struct frame *frame);

/* Starts a frame of `length` bytes and returns where to put them; only while nothing is pending. */
char *frame_reserve(void);
void frame_commit(char type, size_t length);

/* Writes what is pending without blocking. False: the reader is slow and something is left. */
bool frames_flush(void);
bool frames_pending(void);

/* A whole small frame, waiting for the reader up to 10 s; the process ends if it does not read. */
void frame_send(char type, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next entry, split in place; false at the empty entry or the end, `fields` then stands behind it. */
bool field_next(struct fields *fields, char **key, char **value);

/* A decimal number of at least 0; false if it is anything else. */
bool field_number(const char *value, long long *out);

#endif
