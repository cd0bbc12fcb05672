/* Compares two overlays of one plan. One is folded from the archive on top of no tables; the other
 * is empty on top of the generation's tables. So the comparison of overlays that a server uses
 * after a swap (core/store/overlay/comparison.h) does the work. */
#include "verify.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/generation/generation_base.h"
#include "core/store/overlay/overlay.h"

#include <inttypes.h>
#include <stdlib.h>

#define PROGRESS_STEP 4096 /* records */

struct verify {
    const struct verify_options *options;
    struct progress *progress;
    struct snapshot *snapshot; /* whose features the generation has */
    struct overlay *rebuilt;   /* the generation's tables */
    struct overlay *folded;    /* the archive */
    struct verify_report report;
};

bool verify_found_difference(const struct verify_report *report) {
    return report->states.differences > 0 || report->states.is_tally_different ||
           report->states.are_lists_different || report->states.are_sources_different ||
           report->different_ids > 0;
}

/* ---- the two sides ---- */

static int load_plan(struct verify *verify, const struct generation *generation,
                     struct error *ret_error) {
    struct buffer messages; /* dropped: the policy was valid when it was recorded */
    size_t count;
    const struct policy_file *files = generation_files(generation, &count);
    buffer_init(&messages);
    int r = snapshot_load(files, count, &verify->snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    if (r < 0 || verify->snapshot->plan.id != generation_manifest(generation)->plan_id)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the generation was built by version %s, which computes features "
                         "differently",
                         generation_manifest(generation)->version);
    return 0;
}

static int open_rebuilt(struct verify *verify, struct error *ret_error) {
    const struct verify_options *options = verify->options;
    struct generation *generation;
    int r = options->generation
                ? generation_open(options->generations, options->generation, true, &generation,
                                  ret_error)
                : generation_open_current(options->generations, true, &generation, ret_error);
    if (r < 0)
        return r;
    r = load_plan(verify, generation, ret_error);
    if (r == 0)
        r = generation_bind(generation, &verify->snapshot->plan, ret_error);
    if (r < 0) {
        generation_close(generation);
        return r;
    }
    verify->report.manifest = *generation_manifest(generation);
    verify->rebuilt = overlay_new(&verify->snapshot->plan, generation);
    return 0;
}

static int not_of_this_archive(const struct verify *verify, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "the generation at position %" PRIu64
                     " was built from another archive than %s",
                     verify->report.manifest.place.position, verify->options->archive);
}

static int fold_records(struct verify *verify, struct archive_reader *reader, struct engine *engine,
                        struct arena *arena, struct error *ret_error) {
    struct archive_place place = verify->report.manifest.place;
    struct record record = {.position = verify->report.begin.position};
    while (record.position < place.position) {
        arena_reset(arena);
        int r = archive_reader_next(reader, arena, &record, ret_error);
        if (r < 0)
            return r;
        if (r == 0)
            return not_of_this_archive(verify, ret_error);
        overlay_apply(verify->folded, engine, &record);
        if (++verify->report.records % PROGRESS_STEP == 0 &&
            progress_update(verify->progress, "fold", record.position, place.position) != 0)
            return error_set(ret_error, ERROR_INTERRUPTED, "the verification was interrupted");
    }
    if (archive_reader_place(reader).chain != place.chain)
        return not_of_this_archive(verify, ret_error);
    return 0;
}

/* Where the archive begins since a prune, the tables for that place stand for what is gone. NULL:
 * it begins with record 1. */
static int open_base(struct verify *verify, struct generation **ret_base, struct error *ret_error) {
    *ret_base = NULL;
    int r = generation_open_base(verify->options->archive, verify->snapshot->plan.id, true,
                                 ret_base, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    const struct generation_manifest *manifest = generation_manifest(*ret_base);
    verify->report.begin = manifest->place;
    if (verify->report.manifest.place.position < manifest->place.position)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the generation is as of position %" PRIu64 ", and %s begins after "
                         "position %" PRIu64 " since a prune: there is nothing to compare it with",
                         verify->report.manifest.place.position, verify->options->archive,
                         manifest->place.position);
    if (manifest->plan_id == verify->snapshot->plan.id)
        return generation_bind(*ret_base, &verify->snapshot->plan, ret_error);
    generation_bind_without_states(*ret_base);
    return 0;
}

