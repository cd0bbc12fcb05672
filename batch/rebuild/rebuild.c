/* The phases of a rebuild, in order. rebuild_run() at the end of this file runs them.
 *
 *   prepare     last sync mark, policy, lock, the generation to continue from, a sample of the keys
 *   scan        threads read segments and write entries to streams, one for each range of keys
 *   fold        threads fold streams into states; the calling thread writes them in key order
 *   thresholds  the policy's thresholds and cut-offs (rebuild_thresholds.c)
 *   verify      syncs the tables and reads them back
 *   publish     renames the folder, makes it current, removes old generations
 *
 * Two assumptions are made early and checked later; when one fails, scan and fold start over from
 * the first record: that the policy is the right one (rebuild_policy.c), and that no transaction
 * came later than the policy's lateness (rebuild_fold.c).
 *
 * Not here: comparing with the running server, which does that itself after a swap. */
#include "rebuild.h"
#include "rebuild_baselines.h"
#include "rebuild_fold.h"
#include "rebuild_job.h"
#include "rebuild_partition.h"
#include "rebuild_policy.h"
#include "rebuild_scan.h"
#include "rebuild_thresholds.h"

#include "batch/base/day.h"
#include "batch/base/machine.h"
#include "batch/base/monotonic.h"
#include "batch/thresholds/sample_files.h"
#include "core/base/check.h"
#include "core/base/value.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/rewrite/archive_rewrite.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define THREADS_MAX 256

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* ---------------------------------------------------------------------------------------------
 * Prepare */

static bool is_pruned(const struct rebuild *rebuild) {
    return archive_parts_begin(rebuild->parts)->place.position > 0;
}

/* full: as for generation_open(). */
static int open_base(const struct rebuild *rebuild, bool full, struct generation **ret_generation,
                     struct error *ret_error) {
    return generation_open_base_of(rebuild->options->archive, archive_parts_begin(rebuild->parts),
                                   rebuild->plan ? rebuild->plan->id : 0, full, ret_generation,
                                   ret_error);
}

static int look_at_base(struct rebuild *rebuild, struct error *ret_error) {
    struct generation *generation;
    int r = is_pruned(rebuild) ? open_base(rebuild, false, &generation, ret_error) : 1;
    if (r != 0)
        return r < 0 ? r : 0;
    rebuild->base = *generation_manifest(generation);
    generation_close(generation);
    return 0;
}

static int find_target(struct rebuild *rebuild, struct error *ret_error) {
    struct archive_place until = rebuild->options->until;
    /* First: should an erasure end meanwhile, the tables count as older than it. */
    int r = archive_epoch_number(rebuild->options->archive, &rebuild->epoch, ret_error);
    if (r == 0)
        r = until.position > 0
                ? archive_parts_open_until(rebuild->options->archive, until, &rebuild->parts,
                                           ret_error)
                : archive_parts_open(rebuild->options->archive, &rebuild->parts, ret_error);
    if (r == 0)
        r = look_at_base(rebuild, ret_error);
    if (r < 0)
        return r;
    if (is_pruned(rebuild) && rebuild->options->elsewhere)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "%s begins after record %" PRIu64
                         " since a prune: a distributed rebuild needs all records from the first; "
                         "use `harrier rebuild`",
                         rebuild->options->archive,
                         archive_parts_begin(rebuild->parts)->place.position);
    rebuild->target = archive_parts_end(rebuild->parts);
    if (rebuild->target.position == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s has no synced record yet: there is nothing to build tables from",
                         rebuild->options->archive);
    return 0;
}

/* Ids are kept at least as long as a transaction may count in a feature: sent again later, it finds
 * nothing of itself in any state. */
static uint64_t least_id_days(const struct plan *plan) {
    int64_t reach_us = 0;
    for (size_t i = 0; i < plan->entity_count; i++)
        if (plan->entities[i].reach_us > reach_us)
            reach_us = plan->entities[i].reach_us;
    return (uint64_t)((reach_us + plan->lateness_us) / DAY_US + 1);
}

static uint64_t wanted_id_days(const struct rebuild *rebuild) {
    struct generation_manifest current;
    struct error ignored;
    if (rebuild->options->keep_all_ids)
        return 0;
    if (rebuild->options->id_days > 0)
        return rebuild->options->id_days;
    return generation_current_manifest(rebuild->options->generations, &current, &ignored) == 0
               ? current.id_days
               : 0;
}

/* Which ids the tables will have: those of whole days, counted from the archive's last one and not
 * from a clock, so that the same records give the same tables. */
