/* Many streams of small pieces, kept in memory up to a limit and beyond it in a file.
 *
 * Writers, one per thread, fill a block for each stream; a full block is handed over to the stream.
 * What a stream holds is read block by block, in no particular order, when all writers are closed.
 * The file has no name: the system removes it whatever happens to the process. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct spill;

struct spill_options {
    size_t streams;
    size_t writers;
    size_t block_bytes; /* the largest piece must fit */
    size_t limit_bytes; /* of memory, the blocks being filled included */
    /* Makes an empty file and returns its descriptor, when the first block has to go to one. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct spill *spill_new(const struct spill_options *options);
void spill_free(struct spill *spill); /* NULL is allowed */

struct spill_writer;
struct spill_writer *spill_writer_open(struct spill *spill);
/* Hands over what is in unfinished blocks. */
int spill_writer_close(struct spill_writer *writer, struct error *ret_error);
void spill_writer_abandon(struct spill_writer *writer); /* after a failure; NULL is allowed */

/* Room for a piece of up to `size` bytes at the end of the stream; spill_put() then says how many
 * were used. NULL: *ret_error is filled. */
uint8_t *spill_room(struct spill_writer *writer, size_t stream, size_t size,
                    struct error *ret_error);
void spill_put(struct spill_writer *writer, size_t stream, size_t used);

/* Reading: any thread, one thread per stream. */
struct spill_block {
    const uint8_t *bytes; /* NULL: in the file */
    uint64_t offset;      /* there */
    size_t length;
};
size_t spill_blocks(const struct spill *spill, size_t stream,
                    const struct spill_block **ret_blocks);
uint64_t spill_bytes(const struct spill *spill, size_t stream);
/* Copies a block that is in the file. */
int spill_read(const struct spill *spill, const struct spill_block *block, uint8_t *ret_bytes,
               struct error *ret_error);
/* The stream is not needed any more: its blocks go back to the system. */
void spill_forget(struct spill *spill, size_t stream);

/* How much went to the file. */
uint64_t spill_file_bytes(const struct spill *spill);
