/* Target: how the archive reads its files.
 *
 *   input  u8 kind, then
 *          0: u8 type, and the payload of a record
 *          1: a description of a segment with valid checksums, and of its damage:
 *             u8 number of changes (at most 3); for each, u16 offset, u8 XOR mask (0: truncate
 *             there); then frames: u8 kind (0–3: a sync mark; 4…: a record of that type), u8
 *             length, payload
 *          2: raw frames
 *          3: a raw segment
 *          4: u8 frames in a block (0: all in one), then as 1: the segment is sealed first and
 *             damaged afterwards
 *          5: a raw sealed segment, whose checksums and sizes are corrected before it is read
 *          6: u8 number of blocks (at most 8), u16 length of each; then a raw segment, sealed in
 *             these blocks, with the remainder in a last one
 *
 * Kinds 1 and 4 describe segments because random bytes almost never have valid checksums.
 *
 * A record that decodes must encode to bytes that decode to the same record, within the arena. A
 * walk through a damaged segment must return only records that were written, in order, and must not
 * report a clean end if any are missing. Every changed byte of a sealed segment must be noticed. */
#include "common/target.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/segment_walk.h"
#include "core/wire/record/record.h"
#include "tests/unit/wire/random_wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define FRAMES_MAX  32
#define DAMAGES_MAX 3
#define BLOCKS_MAX  8

static struct arena arena;
static struct buffer encoded, encoded_again;
static struct buffer file;    /* the bytes to read, possibly damaged or sealed */
static struct buffer written; /* the undamaged plain segment that `file` was made from */
static int descriptor;
static char path[SEGMENT_FILE_NAME_SIZE]; /* of `descriptor`, to open sealed segments by name */
static struct segment_file *opened;       /* `descriptor` as a plain segment */
static struct seal_packer *packer;

