/* The steps, in the order of prune_run() at the end of this file. Everything up to the commit only
 * adds files that no reader looks at: a seal, tables in the archive's own folder, a temporary file.
 *
 * The lock of the generations' folder is held throughout: no rebuild reads segments that go, and
 * the tables in use stay the newest. */
#include "prune.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "batch/rebuild/rebuild.h"
#include "core/base/check.h"
#include "core/base/value.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/file.h"
#include "core/store/explain/archive_search.h"
#include "core/store/find/find_files.h"
#include "core/store/generation/generation_base.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/upkeep/archive_prune.h"
#include "prune_kept.h"
#include "prune_plans.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct prune {
    const struct prune_options *options;
    struct progress *progress;
    int lock, erasures;            /* of the generations' folder, of erasures; -1: not held */
    struct generation *generation; /* the tables in use */
    struct snapshot *snapshot;     /* that they were built with */
    struct archive_parts *parts;
    size_t first, end; /* parts that go; first > 0: the head is in front of them */
    struct prune_kept kept;
    struct prune_plans plans;
    struct prune_report report;
    bool is_done;
};

/* ---- what may go ---- */

static int check_time(struct prune *prune, struct error *ret_error) {
    const struct prune_options *options = prune->options;
    char before[64], now[64];
    if (options->before_us <= options->now_us)
        return 0;
    value_format(value_timestamp(options->before_us), before, sizeof before);
    value_format(value_timestamp(options->now_us), now, sizeof now);
    return error_set(ret_error, ERROR_INVALID, "%s is in the future: it is %s now", before, now);
}

static int no_tables(const struct prune *prune, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s has no tables: only what tables cover may go, so run `harrier rebuild` "
                     "first",
                     prune->options->generations);
}

