/* First all whole frames and sync marks are found, wherever they are, by their checksums. Then the
 * frames are laid out again by position, with a lost record in each gap.
 *
 * Up to the first gap frames are copied. From there on they carry their chain, up to the first
 * place behind the last gap whose chain is known; after that they are copied again. In between,
 * places that a sync mark names have the chain that it says: tables are built for such places. */
#include "stand_in.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"
#include "core/wire/record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DECODE_BYTES_MAX (4 * (size_t)FRAME_PAYLOAD_MAX)
#define DISK_BLOCK       4096
#define FRAME_ALIGNMENT  8

/* A frame that is left: where it is in the bytes of the segment. */
struct found {
    uint64_t position;
    size_t offset, size;
};

struct finds {
    struct buffer bytes; /* of the segment as far as it can be read; zeros in place of the rest */
    struct found *frames;
    size_t frame_count, frame_capacity;
    struct archive_place *marks; /* places whose chain is known, in order */
    size_t mark_count, mark_capacity;
};

static void finds_deinit(struct finds *finds) {
    buffer_deinit(&finds->bytes);
    free(finds->frames);
    free(finds->marks);
}

/* ---- reading what is left ---- */

static void append_zeros(struct buffer *bytes, size_t size) {
    memset(buffer_reserve(bytes, size), 0, size);
    bytes->length += size;
}

/* Blocks that the disk does not give are zeros. */
static void read_plain(int descriptor, struct buffer *bytes) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return;
    for (uint64_t at = 0; at < (uint64_t)status.st_size;) {
        size_t size = (uint64_t)status.st_size - at < DISK_BLOCK
                          ? (size_t)((uint64_t)status.st_size - at)
                          : DISK_BLOCK;
        uint8_t *to = buffer_reserve(bytes, size);
        ssize_t length = file_read_at(descriptor, to, size, at);
        if (length == (ssize_t)size)
            bytes->length += size;
        else
            append_zeros(bytes, size);
        at += size;
    }
}

/* Blocks that cannot be unpacked are zeros. Without its table there is nothing to read. */
static void read_sealed(struct segment_file *file, struct buffer *bytes) {
    struct seal_unpacker *unpacker = seal_unpacker_new();
    struct error ignored;
    for (uint64_t offset = 0; offset < file->size;) {
        const struct seal_block *block;
        if (segment_file_block_at(file, offset, &block, &ignored) < 0)
            break;
        uint8_t *to = buffer_reserve(bytes, block->length);
        if (segment_file_unpack(file, block, unpacker, to, &ignored) == 0)
            bytes->length += block->length;
        else
            append_zeros(bytes, block->length);
        offset = block->offset + block->length;
    }
    seal_unpacker_free(unpacker);
}

static void read_left(const struct stand_in_plan *plan, struct buffer *bytes) {
    struct segment_file *file;
    struct error ignored;
    if (!*plan->name)
        return;
    if (strcmp(plan->name, plan->segment->name) != 0) {
        if (segment_file_open_sealed(plan->directory, plan->name, &file, &ignored) == 0) {
            read_sealed(file, bytes);
            segment_file_close(file);
        }
        return;
    }
    int descriptor = openat(plan->directory, plan->name, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        read_plain(descriptor, bytes);
        close(descriptor);
    }
}

/* ---- finding frames ---- */

static void add_mark(struct finds *finds, struct archive_place place) {
    if (finds->mark_count == finds->mark_capacity) {
        finds->mark_capacity = finds->mark_capacity ? 2 * finds->mark_capacity : 64;
        finds->marks = check_reallocarray(finds->marks, finds->mark_capacity, sizeof *finds->marks);
    }
    finds->marks[finds->mark_count++] = place;
}

static void add_frame(struct finds *finds, const struct frame *frame, size_t offset) {
    if (finds->frame_count == finds->frame_capacity) {
        finds->frame_capacity = finds->frame_capacity ? 2 * finds->frame_capacity : 1024;
        finds->frames =
            check_reallocarray(finds->frames, finds->frame_capacity, sizeof *finds->frames);
    }
    finds->frames[finds->frame_count++] =
        (struct found){.position = frame->position, .offset = offset, .size = frame->size};
}

