#include "spill.h"

#include "core/base/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
};

struct spill_writer {
    struct spill *spill;
    struct open_block {
        uint8_t *bytes; /* NULL: none */
        size_t used;
    } * open; /* one per stream */
};

/* Blocks are mapped one by one, so that each goes back to the system as soon as it is read. Their
 * pages come at once, which is cheaper than one by one; the limit counts them whole anyway. Huge
 * pages were slower: finding them took longer than they saved. */
static uint8_t *map_block(const struct spill *spill) {
    void *bytes = mmap(NULL, spill->options.block_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    check(bytes != MAP_FAILED);
    return bytes;
}

static void unmap_block(const struct spill *spill, const uint8_t *bytes) {
    munmap((void *)(uintptr_t)bytes, spill->options.block_bytes);
}

struct spill *spill_new(const struct spill_options *options) {
    struct spill *spill = check_calloc(1, sizeof *spill);
    spill->options = *options;
    check(pthread_mutex_init(&spill->lock, NULL) == 0);
    spill->streams = check_calloc(options->streams, sizeof *spill->streams);
    spill->used_bytes = options->writers * options->streams * options->block_bytes;
    spill->file = -1;
    return spill;
}

void spill_free(struct spill *spill) {
    if (!spill)
        return;
    for (size_t i = 0; i < spill->options.streams; i++)
        spill_forget(spill, i);
    if (spill->file >= 0)
        close(spill->file);
    pthread_mutex_destroy(&spill->lock);
    free(spill->streams);
    free(spill);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

struct spill_writer *spill_writer_open(struct spill *spill) {
    struct spill_writer *writer = check_malloc(sizeof *writer);
    writer->spill = spill;
    writer->open = check_calloc(spill->options.streams, sizeof *writer->open);
    return writer;
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

static int write_all(int file, const uint8_t *bytes, size_t length, uint64_t offset,
                     struct error *ret_error) {
    while (length > 0) {
        ssize_t r = pwrite(file, bytes, length, (off_t)offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return error_set_errno(ret_error, r < 0 ? errno : ENOSPC,
                                   "cannot write what does not fit into memory");
        bytes += r;
        length -= (size_t)r;
        offset += (uint64_t)r;
    }
    return 0;
}

/* Takes a place in the file for `length` bytes. Under the lock. */
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

/* Hands the block over: as it is while there is room for another one, else to the file. */
static int hand_over(struct spill_writer *writer, size_t stream, bool closing,
                     struct error *ret_error) {
    struct spill *spill = writer->spill;
    struct open_block *open = &writer->open[stream];
    struct spill_block block = {.length = open->used};
    pthread_mutex_lock(&spill->lock);
    size_t more = closing ? 0 : spill->options.block_bytes;
    bool keep = closing || spill->used_bytes + more <= spill->options.limit_bytes;
    int r = 0;
    if (keep) {
        block.bytes = open->bytes;
        add_block(spill, stream, block);
        spill->used_bytes += more;
        open->bytes = NULL;
    } else {
        r = reserve_file(spill, block.length, &block.offset, ret_error);
        if (r == 0)
            add_block(spill, stream, block);
    }
    int file = spill->file;
    pthread_mutex_unlock(&spill->lock);
    if (r == 0 && !keep)
        r = write_all(file, open->bytes, block.length, block.offset, ret_error);
    open->used = 0;
    return r;
}

uint8_t *spill_room(struct spill_writer *writer, size_t stream, size_t size,
                    struct error *ret_error) {
    struct open_block *open = &writer->open[stream];
    size_t block_bytes = writer->spill->options.block_bytes;
    check(size <= block_bytes);
    if (open->bytes && size > block_bytes - open->used &&
        hand_over(writer, stream, false, ret_error) < 0)
        return NULL;
    if (!open->bytes)
        open->bytes = map_block(writer->spill);
    return open->bytes + open->used;
}

void spill_put(struct spill_writer *writer, size_t stream, size_t used) {
    struct open_block *open = &writer->open[stream];
    open->used += used;
    /* There are more streams than the processor foresees: what the next pieces go to. */
    __builtin_prefetch(open->bytes + open->used, 1);
    __builtin_prefetch(open->bytes + open->used + 64, 1);
}

void spill_writer_abandon(struct spill_writer *writer) {
    if (!writer)
        return;
    for (size_t i = 0; i < writer->spill->options.streams; i++)
        if (writer->open[i].bytes)
            unmap_block(writer->spill, writer->open[i].bytes);
    free(writer->open);
    free(writer);
}

int spill_writer_close(struct spill_writer *writer, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < writer->spill->options.streams && r == 0; i++)
        if (writer->open[i].used > 0)
            r = hand_over(writer, i, true, ret_error);
    spill_writer_abandon(writer);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Reading */

size_t spill_blocks(const struct spill *spill, size_t stream,
                    const struct spill_block **ret_blocks) {
    check(stream < spill->options.streams);
    *ret_blocks = spill->streams[stream].blocks;
    return spill->streams[stream].count;
}

uint64_t spill_bytes(const struct spill *spill, size_t stream) {
    check(stream < spill->options.streams);
    return spill->streams[stream].bytes;
}

int spill_read(const struct spill *spill, const struct spill_block *block, uint8_t *ret_bytes,
               struct error *ret_error) {
    size_t done = 0;
    while (done < block->length) {
        ssize_t r = pread(spill->file, ret_bytes + done, block->length - done,
                          (off_t)(block->offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return error_set_errno(ret_error, r < 0 ? errno : EIO,
                                   "cannot read what did not fit into memory");
        done += (size_t)r;
    }
    return 0;
}

void spill_forget(struct spill *spill, size_t stream) {
    struct stream *gone = &spill->streams[stream];
    for (size_t i = 0; i < gone->count; i++)
        if (gone->blocks[i].bytes)
            unmap_block(spill, gone->blocks[i].bytes);
    free(gone->blocks);
    *gone = (struct stream){0};
}

uint64_t spill_file_bytes(const struct spill *spill) {
    return spill->file_bytes;
}