void target_start(void) {
    arena_init(&arena, ARENA_BYTES);
    buffer_init(&encoded);
    buffer_init(&encoded_again);
    buffer_init(&file);
    buffer_init(&written);
    descriptor = memfd_create("segment", MFD_CLOEXEC);
    check(descriptor >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    opened = segment_file_of(descriptor);
    packer = seal_packer_new();
}

/* Records. */

static bool run_record(unsigned type, const void *bytes, size_t size) {
    struct record record, again;
    struct error error;
    arena_reset(&arena);
    int r = record_decode((enum record_type)type, bytes, size, &arena, &record, &error);
    property(arena.used <= ARENA_BYTES, "%zu bytes in an arena of %zu", arena.used, ARENA_BYTES);
    if (r < 0) {
        property(r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED || r == -ERROR_TOO_LARGE,
                 "refused as %s: %s", error_code_name(error.code), error.text);
        return false;
    }
    buffer_clear(&encoded);
    record_encode(&record, &encoded);
    arena_reset(&arena);
    r = record_decode((enum record_type)type, encoded.bytes, encoded.length, &arena, &again,
                      &error);
    property(r == 0, "a decoded record is refused after encoding: %s", error.text);
    buffer_clear(&encoded_again);
    record_encode(&again, &encoded_again);
    property(encoded.length == encoded_again.length &&
                 (encoded.length == 0 ||
                  memcmp(encoded.bytes, encoded_again.bytes, encoded.length) == 0),
             "a record encodes to other bytes the second time");
    return true;
}

/* Segments. */

/* Offsets of the records in an undamaged segment. */
struct layout {
    struct segment segment;
    size_t starts[FRAMES_MAX];
    size_t count;
    struct archive_place end;
};

static void write_file(void) {
    check(ftruncate(descriptor, 0) == 0);
    check(pwrite(descriptor, file.bytes, file.length, 0) == (ssize_t)file.length);
}

static void append_record(struct cursor *cursor, unsigned type, struct archive_place *place,
                          struct layout *layout) {
    size_t length = cursor_u8(cursor), start = file.length;
    length = length < cursor_left(cursor) ? length : cursor_left(cursor);
    frame_begin(&file);
    buffer_append(&file, cursor->at, length);
    cursor->at += length;
    place->position++;
    frame_finish(&file, start, (uint16_t)type, place->position);
    place->chain = frame_chain(file.bytes + start, place->chain);
    layout->starts[layout->count++] = start;
}

static void make_segment(struct cursor *cursor, struct layout *ret_layout) {
    struct segment_header header = {.before = {.position = 41, .chain = 7}, .day = 20000};
    struct archive_place place = header.before;
    *ret_layout = (struct layout){.segment = {.first = 42, .day = header.day}};
    snprintf(ret_layout->segment.name, sizeof ret_layout->segment.name, "segment");
    buffer_clear(&file);
    segment_header_encode(&header, buffer_reserve(&file, SEGMENT_HEADER_SIZE));
    file.length = SEGMENT_HEADER_SIZE;
    while (cursor_left(cursor) > 0 && ret_layout->count < FRAMES_MAX) {
        unsigned kind = cursor_u8(cursor);
        if (kind >= 4)
            append_record(cursor, kind - 3, &place, ret_layout);
        else
            sync_mark_append(&file, &(struct sync_mark){.place = place, .time_us = 1});
    }
    ret_layout->end = place;
    buffer_clear(&written);
    buffer_append(&written, file.bytes, file.length);
}

/* Truncation outweighs changed bytes: only a truncated segment may end early and cleanly. */
enum damage { DAMAGE_NONE, DAMAGE_CHANGED, DAMAGE_CUT };

static enum damage damage_file(const uint8_t *damages, size_t count) {
    enum damage done = DAMAGE_NONE;
    for (size_t i = 0; i < count; i++) {
        size_t where = (size_t)(damages[3 * i] | damages[3 * i + 1] << 8) % (file.length + 1);
        uint8_t change = damages[3 * i + 2];
        if (where == file.length)
            continue;
        if (change == 0) {
            file.length = where;
            done = DAMAGE_CUT;
        } else {
            file.bytes[where] ^= change;
            done = done == DAMAGE_CUT ? DAMAGE_CUT : DAMAGE_CHANGED;
        }
        if (file.length == 0)
            break;
    }
    return done;
}

/* Whether the segment's bytes have the hash in its seal. Call it after the walk has ended, when the
 * window has hashed everything. */
static bool has_its_hash(struct segment_walk *walk) {
    uint8_t hash[SEAL_HASH_SIZE];
    return frame_window_hash_finish(&walk->window, hash) &&
           memcmp(hash, walk->window.file->seal.hash, SEAL_HASH_SIZE) == 0;
}

/* How the walk ended: enum tail. Blocks of a sealed segment are read and checked one by one, so
 * damage may turn up in the middle of the walk. */
static int judge(struct segment_walk *walk, int status, const struct error *walk_error) {
    struct segment_file *from = walk->window.file;
    struct error error;
    uint64_t mark = 0;
    if (from->is_sealed && status < 0) {
        property(status == -ERROR_DAMAGED || status == -ERROR_UNSUPPORTED, "%s", walk_error->text);
        return TAIL_DAMAGED;
    }
    property(status >= 0, "%s", walk_error->text);
    int tail = segment_walk_judge(walk, &mark, &error);
    property(tail >= 0, "%s", error.text);
    property(tail != TAIL_DAMAGED || mark < from->size, "a mark after the end");
    property(tail != TAIL_TORN || !from->is_sealed, "a sealed segment is torn");
    return from->is_sealed && tail == TAIL_CLEAN && !has_its_hash(walk) ? TAIL_DAMAGED : tail;
}

/* Walks through a segment and returns the number of its records. They must be those of `written`,
 * at the offsets of `layout`; with layout NULL any records are accepted. */
static size_t walk(struct segment_file *from, const struct segment_header *header,
                   const struct layout *layout, int *ret_tail) {
    static const uint8_t before[SEAL_HASH_SIZE];
    struct segment_walk walk;
    struct frame frame;
    const char *diagnostic = NULL;
    struct error error;
    size_t count = 0;
    int status;
    property(segment_walk_init(&walk, from, header, &error) == 0, "%s", error.text);
    status = from->is_sealed ? frame_window_hash(&walk.window, before, &error) : 0;
    while (status >= 0 &&
           (status = segment_walk_next(&walk, &frame, &diagnostic, &error)) == FRAME_WHOLE) {
        if (layout) {
            property(count < layout->count, "a record that was never written");
            const uint8_t *start = written.bytes + layout->starts[count];
            property(frame.offset == layout->starts[count] &&
                         memcmp(frame.payload.data, start + FRAME_HEADER_SIZE,
                                frame.payload.length) == 0,
                     "record %zu is not the one that was written", count);
        }
        run_record(frame.type, frame.payload.data, frame.payload.length);
        count++;
    }
    property(status != FRAME_BAD || diagnostic, "a bad frame without a diagnostic");
    *ret_tail = judge(&walk, status, &error);
    segment_walk_deinit(&walk);
    return count;
}

static size_t take_damages(struct cursor *cursor, uint8_t ret_damages[3 * DAMAGES_MAX]) {
    size_t count = cursor_u8(cursor) % (DAMAGES_MAX + 1);
    for (size_t i = 0; i < 3 * count; i++)
        ret_damages[i] = cursor_u8(cursor);
    return count;
}

static bool run_described(struct cursor *cursor) {
    struct layout layout;
    struct segment_header header;
    struct error error;
    uint8_t damages[3 * DAMAGES_MAX];
    size_t damage_count = take_damages(cursor, damages);
    make_segment(cursor, &layout);
    enum damage damage = damage_file(damages, damage_count);
    write_file();
    int r = segment_file_header(opened, &layout.segment, &header, &error);
    if (r != 0) {
        property(damage != DAMAGE_NONE, "an undamaged header is refused: %s", error.text);
        return true;
    }
    int tail;
    size_t count = walk(opened, &header, &layout, &tail);
    if (damage == DAMAGE_NONE)
        property(count == layout.count && tail == TAIL_CLEAN,
                 "%zu of %zu records, tail %d of an undamaged segment", count, layout.count, tail);
    /* Two changes may cancel out, so a damaged segment may still have all of its records. */
    property(count == layout.count || damage == DAMAGE_CUT || tail != TAIL_CLEAN,
             "%zu of %zu records, but a clean end", count, layout.count);
    return true;
}

/* Sealed segments. */

/* Seals `written` into `file`, in these blocks. Fills in their stored lengths and checksums. */
static void seal_written(struct seal_block *blocks, size_t count, struct archive_place end) {
    static struct buffer packed;
    struct seal_header header = {
        .size = written.length, .block_count = (uint32_t)count, .end = end};
    struct sha256 *sha = sha256_new();
    buffer_clear(&packed);
    for (size_t i = 0; i < count; i++) {
        size_t start = packed.length;
        seal_pack(packer, written.bytes + blocks[i].offset, blocks[i].length, &packed);
        blocks[i].stored = (uint32_t)(packed.length - start);
        blocks[i].crc = crc32c(0, packed.bytes + start, blocks[i].stored);
    }
    sha256_add(sha, header.before, sizeof header.before);
    sha256_add(sha, written.bytes, written.length);
    sha256_finish(sha, header.hash);
    memcpy(header.segment_header, written.bytes, SEGMENT_HEADER_SIZE);
    buffer_clear(&file);
    buffer_reserve(&file, SEAL_HEADER_SIZE);
    file.length = SEAL_HEADER_SIZE;
    seal_table_encode(blocks, count, &file);
    header.table_crc = crc32c(0, file.bytes + SEAL_HEADER_SIZE, file.length - SEAL_HEADER_SIZE);
    buffer_append(&file, packed.bytes, packed.length);
    header.stored = file.length;
    seal_header_encode(&header, file.bytes);
}

/* Seals `written` with this number of frames in each block; 0: all in one. */
static void seal_described(const struct layout *layout, size_t frames) {
    struct seal_block blocks[FRAMES_MAX + 1] = {{.position_before = layout->segment.first - 1}};
    size_t count = 1;
    for (size_t i = 1; i < layout->count; i++)
        if (frames > 0 && i % frames == 0)
            blocks[count++] = (struct seal_block){.offset = layout->starts[i],
                                                  .position_before = layout->segment.first - 1 + i};
    for (size_t i = 0; i < count; i++)
        blocks[i].length =
            (uint32_t)((i + 1 < count ? blocks[i + 1].offset : written.length) - blocks[i].offset);
    seal_written(blocks, count, layout->end);
}

/* Opens `file` as a sealed segment. NULL: refused as damaged or unsupported. */
static struct segment_file *open_sealed(struct error *ret_error) {
    struct segment_file *sealed;
    write_file();
    int r = segment_file_open_sealed(AT_FDCWD, path, &sealed, ret_error);
    property(r == 0 || r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED, "refused: %s",
             ret_error->text);
    return r == 0 ? sealed : NULL;
}

static bool run_sealed(struct cursor *cursor) {
    static struct buffer whole;
    struct layout layout;
    struct segment_header header;
    struct error error;
    uint8_t damages[3 * DAMAGES_MAX];
    size_t frames = cursor_u8(cursor), damage_count = take_damages(cursor, damages);
    make_segment(cursor, &layout);
    seal_described(&layout, frames);
    buffer_clear(&whole);
    buffer_append(&whole, file.bytes, file.length);
    damage_file(damages, damage_count);
    bool is_whole =
        file.length == whole.length && memcmp(file.bytes, whole.bytes, file.length) == 0;
    struct segment_file *sealed = open_sealed(&error);
    property(sealed || !is_whole, "an undamaged sealed segment is refused: %s", error.text);
    if (!sealed)
        return true;
    property(segment_file_header(sealed, &layout.segment, &header, &error) == 0, "%s", error.text);
    int tail;
    size_t count = walk(sealed, &header, &layout, &tail);
    property(is_whole == (tail == TAIL_CLEAN), "undamaged: %d, but its tail is %d", is_whole, tail);
    property(!is_whole || count == layout.count, "%zu of %zu records", count, layout.count);
    segment_file_close(sealed);
    return true;
}

/* Walks through a sealed segment with valid checksums, then finds each record by its position. */
static bool walk_sealed(void) {
    struct segment segment = {.name = "segment"};
    struct segment_header header;
    struct error error;
    struct segment_file *sealed = open_sealed(&error);
    if (!sealed)
        return false;
    bool is_segment = segment_header_decode(sealed->seal.segment_header, &header, &error) == 0;
    if (is_segment) {
        const struct seal_block *block;
        int tail;
        segment.day = header.day;
        segment.first = header.before.position + 1;
        property(segment_file_header(sealed, &segment, &header, &error) == 0, "%s", error.text);
        size_t count = walk(sealed, &header, NULL, &tail);
        for (size_t i = 0; i < count; i++)
            property(segment_file_block_of(sealed, segment.first + i, &block, &error) == 0 &&
                         block->offset < sealed->size,
                     "record %zu is in no block", i);
    }
    segment_file_close(sealed);
    return is_segment;
}

/* Corrects checksums and sizes, as a forger could: otherwise inputs would rarely get past them. */
static void correct_checksums(void) {
    if (file.length < SEAL_HEADER_SIZE)
        return;
    uint8_t *table = file.bytes + SEAL_HEADER_SIZE;
    uint64_t count = load_u32(file.bytes + 40), at = SEAL_HEADER_SIZE + count * SEAL_ENTRY_SIZE;
    if (at <= file.length) {
        for (uint8_t *entry = table; count > 0; count--, entry += SEAL_ENTRY_SIZE) {
            uint32_t stored = load_u32(entry + 4);
            if (stored > file.length - at)
                break;
            store_u32(entry + 8, crc32c(0, file.bytes + at, stored));
            at += stored;
        }
        store_u32(file.bytes + 44,
                  crc32c(0, table, load_u32(file.bytes + 40) * (size_t)SEAL_ENTRY_SIZE));
    }
    store_u64(file.bytes + 32, file.length);
    store_u32(file.bytes + 20,
              crc32c(crc32c(0, file.bytes, 20), file.bytes + 24, SEAL_HEADER_SIZE - 24));
}

static bool run_forged(const uint8_t *bytes, size_t size) {
    buffer_clear(&file);
    buffer_append(&file, bytes, size);
    correct_checksums();
    return walk_sealed();
}

static bool run_blocks(struct cursor *cursor) {
    struct seal_block blocks[BLOCKS_MAX + 1] = {{0}};
    uint8_t described = cursor_u8(cursor) % (BLOCKS_MAX + 1);
    size_t lengths[BLOCKS_MAX], count = 0, offset = 0;
    for (size_t i = 0; i < described; i++) {
        lengths[i] = cursor_u8(cursor);
        lengths[i] |= (size_t)cursor_u8(cursor) << 8;
    }
    if (cursor_left(cursor) < SEGMENT_HEADER_SIZE)
        return false;
    buffer_clear(&written);
    buffer_append(&written, cursor->at, cursor_left(cursor));
    while (offset < written.length) {
        size_t left = written.length - offset;
        size_t length = count < described && lengths[count] < left ? lengths[count] : left;
        blocks[count] = (struct seal_block){
            .offset = offset, .length = (uint32_t)length, .position_before = 41 + count};
        offset += length;
        count++;
    }
    seal_written(blocks, count, (struct archive_place){0});
    return walk_sealed();
}

static bool run_frames(const uint8_t *bytes, size_t size) {
    size_t at = 0, mark;
    struct frame frame;
    const char *diagnostic = NULL;
    struct sync_mark parsed;
    while (frame_parse(bytes + at, size - at, &frame, &diagnostic) == FRAME_WHOLE) {
        property(frame.size >= FRAME_HEADER_SIZE && frame.size <= size - at, "a frame's size");
        if (!sync_mark_parse(&frame, &parsed))
            run_record(frame.type, frame.payload.data, frame.payload.length);
        at += frame.size;
    }
    if (sync_mark_search(bytes, size, 0, &mark))
        property(mark + SYNC_MARK_SIZE <= size, "a truncated mark");
    return at > 0;
}

static bool run_segment(const uint8_t *bytes, size_t size) {
    struct segment segment = {.name = "segment"};
    struct segment_header header;
    struct error error;
    uint8_t head[SEGMENT_HEADER_SIZE];
    if (size < sizeof head)
        return false;
    memcpy(head, bytes, sizeof head);
    if (segment_header_decode(head, &header, &error) < 0)
        return false;
    segment.day = header.day;
    segment.first = header.before.position + 1;
    buffer_clear(&file);
    buffer_append(&file, bytes, size);
    write_file();
    property(segment_file_header(opened, &segment, &header, &error) == 0, "%s", error.text);
    int tail;
    walk(opened, &header, NULL, &tail);
    return true;
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct cursor cursor = cursor_of(bytes, size);
    unsigned kind = cursor_u8(&cursor);
    if (kind == 0) {
        unsigned type = cursor_u8(&cursor);
        return run_record(type, cursor.at, cursor_left(&cursor));
    }
    if (kind == 1)
        return run_described(&cursor);
    if (kind == 2)
        return run_frames(cursor.at, cursor_left(&cursor));
    if (kind == 4)
        return run_sealed(&cursor);
    if (kind == 5)
        return run_forged(cursor.at, cursor_left(&cursor));
    if (kind == 6)
        return run_blocks(&cursor);
    return run_segment(cursor.at, cursor_left(&cursor));
}

/* Seeds: random records, alone, in frames, and in plain and sealed segments. */

static void begin_seed(struct buffer *seed, uint8_t kind) {
    buffer_clear(seed);
    buffer_append_u8(seed, kind);
}

/* What an erasure leaves of a transaction: random ones are longer than most seeds. */
static void add_erased(struct seeds *seeds) {
    static const struct erased_field fields[] = {
        {.field = TEXT_LITERAL("email"), .hash = 5, .is_shown = true},
        {.field = TEXT_LITERAL("derived(emailDomain(email))"),
         .kept = {.type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("x.org")}},
        {.field = TEXT_LITERAL("derived(size(email))"),
         .kept = {.type = ATTRIBUTE_INTEGER, .integer = 7}}};
    static const struct erased_condition conditions[] = {{.condition = 9, .labels = 3},
                                                         {.condition = 10, .labels = 1}};
    static const struct erased erased = {
        .fields = fields, .field_count = 3, .conditions = conditions, .condition_count = 2};
    const struct record record = {
        .type = RECORD_TRANSACTION,
        .position = 1,
        .transaction = {.transaction = {.id = TEXT_LITERAL("t"), .erased = &erased},
                        .decision = {.verdict = VERDICT_APPROVE}}};
    struct buffer seed;
    buffer_init(&seed);
    begin_seed(&seed, 0);
    buffer_append_u8(&seed, RECORD_TRANSACTION);
    record_encode(&record, &seed);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void add_records(struct seeds *seeds, struct random *random, struct arena *made) {
    struct buffer seed, payload;
    buffer_init(&seed);
    buffer_init(&payload);
    for (int i = 0; i < 40; i++) {
        arena_reset(made);
        struct record record = random_record(random, made);
        buffer_clear(&payload);
        record_encode(&record, &payload);
        if (payload.length > 500)
            continue;
        begin_seed(&seed, 0);
        buffer_append_u8(&seed, (uint8_t)record.type);
        buffer_append(&seed, payload.bytes, payload.length);
        seeds->add(seeds, seed.bytes, seed.length);
        begin_seed(&seed, 2);
        frame_begin(&seed);
        buffer_append(&seed, payload.bytes, payload.length);
        frame_finish(&seed, 1, (uint16_t)record.type, 42);
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
    buffer_deinit(&payload);
}

/* The last segment from make_segment() as an input of kinds 4, 5 and 6. described: the input of
 * kind 1 that it was made from, without the kind. */
static void add_sealed(struct seeds *seeds, const struct layout *layout,
                       const struct buffer *described) {
    struct buffer seed;
    size_t middle = layout->count > 2 ? layout->starts[layout->count / 2] : SEGMENT_HEADER_SIZE;
    buffer_init(&seed);
    begin_seed(&seed, 4);
    buffer_append_u8(&seed, 2);
    buffer_append(&seed, described->bytes, described->length);
    seeds->add(seeds, seed.bytes, seed.length);
    seal_described(layout, 2);
    begin_seed(&seed, 5);
    buffer_append(&seed, file.bytes, file.length);
    seeds->add(seeds, seed.bytes, seed.length);
    begin_seed(&seed, 6);
    buffer_append_u8(&seed, 1);
    buffer_append_u8(&seed, (uint8_t)middle);
    buffer_append_u8(&seed, (uint8_t)(middle >> 8));
    buffer_append(&seed, written.bytes, written.length);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

/* A segment of a few random records as an input of kind 1, then of kinds 3 to 6. */
static void add_segment(struct seeds *seeds, struct random *random, struct arena *made,
                        size_t damages) {
    struct buffer seed, payload, described;
    struct layout layout;
    buffer_init(&seed);
    buffer_init(&payload);
    begin_seed(&seed, 1);
    buffer_append_u8(&seed, (uint8_t)damages);
    for (size_t i = 0; i < 3 * damages; i++)
        buffer_append_u8(&seed, (uint8_t)(i % 3 == 1 ? 0 : random_below(random, 256)));
    size_t frames = seed.length;
    for (int i = 0; i < 6; i++) {
        arena_reset(made);
        struct record record = random_record(random, made);
        buffer_clear(&payload);
        record_encode(&record, &payload);
        if (payload.length > 120)
            continue;
        buffer_append_u8(&seed, (uint8_t)(record.type + 3));
        buffer_append_u8(&seed, (uint8_t)payload.length);
        buffer_append(&seed, payload.bytes, payload.length);
        if (random_below(random, 3) == 0)
            buffer_append_u8(&seed, 0);
    }
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_init(&described);
    buffer_append(&described, seed.bytes + 1, seed.length - 1);
    struct cursor cursor = cursor_of(seed.bytes + frames, seed.length - frames);
    make_segment(&cursor, &layout);
    begin_seed(&seed, 3);
    buffer_append(&seed, file.bytes, file.length);
    seeds->add(seeds, seed.bytes, seed.length);
    add_sealed(seeds, &layout, &described);
    buffer_deinit(&described);
    buffer_deinit(&seed);
    buffer_deinit(&payload);
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct arena made;
    struct random random = {.state = 3};
    arena_init(&made, (size_t)4 << 20);
    add_erased(seeds);
    add_records(seeds, &random, &made);
    for (size_t i = 0; i < 24; i++)
        add_segment(seeds, &random, &made, i % (DAMAGES_MAX + 1));
    arena_deinit(&made);
}
