#include "spill.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory is mapped in chunks of this many blocks, by the writer that needs one. MAP_POPULATE maps
 * all pages of a chunk in one system call instead of one fault each; spill_forget() returns them
 * block by block as streams are read. Huge pages were slower: clearing them cost more than they
 * saved. */
#define CHUNK_BLOCKS 16

struct stream {
    struct spill_block *blocks;
    size_t count, capacity;
    uint64_t bytes;
};

struct spill {
    struct spill_options options;
    pthread_mutex_t lock; /* of all that follows, while there are writers */
    struct stream *streams;
    size_t used_bytes; /* of memory, counting a block for each writer and stream */
    int file;          /* -1: none yet */
    uint64_t file_bytes;
    uint8_t **chunks;
    size_t chunk_count, chunk_capacity;
};

static size_t chunk_bytes(const struct spill *spill) {
    return CHUNK_BLOCKS * spill->options.block_bytes;
}

struct spill *spill_new(const struct spill_options *options) {
    struct spill *spill = check_calloc(1, sizeof *spill);
    spill->options = *options;
    check(options->block_bytes % (size_t)sysconf(_SC_PAGESIZE) == 0);
    lock_init(&spill->lock, LOCK_SPILL);
    spill->streams = check_calloc(options->streams, sizeof *spill->streams);
    spill->used_bytes =
        options->writers * (options->streams * options->block_bytes + chunk_bytes(spill));
    spill->file = -1;
    return spill;
}