static void settle_ids(struct rebuild *rebuild) {
    uint64_t wanted = wanted_id_days(rebuild), least = least_id_days(rebuild->plan);
    size_t count = archive_parts_count(rebuild->parts), i = 0;
    rebuild->id_days = wanted;
    rebuild->ids_from = rebuild->base.ids_from; /* what those tables left out is gone for good */
    rebuild->ids_since_us = rebuild->base.ids_since_us;
    if (wanted == 0)
        return;
    if (wanted < least)
        snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
                 "ids are kept for %" PRIu64 " days, not %" PRIu64
                 ": so long may a transaction count in a feature of this policy",
                 least, wanted);
    int64_t days = (int64_t)(wanted < least ? least : wanted);
    int64_t first_day = archive_parts_part(rebuild->parts, count - 1).day - days;
    while (archive_parts_part(rebuild->parts, i).day < first_day)
        i++;
    if (i == 0 || archive_parts_part(rebuild->parts, i).first <= rebuild->ids_from)
        return;
    rebuild->ids_from = archive_parts_part(rebuild->parts, i).first;
    rebuild->ids_since_us = archive_parts_part(rebuild->parts, i).day * DAY_US;
}

static bool would_be_built(const struct rebuild *rebuild,
                           const struct generation_manifest *manifest) {
    return manifest->place.position == rebuild->target.position &&
           manifest->place.chain == rebuild->target.chain &&
           manifest->plan_id == rebuild->plan->id &&
           manifest->snapshot_id == rebuild->snapshot->id &&
           manifest->ids_from == rebuild->ids_from && manifest->id_days == rebuild->id_days &&
           manifest->epoch == rebuild->epoch;
}

/* 1: the current generation is what would be built, and undamaged: all of it is read, because a
 * rebuild is how a damaged one is repaired. Failing to open it is therefore no error here. */
static int is_up_to_date(struct rebuild *rebuild) {
    struct generation_manifest manifest;
    struct generation *generation;
    struct error ignored;
    if (rebuild->guessed_at || /* a later policy may turn up */
        generation_current_manifest(rebuild->options->generations, &manifest, &ignored) < 0 ||
        !would_be_built(rebuild, &manifest) ||
        generation_open_current(rebuild->options->generations, true, &generation, &ignored) < 0)
        return 0;
    bool same = would_be_built(rebuild, generation_manifest(generation));
    if (same) {
        rebuild->report.up_to_date = true;
        rebuild->report.manifest = *generation_manifest(generation);
        rebuild->report.tally = generation_tally(generation);
    }
    generation_close(generation);
    return same;
}

static void use_tables(struct rebuild *rebuild, struct list_table *lists,
                       struct source_table *sources) {
    list_table_free(rebuild->lists);
    source_table_free(rebuild->sources);
    rebuild->lists = lists;
    rebuild->sources = sources;
}

/* Makes the rebuild a full one and records why; the report shows it. */
static void __attribute__((format(printf, 2, 3))) make_full(struct rebuild *rebuild,
                                                            const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(rebuild->report.full_because, sizeof rebuild->report.full_because, format, arguments);
    va_end(arguments);
    rebuild->before = (struct generation_manifest){0};
    rebuild->starts_at_base = rebuild->base_lacks_plan = false;
    rebuild->before_tally = (struct tally){.newest_event_time_us = INT64_MIN};
    use_tables(rebuild, list_table_new(), source_table_new());
}

/* The rebuild may continue from the current generation if that has the same features and belongs to
 * this archive. All of it is verified first: states that no new record touches are copied into the
 * next generation without being looked at. */
static int choose_current(struct rebuild *rebuild, struct error *ret_error) {
    struct generation *generation;
    struct error error;
    make_full(rebuild, "a full rebuild was requested");
    if (rebuild->options->full || rebuild->options->elsewhere)
        return 0;
    int r = generation_open_current(rebuild->options->generations, true, &generation, &error);
    if (r == -ERROR_NOT_FOUND) {
        make_full(rebuild, "there is no generation yet");
        return 0;
    }
    if (r < 0) {
        make_full(rebuild, "the current generation cannot be used: %.400s", error.text);
        return 0;
    }
    struct generation_manifest manifest = *generation_manifest(generation);
    struct tally tally = generation_tally(generation);
    use_tables(rebuild, generation_take_lists(generation), generation_take_sources(generation));
    generation_close(generation); /* make_full() replaces them again */
    if (manifest.ids_from > rebuild->ids_from) {
        make_full(rebuild, "the current generation lacks ids that are wanted again");
        return 0;
    }
    if (manifest.place.position == rebuild->target.position &&
        manifest.place.chain == rebuild->target.chain &&
        manifest.snapshot_id == rebuild->snapshot->id) {
        make_full(rebuild, "there are no new records, and a copy would prove nothing");
        return 0;
    }
    if (manifest.epoch != rebuild->epoch) {
        make_full(rebuild, "an erasure has rewritten records of the current generation");
        return 0;
    }
    if (manifest.plan_id != rebuild->plan->id) {
        make_full(rebuild, "the current generation has other features than the policy");
        return 0;
    }
    r = archive_parts_holds(rebuild->parts, manifest.place, ret_error);
    if (r < 0)
        return r;
    if (r == 0) {
        make_full(rebuild,
                  "the current generation, at position %" PRIu64 ", is not of this archive",
                  manifest.place.position);
        snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
                 "the current generation, at position %" PRIu64
                 ", was built from records that differ from this archive's, which ends at position "
                 "%" PRIu64,
                 manifest.place.position, rebuild->target.position);
        return 0;
    }
    rebuild->before = manifest;
    rebuild->before_tally = tally;
    rebuild->report.full_because[0] = '\0';
    return 0;
}

