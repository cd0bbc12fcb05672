/* A segment open for reading, plain or sealed: all readers of segments come through here and see
 * the same bytes at the same offsets. Private to store/.
 *
 *   YYYY-MM-DD/<first position>.seg        as it was written
 *   YYYY-MM-DD/<first position>.seg.zst    sealed (seal.h)
 *
 * Sealing puts the sealed file in place before it removes the plain one, never the other way round.
 * So one of them exists at any time; if both do, the plain one is read. */
#pragma once

#include "seal.h"
#include "segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FILE_NAME_SIZE (SEGMENT_NAME_SIZE + 8) /* ".zst", and ".new" while it is made */

struct segment_file {
    int descriptor;
    uint64_t size;                     /* of the segment; of a plain one as of the last refresh */
    char name[SEGMENT_FILE_NAME_SIZE]; /* of the file, relative to the archive */
    bool is_sealed;
    struct seal_header seal;   /* of a sealed one */
    struct seal_block *blocks; /* likewise; NULL until one is asked for */
    struct segment_file *next; /* for callers that keep several in a list */
};

/* access: O_RDONLY or O_RDWR; a sealed file is opened for reading in either case. 1: neither file
 * exists. */
int segment_file_open(int directory, const struct segment *segment, int access,
                      struct segment_file **ret_file, struct error *ret_error);
/* The same for a segment that must be there: a missing one is ERROR_SYSTEM. */
int segment_file_open_present(int directory, const struct segment *segment, int access,
                              struct segment_file **ret_file, struct error *ret_error);
/* For reading, together with its header. 1: there is neither file, or the header is incomplete: its
 * writer has taken it back, or has only just made it. */
int segment_file_open_header(int directory, const struct segment *segment,
                             struct segment_file **ret_file, struct segment_header *ret_header,
                             struct error *ret_error);
/* The last segment of the list that segment_file_open_header() opens. 1: it opens none. */
int segment_file_open_last(int directory, const struct segment_list *list,
                           struct segment_file **ret_file, struct segment_header *ret_header,
                           struct error *ret_error);
/* The sealed one, under this name. 1: it is not there. */
int segment_file_open_sealed(int directory, const char *name, struct segment_file **ret_file,
                             struct error *ret_error);
/* For tests: a file of a duplicate of the descriptor, which stays the caller's. */
struct segment_file *segment_file_of(int descriptor);
void segment_file_close(struct segment_file *file); /* NULL is allowed */
/* Frees the struct and returns the descriptor, which is the caller's now. */
int segment_file_release(struct segment_file *file);

/* "….seg.zst" */
void segment_file_sealed_name(const struct segment *segment, char ret_name[SEGMENT_FILE_NAME_SIZE]);

/* Updates the size of a plain file, which may still be written to. */
int segment_file_refresh(struct segment_file *file, struct error *ret_error);

/* Reads and checks the segment's header, which must agree with the name. 1: the file ends inside
 * it. */
int segment_file_header(const struct segment_file *file, const struct segment *segment,
                        struct segment_header *ret_header, struct error *ret_error);

/* Of a sealed one: the block that has the byte at this offset, which is below the size. The table
 * of blocks is read on first use. */
int segment_file_block_at(struct segment_file *file, uint64_t offset,
                          const struct seal_block **ret_block, struct error *ret_error);
/* The block that has the record at this position, if any does. */
int segment_file_block_of(struct segment_file *file, uint64_t position,
                          const struct seal_block **ret_block, struct error *ret_error);
/* Reads and unpacks the block to ret_bytes, which has room for block->length. */
int segment_file_unpack(const struct segment_file *file, const struct seal_block *block,
                        struct seal_unpacker *unpacker, uint8_t *ret_bytes,
                        struct error *ret_error);

/* A writer's claim (flock) on the segment that it writes to, for as long as the descriptor is open.
 * It keeps the claim on a segment that it has just closed until the write that went past its end
 * has succeeded; if that fails, it continues in the old one. */
int segment_claim(int descriptor, const char *name, struct error *ret_error);
/* 1: a writer may still continue it; 0: it is closed for good. */
int segment_file_is_claimed(const struct segment_file *file, struct error *ret_error);

/* Tells the kernel that the bytes from `from` to `to` of the segment are not needed again. */
void segment_file_drop(const struct segment_file *file, uint64_t from, uint64_t to);
