/* Many byte streams of small records, kept in memory up to a limit and in a file beyond it: the
 * partitioned intermediate data between the scan and the fold of a rebuild.
 *
 * Each thread has a writer, and each writer one open block per stream; a full block is handed over
 * to the stream. Streams are read block by block once all writers are closed. The file is unlinked
 * when it is created, so nothing is left behind if the process dies. */
#pragma once

#include "core/base/error.h"
#include "core/base/prefetch.h"

#include <stddef.h>
#include <stdint.h>

struct spill;

struct spill_options {
    size_t streams;
    size_t writers;
    size_t block_bytes; /* a multiple of the page size; the largest record must fit */
    size_t limit_bytes; /* of memory, including the blocks being filled */
    /* Creates an empty file and returns its descriptor, which the spill closes. Called under the
     * spill's lock, when the first block does not fit. < 0 with *ret_error filled. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct spill *spill_new(const struct spill_options *options);
void spill_free(struct spill *spill); /* NULL is allowed */

/* ---- writing ---- */

/* A block that is being filled. */
struct spill_open {
    uint8_t *at;  /* where the next record goes; NULL: no block is open */
    size_t left;  /* bytes from there on */
    int64_t note; /* the caller's, reset to 0 with each block: the base of its delta encoding */
    uint8_t *bytes;
    uint64_t order; /* sequence × 2^32 + number of the block within its writer */
};

struct spill_writer {
    struct spill_open *open; /* one per stream */
    struct spill *spill;
    uint32_t sequence; /* of the blocks begun from here on */
    uint32_t begun;    /* blocks, of all streams */
    uint8_t *chunk;    /* of memory, which blocks are cut from */
    size_t chunk_left;
};

struct spill_writer *spill_writer_open(struct spill *spill);
/* Hands over the unfinished blocks and frees the writer, after a failure, too. */
int spill_writer_close(struct spill_writer *writer, struct error *ret_error);
/* Frees the writer and drops its unfinished blocks: after a failure. NULL is allowed. */
void spill_writer_abandon(struct spill_writer *writer);

/* Blocks of a stream are read in ascending order of the sequence number in which they were begun,
 * whichever writer filled them. The scan uses the segment's number, so a stream is read nearly in
 * archive order. A writer whose numbers only rise is read exactly in the order in which it wrote.
 */
static inline void spill_set_sequence(struct spill_writer *writer, uint32_t sequence) {
    writer->sequence = sequence;
}

/* The slow path of spill_room(): hands over the full block and opens another. NULL: *ret_error is
 * filled. */
struct spill_open *spill_begin_block(struct spill_writer *writer, size_t stream, size_t size,
                                     struct error *ret_error);

/* Room for a record of up to `size` bytes at ->at; spill_put() then commits the bytes used. NULL:
 * *ret_error is filled. */
static inline struct spill_open *spill_room(struct spill_writer *writer, size_t stream, size_t size,
                                            struct error *ret_error) {
    struct spill_open *open = &writer->open[stream];
    if (__builtin_expect(open->left < size, 0))
        return spill_begin_block(writer, stream, size, ret_error);
    return open;
}

static inline void spill_put(struct spill_open *open, size_t used) {
    open->at += used;
    open->left -= used;
    /* Hardware prefetching follows a few streams, not hundreds: fetch the next cache line by hand.
     */
    prefetch(open->at + 64);
}

/* ---- reading: any thread, one thread per stream ---- */

struct spill_block {
    const uint8_t *bytes; /* NULL: in the file */
    uint64_t offset;      /* there */
    size_t length;
    uint64_t order;
};
/* The stream's blocks in reading order; valid until spill_forget() for this stream. */
size_t spill_blocks(struct spill *spill, size_t stream, const struct spill_block **ret_blocks);
/* Bytes of all its blocks, in memory and in the file. */
uint64_t spill_bytes(const struct spill *spill, size_t stream);
/* Copies a block from the file to ret_bytes, which has room for block->length bytes. */
int spill_read(const struct spill *spill, const struct spill_block *block, uint8_t *ret_bytes,
               struct error *ret_error);
/* The stream is not needed any more: its pages go back to the system at once, so that folding a
 * stream and keeping the next ones do not add up. */
void spill_forget(struct spill *spill, size_t stream);

/* Bytes written to the file so far. */
uint64_t spill_file_bytes(const struct spill *spill);
