/* A block is a few thousand values: large enough that its head costs nothing, small enough that a
 * cursor for each threshold and file fits in little memory. */
#include "sample_file.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"
#include "core/store/generation/generation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC        UINT64_C(0x324c504d53525248) /* "HRRSMPL", version '2' */
#define MAGIC_FAMILY UINT64_C(0x00ffffffffffffff)
#define BLOCK_HEAD   32u
#define SECTION_SIZE 48u
#define TRAILER_SIZE 72u
#define GROUPS_BYTES (64u << 10) /* of one block; then it is full */
#define BODY_MAX     (SAMPLE_BLOCK_VALUES * 16 + GROUPS_BYTES + THRESHOLD_KEY_MAX + 32)
#define SECTIONS_MAX 65536u

/* ---- writing ---- */

struct sample_writer {
    int file;
    uint64_t length;
    struct sample_section *sections; /* the last one is being written */
    size_t section_count;
    double *values;
    int64_t *times_us;
    size_t count;         /* of values in the block */
    struct buffer groups; /* finished ones */
    uint32_t group_count;
    char key[THRESHOLD_KEY_MAX]; /* of the group being written */
    size_t key_length;
    size_t first; /* its first value in the block */
    struct buffer block;
};

struct sample_writer *sample_writer_new(int file) {
    struct sample_writer *writer = check_calloc(1, sizeof *writer);
    writer->file = file;
    writer->values = check_calloc(SAMPLE_BLOCK_VALUES, sizeof *writer->values);
    writer->times_us = check_calloc(SAMPLE_BLOCK_VALUES, sizeof *writer->times_us);
    buffer_init(&writer->groups);
    buffer_init(&writer->block);
    return writer;
}

void sample_writer_free(struct sample_writer *writer) {
    if (!writer)
        return;
    free(writer->sections);
    free(writer->values);
    free(writer->times_us);
    buffer_deinit(&writer->groups);
    buffer_deinit(&writer->block);
    free(writer);
}

static int write_bytes(struct sample_writer *writer, const void *bytes, size_t length,
                       struct error *ret_error) {
    if (file_write_at(writer->file, bytes, length, writer->length) < 0)
        return error_set_errno(ret_error, errno, "cannot write the values of thresholds");
    writer->length += length;
    return 0;
}

static uint64_t block_hash(const uint8_t *head, const uint8_t *body, size_t length) {
    return hash64(body, length, hash64(head, BLOCK_HEAD - 8, 0));
}

/* Bytes that hold every difference up to this one. */
static uint32_t width_of(uint64_t difference) {
    uint32_t width = 1;
    while (width < 8 && difference >> (8 * width))
        width++;
    return width;
}

static void encode_values(struct sample_writer *writer, int64_t earliest_us, uint32_t width) {
    uint8_t *at = buffer_reserve(&writer->block, writer->count * (8 + width) + 8);
    for (size_t i = 0; i < writer->count; i++, at += 8) {
        uint64_t bits;
        memcpy(&bits, &writer->values[i], sizeof bits);
        store_u64(at, bits);
    }
    for (size_t i = 0; i < writer->count; i++, at += width)
        store_u64(at, (uint64_t)writer->times_us[i] - (uint64_t)earliest_us);
    writer->block.length += writer->count * (8 + width);
}

static void find_times(const struct sample_writer *writer, int64_t *ret_earliest_us,
                       int64_t *ret_latest_us) {
    int64_t earliest_us = writer->times_us[0], latest_us = earliest_us;
    for (size_t i = 1; i < writer->count; i++) {
        earliest_us = writer->times_us[i] < earliest_us ? writer->times_us[i] : earliest_us;
        latest_us = writer->times_us[i] > latest_us ? writer->times_us[i] : latest_us;
    }
    *ret_earliest_us = earliest_us;
    *ret_latest_us = latest_us;
}

/* The group's values in this block become an entry. */
static void end_group(struct sample_writer *writer) {
    if (writer->count == writer->first)
        return;
    buffer_append_varint(&writer->groups, writer->count - writer->first);
    buffer_append_varint(&writer->groups, writer->key_length);
    buffer_append(&writer->groups, writer->key, writer->key_length);
    writer->group_count++;
    writer->first = writer->count;
}

