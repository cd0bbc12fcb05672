/* The steps of a rebuild, in order: rebuild_run() at the end of this file is the table of contents.
 *
 * The plan has to be known before the first record is applied, and which policy is the last one is
 * only known at the end of the archive: so without --policy the archive is read twice. The first
 * reading applies nothing and costs a fraction of the second.
 *
 * Not here: incremental and parallel rebuilds, thresholds, comparing with the running server. */
#include "rebuild.h"

#include "core/base/check.h"
#include "core/store/archive.h"

#include <time.h>

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX (160u << 20)
#define PROGRESS_STEP    4096 /* records or keys between two calls of the progress */

const char *rebuild_phase_name(enum rebuild_phase phase) {
    static const char *const names[REBUILD_PHASE_COUNT] = {"scan", "fold", "write", "publish"};
    return (size_t)phase < REBUILD_PHASE_COUNT ? names[phase] : "unknown";
}

struct rebuild {
    const struct rebuild_options *options;
    struct progress *progress;
    struct arena record, kept;   /* the record being looked at; the last snapshot record */
    struct archive_place target; /* last sync mark when the rebuild began */
    struct snapshot *snapshot;
    struct engine *engine;
    struct overlay *overlay;
    struct generation_writer *writer;
    uint64_t written, to_write; /* keys */
    struct error *error;        /* for the visitors */
    struct rebuild_report report;
};

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int stop_asked(const struct rebuild *rebuild, enum rebuild_phase phase, uint64_t done,
                      uint64_t total, struct error *ret_error) {
    if (progress_update(rebuild->progress, rebuild_phase_name(phase), done, total) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED,
                     "the rebuild was interrupted; the current generation is as it was");
}

static int find_target(struct rebuild *rebuild, struct error *ret_error) {
    struct archive_reader *reader;
    int r = archive_reader_open(rebuild->options->archive, (struct archive_place){0}, &reader,
                                ret_error);
    if (r < 0)
        return r;
    rebuild->target = archive_reader_synced(reader);
    archive_reader_close(reader);
    if (rebuild->target.position == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s has no synced record yet: there is nothing to build tables from",
                         rebuild->options->archive);
    return 0;
}

/* Calls step for each record up to the target; step may keep the record by swapping the arenas. */
static int for_each_record(struct rebuild *rebuild, enum rebuild_phase phase,
                           void (*step)(struct rebuild *, const struct record *, void *user),
                           void *user, struct error *ret_error) {
    struct archive_reader *reader;
    int r = archive_reader_open(rebuild->options->archive, (struct archive_place){0}, &reader,
                                ret_error);
    if (r < 0)
        return r;
    while (archive_reader_place(reader).position < rebuild->target.position) {
        struct record record;
        arena_reset(&rebuild->record);
        r = archive_reader_next(reader, &rebuild->record, &record, ret_error);
        if (r == 0)
            r = error_set(ret_error, ERROR_DAMAGED,
                          "%s ends at position %llu, before its sync mark at %llu",
                          rebuild->options->archive,
                          (unsigned long long)archive_reader_place(reader).position,
                          (unsigned long long)rebuild->target.position);
        if (r < 0)
            goto out;
        step(rebuild, &record, user);
        if (record.position % PROGRESS_STEP == 0) {
            uint64_t done, total;
            archive_reader_extent(reader, &done, &total);
            r = stop_asked(rebuild, phase, done, total, ret_error);
            if (r < 0)
                goto out;
        }
    }
    r = 0;
    if (archive_reader_place(reader).chain != rebuild->target.chain)
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: the records up to position %llu are not those of its sync mark",
                      rebuild->options->archive, (unsigned long long)rebuild->target.position);
out:
    archive_reader_close(reader);
    return r;
}

static void keep_snapshot(struct rebuild *rebuild, const struct record *record, void *user) {
    struct record *kept = user;
    if (record->type != RECORD_SNAPSHOT)
        return;
    *kept = *record;
    struct arena keeper = rebuild->kept;
    rebuild->kept = rebuild->record;
    rebuild->record = keeper;
}

static int load_archived_policy(struct rebuild *rebuild, struct buffer *messages,
                                struct error *ret_error) {
    struct record record = {0};
    int r = for_each_record(rebuild, REBUILD_SCAN, keep_snapshot, &record, ret_error);
    if (r < 0)
        return r;
    if (record.type != RECORD_SNAPSHOT)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s holds no policy up to position %llu: name one",
                         rebuild->options->archive, (unsigned long long)rebuild->target.position);
    r = snapshot_load(record.snapshot.files, record.snapshot.file_count, &rebuild->snapshot,
                      messages, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "the policy at position %llu of the archive",
                            (unsigned long long)record.position);
    return 0;
}

static int load_given_policy(struct rebuild *rebuild, struct buffer *messages,
                             struct error *ret_error) {
    int r = snapshot_load_folder(rebuild->options->policy, &rebuild->snapshot, messages, ret_error);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", rebuild->options->policy) : 0;
}

static int load_policy(struct rebuild *rebuild, struct error *ret_error) {
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    buffer_init(&messages);
    int r = rebuild->options->policy ? load_given_policy(rebuild, &messages, ret_error)
                                     : load_archived_policy(rebuild, &messages, ret_error);
    buffer_deinit(&messages);
    return r;
}

