#include "archive_erasures.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/upkeep/archive_each.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the records say: of each segment the last. */
struct erasures {
    struct erased_segment *segments;
    size_t count;
    uint64_t begun, done; /* numbers of the last ones */
    uint64_t *replaced;   /* generations that stood for what was pruned */
    size_t replaced_count;
    uint64_t later; /* an erasure whose records are not there, and which rewrote segments */
    size_t later_segments;
};

#define PROTOCOL_MAX ((size_t)1 << 30)

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
    if (record->base_count == 0)
        return;
    erasures->replaced =
        check_reallocarray(erasures->replaced, erasures->replaced_count + record->base_count,
                           sizeof *erasures->replaced);
    for (size_t i = 0; i < record->base_count; i++)
        erasures->replaced[erasures->replaced_count++] = record->bases[i].before;
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

/* Does the protocol of the erasure say that it wrote this segment? */
static bool is_in_protocol(const char *archive, const struct archive_part *part) {
    char wanted[64], seal[2 * ERASED_SEAL_SIZE + 16] = "\"seal\":\"";
    char *path = name_printf("%s/" ERASURE_FOLDER "/%06" PRIu64 ".json", archive, part->epoch);
    struct error ignored;
    char *bytes = NULL;
    size_t length;
    bool is_there = false;
    for (size_t i = 0; i < ERASED_SEAL_SIZE; i++)
        snprintf(seal + strlen(seal), 3, "%02x", part->seal[i]);
    snprintf(wanted, sizeof wanted, "\"first_position\":%" PRIu64 ",", part->first);
    if (file_load(AT_FDCWD, path, PROTOCOL_MAX, &bytes, &length, &ignored) == 0) {
        const char *at = memmem(bytes, length, wanted, strlen(wanted)), *end = bytes + length;
        const char *last = at ? memchr(at, '}', (size_t)(end - at)) : NULL;
        is_there = last && memmem(at, (size_t)(last - at), seal, strlen(seal));
        free(bytes);
    }
    free(path);
    return is_there;
}

/* An erasure that is not done yet has not said what it has written. */
static void check_part(const char *archive, const struct archive_part *part,
                       struct erasures *erasures, struct archive_erasures_listener *listener) {
    const struct erased_segment *segment = find(erasures, part->first);
    bool is_pending = part->epoch > erasures->done && part->epoch <= erasures->begun;
    bool is_later = part->epoch > erasures->begun; /* the archive ends in front of its record */
    struct error fault;
    if (part->epoch == 0 || !part->is_sealed || !part->seal || is_pending ||
        (segment && memcmp(segment->seal, part->seal, ERASED_SEAL_SIZE) == 0))
        return;
    if (is_later && is_in_protocol(archive, part)) {
        erasures->later = part->epoch;
        erasures->later_segments++;
        return;
    }
    error_set(&fault, ERROR_DAMAGED,
              "%s: its header says that erasure %" PRIu64 " has rewritten it, but %s%s", part->file,
              part->epoch,
              segment ? "no record of an erasure has its seal: its content has changed since"
                      : "no record of an erasure says so",
              is_later ? "; the archive ends in front of that erasure, and the erasure's protocol "
                         "(" ERASURE_FOLDER "/) does not have the segment with this seal, either"
                       : "");
    listener->fault(listener, &fault);
}

static void note_later(const struct erasures *erasures,
                       struct archive_erasures_listener *listener) {
    struct error note;
    error_set(&note, ERROR_NOT_FOUND,
              "%zu segments were rewritten by erasure %" PRIu64
              ", whose record comes later than the archive's end: it was restored to an earlier "
              "place. They are as that erasure's protocol says (" ERASURE_FOLDER "/%06" PRIu64
              ".json); no record proves it: if it was not restored, take them for damaged",
              erasures->later_segments, erasures->later, erasures->later);
    listener->note(listener, &note);
}

static void check_bases(const struct archive_begin *begin, const struct erasures *erasures,
                        struct archive_erasures_listener *listener) {
    struct error fault;
    for (size_t i = 0; i < begin->base_count; i++)
        for (size_t j = 0; j < erasures->replaced_count; j++) {
            if (begin->bases[i].generation_id != erasures->replaced[j])
                continue;
            error_set(&fault, ERROR_DAMAGED,
                      ARCHIVE_BEGIN_FILE
                      ": it names the tables %016" PRIx64
                      ", which an erasure has replaced: they have what was erased",
                      erasures->replaced[j]);
            listener->fault(listener, &fault);
        }
}

int archive_erasures_check(const char *archive, const struct archive_parts *parts,
                           struct archive_erasures_listener *listener, struct error *ret_error) {
    const struct archive_begin *begin = archive_parts_begin(parts);
    struct erasures erasures = {0};
    bool is_erased = false;
    for (size_t i = 0; i < archive_parts_count(parts) && !is_erased; i++) {
        const struct archive_part part = archive_parts_part(parts, i);
        is_erased = part.epoch > 0 || (begin->base_count > 0 && part.types >> RECORD_ERASURE & 1);
    }
    if (!is_erased)
        return 0;
    int r = read_records(parts, &erasures, ret_error);
    for (size_t i = 0; i < archive_parts_count(parts) && r == 0; i++) {
        const struct archive_part part = archive_parts_part(parts, i);
        check_part(archive, &part, &erasures, listener);
    }
    if (r == 0)
        check_bases(begin, &erasures, listener);
    if (r == 0 && erasures.later_segments > 0)
        note_later(&erasures, listener);
    free(erasures.segments);
    free(erasures.replaced);
    return r;
}
