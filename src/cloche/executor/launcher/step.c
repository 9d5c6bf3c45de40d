#define _GNU_SOURCE
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "charged.h"
#include "ending.h"
#include "measure.h"
#include "program.h"

#define REAP_TIMEOUT_US 5000000
#define SAMPLE_SHORTEST_US 20000
#define SAMPLE_LONGEST_US 500000

static const char *const KILLED_BY[] = {"none", "wall", "cpu", "memory", "output", "deadline", "cancel"};

static bool parse_limit(struct limits *limits, const char *key, const char *value)
{
    struct {
        const char *key;
        long long *to;
    } known[] = {
        {"wall_ms", &limits->wall_ms},           {"cpu_ms", &limits->cpu_ms},
        {"memory_bytes", &limits->memory_bytes}, {"sample_memory", &limits->sample_memory},
        {"output_bytes", &limits->output_bytes}, {"file_bytes", &limits->file_bytes},
        {"open_files", &limits->open_files},     {"stack_bytes", &limits->stack_bytes},
        {"processes", &limits->processes},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(key, known[i].key) == 0)
            return field_number(value, known[i].to);
    return false;
}

bool request_parse(struct frame *frame, struct request *out)
{
    struct fields fields = {frame->payload, frame->payload + frame->length};
    size_t room = 1, arguments = 0, variables = 0;
    char *key, *value;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i + 1 < frame->length && (frame->payload[i] != '\0' || frame->payload[i + 1] != '\0'); i++)
        room += frame->payload[i] == '\0';
    out->argv = calloc(room + 2, sizeof *out->argv);
    out->envp = calloc(room + 2, sizeof *out->envp);
    if (out->argv == NULL || out->envp == NULL)
        return false;
    while (field_next(&fields, &key, &value)) {
        if (strcmp(key, "arg") == 0)
            out->argv[arguments++] = value;
        else if (strcmp(key, "env") == 0)
            out->envp[variables++] = value;
        else if (strcmp(key, "live") == 0)
            out->live = strcmp(value, "1") == 0;
        else if (!parse_limit(&out->limits, key, value))
            return false;
    }
    out->input = fields.at;
    out->input_length = (size_t)(fields.end - fields.at);
    return arguments > 0 && out->limits.wall_ms > 0 && out->limits.cpu_ms > 0;
}

void request_release(struct request *request)
{
    free(request->argv);
    free(request->envp);
    request->argv = request->envp = NULL;
}

bool step_start(struct step *step, const struct request *request, const struct cell *cell, int work)
{
    struct program program = {request->argv, request->envp, &request->limits, cell, work};
    struct pipes pipes;

    memset(step, 0, sizeof *step);
    cgroup_reset(cell);
    charged_cpu_restart(cell);
    step->cell = cell;
    step->limits = request->limits;
    step->killed_us = -1;
    step->started_us = now_us();
    step->main = program_start(&program, &pipes, &step->exec_errno);
    if (step->main < 0)
        return false;
    step->running = true;
    step->input_fd = pipes.input;
    step->input = request->input;
    step->input_left = request->input_length;
    step->live = request->live;
    step->streams[0] = (struct stream){.type = 'o', .fd = pipes.output};
    step->streams[1] = (struct stream){.type = 'e', .fd = pipes.error};
    step->next_sample_us = step->started_us + SAMPLE_SHORTEST_US;
    if (!step->limits.sample_memory && step->limits.cpu_ms * 1000 / 2 > SAMPLE_SHORTEST_US)
        step->next_sample_us = step->started_us + SAMPLE_SHORTEST_US * 5;
    return true;
}

