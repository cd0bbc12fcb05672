/* A segment open for reading, as it was written or sealed: whoever reads segments comes through
 * here and sees the same bytes at the same offsets. Private to store/.
 *
 *   YYYY-MM-DD/<first position>.seg        as it was written
 *   YYYY-MM-DD/<first position>.seg.zst    sealed (seal.h)
 *
 * Sealing puts the second one in place and then removes the first, never the other way round. So
 * one of them is there at any time; where both are, the first is taken. */
#pragma once

#include "seal.h"
#include "segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FILE_NAME_SIZE (SEGMENT_NAME_SIZE + 8) /* ".zst", and ".new" while it is made */

struct segment_file {
    int descriptor;
    uint64_t size; /* of the segment; of one as it was written: when last looked */
    char name[SEGMENT_FILE_NAME_SIZE]; /* of the file, relative to the archive */
    bool is_sealed;
    struct seal_header seal;   /* of a sealed one */
    struct seal_block *blocks; /* likewise; NULL until one is asked for */
    struct segment_file *next; /* for whoever keeps several in a list */
};

/* access: O_RDONLY or O_RDWR, which a sealed one is not opened for. 1: there is neither file. */
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
/* Of a descriptor that somebody has open already, and that goes on to be theirs; for tests. */
struct segment_file *segment_file_of(int descriptor);
void segment_file_close(struct segment_file *file); /* NULL is allowed */
/* Closes, but hands over the descriptor. */
int segment_file_release(struct segment_file *file);

/* "….seg.zst" */
void segment_file_sealed_name(const struct segment *segment, char ret_name[SEGMENT_FILE_NAME_SIZE]);

/* Asks again for the size of one that may still be written. */
int segment_file_refresh(struct segment_file *file, struct error *ret_error);

/* Reads and checks the segment's header, which must agree with the name. 1: the file ends inside
 * it. */
int segment_file_header(const struct segment_file *file, const struct segment *segment,
                        struct segment_header *ret_header, struct error *ret_error);

/* Of a sealed one. The block that has the byte at this offset, which is below the size. */
int segment_file_block_at(struct segment_file *file, uint64_t offset,
                          const struct seal_block **ret_block, struct error *ret_error);
/* The block that has the record at this position, if any has. */
int segment_file_block_of(struct segment_file *file, uint64_t position,
                          const struct seal_block **ret_block, struct error *ret_error);
/* To ret_bytes, which has room for block->length. */
int segment_file_unpack(const struct segment_file *file, const struct seal_block *block,
                        struct seal_unpacker *unpacker, uint8_t *ret_bytes,
                        struct error *ret_error);

/* The claim of a writer on the segment it writes, for as long as the descriptor is open. It keeps
 * the segment that it has just closed, too, until the write that went over its end has succeeded;
 * else it goes on in it. */
int segment_claim(int descriptor, const char *name, struct error *ret_error);
/* 1: a writer may still go on with it; 0: it is closed for good. */
int segment_file_is_claimed(const struct segment_file *file, struct error *ret_error);

/* Tells the system that the bytes of the segment from `from` to `to` are not needed again. */
void segment_file_drop(const struct segment_file *file, uint64_t from, uint64_t to);
