#include "forge.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/archive/seal.h"
#include "core/store/archive/segment.h"
#include "core/store/generation/manifest.h"
#include "core/wire/record/record.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US      INT64_C(86400000000)
#define ARENA_BYTES ((size_t)1 << 20)

enum forgery {
    HEADER_TIME,
    HEADER_CHAIN,
    HEADER_POSITION,
    HEADER_DAY,
    /* of a sealed segment, what its seal says; of a plain one, a record */
    NEWER_TYPE,    /* types */
    NO_MESSAGE,    /* receive time of the last record */
    EARLIER_DAY,   /* chain at the end */
    LATER,         /* last position */
    REFERS_TO_IT,  /* the seal before */
    OTHER_CONTENT, /* its own hash */
    ONE_FEWER,     /* bytes of the segment */
    ONE_MORE,      /* the same */
    NO_MARKS,      /* number of blocks */
    CUT_IN_HEADER, /* a file that ends within it */
};

static void forge_header(struct segment_header *header, enum forgery how) {
    header->time_before_us += how == HEADER_TIME;
    header->before.chain ^= how == HEADER_CHAIN;
    header->before.position += how == HEADER_POSITION;
    header->day += how == HEADER_DAY;
}

/* ---- sealed ---- */

static void forge_seal(struct seal_header *seal, enum forgery how) {
    seal->types ^= how == NEWER_TYPE ? 2 : 0;
    seal->end_time_us += how == NO_MESSAGE;
    seal->end.chain ^= how == EARLIER_DAY;
    seal->end.position += how == LATER;
    seal->before[0] ^= how == REFERS_TO_IT;
    seal->hash[0] ^= how == OTHER_CONTENT;
    seal->size -= how == ONE_FEWER ? 8 : 0;
    seal->size += how == ONE_MORE ? 8 : 0;
    seal->block_count -= how == NO_MARKS;
}

static bool forge_sealed(struct text bytes, enum forgery how, struct buffer *ret_bytes) {
    uint8_t encoded[SEAL_HEADER_SIZE_MAX];
    struct seal_header seal;
    struct segment_header header;
    struct error error;
    if (bytes.length < SEAL_HEADER_SIZE_MAX ||
        seal_header_decode((const uint8_t *)bytes.data, bytes.length, &seal, &error) < 0 ||
        segment_header_decode(seal.segment_header, &header, &error) < 0)
        return false;
    size_t size = seal_header_size(&seal);
    forge_header(&header, how);
    segment_header_encode(&header, seal.segment_header);
    forge_seal(&seal, how);
    seal_header_encode(&seal, encoded);
    buffer_append(ret_bytes, encoded, size);
    buffer_append(ret_bytes, bytes.data + size, bytes.length - size);
    if (how == CUT_IN_HEADER)
        ret_bytes->length = size / 2;
    return true;
}

/* ---- plain ---- */

/* A record, forged; its payload is appended. */
static void append_payload(const struct frame *frame, enum forgery how, struct buffer *bytes) {
    struct arena arena;
    struct record record;
    struct error error;
    arena_init(&arena, ARENA_BYTES);
    bool is_read = record_decode((enum record_type)frame->type, frame->payload.data,
                                 frame->payload.length, &arena, &record, &error) == 0;
    if (how == NO_MESSAGE) {
        buffer_append(bytes, "\xff\xff\xff", 3);
    } else if (!is_read || how == NEWER_TYPE) {
        buffer_append(bytes, frame->payload.data, frame->payload.length);
    } else {
        record.receive_time_us -= how == EARLIER_DAY ? DAY_US : 0;
        record.receive_time_us += how == LATER ? DAY_US / 24 : 0;
        if (record.type == RECORD_OUTCOME && how == REFERS_TO_IT)
            record.outcome.transaction_position = frame->position;
        if (record.type == RECORD_TRANSACTION && how == OTHER_CONTENT)
            record.transaction.decision.score ^= 1;
        record_encode(&record, bytes);
    }
    arena_deinit(&arena);
}

static bool is_forged(const struct frame *frame, enum forgery how, size_t index, size_t where) {
    if (how == REFERS_TO_IT)
        return frame->type == RECORD_OUTCOME;
    return how >= NEWER_TYPE && how <= OTHER_CONTENT && index == where;
}

static size_t count_records(struct text bytes, size_t at) {
    struct frame frame;
    const char *fault;
    size_t count = 0;
    for (; at < bytes.length && frame_parse((const uint8_t *)bytes.data + at, bytes.length - at,
                                            &frame, &fault) == FRAME_WHOLE;
         at += frame.size)
        count += frame.type != FRAME_TYPE_SYNC;
    return count;
}

