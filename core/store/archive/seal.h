/* The bytes of a sealed segment: a closed one, compressed, with a hash over all of it and all
 * sealed before it. Private to store/; docs/ARCHIVE.md has every field.
 *
 *   header   224 bytes, 256 of a rewritten one; what must be known without unpacking anything
 *   table    24 bytes for each block
 *   blocks   each a zstd frame of its own: unpacked one after the other they are the segment
 *
 * Header and table together are a skippable frame of zstd's, so `zstd -dc` restores the segment
 * without Harrier. A block holds whole frames of the segment, so a record is in one block; the
 * first block also holds the segment's header.
 *
 * The hash of a seal is the SHA-256 over the hash of the segment before (zeros for the first of an
 * epoch) and all bytes of the segment as it was written.
 *
 * Not here: which segments are sealed when (archive_seal.h), files (segment_file.h). */
#pragma once

#include "archive_place.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "segment.h"

#include <stddef.h>
#include <stdint.h>

#define SEAL_FORMAT      1
#define SEAL_HEADER_SIZE 224
#define SEAL_ENTRY_SIZE  24
/* Of a segment that an erasure has rewritten: its header goes on with the seal that it had at
 * first, which the next segment's seal continues. */
#define SEAL_FORMAT_REWRITTEN 2
#define SEAL_HEADER_SIZE_MAX  (SEAL_HEADER_SIZE + SEAL_HASH_SIZE)

/* Frames of up to this many bytes go into one block. Larger blocks hardly compress better, and
 * reading a record by its position unpacks one block. */
#define SEAL_BLOCK_BYTES (64u << 10)
/* One frame may be larger than that. */
#define SEAL_BLOCK_MAX (FRAME_PAYLOAD_MAX + SEAL_BLOCK_BYTES)

struct seal_header {
    uint64_t size;        /* bytes of the segment as it was */
    uint64_t stored;      /* bytes of the file */
    uint32_t block_count; /* at least 1 */
    uint32_t table_crc;
    struct archive_place end; /* of the segment's last record; without one, of that before */
    int64_t end_time_us;      /* when that was received; INT64_MIN: there is none at all */
    uint64_t
        types; /* bit n: a record of type n is in it, so who looks for others need not read it */
    uint8_t before[SEAL_HASH_SIZE], hash[SEAL_HASH_SIZE];
    uint8_t segment_header[SEGMENT_HEADER_SIZE]; /* as it was */
    bool is_rewritten;                           /* by an erasure */
    uint8_t first[SEAL_HASH_SIZE];               /* the seal that the next one continues: its own,
                                                    unless it was rewritten */
};

/* Bytes of the header, where the table begins. */
static inline size_t seal_header_size(const struct seal_header *header) {
    return header->is_rewritten ? SEAL_HEADER_SIZE_MAX : SEAL_HEADER_SIZE;
}

void seal_header_encode(const struct seal_header *header, uint8_t bytes[SEAL_HEADER_SIZE_MAX]);
/* length: of the bytes that there are, at least SEAL_HEADER_SIZE. ERROR_DAMAGED, ERROR_UNSUPPORTED.
 * The sizes are consistent: the table and the blocks fit into the file. */
int seal_header_decode(const uint8_t *bytes, size_t length, struct seal_header *ret_header,
                       struct error *ret_error);

struct seal_block {
    uint64_t offset;          /* in the segment; not stored: the sum of those before */
    uint64_t stored_offset;   /* in the file; likewise */
    uint32_t length, stored;  /* bytes in the segment, in the file */
    uint32_t crc;             /* CRC-32C of the stored bytes */
    uint64_t position_before; /* of the record before its first one */
};

void seal_table_encode(const struct seal_block *blocks, size_t count, struct buffer *buffer);
/* Fills ret_blocks, which has room for header->block_count. ERROR_DAMAGED. */
int seal_table_decode(const struct seal_header *header, const uint8_t *bytes,
                      struct seal_block *ret_blocks, struct error *ret_error);

struct seal_packer;
struct seal_packer *seal_packer_new(void);
void seal_packer_free(struct seal_packer *packer); /* NULL is allowed */
/* Appends the block's stored bytes. */
void seal_pack(struct seal_packer *packer, const void *bytes, size_t length, struct buffer *buffer);

struct seal_unpacker;
struct seal_unpacker *seal_unpacker_new(void);
void seal_unpacker_free(struct seal_unpacker *unpacker); /* NULL is allowed */
/* Room for a block's stored bytes, valid until the next call. */
uint8_t *seal_unpacker_room(struct seal_unpacker *unpacker, size_t size);
/* Unpacks the block whose stored bytes are in that room to ret_bytes, which has room for
 * block->length. ERROR_DAMAGED. */
int seal_unpack(struct seal_unpacker *unpacker, const struct seal_block *block, uint8_t *ret_bytes,
                struct error *ret_error);
