#include "archive_each.h"

static int take_of_part(struct archive_part_reader *reader, uint64_t types, struct arena *arena,
                        archive_take *take, void *user, struct error *ret_error) {
    struct archive_part_record found;
    struct record record;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        if (!(types >> found.type & 1))
            continue;
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r < 0)
            break;
        record.position = found.position;
        r = take(user, &record, ret_error);
        if (r != 0)
            break;
    }
    return r;
}

int archive_parts_each(const struct archive_parts *parts, uint64_t after, uint64_t types,
                       bool drop_cache, struct arena *arena, archive_take *take, void *user,
                       struct error *ret_error) {
    int r = 0;
    for (size_t i = archive_parts_find(parts, after); i < archive_parts_count(parts) && r == 0;
         i++) {
        struct archive_part_reader *reader;
        if (!(archive_parts_part(parts, i).types & types))
            continue;
        r = archive_part_open(parts, i, after, drop_cache, &reader, ret_error);
        if (r < 0)
            break;
        r = take_of_part(reader, types, arena, take, user, ret_error);
        archive_part_close(reader);
    }
    return r;
}