static int end_block(struct sample_writer *writer, struct error *ret_error) {
    int64_t earliest_us, latest_us;
    end_group(writer);
    if (writer->count == 0)
        return 0;
    find_times(writer, &earliest_us, &latest_us);
    uint32_t width = width_of((uint64_t)latest_us - (uint64_t)earliest_us);
    buffer_clear(&writer->block);
    buffer_reserve(&writer->block, BLOCK_HEAD);
    writer->block.length = BLOCK_HEAD;
    encode_values(writer, earliest_us, width);
    buffer_append(&writer->block, writer->groups.bytes, writer->groups.length);
    uint8_t *head = writer->block.bytes;
    size_t body = writer->block.length - BLOCK_HEAD;
    store_u32(head, (uint32_t)body);
    store_u32(head + 4, writer->group_count);
    store_u32(head + 8, (uint32_t)writer->count);
    store_u32(head + 12, width);
    store_u64(head + 16, (uint64_t)earliest_us);
    store_u64(head + 24, block_hash(head, head + BLOCK_HEAD, body));
    struct sample_section *section = &writer->sections[writer->section_count - 1];
    section->bytes += writer->block.length;
    section->values += writer->count;
    if (earliest_us < section->earliest_us)
        section->earliest_us = earliest_us;
    if (latest_us > section->latest_us)
        section->latest_us = latest_us;
    writer->count = writer->first = 0;
    writer->group_count = 0;
    buffer_clear(&writer->groups);
    return write_bytes(writer, head, writer->block.length, ret_error);
}

static int begin_section(struct sample_writer *writer, size_t threshold, struct error *ret_error) {
    int r = end_block(writer, ret_error);
    if (r < 0)
        return r;
    writer->sections =
        check_reallocarray(writer->sections, writer->section_count + 1, sizeof *writer->sections);
    writer->sections[writer->section_count++] = (struct sample_section){
        .threshold = threshold,
        .at = writer->length,
        .earliest_us = INT64_MAX,
        .latest_us = INT64_MIN,
    };
    return 0;
}

int sample_writer_group(struct sample_writer *writer, size_t threshold, struct text key,
                        struct error *ret_error) {
    int r = 0;
    check(key.length <= sizeof writer->key);
    end_group(writer);
    if (writer->section_count == 0 ||
        writer->sections[writer->section_count - 1].threshold != threshold)
        r = begin_section(writer, threshold, ret_error);
    else if (writer->groups.length >= GROUPS_BYTES)
        r = end_block(writer, ret_error);
    writer->key_length = key.length;
    if (key.length > 0)
        memcpy(writer->key, key.data, key.length);
    return r;
}

int sample_writer_values(struct sample_writer *writer, const double *values,
                         const int64_t *times_us, size_t count, struct error *ret_error) {
    int r = 0;
    while (count > 0 && r == 0) {
        size_t room = SAMPLE_BLOCK_VALUES - writer->count;
        size_t part = count < room ? count : room;
        memcpy(writer->values + writer->count, values, part * sizeof *values);
        memcpy(writer->times_us + writer->count, times_us, part * sizeof *times_us);
        writer->count += part;
        values += part;
        times_us += part;
        count -= part;
        if (writer->count == SAMPLE_BLOCK_VALUES)
            r = end_block(writer, ret_error);
    }
    return r;
}

static void append_section(struct buffer *buffer, const struct sample_section *section) {
    buffer_append_u64(buffer, section->threshold);
    buffer_append_u64(buffer, section->at);
    buffer_append_u64(buffer, section->bytes);
    buffer_append_u64(buffer, section->values);
    buffer_append_u64(buffer, (uint64_t)section->earliest_us);
    buffer_append_u64(buffer, (uint64_t)section->latest_us);
}

int sample_writer_end(struct sample_writer *writer, struct sample_origin origin,
                      struct error *ret_error) {
    int r = end_block(writer, ret_error);
    if (r < 0)
        return r;
    uint64_t sections = 0, blocks = writer->length;
    struct buffer tail;
    buffer_init(&tail);
    for (size_t i = 0; i < writer->section_count; i++)
        if (writer->sections[i].values > 0) {
            append_section(&tail, &writer->sections[i]);
            sections++;
        }
    const uint64_t words[] = {MAGIC,
                              origin.inputs,
                              origin.from.position,
                              origin.from.chain,
                              origin.to.position,
                              origin.to.chain,
                              blocks,
                              sections};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        buffer_append_u64(&tail, words[i]);
    buffer_append_u64(&tail, hash64(tail.bytes, tail.length, 0));
    r = write_bytes(writer, tail.bytes, tail.length, ret_error);
    buffer_deinit(&tail);
    return r;
}

/* ---- reading ---- */

static int torn(struct error *ret_error, const char *what) {
    return error_set(ret_error, ERROR_DAMAGED, "its end is damaged: %s", what);
}

