/* The child is spawned, not forked: replay has many threads. Both of its outputs come back
 * through one pipe, so that whatever it says last, from Python or from this protocol, is there
 * when it fails.
 *
 * Writes block when the child is slower; that is the only flow control. A child that ends early
 * shows as a failed write (SIGPIPE is ignored in main.c), and its last line becomes the error's
 * text. */
#include "parquet_pipe.h"

#include "column_batch.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM    "harrier-parquet"
#define PIPE_BYTES (1 << 20)
#define SAID_MAX   4096

struct parquet_pipe {
    char *name;
    pid_t child; /* 0: it was waited for */
    int to, from;
    struct column_batch batch;
    uint64_t rows;
    char said[SAID_MAX]; /* the last line that the child wrote */
};

extern char **environ;

bool parquet_is_name(const char *path) {
    static const char suffix[] = ".parquet";
    size_t length = strlen(path), tail = sizeof suffix - 1;
    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

/* ---- the child ---- */

/* Beside the program that runs; the name alone, to be looked for in PATH, when it is not there. */
static char *find_program(void) {
    char *self = realpath("/proc/self/exe", NULL), *beside = NULL;
    if (self) {
        *strrchr(self, '/') = '\0';
        check(asprintf(&beside, "%s/" PROGRAM, self) > 0);
        free(self);
        if (access(beside, X_OK) == 0)
            return beside;
        free(beside);
    }
    return text_copy(TEXT_LITERAL(PROGRAM));
}

/* Returns an errno value. The child gets the pipes as standard input and outputs; all other
 * descriptors close by O_CLOEXEC. */
static int spawn(struct parquet_pipe *pipe, const char *path, int input, int output) {
    char *program = find_program(), *target = text_copy(text_of(path));
    char *arguments[] = {program, target, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    int failed = posix_spawnp(&pipe->child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(program);
    free(target);
    return failed;
}

/* Pipes to the child and back. Returns an errno value. */
static int start(struct parquet_pipe *pipe, const char *path) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(from, O_CLOEXEC) != 0) {
        int failed = errno;
        close(to[0]);
        close(to[1]);
        return failed;
    }
    int failed = spawn(pipe, path, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    pipe->to = to[1];
    pipe->from = from[0];
    /* Not all of it is granted everywhere; then it is slower. */
    fcntl(pipe->to, F_SETPIPE_SZ, PIPE_BYTES);
    return failed;
}

/* The next line that is not empty, without its end; false: there is none. What is longer is cut. */
static bool hear(struct parquet_pipe *pipe) {
    char line[SAID_MAX];
    size_t length = 0;
    for (;;) {
        char byte;
        ssize_t got = read(pipe->from, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 1 && byte != '\n') {
            if (length < sizeof line - 1)
                line[length++] = byte;
            continue;
        }
        if (length > 0) {
            memcpy(pipe->said, line, length);
            pipe->said[length] = '\0';
            return true;
        }
        if (got <= 0)
            return false;
    }
}

/* The child's status, 0 if it was waited for already. No zombie is left on any path. */
static int wait_for(struct parquet_pipe *pipe) {
    int status = 0;
    while (pipe->child && waitpid(pipe->child, &status, 0) < 0 && errno == EINTR)
        ;
    pipe->child = 0;
    return status;
}

/* Tells the child that nothing more comes. */
static void close_input(struct parquet_pipe *pipe) {
    if (pipe->to >= 0)
        close(pipe->to);
    pipe->to = -1;
}

/* The child has been waited for. */
static void free_pipe(struct parquet_pipe *pipe) {
    close_input(pipe);
    if (pipe->from >= 0)
        close(pipe->from);
    column_batch_deinit(&pipe->batch);
    free(pipe->name);
    free(pipe);
}

void parquet_pipe_abort(struct parquet_pipe *pipe) {
    if (!pipe)
        return;
    if (pipe->child)
        kill(pipe->child, SIGTERM);
    wait_for(pipe);
    free_pipe(pipe);
}

/* It has ended, or will as soon as nothing comes any more: why, in its own words. */
static int report_failure(struct parquet_pipe *pipe, struct error *ret_error) {
    close_input(pipe);
    while (hear(pipe))
        ;
    int status = wait_for(pipe);
    if (WIFSIGNALED(status))
        return error_set(ret_error, ERROR_SYSTEM,
                         "cannot write %s: " PROGRAM " was ended by signal %d (%s)", pipe->name,
                         WTERMSIG(status), strsignal(WTERMSIG(status)));
    return error_set(ret_error, ERROR_SYSTEM, "cannot write %s: %s", pipe->name,
                     pipe->said[0] ? pipe->said : PROGRAM " ended without a message");
}

/* ---- what goes to it ---- */

/* All of them, or the failure as report_failure() words it. */
static int send_bytes(struct parquet_pipe *pipe, const void *bytes, size_t length,
                      struct error *ret_error) {
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t sent = write(pipe->to, at, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return report_failure(pipe, ret_error);
        at += sent;
        length -= (size_t)sent;
    }
    return 0;
}

/* Names, types and metadata, from which the child makes the Parquet schema. */
static int send_header(struct parquet_pipe *pipe, const struct parquet_column *columns,
                       struct text metadata, struct error *ret_error) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_begin_array(&line, "columns");
    for (size_t i = 0; i < pipe->batch.column_count; i++) {
        const char *type = columns[i].is_amount ? "amount" : value_type_name(columns[i].type);
        json_begin_object(&line, NULL);
        json_add_text(&line, "name", columns[i].name);
        json_add_text(&line, "type", text_of(type));
        json_end_object(&line);
    }
    json_end_array(&line);
    json_add_key(&line, TEXT_LITERAL("metadata"));
    buffer_append(&line, metadata.data, metadata.length);
    json_end_object(&line);
    buffer_append_u8(&line, '\n');
    int r = send_bytes(pipe, line.bytes, line.length, ret_error);
    buffer_deinit(&line);
    return r;
}

/* The size is sent first, so that the child can read the batch in one piece. */
static int send_batch(struct parquet_pipe *pipe, struct error *ret_error) {
    struct column_batch *batch = &pipe->batch;
    struct column_part parts[COLUMN_PARTS_MAX];
    uint64_t bytes = 0;
    for (size_t i = 0; i < batch->column_count; i++)
        for (size_t count = column_batch_parts(batch, i, parts); count > 0; count--)
            bytes += parts[count - 1].length;
    uint8_t head[16];
    store_u32(head, batch->rows);
    store_u32(head + 4, (uint32_t)batch->column_count);
    store_u64(head + 8, bytes);
    int r = send_bytes(pipe, head, sizeof head, ret_error);
    for (size_t i = 0; i < batch->column_count && r == 0; i++) {
        size_t count = column_batch_parts(batch, i, parts);
        for (size_t part = 0; part < count && r == 0; part++)
            r = send_bytes(pipe, parts[part].bytes, parts[part].length, ret_error);
    }
    pipe->rows += batch->rows;
    column_batch_clear(batch);
    return r;
}

/* Waits for "ready": a missing pyarrow is reported before the replay, not after it. */
int parquet_pipe_open(const struct draft_file *draft, const struct parquet_column *columns,
                      size_t column_count, struct text metadata, struct parquet_pipe **ret_pipe,
                      struct error *ret_error) {
    struct parquet_pipe *pipe = check_calloc(1, sizeof *pipe);
    enum value_type *types = check_calloc(column_count, sizeof *types);
    for (size_t i = 0; i < column_count; i++)
        types[i] = columns[i].type;
    column_batch_init(&pipe->batch, types, column_count);
    free(types);
    pipe->name = text_copy(text_of(draft->path));
    pipe->to = pipe->from = -1;
    int r = 0, failed = start(pipe, draft->draft ? draft->draft : draft->path);
    if (failed) {
        pipe->child = 0;
        r = error_set_errno(ret_error, failed,
                            "cannot write %s: cannot start " PROGRAM
                            ", which is installed next to harrier and writes Parquet",
                            draft->path);
    }
    while (r == 0 && strcmp(pipe->said, "ready") != 0)
        if (!hear(pipe))
            r = report_failure(pipe, ret_error);
    pipe->said[0] = '\0';
    if (r == 0)
        r = send_header(pipe, columns, metadata, ret_error);
    if (r < 0) {
        parquet_pipe_abort(pipe);
        return r;
    }
    *ret_pipe = pipe;
    return 0;
}

int parquet_pipe_add(struct parquet_pipe *pipe, struct text row, struct error *ret_error) {
    if (pipe->to < 0)
        return error_set(ret_error, ERROR_SYSTEM, "cannot write %s", pipe->name);
    column_batch_add(&pipe->batch, row);
    return pipe->batch.is_full ? send_batch(pipe, ret_error) : 0;
}

/* A head without rows, and how many there were in all: the child compares. */
static int send_end(struct parquet_pipe *pipe, struct error *ret_error) {
    uint8_t end[24] = {0};
    store_u64(end + 16, pipe->rows);
    int r = send_bytes(pipe, end, sizeof end, ret_error);
    close_input(pipe);
    return r;
}

/* "done" and the number of rows must come, and the exit status be 0: anything else is not a whole
 * file. */
static int hear_done(struct parquet_pipe *pipe, struct error *ret_error) {
    char expected[32];
    bool is_done = false;
    snprintf(expected, sizeof expected, "done %" PRIu64, pipe->rows);
    while (hear(pipe))
        is_done = is_done || strcmp(pipe->said, expected) == 0;
    if (!is_done)
        return report_failure(pipe, ret_error);
    int status = wait_for(pipe);
    if (status == 0)
        return 0;
    return error_set(ret_error, ERROR_SYSTEM, "cannot write %s: " PROGRAM " exited with status %d",
                     pipe->name, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

int parquet_pipe_close(struct parquet_pipe *pipe, struct error *ret_error) {
    int r = 0;
    if (pipe->to < 0)
        r = error_set(ret_error, ERROR_SYSTEM, "cannot write %s", pipe->name);
    if (r == 0 && pipe->batch.rows > 0)
        r = send_batch(pipe, ret_error);
    if (r == 0)
        r = send_end(pipe, ret_error);
    if (r == 0)
        r = hear_done(pipe, ret_error);
    if (r < 0) {
        parquet_pipe_abort(pipe);
        return r;
    }
    free_pipe(pipe);
    return 0;
}
