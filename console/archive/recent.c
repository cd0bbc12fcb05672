#include "recent.h"

#include "core/store/archive/archive_parts.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define HOUR_US     (LIVE_MINUTES * INT64_C(60000000))

/* The first part to read. */
static size_t first_part(const struct archive_parts *parts, struct archive_place until,
                         int64_t now_us) {
    uint64_t bytes = 0;
    size_t index = archive_parts_count(parts);
    while (index > 0) {
        struct archive_part part = archive_parts_part(parts, index - 1);
        if (part.first <= until.position) {
            bytes += part.size;
            if (bytes > part.size && bytes > RECENT_BYTES)
                break;
        }
        index--;
        if (part.time_before_us < now_us - HOUR_US)
            break;
    }
    return index;
}

/* 0: the end of the part; 1: past the place. */
static int read_part(struct archive_part_reader *reader, struct archive_place until, int64_t now_us,
                     struct arena *arena, struct live *live, struct error *ret_error) {
    struct archive_part_record stored;
    struct record record;
    int r;
    while ((r = archive_part_next(reader, &stored, ret_error)) > 0) {
        if (stored.position > until.position)
            return 1;
        if (stored.type != RECORD_TRANSACTION)
            continue;
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r < 0)
            return r;
        if (!record.transaction.is_backfilled)
            live_add(live, &record, now_us);
    }
    return r;
}

static int read_parts(const struct archive_parts *parts, struct archive_place until, int64_t now_us,
                      struct arena *arena, struct live *live, struct error *ret_error) {
    int r = 0;
    for (size_t i = first_part(parts, until, now_us); r == 0 && i < archive_parts_count(parts);
         i++) {
        struct archive_part_reader *reader;
        r = archive_part_open(parts, i, 0, false, &reader, ret_error);
        if (r < 0)
            break;
        r = read_part(reader, until, now_us, arena, live, ret_error);
        archive_part_close(reader);
    }
    return r < 0 ? r : 0;
}

int recent_fill(const char *archive, struct archive_place until, int64_t now_us, struct live *live,
                struct error *ret_error) {
    struct archive_parts *parts;
    struct arena arena;
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, ARENA_BYTES);
    r = read_parts(parts, until, now_us, &arena, live, ret_error);
    arena_deinit(&arena);
    archive_parts_close(parts);
    return r;
}