static int read_exactly(int file, void *bytes, size_t length, uint64_t at,
                        struct error *ret_error) {
    ssize_t got = file_read_at(file, bytes, length, at);
    if (got < 0)
        return error_set_errno(ret_error, errno, "cannot read the values of thresholds");
    return (size_t)got < length ? torn(ret_error, "it is too short") : 0;
}

static bool decode_section(const uint8_t *at, uint64_t blocks, uint64_t *expected_at,
                           struct sample_section *ret_section) {
    *ret_section = (struct sample_section){.threshold = load_u64(at),
                                           .at = load_u64(at + 8),
                                           .bytes = load_u64(at + 16),
                                           .values = load_u64(at + 24),
                                           .earliest_us = (int64_t)load_u64(at + 32),
                                           .latest_us = (int64_t)load_u64(at + 40)};
    bool is_next = ret_section->at == *expected_at && ret_section->bytes <= blocks - *expected_at;
    *expected_at += ret_section->bytes;
    return is_next;
}

/* tail: sections and trailer. */
static int decode_tail(const uint8_t *tail, size_t count, uint64_t blocks, struct sample_file *file,
                       struct error *ret_error) {
    uint64_t expected_at = 0;
    size_t length = count * SECTION_SIZE + TRAILER_SIZE;
    if (load_u64(tail + length - 8) != hash64(tail, length - 8, 0))
        return torn(ret_error, "its hash is another one");
    file->sections = check_calloc(count, sizeof *file->sections);
    file->section_count = count;
    for (size_t i = 0; i < count; i++)
        if (!decode_section(tail + i * SECTION_SIZE, blocks, &expected_at, &file->sections[i]) ||
            (i > 0 && file->sections[i].threshold <= file->sections[i - 1].threshold))
            return torn(ret_error, "its sections do not follow one another");
    return expected_at == blocks ? 0 : torn(ret_error, "its sections are not all of it");
}

static int read_tail(struct sample_file *file, uint64_t size, struct error *ret_error) {
    uint8_t trailer[TRAILER_SIZE];
    if (size < TRAILER_SIZE)
        return torn(ret_error, "it is too short");
    int r = read_exactly(file->file, trailer, sizeof trailer, size - TRAILER_SIZE, ret_error);
    if (r < 0)
        return r;
    if (load_u64(trailer) != MAGIC)
        return (load_u64(trailer) & MAGIC_FAMILY) == (MAGIC & MAGIC_FAMILY)
                   ? error_set(ret_error, ERROR_UNSUPPORTED, "it is of another version")
                   : error_set(ret_error, ERROR_UNSUPPORTED,
                               "it is torn, or of a version that this program does not read");
    uint64_t blocks = load_u64(trailer + 48), sections = load_u64(trailer + 56);
    if (sections > SECTIONS_MAX || blocks > size ||
        size - blocks != sections * SECTION_SIZE + TRAILER_SIZE)
        return torn(ret_error, "lengths do not add up");
    file->origin = (struct sample_origin){
        .inputs = load_u64(trailer + 8),
        .from = {.position = load_u64(trailer + 16), .chain = load_u64(trailer + 24)},
        .to = {.position = load_u64(trailer + 32), .chain = load_u64(trailer + 40)},
    };
    uint8_t *tail = check_malloc((size_t)(size - blocks));
    r = read_exactly(file->file, tail, (size_t)(size - blocks), blocks, ret_error);
    if (r == 0)
        r = decode_tail(tail, (size_t)sections, blocks, file, ret_error);
    free(tail);
    return r;
}

int sample_file_open(int file, struct sample_file **ret_file, struct error *ret_error) {
    struct sample_file *opened = check_calloc(1, sizeof *opened);
    struct stat status;
    opened->file = file;
    int r =
        fstat(file, &status) < 0 ? error_set_errno(ret_error, errno, "cannot read its size") : 0;
    if (r == 0) {
        opened->bytes = (uint64_t)status.st_size;
        r = read_tail(opened, opened->bytes, ret_error);
    }
    if (r == 0)
        *ret_file = opened;
    else
        sample_file_close(opened);
    return r;
}

void sample_file_close(struct sample_file *file) {
    if (!file)
        return;
    close(file->file);
    free(file->sections);
    free(file);
}

const struct sample_section *sample_file_section(const struct sample_file *file, size_t threshold) {
    for (size_t i = 0; i < file->section_count; i++)
        if (file->sections[i].threshold == threshold)
            return &file->sections[i];
    return NULL;
}

uint64_t sample_file_values(const struct sample_file *file) {
    uint64_t values = 0;
    for (size_t i = 0; i < file->section_count; i++)
        values += file->sections[i].values;
    return values;
}

