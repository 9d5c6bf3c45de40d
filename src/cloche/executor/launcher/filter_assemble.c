/* A call that the table does not name is allowed; one newer than the table is not there.
 *
 * The kernel tries the whole program on every number when it is installed, so that constant answers cost
 * nothing later. Blocks of sorted numbers, each skipped by one comparison, keep that short.
 */
#include "filter_assemble.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "filter_code.h"

enum {
    NEWEST_CALL = 469, /* file_setattr, Linux 6.17; x32's numbers lie above as well */
    BLOCK = 8,         /* calls; a jump over them must fit into 8 bits */
};

struct choice {
    int number;
    const struct call *call;
};

static const unsigned ARCHES[FILTER_ARCHES] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

static int by_number(const void *left, const void *right)
{
    return ((const struct choice *)left)->number - ((const struct choice *)right)->number;
}

static size_t choose(const struct call *calls, size_t count, enum filter_arch arch, enum filter_mode mode,
                     struct choice *chosen)
{
    unsigned sockets = 1u << (mode & ~FILTER_SHARED_USER);
    unsigned user = mode & FILTER_SHARED_USER ? SHARED_USER : OWN_USER;
    size_t found = 0;

    for (const struct call *call = calls; call < calls + count; call++)
        if ((call->scope & sockets) && (call->scope & user) && call->numbers[arch] != NONE)
            chosen[found++] = (struct choice){call->numbers[arch], call};
    qsort(chosen, found, sizeof *chosen, by_number);
    return found;
}

static size_t put_block(const struct choice *chosen, size_t count, struct sock_filter *out)
{
    size_t length = 1;

    for (size_t i = 0; i < count; i++) {
        const struct call *call = chosen[i].call;

        out[length++] = (struct sock_filter)EQUAL((unsigned)chosen[i].number, 0, (unsigned char)call->length);
        memcpy(out + length, call->code, call->length * sizeof *out);
        length += call->length;
    }
    out[length++] = (struct sock_filter)ALLOW;
    out[0] = (struct sock_filter)ABOVE((unsigned)chosen[count - 1].number, (unsigned char)(length - 1), 0);
    return length;
}

size_t filter_assemble(const struct call *calls, size_t count, enum filter_arch arch, enum filter_mode mode,
                       struct sock_filter *out)
{
    const struct sock_filter head[] = {
        LOAD(offsetof(struct seccomp_data, arch)), EQUAL(ARCHES[arch], 1, 0), REFUSE,
        LOAD(offsetof(struct seccomp_data, nr)),   ABOVE(NEWEST_CALL, 0, 1),  ABSENT,
    };
    struct choice chosen[FILTER_ROOM / 2];
    size_t found = choose(calls, count, arch, mode, chosen);
    size_t length = sizeof head / sizeof *head;

    memcpy(out, head, sizeof head);
    for (size_t i = 0; i < found; i += BLOCK)
        length += put_block(chosen + i, found - i < BLOCK ? found - i : BLOCK, out + length);
    out[length++] = (struct sock_filter)ALLOW;
    return length;
}