/* Of features that the tables do not have, nothing is known of what was before. */
static void warn_of_history(struct rebuild *rebuild) {
    char since[64];
    value_format(value_timestamp(archive_parts_begin(rebuild->parts)->time_us), since,
                 sizeof since);
    snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
             "a prune has dropped the records up to %" PRIu64
             ", received until %s, and the tables that it kept have other features than this "
             "policy: its features count what came after that",
             rebuild->base.place.position, since);
}

/* A rebuild that does not continue from the current generation continues from the tables of the
 * place where the archive begins: no record is left from before. Their states are of use to the
 * features that they were built for; ids, lists and sources always are. */
static int start_at_base(struct rebuild *rebuild, struct error *ret_error) {
    struct generation *generation;
    if (rebuild->before.id || !rebuild->base.id)
        return 0;
    int r = open_base(rebuild, true, &generation, ret_error);
    if (r < 0)
        return r;
    rebuild->before = *generation_manifest(generation);
    rebuild->before_tally = generation_tally(generation);
    use_tables(rebuild, generation_take_lists(generation), generation_take_sources(generation));
    generation_close(generation);
    rebuild->starts_at_base = rebuild->report.from_beginning = true;
    rebuild->base_lacks_plan = rebuild->before.plan_id != rebuild->plan->id;
    if (rebuild->base_lacks_plan)
        warn_of_history(rebuild);
    return 0;
}

static int choose_before(struct rebuild *rebuild, struct error *ret_error) {
    int r = choose_current(rebuild, ret_error);
    return r < 0 ? r : start_at_base(rebuild, ret_error);
}