static void collect(struct step *step, pid_t pid, int status, const struct rusage *used)
{
    step->reaped_cpu_us += (long long)used->ru_utime.tv_sec * 1000000 + used->ru_utime.tv_usec +
                           (long long)used->ru_stime.tv_sec * 1000000 + used->ru_stime.tv_usec;
    /* gVisor counts what it has set aside, such as 2 MiB for the stack of each thread, used or not. */
    if (!step->cell->gvisor && used->ru_maxrss > step->max_rss)
        step->max_rss = used->ru_maxrss;
    if (pid == step->main) {
        step->status = status;
        step->main = 0;
        step_stalled(step, false);
        step->wall_us = now_us() - step->started_us - step->stalled_us;
    }
}

static void end_all(struct step *step)
{
    const struct timespec pause = {.tv_nsec = 100000};
    long long give_up = now_us() + REAP_TIMEOUT_US;
    struct rusage used;
    int status;
    pid_t pid;

    if (!without("kill-tree"))
        cell_kill(step->cell);
    else if (step->main != 0)
        kill(step->main, SIGKILL);
    while (!(without("kill-tree") && step->main == 0) && (pid = wait4(-1, &status, WNOHANG, &used)) >= 0) {
        if (pid > 0) {
            collect(step, pid, status, &used);
        } else if (now_us() > give_up) {
            cell_leave(4); /* a process that SIGKILL does not end: the executor sees a lost cell */
        } else {
            nanosleep(&pause, NULL);
            if (!without("kill-tree"))
                cell_kill(step->cell);
        }
    }
    step->running = false;
    if (step->input_fd >= 0)
        close(step->input_fd);
    step->input_fd = -1;
    step->input_left = 0;
}

void step_reap(struct step *step)
{
    struct rusage used;
    int status;
    pid_t pid;

    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
        collect(step, pid, status, &used);
    if (step->running && step->main == 0)
        end_all(step);
}

void step_kill(struct step *step, enum killed reason)
{
    if (!step->running)
        return;
    step_reap(step); /* a program that has just ended by itself was not killed */
    if (!step->running)
        return;
    step->killed = reason;
    step_stalled(step, false); /* counted up to now; whoever is slow is noticed again */
    step->killed_us = now_us() - step->started_us - step->stalled_us;
    end_all(step);
}

static long long own_cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000000ll + used.tv_nsec / 1000;
}

static long long larger(long long one, long long other)
{
    return one > other ? one : other;
}

static long long sample(struct step *step)
{
    long long limit_us = step->limits.cpu_ms * 1000, began_us = own_cpu_us(), wait, cost;
    struct sample seen = measure_tree(step->cell, step->limits.sample_memory);
    long long total = larger(step->reaped_cpu_us + seen.cpu_us, charged_cpu_us());

    if (step->limits.sample_memory && seen.memory_bytes > step->limits.memory_bytes)
        seen.memory_bytes = measure_memory(step->cell);
    if (step->limits.sample_memory)
        seen.memory_bytes = larger(seen.memory_bytes, charged_memory(step->cell));
    if (total > step->seen_cpu_us)
        step->seen_cpu_us = total;
    if (seen.memory_bytes > step->sampled_peak)
        step->sampled_peak = seen.memory_bytes;
    if (step->seen_cpu_us >= limit_us)
        step_kill(step, KILLED_CPU);
    else if (step->limits.sample_memory && seen.memory_bytes > step->limits.memory_bytes)
        step_kill(step, KILLED_MEMORY);
    wait = (limit_us - step->seen_cpu_us) / sysconf(_SC_NPROCESSORS_ONLN);
    if (step->limits.sample_memory || wait < SAMPLE_SHORTEST_US)
        wait = SAMPLE_SHORTEST_US;
    if (wait > SAMPLE_LONGEST_US)
        wait = SAMPLE_LONGEST_US;
    cost = (own_cpu_us() - began_us) * 10; /* a tree of thousands must not make us busy, nor a busy one keep us off */
    step->next_sample_us = now_us() + (wait > cost ? wait : cost);
    return step->next_sample_us;
}

