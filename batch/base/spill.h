/* Many streams of small pieces, kept in memory up to a limit and beyond it in a file.
 *
 * Writers, one per thread, fill a block for each stream; a full block is handed over to the stream.
 * What a stream holds is read block by block, when all writers are closed. The file has no name:
 * the system removes it whatever happens to the process. */
#pragma once

#include "core/base/error.h"
#include "core/base/prefetch.h"

#include <stddef.h>
#include <stdint.h>

struct spill;

struct spill_options {
    size_t streams;
    size_t writers;
    size_t block_bytes; /* whole pages; the largest piece must fit */
    size_t limit_bytes; /* of memory, the blocks being filled included */
    /* Makes an empty file and returns its descriptor, when the first block has to go to one. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct spill *spill_new(const struct spill_options *options);
void spill_free(struct spill *spill); /* NULL is allowed */

/* ---- writing ---- */

/* A block that is being filled. */
struct spill_open {
    uint8_t *at;  /* where the next piece goes; NULL: there is no block */
    size_t left;  /* bytes from there on */
    int64_t note; /* the caller's; 0 whenever a block is begun */
    uint8_t *bytes;
    uint64_t order; /* by which blocks are read */
};

struct spill_writer {
    struct spill_open *open; /* one per stream */
    struct spill *spill;
    uint32_t turn, begun; /* begun: blocks, in all */
    uint8_t *chunk;       /* of which blocks are cut */
    size_t chunk_left;
};

struct spill_writer *spill_writer_open(struct spill *spill);
/* Hands over what is in unfinished blocks. */
int spill_writer_close(struct spill_writer *writer, struct error *ret_error);
/* Instead, after a failure: throws that away. NULL is allowed. */
void spill_writer_abandon(struct spill_writer *writer);

/* What is put from here on belongs behind what is put in lesser turns, whoever puts it: blocks are
 * read by the turn in which they were begun. Of a writer that goes from turn to turn in order,
 * everything is read in the order in which it was put. */
static inline void spill_select(struct spill_writer *writer, uint32_t turn) {
    writer->turn = turn;
}

/* A block with room for `size` bytes, which it is by itself; NULL: *ret_error is filled. */
struct spill_open *spill_begin_block(struct spill_writer *writer, size_t stream, size_t size,
                                     struct error *ret_error);

/* Room for a piece of up to `size` bytes at the end of the stream: ->at; spill_put() then says how
 * many were used. NULL: *ret_error is filled. */
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
    /* There are more streams than the processor foresees: what the next piece will reach into. */
    prefetch(open->at + 64);
}

/* ---- reading: any thread, one thread per stream ---- */

struct spill_block {
    const uint8_t *bytes; /* NULL: in the file */
    uint64_t offset;      /* there */
    size_t length;
    uint64_t order;
};
size_t spill_blocks(struct spill *spill, size_t stream, const struct spill_block **ret_blocks);
uint64_t spill_bytes(const struct spill *spill, size_t stream);
/* Copies a block that is in the file. */
int spill_read(const struct spill *spill, const struct spill_block *block, uint8_t *ret_bytes,
               struct error *ret_error);
/* The stream is not needed any more: its memory goes back to the system. */
void spill_forget(struct spill *spill, size_t stream);

/* How much went to the file. */
uint64_t spill_file_bytes(const struct spill *spill);
