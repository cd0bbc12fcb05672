/* Rows of blocks as an Arrow record batch, which is how they travel between processes:
 *
 *   share    int32    the partition that gets the row
 *   stream   int32    of the rebuild (batch/rebuild/rebuild_job.h); -1: a part's summary
 *   sequence int64    place within the stream
 *   block    binary
 *
 * Private to batch/. */
#pragma once

#include "arrow_abi.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARROW_STREAM_SUMMARY (-1)

struct arrow_row {
    int32_t share, stream;
    int64_t sequence;
    struct text block;
};

/* Rows on their way out. */
struct arrow_blocks;
struct arrow_blocks *arrow_blocks_new(void);
void arrow_blocks_free(struct arrow_blocks *blocks); /* NULL is allowed */
/* Copies the block. */
void arrow_blocks_add(struct arrow_blocks *blocks, const struct arrow_row *row);
/* Bytes of the blocks; INT32_MAX at most, which the caller sees to. */
size_t arrow_blocks_bytes(const struct arrow_blocks *blocks);
size_t arrow_blocks_count(const struct arrow_blocks *blocks);
/* Moves the rows to a batch, which its consumer releases, and begins anew. */
void arrow_blocks_export(struct arrow_blocks *blocks, struct ArrowSchema *ret_schema,
                         struct ArrowArray *ret_array);

/* Rows that came. The batch stays the caller's, and rows point into it. ERROR_INVALID: its columns
 * are not those above, or a value is null. */
struct arrow_rows {
    const int32_t *shares, *streams;
    const int64_t *sequences;
    const void *offsets; /* of 32 bits, or of 64 */
    const char *bytes;
    bool is_large;
    size_t count;
};
int arrow_rows_of(const struct ArrowSchema *schema, const struct ArrowArray *array,
                  struct arrow_rows *ret_rows, struct error *ret_error);
struct arrow_row arrow_rows_at(const struct arrow_rows *rows, size_t index);

/* The order in which a shuffle hands rows to a task: by stream and, within one, by sequence. */
struct arrow_order { /* zeros: no row came yet */
    bool has_row;
    int32_t stream; /* of the last row */
    int64_t sequence;
};
/* Takes note of a row. 1: it begins a stream; 0: it goes on with one. ERROR_INVALID: it should have
 * come before the last one. */
int arrow_order_next(struct arrow_order *order, const struct arrow_row *row,
                     struct error *ret_error);