/* ---- cursors ---- */

void sample_cursor_init(struct sample_cursor *cursor, const struct sample_file *file,
                        const struct sample_section *section, uint64_t definition) {
    *cursor = (struct sample_cursor){.file = file,
                                     .section = section,
                                     .next_at = section->at,
                                     .end = section->at + section->bytes,
                                     .definition = definition};
    cursor->values = check_calloc(SAMPLE_BLOCK_VALUES, sizeof *cursor->values);
    cursor->times_us = check_calloc(SAMPLE_BLOCK_VALUES, sizeof *cursor->times_us);
    buffer_init(&cursor->body);
    buffer_init(&cursor->before);
}

void sample_cursor_deinit(struct sample_cursor *cursor) {
    free(cursor->values);
    free(cursor->times_us);
    buffer_deinit(&cursor->body);
    buffer_deinit(&cursor->before);
}

static int damaged(const struct sample_cursor *cursor, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "samples/s-%020" PRIu64 " is damaged in the block at byte %" PRIu64,
                     cursor->file->origin.to.position, cursor->block_at);
}

/* The body has 8 bytes behind it that may be read. */
static void decode_block(struct sample_cursor *cursor, size_t values, size_t width,
                         int64_t earliest_us) {
    const uint8_t *at = cursor->body.bytes;
    uint64_t mask = width == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
    for (size_t i = 0; i < values; i++, at += 8) {
        uint64_t bits = load_u64(at);
        memcpy(&cursor->values[i], &bits, sizeof bits);
    }
    for (size_t i = 0; i < values; i++, at += width)
        cursor->times_us[i] = (int64_t)((uint64_t)earliest_us + (load_u64(at) & mask));
    cursor->block_values = values;
}

/* Reads the body whose head this is. */
static int read_body(struct sample_cursor *cursor, const uint8_t head[BLOCK_HEAD],
                     struct error *ret_error) {
    size_t body = load_u32(head), values = load_u32(head + 8), width = load_u32(head + 12);
    if (body > BODY_MAX || body > cursor->end - cursor->block_at - BLOCK_HEAD ||
        values > SAMPLE_BLOCK_VALUES || width < 1 || width > 8 || values * (8 + width) > body)
        return damaged(cursor, ret_error);
    struct buffer swap = cursor->before;
    cursor->before = cursor->body;
    cursor->body = swap;
    buffer_clear(&cursor->body);
    uint8_t *bytes = buffer_reserve(&cursor->body, body + 8);
    if (file_read_at(cursor->file->file, bytes, body, cursor->block_at + BLOCK_HEAD) !=
            (ssize_t)body ||
        block_hash(head, bytes, body) != load_u64(head + 24))
        return damaged(cursor, ret_error);
    memset(bytes + body, 0, 8);
    decode_block(cursor, values, width, (int64_t)load_u64(head + 16));
    cursor->groups = cursor_of(bytes + values * (8 + width), body - values * (8 + width));
    cursor->groups_left = load_u32(head + 4);
    cursor->first = cursor->count = 0;
    cursor->next_at = cursor->block_at + BLOCK_HEAD + body;
    return 1;
}

int sample_cursor_block(struct sample_cursor *cursor, struct error *ret_error) {
    uint8_t head[BLOCK_HEAD];
    if (cursor->next_at == cursor->end)
        return 0;
    cursor->block_at = cursor->next_at;
    if (cursor->end - cursor->block_at < BLOCK_HEAD ||
        file_read_at(cursor->file->file, head, sizeof head, cursor->block_at) !=
            (ssize_t)BLOCK_HEAD)
        return damaged(cursor, ret_error);
    return read_body(cursor, head, ret_error);
}

int sample_cursor_group(struct sample_cursor *cursor, struct error *ret_error) {
    if (cursor->groups_left == 0) {
        int r = sample_cursor_block(cursor, ret_error);
        if (r <= 0)
            return r;
    }
    size_t first = cursor->first + cursor->count;
    uint64_t count = cursor_varint(&cursor->groups);
    uint64_t length = cursor_varint(&cursor->groups);
    if (length > THRESHOLD_KEY_MAX || count == 0 || count > cursor->block_values - first)
        return damaged(cursor, ret_error);
    struct text key = cursor_text(&cursor->groups, (size_t)length);
    if (cursor->groups.failed)
        return damaged(cursor, ret_error);
    cursor->groups_left--;
    cursor->key = key;
    cursor->first = first;
    cursor->count = (size_t)count;
    cursor->hash = generation_baseline_hash(cursor->definition, key);
    return 1;
}
