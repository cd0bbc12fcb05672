#include "erase_archive.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/archive/archive_committed.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/file.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/rewrite/archive_rewrite.h"
#include "core/store/upkeep/archive_each.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------
 * Who writes */

static int refuse_cluster(const char *path, struct error *ret_error) {
    struct archive_committed committed;
    int directory;
    int r = directory_open(path, "archive", &directory, ret_error);
    if (r < 0)
        return r;
    r = archive_committed_read(directory, &committed, ret_error);
    close(directory);
    if (r < 0)
        return error_prefix(ret_error, "%s", path);
    if (r == 0)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "%s is replicated in a cluster: its log and the other nodes hold the same "
                         "records, and would bring them back; erase works on an archive that "
                         "stands alone",
                         path);
    return 0;
}

int erase_writer_open(struct erase_writer *writer, struct error *ret_error) {
    struct archive_recovery recovery;
    int r = refuse_cluster(writer->path, ret_error);
    if (r < 0)
        return r;
    r = archive_open(writer->path, NULL, &writer->archive, &recovery, ret_error);
    return r == -ERROR_EXISTS ? 0 : r;
}

void erase_writer_close(struct erase_writer *writer) {
    archive_close(writer->archive);
    writer->archive = NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Appending */

static int append_here(struct erase_writer *writer, const struct erasure_record *erasure,
                       uint64_t *ret_position, struct error *ret_error) {
    struct record record = {
        .type = RECORD_ERASURE, .receive_time_us = writer->now_us, .erasure = *erasure};
    struct archive_sync sync;
    if (!erasure->done)
        archive_end_segment(writer->archive);
    archive_append(writer->archive, &record);
    int r = archive_write(writer->archive, ret_error);
    if (r == 0)
        r = archive_sync_start(writer->archive, &sync, ret_error);
    if (r == 1) {
        struct error error;
        int waited = archive_sync_wait(&sync, ret_error);
        r = archive_sync_finish(writer->archive, &sync, waited < 0 ? &error : ret_error);
        r = waited < 0 ? waited : r;
    }
    *ret_position = record.position;
    return r;
}

static void pause_briefly(void) {
    usleep(20000);
}

struct wanted {
    uint64_t number, position;
    bool done;
};

static int take_record(void *user, const struct record *record, struct error *ret_error) {
    struct wanted *wanted = user;
    (void)ret_error;
    if (record->erasure.number != wanted->number || record->erasure.done != wanted->done)
        return 0;
    wanted->position = record->position;
    return 0;
}

/* Finds the last such record behind `after`. 1: it is on disk; 0: it is not there yet. */
static int find_record(const char *path, uint64_t after, const struct erasure_record *erasure,
                       uint64_t *ret_position, struct error *ret_error) {
    struct wanted wanted = {.number = erasure->number, .done = erasure->done};
    struct archive_parts *parts;
    struct arena arena;
    int r = archive_parts_open(path, &parts, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, RECORD_BYTES_MAX);
    r = archive_parts_each(parts, after, UINT64_C(1) << RECORD_ERASURE, false, &arena, take_record,
                           &wanted, ret_error);
    arena_deinit(&arena);
    archive_parts_close(parts);
    if (r < 0 || wanted.position == 0)
        return r;
    *ret_position = wanted.position;
    return 1;
}

static int end_of(const char *path, uint64_t *ret_end, struct error *ret_error) {
    struct archive_parts *parts;
    int r = archive_parts_open(path, &parts, ret_error);
    if (r < 0)
        return r;
    *ret_end = archive_parts_end(parts).position;
    archive_parts_close(parts);
    return 0;
}

/* The server may take a second to notice the request. Once it has, it needs the disk. */
static int append_there(const struct erase_writer *writer, const struct erasure_record *erasure,
                        uint64_t *ret_position, struct error *ret_error) {
    double until = monotonic_seconds() + writer->patience;
    uint64_t after;
    int r = end_of(writer->path, &after, ret_error);
    if (r == 0)
        r = erasure_request_write(writer->path, erasure, ret_error);
    while (r == 0 && monotonic_seconds() < until) {
        uint64_t position;
        pause_briefly();
        bool was_taken = !erasure_request_exists(writer->path);
        r = find_record(writer->path, after, erasure, &position, ret_error);
        if (r == 1 && was_taken) {
            *ret_position = position;
            return 0;
        }
        if (r == 1 && erasure_request_exists(writer->path))
            after = position; /* another's */
        if (r == 1)
            r = 0;
    }
    erasure_request_remove(writer->path);
    /* It may have come at the last moment. */
    if (r == 0 && find_record(writer->path, after, erasure, ret_position, ret_error) == 1)
        return 0;
    return r < 0
               ? r
               : error_set(ret_error, ERROR_UNAVAILABLE,
                           "the process that writes to %s has not answered within %.0f seconds; "
                           "it must be a harrierd of this version that is ready, and not an import",
                           writer->path, writer->patience);
}

int erase_writer_append(struct erase_writer *writer, const struct erasure_record *erasure,
                        uint64_t *ret_position, struct error *ret_error) {
    return writer->archive ? append_here(writer, erasure, ret_position, ret_error)
                           : append_there(writer, erasure, ret_position, ret_error);
}

/* ---------------------------------------------------------------------------------------------
 * Rewriting */

struct rewriter {
    struct archive_rewriter rewriter; /* first */
    struct erase_record *record;
    uint64_t before;
    struct arena arena;
};

static int rewrite(struct archive_rewriter *self, const struct archive_part_record *found,
                   struct buffer *ret_payload, struct error *ret_error) {
    struct rewriter *rewriter = (struct rewriter *)self;
    struct record record;
    if (found->position >= rewriter->before)
        return 0;
    arena_reset(&rewriter->arena);
    int r = record_decode(found->type, found->payload.data, found->payload.length, &rewriter->arena,
                          &record, ret_error);
    if (r < 0)
        return r;
    record.position = found->position;
    return erase_record_rewrite(rewriter->record, &record, &rewriter->arena, ret_payload,
                                ret_error);
}

static int rewrite_segments(struct archive_rewriting *rewriting, struct rewriter *rewriter,
                            const struct erase_scan *scan, struct progress *progress,
                            struct erase_changes *changes, struct error *ret_error) {
    int r = 0;
    changes->segments = check_calloc(scan->hit_count, sizeof *changes->segments);
    for (size_t i = 0; i < scan->hit_count && r == 0; i++) {
        struct erased_segment *segment = &changes->segments[changes->count];
        if (progress_update(progress, "rewrite", i, scan->hit_count) != 0)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted; nothing was rewritten");
        if (scan->hits[i].first >= rewriter->before)
            continue;
        r = archive_rewriting_segment(rewriting, scan->hits[i].day, scan->hits[i].first,
                                      &rewriter->rewriter, segment, ret_error);
        changes->count += r == 0 && segment->records > 0;
        changes->records += segment->records;
    }
    return r;
}

int erase_rewrite(const char *archive, const struct erase_base_writing *as, uint64_t before,
                  const struct erase_scan *scan, struct progress *progress,
                  struct erase_changes *ret_changes, struct error *ret_error) {
    struct erase_base_writing writing = *as;
    uint64_t policies_kept = scan->record->policies_kept; /* the scan has counted all of them */
    struct archive_seal_report sealed;
    struct rewriter rewriter = {
        .rewriter = {.rewrite = rewrite}, .record = scan->record, .before = before};
    *ret_changes = (struct erase_changes){0};
    arena_init(&rewriter.arena, 4 * RECORD_BYTES_MAX);
    int r = archive_seal(archive, before - 1, progress, &sealed, ret_error);
    if (r == 0)
        r = archive_rewriting_begin(archive, writing.number, &writing.rewriting, ret_error);
    if (r == 0)
        r = rewrite_segments(writing.rewriting, &rewriter, scan, progress, ret_changes, ret_error);
    if (r == 0)
        r = erase_base_rewrite(scan->base, scan->record, &writing, progress, &ret_changes->base,
                               ret_error);
    if (r == 0)
        r = archive_rewriting_commit(writing.rewriting, ret_error);
    archive_rewriting_end(writing.rewriting);
    scan->record->policies_kept = policies_kept;
    arena_deinit(&rewriter.arena);
    return r;
}
