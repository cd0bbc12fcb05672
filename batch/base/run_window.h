/* A buffered reader of one sorted run in a scratch file: reads ahead in large pieces and makes the
 * next bytes available in one piece of memory. Many runs of a file can be read at once. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct with offset and end set is valid. */
struct run_window {
    uint64_t offset, end; /* in the file: what is not in the window yet */
    struct buffer bytes;
    size_t at; /* in the bytes; the reader advances it */
};

/* Makes `wanted` bytes from ->at on available; the run must have them. Bytes returned before may
 * move. read_bytes: how much to read at a time, at least. */
int run_window_fill(struct run_window *window, int file, size_t wanted, size_t read_bytes,
                    struct error *ret_error);

static inline const uint8_t *run_window_bytes(const struct run_window *window) {
    return window->bytes.bytes + window->at;
}

static inline bool run_window_is_at_end(const struct run_window *window) {
    return window->at == window->bytes.length && window->offset == window->end;
}
