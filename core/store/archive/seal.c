/* Encoding and decoding of sealed segments: header, table and blocks (the layouts are at the
 * sections below). Everything that is read is checked against a checksum before it is used, and
 * sizes are bounded before memory is reserved for them. */
#include "seal.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* 2 % larger than with level 6, in half the time. */
#define LEVEL 3

#define SKIPPABLE_MAGIC UINT32_C(0x184d2a5e) /* zstd skips frames with 0x184d2a50 … 5f */
#define SKIPPABLE_HEAD  8

static const char seal_magic[8] = "HARSEAL\x1a";

/* ---------------------------------------------------------------------------------------------
 * The header:  skippable magic 4 | its length 4 | magic 8 | format 4 | CRC of the rest 4 | size 8 |
 *              stored 8 | blocks 4 | CRC of the table 4 | end position 8 | end chain 8 |
 *              end time 8 | types 8 | zero 16 | hash before 32 | hash 32 | header of the segment
 * 64; of a rewritten one: first hash 32
 */

static uint32_t header_crc(const uint8_t *bytes, size_t size) {
    return crc32c(crc32c(0, bytes, 20), bytes + 24, size - 24);
}

void seal_header_encode(const struct seal_header *header, uint8_t bytes[SEAL_HEADER_SIZE_MAX]) {
    size_t head = seal_header_size(header);
    uint64_t table = (uint64_t)header->block_count * SEAL_ENTRY_SIZE;
    check(head + table <= UINT32_MAX);
    memset(bytes, 0, head);
    store_u32(bytes, SKIPPABLE_MAGIC);
    store_u32(bytes + 4, (uint32_t)(head - SKIPPABLE_HEAD + table));
    memcpy(bytes + 8, seal_magic, sizeof seal_magic);
    store_u32(bytes + 16, header->is_rewritten ? SEAL_FORMAT_REWRITTEN : SEAL_FORMAT);
    store_u64(bytes + 24, header->size);
    store_u64(bytes + 32, header->stored);
    store_u32(bytes + 40, header->block_count);
    store_u32(bytes + 44, header->table_crc);
    store_u64(bytes + 48, header->end.position);
    store_u64(bytes + 56, header->end.chain);
    store_u64(bytes + 64, (uint64_t)header->end_time_us);
    store_u64(bytes + 72, header->types);
    memcpy(bytes + 96, header->before, SEAL_HASH_SIZE);
    memcpy(bytes + 128, header->hash, SEAL_HASH_SIZE);
    memcpy(bytes + 160, header->segment_header, SEGMENT_HEADER_SIZE);
    if (header->is_rewritten)
        memcpy(bytes + SEAL_HEADER_SIZE, header->first, SEAL_HASH_SIZE);
    store_u32(bytes + 20, header_crc(bytes, head));
}

/* The format says how long the header is, and is covered by the checksum: so it is looked at first,
 * and a damaged one leads to a checksum that does not match. */
int seal_header_decode(const uint8_t *bytes, size_t length, struct seal_header *ret_header,
                       struct error *ret_error) {
    uint32_t format = load_u32(bytes + 16);
    bool is_rewritten = format == SEAL_FORMAT_REWRITTEN;
    size_t size = is_rewritten ? SEAL_HEADER_SIZE_MAX : SEAL_HEADER_SIZE;
    if (memcmp(bytes + 8, seal_magic, sizeof seal_magic) != 0)
        return error_set(ret_error, ERROR_DAMAGED, "not the header of a sealed segment");
    if (length < size)
        return error_set(ret_error, ERROR_DAMAGED, "the file ends inside its header");
    if (load_u32(bytes + 20) != header_crc(bytes, size))
        return error_set(ret_error, ERROR_DAMAGED, "the header's checksum does not match");
    if (format != SEAL_FORMAT && !is_rewritten)
        return error_set_format(ret_error, "sealed format", format, SEAL_FORMAT_REWRITTEN);
    struct seal_header header = {
        .size = load_u64(bytes + 24),
        .stored = load_u64(bytes + 32),
        .block_count = load_u32(bytes + 40),
        .table_crc = load_u32(bytes + 44),
        .end = {.position = load_u64(bytes + 48), .chain = load_u64(bytes + 56)},
        .end_time_us = (int64_t)load_u64(bytes + 64),
        .types = load_u64(bytes + 72),
        .is_rewritten = is_rewritten,
    };
    memcpy(header.before, bytes + 96, SEAL_HASH_SIZE);
    memcpy(header.hash, bytes + 128, SEAL_HASH_SIZE);
    memcpy(header.segment_header, bytes + 160, SEGMENT_HEADER_SIZE);
    memcpy(header.first, bytes + (is_rewritten ? SEAL_HEADER_SIZE : 128), SEAL_HASH_SIZE);
    uint64_t head = size + (uint64_t)header.block_count * SEAL_ENTRY_SIZE;
    if (header.block_count == 0 || header.stored < head || header.size < SEGMENT_HEADER_SIZE)
        return error_set(ret_error, ERROR_DAMAGED,
                         "its header claims %" PRIu64 " bytes in %" PRIu32 " blocks, stored in "
                         "%" PRIu64 " bytes",
                         header.size, header.block_count, header.stored);
    if (load_u32(bytes) != SKIPPABLE_MAGIC || load_u32(bytes + 4) != head - SKIPPABLE_HEAD)
        return error_set(ret_error, ERROR_DAMAGED,
                         "zstd would not skip its header and table of %" PRIu64 " bytes", head);
    *ret_header = header;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The table:  length 4 | stored 4 | CRC 4 | zero 4 | position before 8 */

void seal_table_encode(const struct seal_block *blocks, size_t count, struct buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        buffer_append_u32(buffer, blocks[i].length);
        buffer_append_u32(buffer, blocks[i].stored);
        buffer_append_u32(buffer, blocks[i].crc);
        buffer_append_u32(buffer, 0);
        buffer_append_u64(buffer, blocks[i].position_before);
    }
}

