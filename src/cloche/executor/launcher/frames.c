#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ending.h"

#define HEADER 5
#define SEND_TIMEOUT_MS 10000

static unsigned char in_header[HEADER];
static size_t in_have;
static struct frame incoming;
static size_t in_filled;

static char out_buffer[HEADER + MAX_OUT];
static size_t out_at, out_end;

static ssize_t read_some(void *to, size_t length)
{
    ssize_t got;

    do {
        got = read(STDIN_FILENO, to, length);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Payloads are mapped apart so that a large stdin goes back to the kernel when its step ends. */
static bool payload_open(void)
{
    uint32_t length = (uint32_t)in_header[1] << 24 | (uint32_t)in_header[2] << 16 | (uint32_t)in_header[3] << 8 |
                      (uint32_t)in_header[4];

    if (length > MAX_IN)
        return false;
    incoming.type = (char)in_header[0];
    incoming.length = length;
    incoming.payload =
        mmap(NULL, (size_t)length + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    in_filled = 0;
    return incoming.payload != MAP_FAILED;
}

enum feed frames_read(struct frame *out)
{
    ssize_t got;

    if (in_have < HEADER) {
        got = read_some(in_header + in_have, HEADER - in_have);
        if (got == 0)
            return FEED_END;
        if (got < 0)
            return errno == EAGAIN ? FEED_MORE : FEED_END;
        in_have += (size_t)got;
        if (in_have < HEADER)
            return FEED_MORE;
        if (!payload_open())
            return FEED_BROKEN;
    }
    while (in_filled < incoming.length) {
        got = read_some(incoming.payload + in_filled, incoming.length - in_filled);
        if (got == 0)
            return FEED_END;
        if (got < 0)
            return errno == EAGAIN ? FEED_MORE : FEED_END;
        in_filled += (size_t)got;
    }
    *out = incoming;
    in_have = 0;
    return FEED_FRAME;
}

void frame_release(struct frame *frame)
{
    if (frame->payload != NULL)
        munmap(frame->payload, frame->length + 1);
    frame->payload = NULL;
}

char *frame_reserve(void)
{
    return out_buffer + HEADER;
}

void frame_commit(char type, size_t length)
{
    out_buffer[0] = type;
    out_buffer[1] = (char)(length >> 24);
    out_buffer[2] = (char)(length >> 16);
    out_buffer[3] = (char)(length >> 8);
    out_buffer[4] = (char)length;
    out_at = 0;
    out_end = HEADER + length;
}

bool frames_pending(void)
{
    return out_at < out_end;
}

bool frames_flush(void)
{
    while (out_at < out_end) {
        ssize_t put = write(STDOUT_FILENO, out_buffer + out_at, out_end - out_at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            return false;
        if (put < 0)
            cell_leave(0); /* the executor is gone */
        out_at += (size_t)put;
    }
    return true;
}

static void flush_or_die(void)
{
    struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};

    while (!frames_flush())
        if (poll(&writable, 1, SEND_TIMEOUT_MS) == 0)
            cell_leave(5);
}

void frame_send(char type, const char *format, ...)
{
    va_list args;
    int length;
    char *to;

    flush_or_die();
    to = frame_reserve();
    va_start(args, format);
    length = vsnprintf(to, MAX_OUT, format, args);
    va_end(args);
    if (length < 0 || (unsigned)length >= MAX_OUT)
        cell_leave(6);
    for (int i = 0; i < length; i++)
        if (to[i] == '\n')
            to[i] = '\0';
    frame_commit(type, (size_t)length);
    flush_or_die();
}

bool field_next(struct fields *fields, char **key, char **value)
{
    char *stop, *equals;

    if (fields->at >= fields->end)
        return false;
    stop = memchr(fields->at, '\0', (size_t)(fields->end - fields->at));
    if (stop == NULL || stop == fields->at) {
        fields->at = stop == NULL ? fields->end : stop + 1;
        return false;
    }
    equals = strchr(fields->at, '=');
    if (equals == NULL) {
        fields->at = fields->end;
        return false;
    }
    *equals = '\0';
    *key = fields->at;
    *value = equals + 1;
    fields->at = stop + 1;
    return true;
}

bool field_number(const char *value, long long *out)
{
    char *rest;

    if (value[0] < '0' || value[0] > '9')
        return false;
    errno = 0;
    *out = strtoll(value, &rest, 10);
    return errno == 0 && *rest == '\0';
}