/* Positions and marks only rise; what does not is no frame of this segment. */
static void find_frames(const struct stand_in_plan *plan, struct finds *finds) {
    uint64_t last = plan->before.position, marked = plan->before.position;
    uint64_t end = plan->has_end ? plan->end.position : UINT64_MAX;
    const uint8_t *bytes = finds->bytes.bytes;
    for (size_t at = SEGMENT_HEADER_SIZE; at + FRAME_HEADER_SIZE <= finds->bytes.length;) {
        struct frame frame;
        struct sync_mark mark;
        const char *fault;
        if (frame_parse(bytes + at, finds->bytes.length - at, &frame, &fault) != FRAME_WHOLE) {
            at += FRAME_ALIGNMENT;
            continue;
        }
        if (frame.type == FRAME_TYPE_SYNC) {
            if (sync_mark_parse(&frame, &mark) && mark.place.position > marked &&
                mark.place.position <= end) {
                marked = mark.place.position;
                add_mark(finds, mark.place);
            }
        } else if (frame.type < RECORD_TYPE_COUNT && frame.position > last &&
                   frame.position <= end) {
            last = frame.position;
            add_frame(finds, &frame, at);
        }
        at += frame.size;
    }
    if (plan->has_end && marked < plan->end.position)
        add_mark(finds, plan->end);
}

/* ---- laying out ---- */

struct layout {
    const struct stand_in_plan *plan;
    const struct finds *finds;
    struct stand_in *to;
    struct buffer *out; /* the segment */
    struct seal_block *blocks;
    size_t block_count, block_capacity;
    uint64_t first_lost, anchor; /* copied before the one and after the other; 0: none is lost */
    size_t mark;                 /* the next one */
    struct archive_place place;
    int64_t time_us;
    uint64_t types;
    struct arena arena;
};

/* A frame begins: does a block? */
static void note_block(struct layout *layout) {
    struct seal_block *last =
        layout->block_count > 0 ? &layout->blocks[layout->block_count - 1] : NULL;
    uint64_t begin = last ? last->offset : 0;
    if (last && layout->out->length - begin < SEAL_BLOCK_BYTES / 2)
        return;
    if (layout->block_count == layout->block_capacity) {
        layout->block_capacity = layout->block_capacity ? 2 * layout->block_capacity : 64;
        layout->blocks =
            check_reallocarray(layout->blocks, layout->block_capacity, sizeof *layout->blocks);
    }
    layout->blocks[layout->block_count++] = (struct seal_block){
        .offset = last ? layout->out->length : 0, .position_before = layout->place.position};
}

/* The chain after this record if it is known, else one that follows from the last. */
static uint64_t chain_at(struct layout *layout, uint64_t position) {
    const struct finds *finds = layout->finds;
    while (layout->mark < finds->mark_count && finds->marks[layout->mark].position < position)
        layout->mark++;
    if (layout->mark < finds->mark_count && finds->marks[layout->mark].position == position)
        return finds->marks[layout->mark].chain;
    return hash64(&position, sizeof position, layout->place.chain);
}

static void add_lost(struct layout *layout, uint64_t first, uint64_t last, uint64_t position) {
    bool is_end = layout->plan->has_end && position == layout->plan->end.position;
    struct record record = {
        .type = RECORD_LOST,
        .receive_time_us = is_end ? layout->plan->end_time_us : layout->time_us,
        .lost = {.first = first, .last = last, .file = text_of(layout->plan->kept)}};
    size_t start = layout->out->length;
    note_block(layout);
    frame_begin(layout->out);
    record_encode(&record, layout->out);
    uint64_t chain = chain_at(layout, position);
    frame_finish_rewritten(layout->out, start, RECORD_LOST, position, chain);
    layout->place = (struct archive_place){.position = position, .chain = chain};
    layout->types |= UINT64_C(1) << RECORD_LOST;
    layout->to->lost++;
}