/* Offsets are not stored: they are the sums of the lengths before, which must end at the sizes in
 * the header. */
int seal_table_decode(const struct seal_header *header, const uint8_t *bytes,
                      struct seal_block *ret_blocks, struct error *ret_error) {
    size_t count = header->block_count, size = count * SEAL_ENTRY_SIZE;
    if (crc32c(0, bytes, size) != header->table_crc)
        return error_set(ret_error, ERROR_DAMAGED, "its table's checksum does not match");
    uint64_t offset = 0, stored_offset = seal_header_size(header) + size, position = 0;
    for (size_t i = 0; i < count; i++, bytes += SEAL_ENTRY_SIZE) {
        struct seal_block *block = &ret_blocks[i];
        *block = (struct seal_block){
            .offset = offset,
            .stored_offset = stored_offset,
            .length = load_u32(bytes),
            .stored = load_u32(bytes + 4),
            .crc = load_u32(bytes + 8),
            .position_before = load_u64(bytes + 16),
        };
        if (block->length < (i > 0 ? 1 : SEGMENT_HEADER_SIZE) || block->length > SEAL_BLOCK_MAX ||
            block->stored > ZSTD_COMPRESSBOUND((size_t)SEAL_BLOCK_MAX) ||
            block->position_before < position)
            return error_set(ret_error, ERROR_DAMAGED,
                             "its table gives block %zu an impossible size or position", i);
        offset += block->length;
        stored_offset += block->stored;
        position = block->position_before;
    }
    if (offset != header->size || stored_offset != header->stored)
        return error_set(ret_error, ERROR_DAMAGED,
                         "its blocks do not add up to the sizes in its header");
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Blocks */

struct seal_packer {
    ZSTD_CCtx *zstd;
};

struct seal_packer *seal_packer_new(void) {
    struct seal_packer *packer = check_calloc(1, sizeof *packer);
    packer->zstd = ZSTD_createCCtx();
    check(packer->zstd);
    check(!ZSTD_isError(ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, LEVEL)));
    return packer;
}

void seal_packer_free(struct seal_packer *packer) {
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->zstd);
    free(packer);
}

/* Compression cannot fail except for lack of memory: the room is the worst case. */
void seal_pack(struct seal_packer *packer, const void *bytes, size_t length,
               struct buffer *buffer) {
    size_t bound = ZSTD_compressBound(length);
    uint8_t *room = buffer_reserve(buffer, bound);
    size_t stored = ZSTD_compress2(packer->zstd, room, bound, bytes, length);
    check(!ZSTD_isError(stored)); /* there is room for the worst; else it is out of memory */
    buffer->length += stored;
}

struct seal_unpacker {
    ZSTD_DCtx *zstd;
    struct buffer stored;
};

struct seal_unpacker *seal_unpacker_new(void) {
    struct seal_unpacker *unpacker = check_calloc(1, sizeof *unpacker);
    unpacker->zstd = ZSTD_createDCtx();
    check(unpacker->zstd);
    buffer_init(&unpacker->stored);
    return unpacker;
}

void seal_unpacker_free(struct seal_unpacker *unpacker) {
    if (!unpacker)
        return;
    ZSTD_freeDCtx(unpacker->zstd);
    buffer_deinit(&unpacker->stored);
    free(unpacker);
}

uint8_t *seal_unpacker_room(struct seal_unpacker *unpacker, size_t size) {
    buffer_clear(&unpacker->stored);
    return buffer_reserve(&unpacker->stored, size);
}

/* The checksum comes first, so zstd only ever sees bytes that it wrote itself. */
int seal_unpack(struct seal_unpacker *unpacker, const struct seal_block *block, uint8_t *ret_bytes,
                struct error *ret_error) {
    const uint8_t *stored = unpacker->stored.bytes;
    if (crc32c(0, stored, block->stored) != block->crc)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the block of %" PRIu32 " bytes at byte %" PRIu64
                         " of the file is damaged: its checksum does not match",
                         block->stored, block->stored_offset);
    size_t length =
        ZSTD_decompressDCtx(unpacker->zstd, ret_bytes, block->length, stored, block->stored);
    if (ZSTD_isError(length) || length != block->length)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the block at byte %" PRIu64 " of the file cannot be decompressed: %s",
                         block->stored_offset,
                         ZSTD_isError(length) ? ZSTD_getErrorName(length)
                                              : "it is shorter than its table says");
    return 0;
}
