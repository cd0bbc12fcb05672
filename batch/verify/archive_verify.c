/* Four steps: segments one by one in parallel, then joints between neighbours in order, then what
 * is behind the last sync mark, then the note. Damage is a finding, not a failure: only errors that
 * prevent the check end it. */
#include "archive_verify.h"

#include "archive_erasures.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "batch/base/thread_pool.h"
#include "core/base/check.h"
#include "core/store/generation/generation_base.h"
#include "core/store/upkeep/archive_check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The result of one segment. */
struct finding {
    struct archive_check check;
    struct error fault; /* code 0: none */
};

struct verification {
    struct archive_parts *parts;
    size_t count;
    struct finding *findings;
    struct arena *arenas; /* of each thread */
    atomic_ullong done;   /* bytes */
    struct archive_verify_report report;
};

/* ---- one segment, in a thread ---- */

struct watch {
    struct archive_check_watch watch; /* first */
    struct verification *verification;
    struct thread_pool *thread_pool;
    uint64_t reported;
};

static int report(struct archive_check_watch *self, uint64_t done) {
    struct watch *watch = (struct watch *)self;
    atomic_fetch_add(&watch->verification->done, done - watch->reported);
    watch->reported = done;
    return thread_pool_is_stopped(watch->thread_pool);
}

static int check_segment(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                         struct error *ret_error) {
    struct verification *verification = user;
    struct finding *finding = &verification->findings[job];
    struct watch watch = {
        .watch = {report}, .verification = verification, .thread_pool = thread_pool};
    int r = archive_check_part(verification->parts, job, &verification->arenas[worker],
                               &watch.watch, &finding->check, ret_error);
    uint64_t size = archive_parts_size(verification->parts, job);
    atomic_fetch_add(&verification->done, size > watch.reported ? size - watch.reported : 0);
    if (r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED) {
        finding->fault = *ret_error;
        return 0;
    }
    return r;
}

static int check_segments(struct verification *verification, size_t threads,
                          struct progress *progress, struct error *ret_error) {
    bool is_interrupted = false;
    uint64_t total = verification->report.bytes;
    verification->arenas = check_calloc(threads, sizeof *verification->arenas);
    for (size_t i = 0; i < threads; i++)
        arena_init(&verification->arenas[i], RECORD_BYTES_MAX);
    struct thread_pool *thread_pool =
        thread_pool_start(threads, verification->count, check_segment, verification);
    while (!thread_pool_wait(thread_pool))
        if (progress_update(progress, "verify", atomic_load(&verification->done), total) != 0) {
            is_interrupted = true;
            thread_pool_stop(thread_pool);
        }
    int r = thread_pool_finish(thread_pool, ret_error);
    for (size_t i = 0; i < threads; i++)
        arena_deinit(&verification->arenas[i]);
    free(verification->arenas);
    if (r == 0 && is_interrupted)
        r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    return r;
}

/* ---- the whole archive ---- */

static void find_damage(struct verification *verification, struct archive_verify_listener *listener,
                        const struct error *fault) {
    verification->report.damaged++;
    listener->fault(listener, fault);
}

/* Reports findings in the order of the segments and adds up the counts. The joint to a damaged
 * segment cannot be checked, since its end is unknown. */
static void add_up(struct verification *verification, struct archive_verify_listener *listener) {
    struct archive_verify_report *report = &verification->report;
    const struct finding *before = NULL; /* the segment in front, if it is whole */
    for (size_t i = 0; i < verification->count; i++) {
        const struct finding *finding = &verification->findings[i];
        struct error fault = finding->fault;
        if (fault.code == 0) {
            report->records += finding->check.records;
            for (size_t type = 0; type < RECORD_TYPE_COUNT; type++)
                report->by_type[type] += finding->check.by_type[type];
            if (before)
                archive_check_joint(verification->parts, i, &before->check, &finding->check,
                                    &fault);
        }
        if (fault.code != 0)
            find_damage(verification, listener, &fault);
        before = finding->fault.code == 0 ? finding : NULL;
    }
}

/* Where a pruned archive begins, tables stand for what is gone: they are part of it. */
static int check_bases(struct verification *verification,
                       const struct archive_verify_options *options,
                       struct archive_verify_listener *listener, struct error *ret_error) {
    const struct archive_begin *begin = &verification->report.begin;
    for (size_t i = 0; i < begin->base_count; i++) {
        struct generation *base;
        int r = generation_open_base_of(options->archive, begin, begin->bases[i].plan_id, true,
                                        &base, ret_error);
        if (r == -ERROR_UNAVAILABLE)
            return r;
        if (r < 0)
            find_damage(verification, listener, ret_error);
        else
            generation_close(base);
    }
    return 0;
}

/* ---- notes ---- */

/* The seals have been checked, as far as they cover what is before them. */
static void find_newest_seal(struct verification *verification) {
    struct archive_verify_report *report = &verification->report;
    for (size_t i = verification->count; i-- > 0;) {
        struct archive_part part = archive_parts_part(verification->parts, i);
        if ((!part.is_sealed && !part.is_head) || !part.seal || part.last == 0)
            continue;
        report->sealed_up_to = (struct archive_note){
            .place = {.position = part.last, .chain = part.chain}, .has_seal = true};
        memcpy(report->sealed_up_to.seal, part.seal, SEAL_HASH_SIZE);
        report->sealed_time_us = part.end_time_us;
        return;
    }
}

static void compare_chain(struct archive_verify_report *report, const struct archive_note *expected,
                          struct archive_place found) {
    if (found.position != expected->place.position)
        return;
    report->found_chain = found.chain;
    if (found.chain != expected->place.chain)
        report->expectation = EXPECTATION_OTHER_CHAIN;
    else
        report->expectation = expected->has_seal ? EXPECTATION_NO_SEAL : EXPECTATION_HOLDS;
}

