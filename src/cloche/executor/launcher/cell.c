#define _GNU_SOURCE
#include "cell.h"

#include <stdlib.h>
#include <string.h>

void cell_feature(struct cell *cell, const char *word)
{
    size_t have = strlen(cell->features);

    if (have + strlen(word) + 2 > sizeof cell->features)
        return;
    if (have > 0)
        strcat(cell->features, ",");
    strcat(cell->features, word);
}

#ifdef CLOCHE_MUTABLE
bool without(const char *defence)
{
    const char *at = getenv("CLOCHE_MUTATION");
    size_t length = strlen(defence);

    for (; at != NULL; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
        if (strncmp(at, defence, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}
#endif