static int prepare(struct rebuild *rebuild, struct error *ret_error) {
    int r = find_target(rebuild, ret_error);
    if (r == 0)
        r = rebuild_load_policy(rebuild, ret_error);
    if (r == 0)
        settle_ids(rebuild);
    if (r < 0 || (!rebuild->options->force && is_up_to_date(rebuild)))
        return r;
    /* Opened before the work begins: the writer holds the lock against a second rebuild. */
    r = generation_writer_open(rebuild->options->generations, rebuild->plan, &rebuild->writer,
                               ret_error);
    if (r == 0)
        r = choose_before(rebuild, ret_error);
    if (r == 0 && rebuild->guessed_at && rebuild->before.id) /* another rebuild has published */
        make_full(rebuild, "there was no generation yet when it started");
    if (r == 0)
        r = rebuild_partition(rebuild, ret_error);
    if (r == 0)
        r = rebuild_progress(rebuild, REBUILD_PREPARE, 1, 1, ret_error);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Scan and fold */

/* 1: the guessed policy was wrong. */
static int scan_once(struct rebuild *rebuild, struct error *ret_error) {
    struct rebuild_elsewhere *elsewhere = rebuild->options->elsewhere;
    return elsewhere ? elsewhere->run(elsewhere, rebuild, ret_error)
                     : rebuild_scan(rebuild, ret_error);
}

/* Scans again from the first record, into an empty generation. The caller has set the policy and
 * `before`. */
static int start_over(struct rebuild *rebuild, struct error *ret_error) {
    rebuild_forget_streams(rebuild);
    generation_writer_close(rebuild->writer);
    rebuild->writer = NULL;
    settle_ids(rebuild); /* the plan may be another one */
    int r = generation_writer_open(rebuild->options->generations, rebuild->plan, &rebuild->writer,
                                   ret_error);
    if (r == 0)
        r = rebuild_partition(rebuild, ret_error);
    if (r == 0)
        r = scan_once(rebuild, ret_error);
    return r;
}

static int scan(struct rebuild *rebuild, struct error *ret_error) {
    int r = scan_once(rebuild, ret_error);
    if (r > 0) {
        use_tables(rebuild, list_table_new(), source_table_new());
        /* Tasks elsewhere have seen all policies, so the right one is loaded already. */
        r = rebuild->options->elsewhere ? 0 : rebuild_find_policy(rebuild, ret_error);
        if (r == 0)
            r = start_over(rebuild, ret_error);
        check(r <= 0);
    }
    return r;
}

static int fold(struct rebuild *rebuild, struct error *ret_error) {
    if (rebuild->options->elsewhere) /* folded with the scan */
        return 0;
    int r = rebuild_fold(rebuild, 0, rebuild_streams(rebuild), ret_error);
    if (r > 0) {
        make_full(rebuild,
                  "transactions came later than the policy's lateness allows, for entities that "
                  "the current generation does not hold; a greater lateness would avoid that");
        r = start_at_base(rebuild, ret_error);
        if (r == 0)
            r = start_over(rebuild, ret_error);
        if (r == 0)
            r = rebuild_fold(rebuild, 0, rebuild_streams(rebuild), ret_error);
        check(r <= 0);
    }
    rebuild_forget_streams(rebuild);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Publish */

/* now_us is read when the rebuild starts; a server may archive more before the sync mark is looked
 * up, and time synchronisation moves clocks a little. Up to a minute is not worth a warning. */
#define CLOCK_BACK_US INT64_C(60000000)

/* The manifest's time of creation, which is for people. Never earlier than the newest record in the
 * generation, since receive times in an archive never decrease. */
static int64_t created_us(struct rebuild *rebuild) {
    int64_t now_us = rebuild->options->now_us, newest_us = rebuild->newest_receive_us;
    if (rebuild->before.created_time_us > newest_us)
        newest_us = rebuild->before.created_time_us;
    if (now_us >= newest_us)
        return now_us;
    if (newest_us - now_us <= CLOCK_BACK_US)
        return newest_us;
    char clock[64], newest[64];
    value_format(value_timestamp(now_us), clock, sizeof clock);
    value_format(value_timestamp(newest_us), newest, sizeof newest);
    snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
             "the clock says %s, but the archive or the current generation was written at %s: the "
             "clock was set back; the later time is used",
             clock, newest);
    return newest_us;
}

static int finish_tables(struct rebuild *rebuild, struct error *ret_error) {
    const struct snapshot_record snapshot = {
        .snapshot_id = rebuild->snapshot->id,
        .name = rebuild->snapshot->name,
        .files = rebuild->snapshot->files,
        .file_count = rebuild->snapshot->file_count,
    };
    const struct generation_description description = {
        .place = rebuild->target,
        .snapshot = &snapshot,
        .tally = &rebuild->report.tally,
        .lists = rebuild->lists,
        .sources = rebuild->sources,
        .adopted_id = rebuild->adopted_id,
        .epoch = rebuild->epoch,
        .ids_from = rebuild->ids_from,
        .id_days = rebuild->id_days,
        .ids_since_us = rebuild->ids_since_us,
        .now_us = created_us(rebuild),
        .version = rebuild->options->version,
        .thresholds = &rebuild->thresholds,
        .put_baselines = rebuild_put_baselines,
        .baselines_user = rebuild,
    };
    return generation_writer_finish(rebuild->writer, &description, ret_error);
}

struct verification {
    struct rebuild *rebuild;
    atomic_ullong done;
};

static int verify_one(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                      struct error *ret_error) {
    (void)thread_pool, (void)worker;
    struct verification *verification = user;
    int r = generation_writer_check(verification->rebuild->writer, job, ret_error);
    atomic_fetch_add(&verification->done, 1);
    return r;
}

static int verify(struct rebuild *rebuild, struct error *ret_error) {
    int r = rebuild_progress(rebuild, REBUILD_VERIFY, 0, 0, ret_error);
    if (r == 0)
        r = finish_tables(rebuild, ret_error);
    if (r < 0)
        return r;
    struct verification verification = {.rebuild = rebuild};
    size_t checks = generation_writer_checks(rebuild->writer);
    /* One more thread: the first check spends most of its time waiting for the disk. */
    struct thread_pool *thread_pool =
        thread_pool_start(rebuild->threads + 1, checks, verify_one, &verification);
    return rebuild_await(rebuild, thread_pool, REBUILD_VERIFY, &verification.done, checks,
                         ret_error);
}

/* Are the files of values and scores that end elsewhere of no use any more? */
static bool are_samples_replaced(const struct rebuild *rebuild) {
    const struct snapshot *snapshot = rebuild->snapshot;
    return rebuild->sample_inputs || rebuild->keeps_scores ||
           (snapshot->threshold_count == 0 && snapshot->budget_count == 0);
}

static int publish(struct rebuild *rebuild, struct error *ret_error) {
    struct rebuild_listener *listener = rebuild->options->listener;
    int r = rebuild_progress(rebuild, REBUILD_PUBLISH, 0, 0, ret_error);
    if (r == 0 && listener)
        r = listener->publishes(listener, rebuild->target, &rebuild->report, ret_error);
    if (r == 0)
        r = generation_writer_publish(rebuild->writer, &rebuild->report.manifest, ret_error);
    if (r < 0)
        return r;
    if (are_samples_replaced(rebuild))
        sample_files_retain(rebuild->options->generations, rebuild->sample_inputs, rebuild->target);
    /* The new generation is published; failing to remove old ones is only a warning. */
    struct error error;
    if (generation_writer_retain(rebuild->writer, rebuild->options->keep, rebuild->adopted_id,
                                 &rebuild->report.removed, &error) < 0)
        snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
                 "old generations could not be removed: %.400s", error.text);
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The run */

static size_t default_threads(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) < 0)
        return 1;
    int count = CPU_COUNT(&cores);
    return count > 0 ? (size_t)count : 1;
}