static void note_time(struct layout *layout, const struct frame *frame) {
    struct record record;
    struct error ignored;
    arena_reset(&layout->arena);
    if (record_decode((enum record_type)frame->type, frame->payload.data, frame->payload.length,
                      &layout->arena, &record, &ignored) == 0 &&
        record.receive_time_us > layout->time_us)
        layout->time_us = record.receive_time_us;
}

static void add_found(struct layout *layout, const struct found *found) {
    const uint8_t *bytes = layout->finds->bytes.bytes + found->offset;
    struct frame frame;
    const char *fault;
    check(frame_parse(bytes, found->size, &frame, &fault) == FRAME_WHOLE);
    bool is_copied = layout->first_lost == 0 || found->position < layout->first_lost ||
                     found->position > layout->anchor;
    size_t start = layout->out->length;
    uint64_t chain;
    note_time(layout, &frame);
    note_block(layout);
    if (is_copied) {
        buffer_append(layout->out, bytes, found->size);
        chain = frame_chain(bytes, layout->place.chain);
    } else {
        frame_begin(layout->out);
        buffer_append(layout->out, frame.payload.data, frame.payload.length);
        chain = chain_at(layout, found->position);
        frame_finish_rewritten(layout->out, start, frame.type, found->position, chain);
    }
    layout->place = (struct archive_place){.position = found->position, .chain = chain};
    layout->types |= UINT64_C(1) << frame.type;
}

static uint64_t last_position(const struct stand_in_plan *plan, const struct finds *finds) {
    uint64_t last = plan->before.position;
    if (plan->has_end)
        return plan->end.position;
    if (finds->frame_count > 0)
        last = finds->frames[finds->frame_count - 1].position;
    if (finds->mark_count > 0 && finds->marks[finds->mark_count - 1].position > last)
        last = finds->marks[finds->mark_count - 1].position;
    return last;
}

/* The first and the last gap, and the first place behind that whose chain is known. */
static void find_gaps(struct layout *layout, uint64_t last) {
    const struct finds *finds = layout->finds;
    uint64_t expected = layout->plan->before.position + 1, last_lost = 0;
    for (size_t i = 0; i <= finds->frame_count; i++) {
        uint64_t position = i < finds->frame_count ? finds->frames[i].position : last + 1;
        if (position > expected) {
            layout->first_lost = layout->first_lost ? layout->first_lost : expected;
            last_lost = position - 1;
        }
        expected = position + 1;
    }
    /* Damage that leaves every frame whole: a wrong header, or marks of another history. */
    if (!layout->first_lost)
        return;
    layout->anchor = last;
    for (size_t i = finds->mark_count; i-- > 0 && finds->marks[i].position >= last_lost;)
        layout->anchor = finds->marks[i].position;
}

static void lay_out(struct layout *layout) {
    const struct finds *finds = layout->finds;
    uint64_t last = last_position(layout->plan, finds);
    find_gaps(layout, last);
    for (size_t i = 0; i <= finds->frame_count; i++) {
        uint64_t from = layout->place.position + 1;
        uint64_t to = i < finds->frame_count ? finds->frames[i].position : last + 1;
        for (uint64_t position = from; position < to; position++)
            add_lost(layout, from, to - 1, position);
        if (i < finds->frame_count)
            add_found(layout, &finds->frames[i]);
    }
    if (layout->plan->has_end)
        layout->time_us = layout->plan->end_time_us;
    if (layout->block_count == 0)
        note_block(layout);
    const struct sync_mark mark = {.place = layout->place, .time_us = layout->time_us};
    sync_mark_append(layout->out, &mark);
}

/* ---- the file ---- */

