/* From the table of calls to the program that the kernel runs at each of them. */
#ifndef CLOCHE_FILTER_ASSEMBLE_H
#define CLOCHE_FILTER_ASSEMBLE_H

#include <linux/filter.h>

#include "filter.h"
#include "filter_calls.h"

enum { FILTER_ROOM = 1024 };

/* Writes at most FILTER_ROOM instructions and returns how many; any machine can do it for every architecture. */
size_t filter_assemble(const struct call *calls, size_t count, enum filter_arch arch, enum filter_mode mode,
                       struct sock_filter *out);

#endif