void spill_free(struct spill *spill) {
    if (!spill)
        return;
    for (size_t i = 0; i < spill->options.streams; i++)
        free(spill->streams[i].blocks);
    for (size_t i = 0; i < spill->chunk_count; i++)
        munmap(spill->chunks[i], chunk_bytes(spill));
    if (spill->file >= 0)
        close(spill->file);
    pthread_mutex_destroy(&spill->lock);
    free(spill->chunks);
    free(spill->streams);
    free(spill);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

struct spill_writer *spill_writer_open(struct spill *spill) {
    struct spill_writer *writer = check_malloc(sizeof *writer);
    *writer = (struct spill_writer){.spill = spill};
    writer->open = check_calloc(spill->options.streams, sizeof *writer->open);
    return writer;
}

static void map_chunk(struct spill_writer *writer) {
    struct spill *spill = writer->spill;
    size_t size = chunk_bytes(spill);
    void *bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (bytes == MAP_FAILED)
        check_exhausted("memory for the records being read: set a lower --memory");
    writer->chunk = bytes;
    writer->chunk_left = size;
    pthread_mutex_lock(&spill->lock);
    if (spill->chunk_count == spill->chunk_capacity) {
        spill->chunk_capacity = spill->chunk_capacity ? 2 * spill->chunk_capacity : 64;
        spill->chunks =
            check_reallocarray(spill->chunks, spill->chunk_capacity, sizeof *spill->chunks);
    }
    spill->chunks[spill->chunk_count++] = bytes;
    pthread_mutex_unlock(&spill->lock);
}

static uint8_t *cut_block(struct spill_writer *writer) {
    size_t size = writer->spill->options.block_bytes;
    if (writer->chunk_left == 0)
        map_chunk(writer);
    uint8_t *block = writer->chunk;
    writer->chunk += size;
    writer->chunk_left -= size;
    return block;
}

/* Under the lock. */
static void add_block(struct spill *spill, size_t stream, struct spill_block block) {
    struct stream *to = &spill->streams[stream];
    if (to->count == to->capacity) {
        to->capacity = to->capacity ? 2 * to->capacity : 8;
        to->blocks = check_reallocarray(to->blocks, to->capacity, sizeof *to->blocks);
    }
    to->blocks[to->count++] = block;
    to->bytes += block.length;
}

/* Reserves `length` bytes at the end of the file. Under the lock; the write itself needs none,
 * since nobody else has this range. */
static int reserve_file(struct spill *spill, size_t length, uint64_t *ret_offset,
                        struct error *ret_error) {
    if (spill->file < 0) {
        int file = spill->options.make_file(spill->options.user, ret_error);
        if (file < 0)
            return file;
        spill->file = file;
    }
    *ret_offset = spill->file_bytes;
    spill->file_bytes += length;
    return 0;
}

/* Hands a block over to its stream. While the limit allows another block, the memory itself changes
 * hands; otherwise the bytes are written to the file and the writer keeps the memory to fill again.
 * used_bytes counts every writer's open blocks from the start, so closing writers need no more. */
static int hand_over(struct spill_writer *writer, size_t stream, bool closing,
                     struct error *ret_error) {
    struct spill *spill = writer->spill;
    struct spill_open *open = &writer->open[stream];
    struct spill_block block = {.length = (size_t)(open->at - open->bytes), .order = open->order};
    pthread_mutex_lock(&spill->lock);
    size_t more = closing ? 0 : spill->options.block_bytes;
    bool keep = closing || spill->used_bytes + more <= spill->options.limit_bytes;
    int r = 0;
    if (keep) {
        block.bytes = open->bytes;
        spill->used_bytes += more;
    } else {
        r = reserve_file(spill, block.length, &block.offset, ret_error);
    }
    if (r == 0)
        add_block(spill, stream, block);
    int file = spill->file;
    pthread_mutex_unlock(&spill->lock);
    if (r == 0 && !keep && file_write_at(file, open->bytes, block.length, block.offset) < 0)
        r = error_set_errno(ret_error, errno, "cannot write a temporary file");
    if (keep)
        open->bytes = NULL;
    return r;
}

struct spill_open *spill_begin_block(struct spill_writer *writer, size_t stream, size_t size,
                                     struct error *ret_error) {
    struct spill_open *open = &writer->open[stream];
    check(size <= writer->spill->options.block_bytes);
    if (open->at && hand_over(writer, stream, false, ret_error) < 0)
        return NULL;
    if (!open->bytes)
        open->bytes = cut_block(writer);
    open->at = open->bytes;
    open->left = writer->spill->options.block_bytes;
    open->note = 0;
    open->order = (uint64_t)writer->sequence << 32 | writer->begun++;
    return open;
}

void spill_writer_abandon(struct spill_writer *writer) {
    if (!writer)
        return;
    free(writer->open);
    free(writer);
}

int spill_writer_close(struct spill_writer *writer, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < writer->spill->options.streams && r == 0; i++)
        if (writer->open[i].at)
            r = hand_over(writer, i, true, ret_error);
    spill_writer_abandon(writer);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Reading */

static int compare_blocks(const void *left, const void *right) {
    const struct spill_block *a = left, *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

size_t spill_blocks(struct spill *spill, size_t stream, const struct spill_block **ret_blocks) {
    check(stream < spill->options.streams);
    struct stream *read = &spill->streams[stream];
    if (read->count > 1)
        qsort(read->blocks, read->count, sizeof *read->blocks, compare_blocks);
    *ret_blocks = read->blocks;
    return read->count;
}

uint64_t spill_bytes(const struct spill *spill, size_t stream) {
    check(stream < spill->options.streams);
    return spill->streams[stream].bytes;
}

int spill_read(const struct spill *spill, const struct spill_block *block, uint8_t *ret_bytes,
               struct error *ret_error) {
    ssize_t got = file_read_at(spill->file, ret_bytes, block->length, block->offset);
    if (got < 0 || (size_t)got < block->length)
        return error_set_errno(ret_error, got < 0 ? errno : EIO, "cannot read a temporary file");
    return 0;
}

void spill_forget(struct spill *spill, size_t stream) {
    struct stream *gone = &spill->streams[stream];
    for (size_t i = 0; i < gone->count; i++)
        if (gone->blocks[i].bytes)
            madvise((void *)(uintptr_t)gone->blocks[i].bytes, spill->options.block_bytes,
                    MADV_DONTNEED);
    free(gone->blocks);
    *gone = (struct stream){0};
}

uint64_t spill_file_bytes(const struct spill *spill) {
    return spill->file_bytes;
}