/* As archive_seal.c writes one. `first`: what the seal behind it continues. */
static void seal(struct layout *layout, const uint8_t header[SEGMENT_HEADER_SIZE]) {
    const struct stand_in_plan *plan = layout->plan;
    struct stand_in *to = layout->to;
    struct seal_packer *packer = seal_packer_new();
    struct sha256 *sha = sha256_new();
    struct buffer stored, table;
    uint8_t encoded[SEAL_HEADER_SIZE_MAX];
    struct seal_header sealed = {.size = layout->out->length,
                                 .block_count = (uint32_t)layout->block_count,
                                 .end = layout->place,
                                 .end_time_us = layout->time_us,
                                 .types = layout->types,
                                 .is_rewritten = true};
    memcpy(sealed.before, plan->seal_before, SEAL_HASH_SIZE);
    memcpy(sealed.first, plan->seal_after, SEAL_HASH_SIZE);
    memcpy(sealed.segment_header, header, SEGMENT_HEADER_SIZE);
    sha256_add(sha, sealed.before, SEAL_HASH_SIZE);
    sha256_add(sha, layout->out->bytes, layout->out->length);
    sha256_finish(sha, sealed.hash);
    buffer_init(&stored);
    buffer_init(&table);
    uint64_t offset = seal_header_size(&sealed) + layout->block_count * SEAL_ENTRY_SIZE;
    for (size_t i = 0; i < layout->block_count; i++) {
        struct seal_block *block = &layout->blocks[i];
        uint64_t next = i + 1 < layout->block_count ? layout->blocks[i + 1].offset : sealed.size;
        size_t start = stored.length;
        block->length = (uint32_t)(next - block->offset);
        seal_pack(packer, layout->out->bytes + block->offset, block->length, &stored);
        block->stored = (uint32_t)(stored.length - start);
        block->stored_offset = offset + start;
        block->crc = crc32c(0, stored.bytes + start, block->stored);
    }
    sealed.stored = offset + stored.length;
    seal_table_encode(layout->blocks, layout->block_count, &table);
    sealed.table_crc = crc32c(0, table.bytes, table.length);
    seal_header_encode(&sealed, encoded);
    buffer_append(&to->file, encoded, seal_header_size(&sealed));
    buffer_append(&to->file, table.bytes, table.length);
    buffer_append(&to->file, stored.bytes, stored.length);
    to->is_sealed = true;
    memcpy(to->seal_first, sealed.first, SEAL_HASH_SIZE);
    buffer_deinit(&table);
    buffer_deinit(&stored);
    seal_packer_free(packer);
}

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

int stand_in_make(const struct stand_in_plan *plan, struct stand_in *ret_stand_in,
                  struct error *ret_error) {
    struct finds finds = {0};
    struct buffer segment;
    struct stand_in made = {0};
    uint8_t header[SEGMENT_HEADER_SIZE];
    const struct segment_header head = {
        .before = plan->before, .time_before_us = plan->time_before_us, .day = plan->segment->day};
    struct layout layout = {.plan = plan,
                            .finds = &finds,
                            .to = &made,
                            .out = &segment,
                            .place = plan->before,
                            .time_us =
                                later(plan->time_before_us, day_start_us(plan->segment->day))};
    buffer_init(&finds.bytes);
    buffer_init(&segment);
    buffer_init(&made.file);
    arena_init(&layout.arena, DECODE_BYTES_MAX);
    read_left(plan, &finds.bytes);
    find_frames(plan, &finds);
    segment_header_encode(&head, header);
    buffer_append(&segment, header, sizeof header);
    lay_out(&layout);
    int r = 0;
    if (plan->has_end &&
        (layout.place.position != plan->end.position || layout.place.chain != plan->end.chain))
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: its records are whole, but lead to another place than the one that the "
                      "segment behind it continues: record %" PRIu64 " with chain %016" PRIx64,
                      plan->segment->name, layout.place.position, layout.place.chain);
    if (r == 0 && plan->seal)
        seal(&layout, header);
    else if (r == 0)
        buffer_append(&made.file, segment.bytes, segment.length);
    made.end = layout.place;
    made.end_time_us = layout.time_us;
    arena_deinit(&layout.arena);
    free(layout.blocks);
    buffer_deinit(&segment);
    finds_deinit(&finds);
    if (r < 0)
        stand_in_deinit(&made);
    else
        *ret_stand_in = made;
    return r;
}

void stand_in_deinit(struct stand_in *stand_in) {
    buffer_deinit(&stand_in->file);
}
