/* Target: what the archive reads from its files.
 *
 *   input  u8 kind, then
 *          0: u8 type, the payload of a record
 *          1: a segment with right checksums, described in short, and what is done to it:
 *             u8 damages (at most 3), each u16 where, u8 change (0: everything behind is cut off);
 *             then frames: u8 kind (0–3: a sync mark; 4…: a record of that type), u8 length,
 * payload 2: frames as they are 3: a segment as it is
 *
 * A record decodes to what encodes to the same again, within its arena. A walk through a damaged
 * segment gives none but records that were written, in their order, and where some are missing it
 * says that the end is not clean. */
#include "target.h"

#include "core/base/check.h"
#include "core/store/segment_walk.h"
#include "core/wire/record.h"
#include "tests/unit/wire/random_wire.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define FRAMES_MAX  32
#define DAMAGES_MAX 3

static struct arena arena;
static struct buffer encoded, encoded_again, file;
static int descriptor;

void target_start(void) {
    arena_init(&arena, ARENA_BYTES);
    buffer_init(&encoded);
    buffer_init(&encoded_again);
    buffer_init(&file);
    descriptor = memfd_create("segment", MFD_CLOEXEC);
    check(descriptor >= 0);
}

/* Records. */

static bool run_record(unsigned type, const void *bytes, size_t size) {
    struct record record, again;
    struct error error;
    arena_reset(&arena);
    int r = record_decode((enum record_type)type, bytes, size, &arena, &record, &error);
    property(arena.used <= ARENA_BYTES, "%zu bytes in an arena of %zu", arena.used, ARENA_BYTES);
    if (r < 0) {
        property(r == -ERROR_DAMAGED || r == -ERROR_TOO_LARGE, "refused as %s: %s",
                 error_code_name(error.code), error.text);
        return false;
    }
    buffer_clear(&encoded);
    record_encode(&record, &encoded);
    arena_reset(&arena);
    r = record_decode((enum record_type)type, encoded.bytes, encoded.length, &arena, &again,
                      &error);
    property(r == 0, "what was decoded and encoded is refused: %s", error.text);
    buffer_clear(&encoded_again);
    record_encode(&again, &encoded_again);
    property(encoded.length == encoded_again.length &&
                 (encoded.length == 0 ||
                  memcmp(encoded.bytes, encoded_again.bytes, encoded.length) == 0),
             "a record encodes to other bytes the second time");
    return true;
}

/* Segments. */

/* Where the records of a segment that is whole lie in `file`. */
struct layout {
    struct segment segment;
    size_t starts[FRAMES_MAX];
    size_t count;
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
}

/* What was done: nothing, bytes changed, or cut off. */
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

/* Walks through `file`, whose records were those of `written`, a copy of it, or anything at all
 * (NULL). Returns how many there are. */
static size_t walk(const struct segment_header *header, const struct layout *layout,
                   const struct buffer *written, int *ret_tail) {
    struct segment_walk walk;
    struct frame frame;
    const char *fault = NULL;
    struct error error;
    size_t count = 0;
    int status;
    property(segment_walk_init(&walk, descriptor, header, &error) == 0, "%s", error.text);
    while ((status = segment_walk_next(&walk, &frame, &fault, &error)) == FRAME_WHOLE) {
        if (written) {
            property(count < layout->count, "a record that nobody wrote");
            const uint8_t *start = written->bytes + layout->starts[count];
            property(frame.offset == layout->starts[count] &&
                         memcmp(frame.payload.data, start + FRAME_HEADER_SIZE,
                                frame.payload.length) == 0,
                     "record %zu is not the one that was written", count);
        }
        run_record(frame.type, frame.payload.data, frame.payload.length);
        count++;
    }
    property(status >= 0, "%s", error.text);
    property(status != FRAME_BAD || fault, "a bad frame without a fault");
    uint64_t mark = 0;
    *ret_tail = segment_walk_judge(&walk, &mark, &error);
    property(*ret_tail >= 0, "%s", error.text);
    property(*ret_tail != TAIL_DAMAGED || mark < file.length, "a mark behind the end");
    segment_walk_deinit(&walk);
    return count;
}

static bool run_described(struct cursor *cursor) {
    static struct buffer written;
    struct layout layout;
    struct segment_header header;
    struct error error;
    uint8_t damages[3 * DAMAGES_MAX];
    size_t damage_count = cursor_u8(cursor) % (DAMAGES_MAX + 1);
    for (size_t i = 0; i < 3 * damage_count; i++)
        damages[i] = cursor_u8(cursor);
    make_segment(cursor, &layout);
    buffer_clear(&written);
    buffer_append(&written, file.bytes, file.length);
    enum damage damage = damage_file(damages, damage_count);
    write_file();
    int r = segment_header_read(descriptor, &layout.segment, &header, &error);
    if (r != 0) {
        property(damage != DAMAGE_NONE, "a whole header is refused: %s", error.text);
        return true;
    }
    int tail;
    size_t count = walk(&header, &layout, &written, &tail);
    if (damage == DAMAGE_NONE)
        property(count == layout.count && tail == TAIL_CLEAN,
                 "%zu of %zu records, tail %d of a whole segment", count, layout.count, tail);
    /* Damage that undoes itself leaves nothing out. */
    property(count == layout.count || damage == DAMAGE_CUT || tail != TAIL_CLEAN,
             "%zu of %zu records, but a clean end", count, layout.count);
    return true;
}

static bool run_frames(const uint8_t *bytes, size_t size) {
    size_t at = 0, mark;
    struct frame frame;
    const char *fault = NULL;
    struct sync_mark parsed;
    while (frame_parse(bytes + at, size - at, &frame, &fault) == FRAME_WHOLE) {
        property(frame.size >= FRAME_HEADER_SIZE && frame.size <= size - at, "a frame's size");
        if (!sync_mark_parse(&frame, &parsed))
            run_record(frame.type, frame.payload.data, frame.payload.length);
        at += frame.size;
    }
    if (sync_mark_search(bytes, size, 0, &mark))
        property(mark + SYNC_MARK_SIZE <= size, "a mark that is cut off");
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
    property(segment_header_read(descriptor, &segment, &header, &error) == 0, "%s", error.text);
    int tail;
    walk(&header, NULL, NULL, &tail);
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
    return run_segment(cursor.at, cursor_left(&cursor));
}

/* Seeds: random records, alone, in frames and in segments. */

static void begin_seed(struct buffer *seed, uint8_t kind) {
    buffer_clear(seed);
    buffer_append_u8(seed, kind);
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

/* Records and marks in short, and the segment they make. */
static void add_segment(struct seeds *seeds, struct random *random, struct arena *made,
                        size_t damages) {
    struct buffer seed, payload;
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
    struct cursor cursor = cursor_of(seed.bytes + frames, seed.length - frames);
    make_segment(&cursor, &layout);
    begin_seed(&seed, 3);
    buffer_append(&seed, file.bytes, file.length);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
    buffer_deinit(&payload);
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct arena made;
    struct random random = {.state = 3};
    arena_init(&made, (size_t)4 << 20);
    add_records(seeds, &random, &made);
    for (size_t i = 0; i < 24; i++)
        add_segment(seeds, &random, &made, i % (DAMAGES_MAX + 1));
    arena_deinit(&made);
}