/* Segments without records end at the same position as the one before them, so the note may be of
 * any of them. */
static void compare_seals(struct verification *verification, const struct archive_note *expected) {
    struct archive_verify_report *report = &verification->report;
    for (size_t i = 0; i < verification->count; i++) {
        struct archive_part part = archive_parts_part(verification->parts, i);
        if (part.last != expected->place.position || !part.seal ||
            report->expectation == EXPECTATION_HOLDS)
            continue;
        /* A note from before an erasure has the seal that the next segment's still continues. */
        bool holds =
            memcmp(part.seal, expected->seal, SEAL_HASH_SIZE) == 0 ||
            (part.seal_first && memcmp(part.seal_first, expected->seal, SEAL_HASH_SIZE) == 0);
        report->expectation = holds ? EXPECTATION_HOLDS : EXPECTATION_OTHER_SEAL;
    }
}

/* Up to the last sync mark; read_rest() goes on from there. */
static int compare_synced(struct verification *verification, const struct archive_note *expected,
                          struct error *ret_error) {
    struct archive_verify_report *report = &verification->report;
    struct archive_place found = {.position = expected->place.position};
    report->expectation = EXPECTATION_AFTER_END;
    int r = archive_parts_chain(verification->parts, found.position, &found.chain, ret_error);
    if (r <= 0)
        return r;
    compare_chain(report, expected, found);
    if (report->expectation == EXPECTATION_NO_SEAL)
        compare_seals(verification, expected);
    return 0;
}

/* ---- behind the last sync mark ---- */

/* Reads what is written and not yet synced. Its end may be torn, but nothing before may be damaged.
 */
static int read_rest(struct verification *verification,
                     const struct archive_verify_options *options, struct error *ret_error) {
    struct archive_verify_report *report = &verification->report;
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    uint64_t done, total;
    int r = archive_reader_open(options->archive, report->synced, &reader, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, RECORD_BYTES_MAX);
    while ((r = archive_reader_next(reader, &arena, &record, ret_error)) > 0) {
        arena_reset(&arena);
        report->unsynced++;
        report->records++;
        report->by_type[record.type]++;
        if (options->expected)
            compare_chain(report, options->expected, archive_reader_place(reader));
    }
    archive_reader_extent(reader, &done, &total);
    report->torn_bytes = total - done;
    report->end = archive_reader_place(reader);
    archive_reader_close(reader);
    arena_deinit(&arena);
    return r;
}

struct erasures_reporter {
    struct archive_erasures_listener listener; /* first */
    struct verification *verification;
    struct archive_verify_listener *to;
};

static void report_erasure(struct archive_erasures_listener *self, const struct error *fault) {
    struct erasures_reporter *erasures = (struct erasures_reporter *)self;
    find_damage(erasures->verification, erasures->to, fault);
}

static void note_erasure(struct archive_erasures_listener *self, const struct error *note) {
    struct erasures_reporter *erasures = (struct erasures_reporter *)self;
    if (erasures->to->note)
        erasures->to->note(erasures->to, note);
}

static int check_erasures(struct verification *verification, const char *archive,
                          struct archive_verify_listener *listener, struct error *ret_error) {
    struct erasures_reporter reporter = {
        .listener = {.fault = report_erasure, .note = note_erasure},
        .verification = verification,
        .to = listener};
    return archive_erasures_check(archive, verification->parts, &reporter.listener, ret_error);
}

static int verify(struct verification *verification, const struct archive_verify_options *options,
                  struct progress *progress, struct archive_verify_listener *listener,
                  struct error *ret_error) {
    struct archive_verify_report *report = &verification->report;
    verification->count = archive_parts_count(verification->parts);
    report->begin = *archive_parts_begin(verification->parts);
    report->segments = verification->count - (report->begin.place.position > 0);
    verification->findings = check_calloc(verification->count, sizeof *verification->findings);
    report->synced = archive_parts_end(verification->parts);
    for (size_t i = 0; i < verification->count; i++) {
        struct archive_part part = archive_parts_part(verification->parts, i);
        report->bytes += part.size;
        report->sealed += part.is_sealed;
    }
    int r = check_segments(verification, options->threads, progress, ret_error);
    if (r < 0)
        return r;
    add_up(verification, listener);
    r = check_bases(verification, options, listener, ret_error);
    if (r < 0)
        return r;
    if (report->damaged == 0) {
        r = check_erasures(verification, options->archive, listener, ret_error);
        if (r < 0)
            return r;
    }
    if (report->damaged > 0) /* the end may not be found then */
        return 0;
    find_newest_seal(verification);
    if (options->expected) {
        r = compare_synced(verification, options->expected, ret_error);
        if (r < 0)
            return r;
    }
    r = read_rest(verification, options, ret_error);
    if (r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED) {
        find_damage(verification, listener, ret_error);
        report->expectation = EXPECTATION_OPEN;
        r = 0;
    }
    if (r == 0 && report->damaged == 0 && report->records == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there are no records in %s: is it an archive?",
                      options->archive);
    return r;
}

int archive_verify_run(const struct archive_verify_options *options, struct progress *progress,
                       struct archive_verify_listener *listener,
                       struct archive_verify_report *ret_report, struct error *ret_error) {
    struct verification verification = {0};
    double begin = monotonic_seconds();
    atomic_init(&verification.done, 0);
    int r = archive_parts_open(options->archive, &verification.parts, ret_error);
    if (r == 0)
        r = verify(&verification, options, progress, listener, ret_error);
    archive_parts_close(verification.parts);
    free(verification.findings);
    if (r < 0)
        return r;
    verification.report.seconds = monotonic_seconds() - begin;
    *ret_report = verification.report;
    return 0;
}
