/* cell-probe ATTEMPT [ARGUMENT...]: one hostile attempt from inside a cell.
 *
 * Prints `held`, or `broken: ` and what it could do; status 0 for both, 3 where it can't tell.
 * Attempts at limits are ended from outside where the limit holds.
 */
#include "probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct attempt *const TABLES[] = {FILE_ATTEMPTS,    PROCESS_ATTEMPTS,   KERNEL_ATTEMPTS,
                                               NETWORK_ATTEMPTS, INHERITED_ATTEMPTS, LIMIT_ATTEMPTS};

/* _exit: after a fork, buffered bytes would be written twice. */
static _Noreturn void say_and_end(const char *text, int status)
{
    size_t length = strlen(text);

    _exit(write(STDOUT_FILENO, text, length) == (ssize_t)length ? status : 3);
}

void broken(const char *format, ...)
{
    char said[400], line[420];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "broken: %s\n", said);
    say_and_end(line, 0);
}

void unable(const char *what)
{
    char line[200];

    snprintf(line, sizeof line, "unable: %s: %s\n", what, strerror(errno));
    say_and_end(line, 3);
}

long number(const char *text)
{
    char *end;
    long value;

    errno = EINVAL;
    if (text == NULL)
        unable("a number is missing");
    value = strtol(text, &end, 10);
    if (*end != '\0' || value < 0)
        unable("not a number");
    return value;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof TABLES / sizeof *TABLES; i++)
        for (const struct attempt *attempt = TABLES[i]; attempt->name != NULL; attempt++)
            if (strcmp(attempt->name, argv[1]) == 0) {
                attempt->run(argv + 2);
                say_and_end("held\n", 0);
            }
    fputs("cell-probe: no such attempt\n", stderr);
    return 2;
}