/* Before the tables in use are opened: a rebuild may not replace them afterwards. */
static int lock(struct prune *prune, struct error *ret_error) {
    const char *root = prune->options->generations;
    int directory;
    if (prune->options->dry_run)
        return 0;
    int r = directory_open(root, "folder", &directory, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return no_tables(prune, ret_error);
    if (r < 0)
        return r;
    r = directory_lock(directory, root, "builds a generation here", &prune->lock, ret_error);
    close(directory);
    /* The tables that are built here for ever must not have what is being erased. */
    return r < 0 ? r : erasure_lock_out(prune->options->archive, &prune->erasures, ret_error);
}

/* Read in full against its hashes: it is what makes the records dispensable. */
static int open_tables(struct prune *prune, struct error *ret_error) {
    const char *root = prune->options->generations;
    int r = generation_open_current(root, true, &prune->generation, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return no_tables(prune, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "only what sound tables cover may go");
    struct buffer messages;
    size_t count;
    const struct policy_file *files = generation_files(prune->generation, &count);
    const struct generation_manifest *manifest = generation_manifest(prune->generation);
    prune->report.covered_by = *manifest;
    buffer_init(&messages);
    r = snapshot_load(files, count, &prune->snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    if (r < 0 || prune->snapshot->plan.id != manifest->plan_id)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the tables in use were built by version %s, which computes features "
                         "differently: run `harrier rebuild` first",
                         manifest->version);
    return 0;
}

/* What searches keep of the segments that are gone: hashes and columns of their records. */
static int clean_index(const struct prune *prune, const struct archive_begin *begin,
                       struct error *ret_error) {
    char *folder = find_files_folder(prune->options->archive);
    int r = find_files_remove_before(folder, begin->place.position, ret_error);
    free(folder);
    return r;
}

/* Of an earlier run that was killed. */
static int finish_earlier(struct prune *prune, struct error *ret_error) {
    const char *archive = prune->options->archive;
    struct archive_prune_report finished = {0};
    struct archive_begin begin;
    size_t removed;
    int r = archive_begin_look_at(archive, &begin, ret_error);
    if (r < 0 || prune->options->dry_run)
        return r < 0 ? r : 0;
    if (r == 0)
        r = archive_prune_finish(archive, &finished, ret_error);
    else
        r = 0;
    if (r == 0 && begin.place.position > 0)
        r = generation_base_clean(archive, &begin, false, &removed, ret_error);
    if (r == 0 && begin.place.position > 0)
        r = clean_index(prune, &begin, ret_error);
    prune->report.left_over = finished.segments;
    return r;
}

/* Only sealed segments go: so the seals of those that stay continue one that is noted. */
static int seal(struct prune *prune, struct error *ret_error) {
    struct archive_seal_report ignored;
    if (prune->options->dry_run)
        return 0;
    return archive_seal(prune->options->archive, prune->report.covered_by.place.position,
                        prune->progress, &ignored, ret_error);
}

static int open_parts(struct prune *prune, struct error *ret_error) {
    const char *archive = prune->options->archive;
    struct archive_place place = prune->report.covered_by.place;
    int r = archive_parts_open(archive, &prune->parts, ret_error);
    if (r < 0)
        return r;
    prune->report.from = prune->report.begin = *archive_parts_begin(prune->parts);
    r = archive_parts_holds(prune->parts, place, ret_error);
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the tables in use, at position %" PRIu64
                         ", are not of %s: run `harrier rebuild` first",
                         place.position, archive);
    return r < 0 ? r : 0;
}

/* *pending: the erasure that begins last in the part, 0 if it is done; as it was, without any. */
static int note_erasures(struct prune *prune, size_t index, uint64_t *pending,
                         struct error *ret_error) {
    const struct search search = {.parts = prune->parts, .rare = true, .rare_before = UINT64_MAX};
    struct search_result result = {0};
    struct record record;
    struct arena arena;
    int r = search_part(&search, index, &result, ret_error);
    arena_init(&arena, RECORD_BYTES_MAX);
    for (size_t i = 0; i < result.count && r == 0; i++) {
        if (result.records[i].type != RECORD_ERASURE)
            continue;
        arena_reset(&arena);
        r = search_decode(&result, i, &arena, &record, ret_error);
        if (r == 0)
            *pending = record.erasure.done ? 0 : record.erasure.number;
    }
    arena_deinit(&arena);
    search_result_deinit(&result);
    return r;
}

/* A prune may drop the record of an erasure that was interrupted: then nobody would know of it, and
 * what it is to remove would stay in the tables for ever. */
static int check_erasures(struct prune *prune, struct error *ret_error) {
    uint64_t pending = 0;
    int r = 0;
    for (size_t i = 0; i < archive_parts_count(prune->parts) && r == 0; i++)
        if (archive_parts_part(prune->parts, i).types >> RECORD_ERASURE & 1)
            r = note_erasures(prune, i, &pending, ret_error);
    if (r == 0 && pending > 0)
        r = error_set(ret_error, ERROR_EXISTS,
                      "%s: erasure %" PRIu64
                      " was interrupted, and could not be finished after a prune: run `harrier "
                      "erase --finish` first",
                      prune->options->archive, pending);
    return r;
}

/* Where the part ends, with the receive time of its last record, which is in the header of the
 * next one. false: *ret_keeper says why it stays. */
static bool may_go(const struct prune *prune, size_t index, enum prune_keeper *ret_keeper) {
    if (index + 1 >= archive_parts_count(prune->parts)) {
        *ret_keeper = PRUNE_KEPT_BY_END;
        return false;
    }
    struct archive_part part = archive_parts_part(prune->parts, index);
    struct archive_part next = archive_parts_part(prune->parts, index + 1);
    if (next.time_before_us >= prune->options->before_us)
        *ret_keeper = PRUNE_KEPT_BY_TIME;
    else if (part.last > prune->report.covered_by.place.position)
        *ret_keeper = PRUNE_KEPT_BY_GENERATION;
    else if (!prune->options->dry_run && (!part.is_sealed || !part.seal))
        *ret_keeper = PRUNE_KEPT_BY_END;
    else
        return true;
    return false;
}

/* A segment without records begins where the one after it begins: it goes only with a later one. */
static void choose(struct prune *prune) {
    struct prune_report *report = &prune->report;
    struct archive_part last = {0};
    prune->first = prune->end = report->from.place.position > 0;
    for (size_t i = prune->first; may_go(prune, i, &report->keeper); i++) {
        struct archive_part part = archive_parts_part(prune->parts, i);
        if (part.last < part.first)
            continue;
        prune->end = i + 1;
        last = part;
    }
    report->segments_kept = archive_parts_count(prune->parts) - prune->end;
    if (prune->end == prune->first)
        return;
    for (size_t i = prune->first; i < prune->end; i++)
        report->bytes += archive_parts_part(prune->parts, i).stored;
    report->segments = prune->end - prune->first;
    report->records = last.last - report->from.place.position;
    report->begin = (struct archive_begin){
        .place = {.position = last.last, .chain = last.chain},
        .time_us = archive_parts_part(prune->parts, prune->end).time_before_us,
        .day = last.day,
        .pruned_us = prune->options->now_us,
    };
    if (last.seal) /* the one that the next segment continues */
        memcpy(report->begin.seal, last.seal_first ? last.seal_first : last.seal, SEAL_HASH_SIZE);
}

/* ---- what stands for it ---- */

static int keep(struct prune *prune, struct error *ret_error) {
    int r = prune_keep(prune->parts, prune->end, &prune->kept, ret_error);
    for (size_t type = 0; type < RECORD_TYPE_COUNT && r == 0; type++)
        prune->report.records_kept += prune->kept.counts[type];
    return r < 0 ? r
                 : prune_plans_find(prune->parts, prune->end, &prune->kept, prune->snapshot,
                                    prune->report.begin.time_us, &prune->plans, ret_error);
}

/* With these features, and the thresholds that were in force at that place. From the earlier
 * beginning's tables, if there was one. */
static int build_base(struct prune *prune, struct snapshot *snapshot, struct error *ret_error) {
    const struct prune_options *options = prune->options;
    struct archive_begin *begin = &prune->report.begin;
    struct rebuild_report report;
    char *root = generation_base_root(options->archive);
    const struct rebuild_options rebuild = {
        .archive = options->archive,
        .generations = root,
        .adopted_in = options->generations,
        .snapshot = snapshot,
        .until = begin->place,
        .version = options->version,
        .now_us = options->now_us,
        .memory_bytes = options->memory_bytes,
        .threads = options->threads,
        .keep = SIZE_MAX, /* generation_base_clean() removes them once nothing names them */
        .id_days = prune->report.covered_by.id_days,
        .keep_all_ids = prune->report.covered_by.id_days == 0,
        .keep_thresholds = true,
        .drop_cache = true,
    };
    int r = rebuild_run(&rebuild, prune->progress, &report, ret_error);
    free(root);
    if (r < 0)
        return error_prefix(ret_error, "building the tables for the new beginning");
    generation_base_own(options->archive, begin->place.position, report.manifest.id);
    begin->bases[begin->base_count++] = (struct archive_base){.plan_id = report.manifest.plan_id,
                                                              .generation_id = report.manifest.id};
    prune->report.base_states += report.manifest.states;
    rebuild_report_deinit(&report);
    return 0;
}

static int build_bases(struct prune *prune, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < prune->plans.count && r == 0; i++)
        r = build_base(prune, prune->plans.snapshots[i], ret_error);
    return r;
}