static bool forge_plain(struct text bytes, enum forgery how, unsigned where,
                        struct buffer *ret_bytes) {
    struct segment_header header;
    struct error error;
    struct frame frame;
    const char *fault;
    size_t at = SEGMENT_HEADER_SIZE, index = 0, count;
    if (bytes.length < at ||
        segment_header_decode((const uint8_t *)bytes.data, &header, &error) < 0 ||
        (count = count_records(bytes, at)) == 0)
        return false;
    forge_header(&header, how);
    segment_header_encode(&header, buffer_reserve(ret_bytes, SEGMENT_HEADER_SIZE));
    ret_bytes->length += SEGMENT_HEADER_SIZE;
    struct archive_place place = header.before;
    for (; at < bytes.length && frame_parse((const uint8_t *)bytes.data + at, bytes.length - at,
                                            &frame, &fault) == FRAME_WHOLE;
         at += frame.size) {
        size_t start = ret_bytes->length;
        struct sync_mark mark;
        if (frame.type == FRAME_TYPE_SYNC) {
            if (how != NO_MARKS && sync_mark_parse(&frame, &mark)) {
                mark.place = place;
                sync_mark_append(ret_bytes, &mark);
            }
            continue;
        }
        bool is_it = is_forged(&frame, how, index, where % count);
        index++;
        if (how == ONE_FEWER && index == count)
            continue;
        frame_begin(ret_bytes);
        append_payload(&frame, is_it ? how : HEADER_TIME, ret_bytes);
        frame_finish(ret_bytes, start, is_it && how == NEWER_TYPE ? 60 : frame.type,
                     ++place.position);
        place.chain = frame_chain(ret_bytes->bytes + start, place.chain);
        if (how == ONE_MORE && index == count) {
            start = ret_bytes->length;
            frame_begin(ret_bytes);
            append_payload(&frame, HEADER_TIME, ret_bytes);
            frame_finish(ret_bytes, start, frame.type, ++place.position);
            place.chain = frame_chain(ret_bytes->bytes + start, place.chain);
        }
    }
    if (how == CUT_IN_HEADER)
        ret_bytes->length = SEGMENT_HEADER_SIZE / 2;
    return true;
}

bool forge_segment(struct text bytes, bool is_sealed, unsigned how, unsigned where,
                   struct buffer *ret_bytes) {
    enum forgery forgery = (enum forgery)(how % FORGERIES);
    buffer_clear(ret_bytes);
    return is_sealed ? forge_sealed(bytes, forgery, ret_bytes)
                     : forge_plain(bytes, forgery, where, ret_bytes);
}

/* ---- manifests ---- */

bool forge_manifest(struct text bytes, unsigned how, struct buffer *ret_bytes) {
    struct manifest manifest;
    struct error error;
    if (manifest_parse(bytes.data, bytes.length, &manifest, &error) < 0)
        return false;
    struct generation_manifest *generation = &manifest.generation;
    how %= MANIFEST_FORGERIES;
    generation->states += how == 0;
    generation->ids += how == 1;
    generation->state_hash ^= how == 2;
    generation->content_hash ^= how == 3;
    generation->plan_id ^= how == 4;
    generation->place.chain ^= how == 5;
    if (manifest.entity_count > 0) {
        manifest.entities[0].states += how == 6;
        if (how == 7)
            manifest.entities[0].name[0] ^= 1;
    }
    if (how == 8)
        manifest.lmdb[0] ^= 1;
    generation->id_days += how == 9;
    generation->id = manifest_id(generation);
    char *text = manifest_format(&manifest);
    buffer_clear(ret_bytes);
    buffer_append(ret_bytes, text, strlen(text));
    free(text);
    manifest_deinit(&manifest);
    return true;
}

/* ---- where it begins ---- */

bool forge_begin(struct text bytes, unsigned how, struct buffer *ret_bytes) {
    if (bytes.length < ARCHIVE_BEGIN_HEADER_SIZE)
        return false;
    buffer_clear(ret_bytes);
    buffer_append(ret_bytes, bytes.data, bytes.length);
    uint8_t *header = ret_bytes->bytes;
    header[16 + 8 * (how % BEGIN_FORGERIES)] ^= 1;
    uint32_t crc = crc32c(crc32c(0, header, 12), header + 16, ARCHIVE_BEGIN_HEADER_SIZE - 16);
    store_u32(header + 12, crc);
    return true;
}
