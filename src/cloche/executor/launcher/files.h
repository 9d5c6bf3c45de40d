/* Writing a program's files. */
#ifndef CLOCHE_FILES_H
#define CLOCHE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes `path` below the directory `work`, making its parents and following no symbolic link.
 * False: errno says why. `path` is changed. */
bool file_write(int work, char *path, mode_t mode, const char *bytes, size_t length);

#endif