long long step_check(struct step *step)
{
    long long now = now_us(), wall, next;

    if (!step->running)
        return LLONG_MAX;
    wall = step->started_us + step->stalled_us + step->limits.wall_ms * 1000;
    if (step->stalled_since_us == 0 && now >= wall) {
        step_kill(step, KILLED_WALL);
        return 0;
    }
    next = now >= step->next_sample_us ? sample(step) : step->next_sample_us;
    if (!step->running)
        return 0;
    if (step->stalled_since_us == 0 && wall < next)
        next = wall;
    return next > now ? next - now : 0;
}

void step_feed(struct step *step)
{
    while (step->input_left > 0) {
        ssize_t put = write(step->input_fd, step->input, step->input_left);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0)
            break;
        step->input += put;
        step->input_left -= (size_t)put;
    }
    if (step->live && step->input_left == 0)
        return;
    step->input_left = 0;
    close(step->input_fd);
    step->input_fd = -1;
}

void step_input(struct step *step, const char *input, size_t length)
{
    step->owed = true;
    step->live = length > 0;
    if (step->input_fd < 0)
        return;
    step->input = input;
    step->input_left = length;
    step_feed(step);
}

/* As much as is there, up to a frame: a pipe in packet mode gives single bytes. -1: nothing now; 0: ended. */
static ssize_t read_available(int fd, char *to)
{
    size_t have = 0;
    ssize_t got = 1;

    while (have < MAX_OUT && got > 0) {
        got = read(fd, to + have, MAX_OUT - have);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            have += (size_t)got;
    }
    return have > 0 ? (ssize_t)have : got;
}

bool step_relay(struct step *step, struct stream *stream)
{
    long long room = step->limits.output_bytes - stream->kept, keep;
    ssize_t got = read_available(stream->fd, frame_reserve());

    if (got < 0 && errno == EAGAIN && step->running)
        return false;
    if (got <= 0) { /* nobody is left to write: empty means ended */
        close(stream->fd);
        stream->fd = -1;
        return false;
    }
    keep = got < room ? got : room;
    stream->written += got;
    stream->kept += keep;
    if (keep > 0)
        frame_commit(stream->type, (size_t)keep);
    if (stream->written > step->limits.output_bytes) {
        step_kill(step, KILLED_OUTPUT);
        if (step->killed == KILLED_NONE)
            step->killed = KILLED_OUTPUT; /* it ended by itself, leaving too much in the pipe */
    }
    return true;
}

void step_stalled(struct step *step, bool stalled)
{
    if (stalled && step->stalled_since_us == 0 && step->main != 0)
        step->stalled_since_us = now_us();
    if (!stalled && step->stalled_since_us != 0) {
        step->stalled_us += now_us() - step->stalled_since_us;
        step->stalled_since_us = 0;
    }
}

void step_report(const struct step *step)
{
    struct cgroup_memory memory = cgroup_read();
    bool started = step->exec_errno == 0;
    long long cpu_us = larger(larger(step->reaped_cpu_us, step->seen_cpu_us), charged_cpu_us());

    frame_send('D',
               "exit_code=%d\nsignal=%d\nkilled=%s\nkilled_after_us=%lld\nexec_errno=%d\nwall_us=%lld\ncpu_us=%lld\n"
               "max_rss=%lld\n"
               "memory_peak=%lld\noom_kills=%lld\nsampled_peak=%lld\n"
               "out_written=%lld\nout_kept=%lld\nerr_written=%lld\nerr_kept=%lld\n",
               started && WIFEXITED(step->status) ? WEXITSTATUS(step->status) : -1,
               started && WIFSIGNALED(step->status) ? WTERMSIG(step->status) : -1, KILLED_BY[step->killed],
               step->killed_us, step->exec_errno, step->wall_us, cpu_us, step->max_rss * 1024, memory.peak_bytes, memory.oom_kills,
               step->sampled_peak, step->streams[0].written, step->streams[0].kept, step->streams[1].written,
               step->streams[1].kept);
}
