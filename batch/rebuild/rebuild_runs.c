/* Runs are written once, front to back, and read once, front to back, several at a time: so one
 * buffer for writing and one window per run suffice, and the file needs no index. A thread reuses
 * its file from stream to stream. */
#include "rebuild_runs.h"

#include "core/store/archive/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RUN_WINDOW ((size_t)128 << 10)

void run_file_init(struct run_file *file, int (*make_file)(void *user, struct error *ret_error),
                   void *user) {
    *file = (struct run_file){.make_file = make_file, .user = user, .descriptor = -1};
    buffer_init(&file->waiting);
}

void run_file_deinit(struct run_file *file) {
    if (file->descriptor >= 0)
        close(file->descriptor);
    buffer_deinit(&file->waiting);
}

void run_file_clear(struct run_file *file) {
    file->bytes = 0;
}

static int write_waiting(struct run_file *file, struct error *ret_error) {
    if (file->descriptor < 0) {
        int descriptor = file->make_file(file->user, ret_error);
        if (descriptor < 0)
            return descriptor;
        file->descriptor = descriptor;
    }
    const struct buffer *waiting = &file->waiting;
    if (file_write_at(file->descriptor, waiting->bytes, waiting->length, file->bytes) < 0)
        return error_set_errno(ret_error, errno, "cannot write a temporary file");
    file->bytes += waiting->length;
    buffer_clear(&file->waiting);
    return 0;
}

void state_run_begin(const struct run_file *file, struct state_run *ret_run) {
    *ret_run = (struct state_run){.window.offset = file->bytes};
}

int state_run_add(struct run_file *file, struct text key, struct text state, bool is_late,
                  struct error *ret_error) {
    uint16_t lengths[2] = {(uint16_t)key.length, is_late};
    buffer_append(&file->waiting, lengths, 4);
    buffer_append_u32(&file->waiting, (uint32_t)state.length);
    buffer_append(&file->waiting, key.data, key.length);
    buffer_append(&file->waiting, state.data, state.length);
    return file->waiting.length >= RUN_WINDOW ? write_waiting(file, ret_error) : 0;
}

int state_run_end(struct run_file *file, struct state_run *run, struct error *ret_error) {
    int r = write_waiting(file, ret_error);
    run->window.end = file->bytes;
    return r;
}

void state_run_close(struct state_run *run) {
    buffer_deinit(&run->window.bytes);
}

int state_run_next(const struct run_file *file, struct state_run *run, struct error *ret_error) {
    struct run_window *window = &run->window;
    run->has_state = !run_window_is_at_end(window);
    if (!run->has_state)
        return 0;
    int r = run_window_fill(window, file->descriptor, RUN_HEAD, RUN_WINDOW, ret_error);
    if (r < 0)
        return r;
    uint16_t lengths[2];
    uint32_t state_length;
    memcpy(lengths, run_window_bytes(window), 4);
    memcpy(&state_length, run_window_bytes(window) + 4, 4);
    size_t size = RUN_HEAD + (size_t)lengths[0] + state_length;
    r = run_window_fill(window, file->descriptor, size, RUN_WINDOW, ret_error);
    if (r < 0)
        return r;
    const char *at = (const char *)run_window_bytes(window) + RUN_HEAD;
    run->key = (struct text){.data = at, .length = lengths[0]};
    run->state = (struct text){.data = at + lengths[0], .length = state_length};
    run->is_late = lengths[1];
    window->at += size;
    return 0;
}