static int fold(struct verify *verify, struct error *ret_error) {
    struct archive_reader *reader;
    struct generation *base;
    double begin = monotonic_seconds();
    int r = open_base(verify, &base, ret_error);
    if (r == 0)
        r = archive_reader_open(verify->options->archive, verify->report.begin, &reader, ret_error);
    if (r < 0) {
        generation_close(base);
        return r;
    }
    struct arena arena;
    arena_init(&arena, RECORD_BYTES_MAX);
    struct engine *engine = engine_new(verify->snapshot, verify->snapshot);
    verify->folded = overlay_new(&verify->snapshot->plan, base);
    overlay_use_ids_from(verify->folded, verify->report.manifest.ids_from);
    if (!base && verify->options->sample_of > 0)
        overlay_use_sample(verify->folded, verify->options->sample_of, verify->options->sample_at);
    r = fold_records(verify, reader, engine, &arena, ret_error);
    engine_free(engine);
    arena_deinit(&arena);
    archive_reader_close(reader);
    verify->report.fold_seconds = monotonic_seconds() - begin;
    return r;
}

/* ---- comparing ---- */

struct comparing {
    struct comparison_listener listener; /* first */
    struct verify *verify;
    struct verify_listener *reported;
};

static void differs(struct comparison_listener *self, const struct state_difference *difference) {
    struct comparing *comparing = (struct comparing *)self;
    comparing->reported->differs(comparing->reported, &comparing->verify->snapshot->plan,
                                 difference);
}

static bool is_in_sample(const struct verify_options *options, uint64_t hash) {
    return options->sample_of == 0 || hash % options->sample_of == options->sample_at;
}

static bool is_wanted(struct comparison_listener *self, struct text key) {
    return is_in_sample(((struct comparing *)self)->verify->options, hash_text(key));
}

static bool goes_on(struct comparison_listener *self, uint64_t entities) {
    struct verify *verify = ((struct comparing *)self)->verify;
    return progress_update(verify->progress, "compare", entities, verify->report.manifest.states) ==
           0;
}

/* Compares the ids of one side with the other: missing, or with another position or label. */
struct looking_up {
    const struct verify_options *options;
    struct verify_report *report;
    const struct overlay *other;
    bool is_second; /* second pass: ids that both have are counted already */
};

static int look_up(void *user, uint64_t id_hash, struct known_id known) {
    struct looking_up *looking_up = user;
    struct known_id other;
    if (!is_in_sample(looking_up->options, id_hash) ||
        known.position < looking_up->report->manifest.ids_from)
        return 0;
    bool has = overlay_find_id(looking_up->other, id_hash, &other);
    if (has && looking_up->is_second)
        return 0;
    looking_up->report->ids++;
    if (!has || other.position != known.position || other.label != known.label)
        looking_up->report->different_ids++;
    return 0;
}

static int compare(struct verify *verify, struct verify_listener *listener,
                   struct error *ret_error) {
    double begin = monotonic_seconds();
    struct comparing comparing = {
        .listener = {differs, goes_on, is_wanted}, .verify = verify, .reported = listener};
    struct overlay_view *left = overlay_view_open(verify->folded, NULL);
    struct overlay_view *right = overlay_view_open(verify->rebuilt, NULL);
    int r = comparison_run(left, right, &comparing.listener, &verify->report.states, ret_error);
    overlay_view_close(left);
    overlay_view_close(right);
    if (r < 0)
        return r;
    struct looking_up looking_up = {
        .options = verify->options, .report = &verify->report, .other = verify->rebuilt};
    overlay_visit_ids(verify->folded, look_up, &looking_up);
    looking_up = (struct looking_up){.options = verify->options,
                                     .report = &verify->report,
                                     .other = verify->folded,
                                     .is_second = true};
    overlay_visit_ids(verify->rebuilt, look_up, &looking_up);
    for (size_t i = 0; i < verify->snapshot->plan.entity_count; i++)
        listener->entity(listener, verify->snapshot->plan.entities[i].name,
                         verify->report.states.of[i].entities,
                         verify->report.states.of[i].differences);
    verify->report.compare_seconds = monotonic_seconds() - begin;
    return 0;
}

int verify_run(const struct verify_options *options, struct progress *progress,
               struct verify_listener *listener, struct verify_report *ret_report,
               struct error *ret_error) {
    struct verify verify = {.options = options, .progress = progress};
    int r = open_rebuilt(&verify, ret_error);
    if (r == 0)
        r = fold(&verify, ret_error);
    if (r == 0)
        r = compare(&verify, listener, ret_error);
    if (r == 0)
        *ret_report = verify.report;
    overlay_free(verify.folded);
    overlay_free(verify.rebuilt);
    snapshot_unref(verify.snapshot);
    return r;
}