static void rebuild_init(struct rebuild *rebuild, struct rebuild_options *options,
                         struct progress *progress) {
    if (options->threads == 0)
        options->threads = default_threads();
    if (options->threads > THREADS_MAX)
        options->threads = THREADS_MAX;
    if (options->memory_bytes == 0)
        options->memory_bytes = machine_memory_quarter();
    if (options->keep == 0)
        options->keep = REBUILD_KEEP;
    *rebuild = (struct rebuild){
        .options = options,
        .progress = progress,
        .threads = options->threads,
        .report = {.threads = options->threads, .memory_bytes = options->memory_bytes},
    };
    buffer_init(&rebuild->last_generation);
    arena_init(&rebuild->computed, SIZE_MAX / 4); /* threshold_sample.h limits it */
    arena_init(&rebuild->report.thresholds.arena, SIZE_MAX / 4);
}

static void rebuild_deinit(struct rebuild *rebuild) {
    rebuild_forget_streams(rebuild);
    generation_writer_close(rebuild->writer);
    archive_parts_close(rebuild->parts);
    snapshot_unref(rebuild->snapshot);
    snapshot_unref(rebuild->folded);
    thresholds_free(rebuild->in_force);
    sample_series_close(&rebuild->samples);
    use_tables(rebuild, NULL, NULL);
    buffer_deinit(&rebuild->last_generation);
    arena_deinit(&rebuild->computed);
}

void rebuild_report_deinit(struct rebuild_report *report) {
    arena_deinit(&report->thresholds.arena);
}

/* Errors of spill files name no path, as those files have none: adds the folder whose disk it is.
 */
static void add_folder(const struct rebuild *rebuild, struct error *error) {
    if (error->code == ERROR_SYSTEM && strncmp(error->text, "cannot ", 7) == 0)
        error_prefix(error, "%s", rebuild->options->generations);
}

int rebuild_run(const struct rebuild_options *options, struct progress *progress,
                struct rebuild_report *ret_report, struct error *ret_error) {
    static int (*const phases[REBUILD_PHASE_COUNT])(struct rebuild *, struct error *) = {
        [REBUILD_PREPARE] = prepare, [REBUILD_SCAN] = scan,
        [REBUILD_FOLD] = fold,       [REBUILD_THRESHOLDS] = rebuild_thresholds,
        [REBUILD_VERIFY] = verify,   [REBUILD_PUBLISH] = publish,
    };
    struct rebuild rebuild;
    struct rebuild_options filled = *options;
    rebuild_init(&rebuild, &filled, progress);
    int r = 0;
    for (int i = 0; i < REBUILD_PHASE_COUNT && r == 0 && !rebuild.report.up_to_date; i++) {
        double begin = monotonic_seconds(), cpu_begin = cpu_seconds();
        r = phases[i](&rebuild, ret_error);
        rebuild.report.seconds[i] = monotonic_seconds() - begin;
        rebuild.report.cpu_seconds[i] = cpu_seconds() - cpu_begin;
    }
    rebuild.report.from_position = rebuild.before.place.position;
    if (r == 0) {
        *ret_report = rebuild.report;
    } else {
        add_folder(&rebuild, ret_error);
        rebuild_report_deinit(&rebuild.report);
    }
    rebuild_deinit(&rebuild);
    return r;
}