/* ---- dropping ---- */

static int commit(struct prune *prune, struct error *ret_error) {
    const char *archive = prune->options->archive;
    struct archive_prune_report removed = {0};
    size_t tables;
    int r = archive_prune(archive, prune->report.from.place, &prune->report.begin,
                          &prune->kept.frames, &prune->is_done, &removed, ret_error);
    if (r == 0)
        r = generation_base_clean(archive, &prune->report.begin, true, &tables, ret_error);
    if (r == 0)
        r = clean_index(prune, &prune->report.begin, ret_error);
    return r;
}

static int drop(struct prune *prune, struct error *ret_error) {
    int r = keep(prune, ret_error);
    prune->report.plans = prune->plans.count;
    prune->report.other_features_until = prune->plans.lacking_until;
    if (r < 0 || prune->options->dry_run)
        return r;
    r = build_bases(prune, ret_error);
    return r < 0 ? r : commit(prune, ret_error);
}

int prune_run(const struct prune_options *options, struct progress *progress, bool *ret_is_done,
              struct prune_report *ret_report, struct error *ret_error) {
    static int (*const steps[])(struct prune *, struct error *) = {
        check_time, lock, open_tables, finish_earlier, seal, open_parts, check_erasures,
    };
    struct prune prune = {.options = options, .progress = progress, .lock = -1, .erasures = -1};
    double begin = monotonic_seconds();
    int r = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0; i++)
        r = steps[i](&prune, ret_error);
    if (r == 0)
        choose(&prune);
    if (r == 0 && prune.end > prune.first)
        r = drop(&prune, ret_error);
    prune.report.seconds = monotonic_seconds() - begin;
    *ret_report = prune.report;
    *ret_is_done = prune.is_done;
    prune_kept_deinit(&prune.kept);
    prune_plans_deinit(&prune.plans);
    archive_parts_close(prune.parts);
    snapshot_unref(prune.snapshot);
    generation_close(prune.generation);
    if (prune.erasures >= 0)
        close(prune.erasures);
    if (prune.lock >= 0)
        close(prune.lock);
    return r;
}
