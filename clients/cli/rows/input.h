/* The bytes of a file or of standard input, plain or zstd-compressed: the first bytes say which. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Where readers of a format get their bytes: embedded in an input, or in a test's array. */
struct byte_source {
    /* 1: *ret_chunk is the next run of bytes, not empty, valid until the next call; 0: the end. */
    int (*read)(struct byte_source *self, struct text *ret_chunk, struct error *ret_error);
};

struct input;

/* "-" is standard input. ERROR_NOT_FOUND, ERROR_SYSTEM; ERROR_UNSUPPORTED for other compressions.
 */
int input_open(const char *path, struct input **ret_input, struct error *ret_error);
void input_close(struct input *input); /* NULL is allowed */

/* From here on reading ends with ERROR_INTERRUPTED soon after *stop has become true, also where it
 * waits for the writer of a pipe. */
void input_stop_at(struct input *input, const atomic_bool *stop);

/* Does this path lead to the file that is read? Then writing there would destroy it. */
bool input_is_at(const struct input *input, const char *path);

struct byte_source *input_bytes(struct input *input);
const char *input_name(const struct input *input); /* for messages: the path, or "stdin" */

/* Bytes read so far as they are on disk, and how many there are; total 0: unknown (a pipe). */
void input_extent(const struct input *input, uint64_t *ret_done, uint64_t *ret_total);
