#define _GNU_SOURCE
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Source: linux/landlock.h. Headers may be older than the kernel. */
enum { NR_create_ruleset = 444, NR_add_rule = 445, NR_restrict_self = 446 };
enum { RULE_PATH_BENEATH = 1, CREATE_VERSION = 1 };

#define EXECUTE (1ull << 0)
#define WRITE_FILE (1ull << 1)
#define READ_FILE (1ull << 2)
#define READ_DIR (1ull << 3)
#define REFER (1ull << 13)    /* ABI 2 */
#define TRUNCATE (1ull << 14) /* ABI 3 */
#define READ_ALL (EXECUTE | READ_FILE | READ_DIR)
/* Everything of ABI 1 but devices: no program makes any. */
#define WRITE_ALL ((1ull << 13) - 1 - (1ull << 6) - (1ull << 11))
#define ACCESS_OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)

struct ruleset {
    uint64_t files, network, scopes;
};

struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static const char *const DEVICES[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

int landlock_abi(void)
{
    long abi = syscall(NR_create_ruleset, NULL, 0, CREATE_VERSION);

    if (abi >= LANDLOCK_SCOPES && without("landlock-scopes"))
        return LANDLOCK_SCOPES - 1;
    return abi < 0 ? 0 : (int)abi;
}

/* Older kernels take a shorter ruleset and know fewer rights. */
static size_t known(int abi, struct ruleset *ruleset)
{
    if (abi < 2)
        ruleset->files &= ~REFER;
    if (abi < 3)
        ruleset->files &= ~TRUNCATE;
    if (abi < 4)
        return sizeof(uint64_t);
    return abi < LANDLOCK_SCOPES ? 2 * sizeof(uint64_t) : sizeof *ruleset;
}

/* What does not exist needs no rule. */
static bool allow(int rules, const char *path, uint64_t rights)
{
    struct path_rule rule = {.parent = open(path, O_PATH | O_CLOEXEC)};
    struct stat found;
    bool good;

    if (rule.parent < 0)
        return errno == ENOENT;
    if (fstat(rule.parent, &found) == 0 && !S_ISDIR(found.st_mode))
        rights &= ACCESS_OF_FILES;
    rule.allowed = rights;
    good = syscall(NR_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent);
    return good;
}

int landlock_rules(const char *const read[], const char *const written[], bool loopback)
{
    struct ruleset ruleset = {.files = WRITE_ALL | (1ull << 6) | (1ull << 11) | REFER | TRUNCATE,
                              .network = loopback ? 0 : 3,
                              .scopes = 3};
    int abi = landlock_abi();
    size_t size = known(abi, &ruleset);
    uint64_t write_all = (WRITE_ALL | REFER | TRUNCATE) & ruleset.files;
    int rules = (int)syscall(NR_create_ruleset, &ruleset, size, 0);
    bool good = rules >= 0;

    for (int i = 0; good && read[i] != NULL; i++)
        good = allow(rules, read[i], READ_ALL);
    for (int i = 0; good && written[i] != NULL; i++)
        good = allow(rules, written[i], write_all);
    for (size_t i = 0; good && i < sizeof DEVICES / sizeof *DEVICES; i++)
        good = allow(rules, DEVICES[i], (READ_FILE | WRITE_FILE | TRUNCATE) & ruleset.files);
    if (good)
        return fcntl(rules, F_SETFD, FD_CLOEXEC) < 0 ? -1 : rules;
    if (rules >= 0)
        close(rules);
    return -1;
}

bool landlock_apply(int rules)
{
    return syscall(NR_restrict_self, rules, 0) == 0;
}

bool landlock_enclose(void)
{
    struct ruleset ruleset = {.scopes = 2}; /* signals */
    int rules = (int)syscall(NR_create_ruleset, &ruleset, sizeof ruleset, 0);
    bool good = rules >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && landlock_apply(rules);

    if (rules >= 0)
        close(rules);
    return good;
}
