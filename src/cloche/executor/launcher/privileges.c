#define _GNU_SOURCE
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ull << (capability))

static bool set_capabilities(unsigned long long kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    for (int half = 0; half < 2; half++)
        data[half].effective = data[half].permitted = (unsigned)(kept >> (32 * half));
    return syscall(SYS_capset, &header, data) == 0;
}

/* Sets which of the permitted capabilities count. */
static bool set_effective(bool all)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    for (int half = 0; half < 2; half++)
        data[half].effective = all ? data[half].permitted : 0;
    return syscall(SYS_capset, &header, data) == 0;
}

bool privileges_suspend(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    return set_effective(false) && syscall(SYS_capget, &header, data) == 0 && data[0].effective == 0 &&
           data[1].effective == 0;
}

bool privileges_resume(void)
{
    return set_effective(true);
}

/* Fails only where we may not: then there is nothing to give up. */
static void empty_bounding_set(void)
{
    for (int capability = 0; capability <= 63; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno == EINVAL)
            return;
}

bool privileges_drop(const struct cell *cell)
{
    unsigned long long kept = 0;

    if (without("capabilities"))
        return true;
    if (cell->program_uid != 0)
        kept = BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID);
    empty_bounding_set();
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!set_capabilities(kept))
        return false;
    if (cell->program_uid != 0) {
        /* Files we write are the program's; where we look at its processes we look as it does. */
        setfsgid(cell->program_uid);
        setfsuid(cell->program_uid);
    }
    return true;
}

static bool changes_user(const struct cell *cell)
{
    return cell->gvisor && cell->program_uid != 0;
}

bool privileges_files_begin(const struct cell *cell)
{
    return !changes_user(cell) || (setegid(cell->program_uid) == 0 && seteuid(cell->program_uid) == 0);
}

bool privileges_files_end(const struct cell *cell)
{
    int error = errno;
    bool ourselves = !changes_user(cell) || (seteuid(0) == 0 && setegid(0) == 0);

    errno = error;
    return ourselves;
}

bool privileges_become(uid_t uid)
{
    const unsigned long long needed = BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP);

    return setgroups(0, NULL) == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setresgid(uid, uid, uid) == 0 &&
           setresuid(uid, uid, uid) == 0 && set_capabilities(needed);
}

bool privileges_leave(const struct cell *cell)
{
    uid_t uid = cell->program_uid;

    if (uid != 0 && (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
        return false;
    if (!without("capabilities") && !set_capabilities(0))
        return false;
    return without("no-new-privs") || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}
