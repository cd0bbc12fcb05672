#include "archive_lost.h"

#include "archive_each.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES_MAX ((size_t)1 << 20)
#define TYPES            (UINT64_C(1) << RECORD_LOST)

static int take(void *user, const struct record *record, struct error *ret_error) {
    struct archive_lost *lost = user;
    (void)ret_error;
    lost->records++;
    if (record->position != record->lost.first)
        return 0;
    if (lost->run_count < ARCHIVE_LOST_RUNS_MAX) {
        struct archive_lost_run *run = &lost->runs[lost->run_count];
        run->first = record->lost.first;
        run->last = record->lost.last;
        snprintf(run->file, sizeof run->file, "%" TEXT_FORMAT, TEXT_ARGS(record->lost.file));
    }
    lost->run_count++;
    return 0;
}

/* The types of a plain segment are not known. */
static bool may_have_lost(const char *path, const struct archive_parts *parts) {
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/quarantine", path);
    if (access(folder, F_OK) == 0)
        return true;
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        struct archive_part part = archive_parts_part(parts, i);
        if (part.is_sealed && part.types & TYPES)
            return true;
    }
    return false;
}

int archive_lost_find(const char *path, struct archive_lost *ret_lost, struct error *ret_error) {
    struct archive_parts *parts;
    struct arena arena;
    *ret_lost = (struct archive_lost){0};
    int r = archive_parts_open(path, &parts, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    if (may_have_lost(path, parts)) {
        arena_init(&arena, RECORD_BYTES_MAX);
        r = archive_parts_each(parts, 0, TYPES, false, &arena, take, ret_lost, ret_error);
        arena_deinit(&arena);
    }
    archive_parts_close(parts);
    return r < 0 ? r : 0;
}

static void name_run(const struct archive_lost_run *run, struct buffer *out) {
    if (run->first == run->last)
        buffer_printf(out, "%" PRIu64, run->first);
    else
        buffer_printf(out, "%" PRIu64 " to %" PRIu64, run->first, run->last);
    if (*run->file)
        buffer_printf(out, " (%s)", run->file);
}

void archive_lost_describe(const struct archive_lost *lost, struct buffer *out) {
    size_t named =
        lost->run_count < ARCHIVE_LOST_RUNS_MAX ? lost->run_count : ARCHIVE_LOST_RUNS_MAX;
    buffer_printf(out,
                  "the disk has lost %" PRIu64 " records of the archive, which nothing follows "
                  "from any more: ",
                  lost->records);
    for (size_t i = 0; i < named; i++) {
        buffer_append_string(out, i > 0 ? ", " : "");
        name_run(&lost->runs[i], out);
    }
    if (named < lost->run_count)
        buffer_printf(out, " and %zu more ranges", lost->run_count - named);
}