/* 1: what would be built is what is current. A generation that cannot be opened is no reason to
 * fail: a rebuild is what mends it. */
static int is_up_to_date(struct rebuild *rebuild) {
    struct generation *generation;
    struct error ignored;
    if (generation_open_current(rebuild->options->generations, false, &generation, &ignored) < 0)
        return 0;
    const struct generation_manifest *manifest = generation_manifest(generation);
    bool same = manifest->place.position == rebuild->target.position &&
                manifest->place.chain == rebuild->target.chain &&
                manifest->plan_id == rebuild->snapshot->plan.id;
    if (same) {
        rebuild->report.up_to_date = true;
        rebuild->report.manifest = *manifest;
        rebuild->report.tally = generation_tally(generation);
    }
    generation_close(generation);
    return same;
}

static void apply_record(struct rebuild *rebuild, const struct record *record, void *user) {
    (void)user;
    overlay_apply(rebuild->overlay, rebuild->engine, record);
    rebuild->report.records++;
}

/* The writer is opened before the work, not before the writing: it holds the lock that keeps a
 * second rebuild from doing the same. */
static int fold(struct rebuild *rebuild, struct error *ret_error) {
    int r = generation_writer_open(rebuild->options->generations, &rebuild->snapshot->plan,
                                   &rebuild->writer, ret_error);
    if (r < 0)
        return r;
    rebuild->engine = engine_new(rebuild->snapshot, rebuild->snapshot);
    rebuild->overlay = overlay_new(&rebuild->snapshot->plan, NULL);
    r = for_each_record(rebuild, REBUILD_FOLD, apply_record, NULL, ret_error);
    rebuild->report.tally = overlay_tally(rebuild->overlay);
    return r;
}

static int wrote_key(struct rebuild *rebuild) {
    if (++rebuild->written % PROGRESS_STEP != 0)
        return 0;
    return stop_asked(rebuild, REBUILD_WRITE, rebuild->written, rebuild->to_write, rebuild->error);
}

static int write_state(void *user, size_t entity, struct text key, struct text state) {
    struct rebuild *rebuild = user;
    int r = generation_writer_state(rebuild->writer, entity, key, state, rebuild->error);
    return r < 0 ? r : wrote_key(rebuild);
}

static int write_id(void *user, uint64_t id_hash, struct known_id known) {
    struct rebuild *rebuild = user;
    int r = generation_writer_id(rebuild->writer, id_hash, known, rebuild->error);
    return r < 0 ? r : wrote_key(rebuild);
}

static int write_tables(struct rebuild *rebuild, struct error *ret_error) {
    /* Idle entities are left out and hashes may collide: an estimate, for the progress. */
    rebuild->to_write = overlay_entities(rebuild->overlay) + rebuild->report.tally.transactions;
    rebuild->error = ret_error;
    int r = overlay_visit(rebuild->overlay, write_state, rebuild);
    if (r == 0)
        r = overlay_visit_ids(rebuild->overlay, write_id, rebuild);
    return r;
}

static int publish(struct rebuild *rebuild, struct error *ret_error) {
    int r = stop_asked(rebuild, REBUILD_PUBLISH, 0, 0, ret_error);
    if (r < 0)
        return r;
    const struct snapshot_record snapshot = {
        .snapshot_id = rebuild->snapshot->id,
        .name = rebuild->snapshot->name,
        .files = rebuild->snapshot->files,
        .file_count = rebuild->snapshot->file_count,
    };
    return generation_writer_publish(
        rebuild->writer, rebuild->target, &snapshot, &rebuild->report.tally,
        rebuild->options->now_us, rebuild->options->version, &rebuild->report.manifest, ret_error);
}

static void rebuild_deinit(struct rebuild *rebuild) {
    generation_writer_close(rebuild->writer);
    if (rebuild->overlay)
        overlay_free(rebuild->overlay);
    if (rebuild->engine)
        engine_free(rebuild->engine);
    snapshot_unref(rebuild->snapshot);
    arena_deinit(&rebuild->kept);
    arena_deinit(&rebuild->record);
}

int rebuild_run(const struct rebuild_options *options, struct progress *progress,
                struct rebuild_report *ret_report, struct error *ret_error) {
    static const struct {
        enum rebuild_phase phase;
        int (*run)(struct rebuild *, struct error *);
    } phases[] = {
        {REBUILD_FOLD, fold},
        {REBUILD_WRITE, write_tables},
        {REBUILD_PUBLISH, publish},
    };
    struct rebuild rebuild = {.options = options, .progress = progress};
    arena_init(&rebuild.record, RECORD_BYTES_MAX);
    arena_init(&rebuild.kept, RECORD_BYTES_MAX);

    double begin = now_seconds();
    int r = find_target(&rebuild, ret_error);
    if (r == 0)
        r = load_policy(&rebuild, ret_error);
    rebuild.report.seconds[REBUILD_SCAN] = now_seconds() - begin;
    if (r < 0 || (!options->force && is_up_to_date(&rebuild)))
        goto out;

    for (size_t i = 0; i < sizeof phases / sizeof *phases && r == 0; i++) {
        begin = now_seconds();
        r = phases[i].run(&rebuild, ret_error);
        rebuild.report.seconds[phases[i].phase] = now_seconds() - begin;
    }
out:
    if (r == 0)
        *ret_report = rebuild.report;
    rebuild_deinit(&rebuild);
    return r;
}
