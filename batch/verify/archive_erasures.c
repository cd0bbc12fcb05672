#include "archive_erasures.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/upkeep/archive_each.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the records say: of each segment the last. */
struct erasures {
    struct erased_segment *segments;
    size_t count;
    uint64_t begun, done; /* numbers of the last ones */
};

static void note_segment(struct erasures *erasures, const struct erased_segment *segment) {
    for (size_t i = 0; i < erasures->count; i++)
        if (erasures->segments[i].first == segment->first) {
            erasures->segments[i] = *segment;
            return;
        }
    erasures->segments =
        check_reallocarray(erasures->segments, erasures->count + 1, sizeof *erasures->segments);
    erasures->segments[erasures->count++] = *segment;
}

static void note(struct erasures *erasures, const struct erasure_record *record) {
    if (!record->done) {
        erasures->begun = record->number;
        return;
    }
    erasures->done = record->number;
    for (size_t i = 0; i < record->segment_count; i++)
        note_segment(erasures, &record->segments[i]);
}

static int take_record(void *user, const struct record *record, struct error *ret_error) {
    (void)ret_error;
    note(user, &record->erasure);
    return 0;
}

static int read_records(const struct archive_parts *parts, struct erasures *erasures,
                        struct error *ret_error) {
    struct arena arena;
    arena_init(&arena, RECORD_BYTES_MAX);
    int r = archive_parts_each(parts, 0, UINT64_C(1) << RECORD_ERASURE, true, &arena, take_record,
                               erasures, ret_error);
    arena_deinit(&arena);
    return r;
}

static const struct erased_segment *find(const struct erasures *erasures, uint64_t first) {
    for (size_t i = 0; i < erasures->count; i++)
        if (erasures->segments[i].first == first)
            return &erasures->segments[i];
    return NULL;
}

/* An erasure that is not done yet has not said what it has written. */
static void check_part(const struct archive_part *part, const struct erasures *erasures,
                       struct archive_erasures_listener *listener) {
    const struct erased_segment *segment = find(erasures, part->first);
    bool is_pending = part->epoch > erasures->done && part->epoch == erasures->begun;
    struct error fault;
    if (part->epoch == 0 || !part->is_sealed || !part->seal || is_pending ||
        (segment && memcmp(segment->seal, part->seal, ERASED_SEAL_SIZE) == 0))
        return;
    error_set(&fault, ERROR_DAMAGED,
              "%s: its header says that erasure %" PRIu64 " has rewritten it, but %s", part->file,
              part->epoch,
              segment ? "no record of an erasure has its seal: its content has changed since"
                      : "no record of an erasure says so");
    listener->fault(listener, &fault);
}

int archive_erasures_check(const struct archive_parts *parts,
                           struct archive_erasures_listener *listener, struct error *ret_error) {
    struct erasures erasures = {0};
    bool is_rewritten = false;
    for (size_t i = 0; i < archive_parts_count(parts) && !is_rewritten; i++)
        is_rewritten = archive_parts_part(parts, i).epoch > 0;
    if (!is_rewritten)
        return 0;
    int r = read_records(parts, &erasures, ret_error);
    for (size_t i = 0; i < archive_parts_count(parts) && r == 0; i++) {
        const struct archive_part part = archive_parts_part(parts, i);
        check_part(&part, &erasures, listener);
    }
    free(erasures.segments);
    return r;
}
