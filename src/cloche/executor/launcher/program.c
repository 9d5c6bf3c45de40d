#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "landlock.h"
#include "privileges.h"

static int rules = -1; /* Landlock's, shared by every program of the cell */
static enum filter_mode filter;

/* Tells the launcher why, through a pipe that a successful exec closes. */
static void fail(int report)
{
    int error = errno;

    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

/* Never above what we have ourselves: an ordinary user may only go down. */
static bool limit(int resource, long long value)
{
    struct rlimit have;
    rlim_t want = (rlim_t)value;

    if (getrlimit(resource, &have) < 0)
        return false;
    if (have.rlim_cur == want && have.rlim_max == want)
        return true;
    if (have.rlim_max != RLIM_INFINITY && want > have.rlim_max)
        want = have.rlim_max;
    have.rlim_cur = have.rlim_max = want;
    return setrlimit(resource, &have) == 0;
}

/* gVisor has no message queues and refuses to limit them. */
static bool limit_queues(void)
{
    return limit(RLIMIT_MSGQUEUE, 0) || errno == EPERM;
}

/* Where memory is only sampled, what one process may map at all: generous, as runtimes map more than they use. */
#define SAMPLED_SLACK (1ll << 30)

static bool set_limits(const struct limits *limits)
{
    /* A backstop of the kernel's, should we not get to run: the launcher kills the tree before. */
    long long cpu_s = limits->cpu_ms / 1000 + 2;

    /* Too little for a file; and, exactly 1, the only limit that keeps a dump from a helper of the host's that
     * core_pattern pipes it to, as root and outside of the cell. Source: coredump_pipe in Linux, fs/coredump.c. */
    return (without("limit-core") || limit(RLIMIT_CORE, 1)) &&
           (without("limit-fsize") || limit(RLIMIT_FSIZE, limits->file_bytes)) &&
           (without("limit-nofile") || limit(RLIMIT_NOFILE, limits->open_files)) &&
           (without("limit-stack") || limit(RLIMIT_STACK, limits->stack_bytes)) &&
           (without("limit-memlock") || limit(RLIMIT_MEMLOCK, 64 * 1024)) &&
           (limits->sample_memory == 0 || limit(RLIMIT_DATA, limits->memory_bytes + SAMPLED_SLACK)) && limit_queues() && limit(RLIMIT_RTPRIO, 0) &&
           limit(RLIMIT_CPU, cpu_s) && (limits->processes == 0 || limit(RLIMIT_NPROC, limits->processes));
}

static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* When memory runs out the kernel takes the program before the launcher. Not every /proc lets us say so.
 * /proc/self is ours while we are dumpable; exec makes us so anyway, and no other program runs yet. */
static void prefer_for_oom(void)
{
    int fd;

    if (without("oom-adjust"))
        return;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "900", 3) < 0)
        errno = 0;
    close(fd);
}

/* Linkers make what they built executable by chmod, which the filter refuses where the program's user is ours. */
static void make_executable(const char *built)
{
    int fd = open(built, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || fchmod(fd, (status.st_mode & 0777) | S_IXUSR) < 0)
        errno = 0;
    close(fd);
}

static void become(const struct program *program, const int ends[3], int report)
{
    if (!without("own-session") && setsid() < 0)
        fail(report);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(ends[fd], fd) < 0)
            fail(report);
    reset_signals();
    umask(022);
    if (!set_limits(program->limits) || !privileges_leave(program->cell) || fchdir(program->work) < 0)
        fail(report);
    prefer_for_oom();
    if (program->cell->kind == KIND_PROCESS)
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* no namespace ends it with the launcher */
    if (rules >= 0 && !landlock_apply(rules))
        fail(report);
    if ((filter & FILTER_SHARED_USER) && strncmp(program->argv[0], "./", 2) == 0)
        make_executable(program->argv[0]);
    if (!without("seccomp") && !filter_install(filter))
        fail(report);
    environ = program->envp;
    execvp(program->argv[0], program->argv);
    fail(report);
}

bool confine_programs(const struct cell *cell, const struct room *room)
{
    if (cell->kind == KIND_PROCESS)
        filter = FILTER_NO_SOCKETS | (cell->program_uid == 0 ? FILTER_SHARED_USER : 0);
    else
        filter = room->loopback || without("seccomp-sockets") ? FILTER_LOOPBACK : FILTER_UNIX_SOCKETS;
    if (cell->landlock == 0 || cell->read == NULL)
        return true;
    rules = landlock_rules(cell->read, cell->written, room->loopback);
    return rules >= 0;
}

static bool make_pipes(int fds[4][2])
{
    for (int i = 0; i < 4; i++)
        if (pipe2(fds[i], O_CLOEXEC) < 0) {
            while (i-- > 0) {
                close(fds[i][0]);
                close(fds[i][1]);
            }
            return false;
        }
    return true;
}

pid_t program_start(const struct program *program, struct pipes *pipes, int *exec_errno)
{
    int fds[4][2];
    pid_t pid;
    ssize_t got;

    if (!make_pipes(fds))
        return -1;
    pid = fork();
    if (pid == 0) {
        const int ends[3] = {fds[0][0], fds[1][1], fds[2][1]};

        become(program, ends, fds[3][1]);
    }
    close(fds[0][0]);
    close(fds[1][1]);
    close(fds[2][1]);
    close(fds[3][1]);
    *exec_errno = 0;
    do {
        got = read(fds[3][0], exec_errno, sizeof *exec_errno);
    } while (got < 0 && errno == EINTR);
    close(fds[3][0]);
    pipes->input = fds[0][1];
    pipes->output = fds[1][0];
    pipes->error = fds[2][0];
    if (pid < 0) {
        close(pipes->input);
        close(pipes->output);
        close(pipes->error);
        return -1;
    }
    if (!without("stdin-nonblocking"))
        fcntl(pipes->input, F_SETFL, O_NONBLOCK);
    fcntl(pipes->output, F_SETFL, O_NONBLOCK);
    fcntl(pipes->error, F_SETFL, O_NONBLOCK);
    return pid;
}
