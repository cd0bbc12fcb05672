/* The swap: adopts a new generation without a request failing or waiting.
 *
 * A thread of its own builds the new side beside the old one: the generation's tables, and the
 * archive's newer records folded into a fresh overlay. When only few records are left, they are
 * applied under the decision lock; then engine, overlay and generation change in one step, and a
 * record in the archive says so. That record lies exactly between the last decision on the old
 * tables and the first on the new ones.
 *
 * Only records that are written for good are folded: each round goes up to the archive's end as it
 * is while the lock is held, when no write is half done.
 *
 * Not here: building a generation, and the start, which folds while nothing is waiting. */
#include "swap_run.h"

#include "adoption.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "server/base/deferred_free.h"
#include "server/events/event_rows.h"
#include "swap_compare.h"
#include "swap_scrub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static enum swap_state open_generation(struct swap *swap);
static enum swap_state catch_up(struct swap *swap);
static enum swap_state switch_over(struct swap *swap);
static enum swap_state compare(struct swap *swap);
static enum swap_state cool(struct swap *swap);

/* What is done in each state; returns the next one. States without a step are final: the thread
 * rests there until swap_ask() is called and there is a generation that has not been tried yet. */
static enum swap_state (*const steps[SWAP_STATE_COUNT])(struct swap *swap) = {
    /* Verifies the files against their hashes, loads the policy, finds the position in this
       archive. */
    [SWAP_OPENING] = open_generation,
    /* Folds newer records while decisions are made on the old side. */
    [SWAP_CATCHING_UP] = catch_up,
    /* Under the decision lock: applies the last records, then exchanges the sides. Or back to
       catching up. */
    [SWAP_SWITCHING] = switch_over,
    /* Compares the two sides, both as of the switch. */
    [SWAP_COMPARING] = compare,
    /* Frees the old side, which takes long. */
    [SWAP_COOLING] = cool,
};

/* With more records left, another round without the lock is worthwhile, if the last one more than
 * halved the distance. */
#define RECORDS_FEW 64
/* Rounds without progress that are always allowed; after them, swap_patience_us applies. */
#define ROUNDS_MIN 4

static void set_state(struct swap *swap, enum swap_state state) {
    struct service *service = swap->service;
    pthread_mutex_lock(&service->lock);
    if (swap->state != state && steps[state])
        swap->reason[0] = '\0';
    swap->state = state;
    pthread_mutex_unlock(&service->lock);
    for (size_t i = 0; i < SWAP_STATE_COUNT; i++)
        metric_gauge(service->settings.metrics, SWAP_STATE, i, i == state);
}

/* Under the decision lock. Is the old side still the one that the swap began with, and can the
 * archive's records be read from its files? */
static bool is_undisturbed(const struct swap *swap, const struct service *service) {
    return service->losses == swap->losses && service->states.overlay &&
           service->state != SERVICE_FAILED && !atomic_load(&service->outage.is_on);
}

/* ---- ends ---- */

static void end_with(struct swap *swap, enum swap_result result) {
    fold_free(swap->fold);
    swap->fold = NULL;
    metric_add(swap->service->settings.metrics, SWAPS, result, 1);
}

static enum swap_state refuse(struct swap *swap, const struct error *error) {
    struct service *service = swap->service;
    end_with(swap, SWAP_RESULT_REFUSED);
    swap_set_reason(swap, error->text);
    event_generation_refused(service->settings.events, error->text);
    log_line_with(service->settings.log, LOG_ERROR,
                  LOG_FIELDS(log_field_string("code", error_code_name(error->code)),
                             log_field_string("reason", error->text)),
                  "new generation refused, the old one stays in use: %s", error->text);
    return SWAP_REFUSED;
}

/* A write failed, and the states are gone: recovery first, then the swap starts over with the same
 * generation. */
static enum swap_state disturbed(struct swap *swap) {
    swap->tried = (struct generation_mark){0};
    end_with(swap, SWAP_RESULT_INTERRUPTED);
    log_line(swap->service->settings.log, LOG_WARNING,
             "the archive could not be written during a generation swap: the swap starts over once "
             "the server is ready again");
    return SWAP_IDLE;
}

static enum swap_state fail(struct swap *swap, const struct error *error) {
    if (error->code != ERROR_INTERRUPTED)
        return refuse(swap, error);
    end_with(swap, SWAP_RESULT_INTERRUPTED);
    return SWAP_IDLE;
}

/* More load than the server can fold: no error of the generation, so it is tried again after a
 * pause. */
static enum swap_state abandon(struct swap *swap, uint64_t behind) {
    struct service *service = swap->service;
    char reason[SWAP_REASON_BYTES];
    snprintf(reason, sizeof reason,
             "transactions arrive faster than the swap can catch up: it is %" PRIu64
             " records behind and gains no ground; retried in %d minutes, on SIGHUP, and with the "
             "next generation",
             behind, (int)(SWAP_ABANDONED_PAUSE_US / 60000000));
    swap->try_again_us = clock_monotonic_us(service->settings.clock) + SWAP_ABANDONED_PAUSE_US;
    end_with(swap, SWAP_RESULT_ABANDONED);
    swap_set_reason(swap, reason);
    log_line_with(service->settings.log, LOG_WARNING,
                  LOG_FIELDS(log_field_unsigned("records_behind", behind)),
                  "generation swap abandoned: %s", reason);
    return SWAP_ABANDONED;
}

/* ---- noticing ---- */

static bool is_same_mark(const struct generation_mark *a, const struct generation_mark *b) {
    return a->id == b->id && a->inode == b->inode && a->changed_ns == b->changed_ns;
}

/* Returns SWAP_OPENING if there is a generation to adopt, else a final state. Cheap: called every
 * second. again: also a generation that was tried before. */
static enum swap_state look(struct swap *swap, bool again) {
    struct service *service = swap->service;
    struct generation_mark mark;
    if (!generation_look(service->generations_path, &mark))
        return SWAP_IDLE; /* a removed `current` matters only at the next start */
    pthread_mutex_lock(&service->lock);
    bool is_adopted = mark.id != 0 && mark.id == service->states.generation_id;
    bool is_able = service->states.overlay && service->state != SERVICE_DRAINING &&
                   service->state != SERVICE_FAILED && !atomic_load(&service->outage.is_on);
    enum swap_state resting = swap->state;
    swap->losses = service->losses;
    pthread_mutex_unlock(&service->lock);
    if (is_adopted)
        return SWAP_IDLE;
    bool is_due = resting == SWAP_ABANDONED &&
                  clock_monotonic_us(service->settings.clock) >= swap->try_again_us;
    if (!is_able || (is_same_mark(&mark, &swap->tried) && !again && !is_due))
        return resting;
    swap->tried = mark;
    return SWAP_OPENING;
}

/* ---- opening ---- */

static bool has_feature(const struct plan *plan, struct text entity, uint64_t definition) {
    for (size_t i = 0; i < plan->entity_count; i++) {
        if (!text_equal(plan->entities[i].name, entity))
            continue;
        for (size_t f = 0; f < plan->entities[i].feature_count; f++)
            if (plan->entities[i].features[f].definition == definition)
                return true;
    }
    return false;
}

/* A feature in use must not become absent: tables without it belong to another policy, which has to
 * be loaded first. */
static int check_features(const struct snapshot *rules, const struct plan *now,
                          const struct plan *next, struct error *ret_error) {
    size_t lost = 0;
    struct text entity = {0}, feature = {0}; /* the first */
    for (size_t i = 0; i < rules->plan.entity_count; i++) {
        const struct entity_plan *plan = &rules->plan.entities[i];
        for (size_t f = 0; f < plan->feature_count; f++) {
            uint64_t definition = plan->features[f].definition;
            if (!has_feature(now, plan->name, definition) ||
                has_feature(next, plan->name, definition))
                continue;
            if (lost++ == 0) {
                entity = plan->name;
                feature = plan->features[f].name;
            }
        }
    }
    if (lost == 0)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "it was built with another policy: %zu of the features in use would be "
                     "absent, first %" TEXT_FORMAT ".%" TEXT_FORMAT
                     "; load that policy first (`harrier reload`), or run `harrier rebuild` again",
                     lost, TEXT_ARGS(entity), TEXT_ARGS(feature));
}

/* Fits the new side to the rules in force, which may have been reloaded since it was opened.
 * Without the lock, since making an engine takes a while. */
static int fit(struct swap *swap, struct error *ret_error) {
    struct service *service = swap->service;
    pthread_mutex_lock(&service->lock);
    struct snapshot *rules = snapshot_ref(service->rules);
    struct snapshot *plan = snapshot_ref(service->states.plan);
    pthread_mutex_unlock(&service->lock);
    int r = 0;
    if (plan) /* else the old side is lost; the next step will notice */
        r = check_features(rules, &plan->plan, &fold_plan(swap->fold)->plan, ret_error);
    if (r == 0)
        fold_use_rules(swap->fold, rules);
    snapshot_unref(rules);
    snapshot_unref(plan);
    return r;
}

static enum swap_state open_generation(struct swap *swap) {
    struct service *service = swap->service;
    struct error error;
    pthread_mutex_lock(&service->lock);
    bool undisturbed = is_undisturbed(swap, service);
    struct snapshot *rules = snapshot_ref(service->rules);
    uint64_t adopted_id = service->states.generation_id;
    pthread_mutex_unlock(&service->lock);
    const struct fold_source source = {
        .archive = service->archive_path,
        .generations = service->generations_path,
        .rules = rules,
        .verified = true,
    };
    int r = undisturbed ? fold_begin(&source, &swap->fold, &error) : 0;
    const struct generation *generation = swap->fold ? fold_generation(swap->fold) : NULL;
    if (generation)
        r = fit(swap, &error);
    snapshot_unref(rules);
    if (!undisturbed)
        return disturbed(swap);
    if (r < 0)
        return fail(swap, &error);
    if (!generation || generation_manifest(generation)->id == adopted_id) {
        fold_free(swap->fold); /* `current` has changed since look() */
        swap->fold = NULL;
        return SWAP_IDLE;
    }
    swap->began_us = clock_monotonic_us(service->settings.clock);
    return SWAP_CATCHING_UP;
}

/* ---- catching up ---- */

/* False: gives up. Progress means an eighth less than the best so far: a catch-up that gains less
 * would take forever. */
static bool comes_nearer(struct swap_pace *pace, uint64_t behind, int64_t now_us,
                         int64_t patience_us) {
    if (pace->rounds == 0 || behind < pace->least_behind - pace->least_behind / 8) {
        *pace = (struct swap_pace){.least_behind = behind, .rounds = 1, .since_us = now_us};
        return true;
    }
    pace->rounds++;
    return pace->rounds <= ROUNDS_MIN || now_us - pace->since_us < patience_us;
}

struct reporting {
    struct fold_progress progress;
    struct swap *swap;
};

static void report(struct fold_progress *self, uint64_t position, uint64_t end) {
    char reason[96];
    snprintf(reason, sizeof reason, "position %" PRIu64 " of %" PRIu64, position, end);
    swap_set_reason(((struct reporting *)self)->swap, reason);
}

static int64_t or_else(int64_t value, int64_t otherwise) {
    return value ? value : otherwise;
}

/* Can that many records be applied while decisions wait? Judged by number and by the pace so far.
 */
static bool is_near(const struct swap *swap, int64_t most, uint64_t behind) {
    return most > 0 && behind <= (uint64_t)most &&
           (double)behind * swap->us_per_record <= (double)SWAP_LOCKED_US_MAX;
}

static uint64_t records_behind(const struct swap *swap, struct archive_place end) {
    return end.position - fold_place(swap->fold).position;
}

static int advance(struct swap *swap, struct archive_place end, struct fold_progress *progress,
                   struct error *ret_error) {
    struct service *service = swap->service;
    uint64_t records = records_behind(swap, end);
    int64_t began_us = clock_monotonic_us(service->settings.clock);
    int r = fold_advance(swap->fold, end, &service->stopping, progress, ret_error);
    int64_t took_us = clock_monotonic_us(service->settings.clock) - began_us;
    if (records > 0)
        swap->us_per_record = (double)took_us / (double)records;
    swap->folded += records;
    return r;
}

static enum swap_state catch_up(struct swap *swap) {
    struct service *service = swap->service;
    struct reporting reporting = {.progress = {report}, .swap = swap};
    int64_t patience_us = or_else(service->settings.swap_patience_us, SWAP_PATIENCE_US);
    struct swap_pace *pace = &swap->pace;
    struct error error;
    uint64_t last = UINT64_MAX; /* records behind when the last round began */
    for (;;) {
        pthread_mutex_lock(&service->lock);
        bool undisturbed = is_undisturbed(swap, service);
        bool fits = fold_rules(swap->fold) == service->rules;
        struct archive_place end = archive_end(service->archive);
        int64_t most = or_else(service->settings.swap_records_max, SWAP_RECORDS_MAX);
        pthread_mutex_unlock(&service->lock);
        if (!undisturbed)
            return disturbed(swap);
        if (!fits && fit(swap, &error) < 0)
            return fail(swap, &error);
        uint64_t behind = records_behind(swap, end);
        if (is_near(swap, most, behind) && (behind <= RECORDS_FEW || behind > last / 2))
            return SWAP_SWITCHING;
        last = behind;
        if (!comes_nearer(pace, behind, clock_monotonic_us(service->settings.clock), patience_us))
            return abandon(swap, behind);
        if (advance(swap, end, &reporting.progress, &error) < 0)
            return fail(swap, &error);
    }
}

/* ---- switching ---- */

static uint64_t epoch_of(const struct states *states) {
    const struct generation *generation = overlay_generation(states->overlay);
    return generation ? generation_manifest(generation)->epoch : 0;
}

/* Under the decision lock, after the last records were applied. */
static int exchange(struct swap *swap, struct error *ret_error) {
    struct service *service = swap->service;
    const struct adopted last = {
        .snapshot_id = service->rules->id,
        .generation_id = service->states.generation_id,
        .this_version = true,
    };
    struct adopted ignored;
    swap->old = service->states;
    fold_take(swap->fold, service->rules, &service->states, &ignored);
    /* With different features the states differ in their bytes: nothing to compare. Nor with what
     * an erasure has removed. */
    if (swap->old.plan->plan.id == service->states.plan->plan.id &&
        epoch_of(&swap->old) == epoch_of(&service->states)) {
        swap->old_view = overlay_view_open(swap->old.overlay, NULL);
        swap->new_view = overlay_view_open(service->states.overlay, &service->guard.guard);
    }
    /* If the record cannot be written, the new states are dropped; recovery folds others. */
    int r = adoption_record(service, &last, ret_error);
    if (r == 0)
        service_check_overlay(service);
    return r;
}

static void log_adopted(struct swap *swap, uint64_t generation_id, uint64_t position,
                        int64_t locked_us, size_t warming, const char *reason) {
    const struct service_settings *settings = &swap->service->settings;
    char id[HASH_HEX_SIZE];
    hash_hex(generation_id, id);
    metric_observe(settings->metrics, SWAP_LOCKED, 0, locked_us);
    metric_gauge(settings->metrics, GENERATION_DAMAGED, 0, 0);
    log_line_with(settings->log, LOG_INFO,
                  LOG_FIELDS(log_field_string("generation_id", id),
                             log_field_unsigned("position", position),
                             log_field_unsigned("records", swap->folded),
                             log_field_signed("locked_us", locked_us)),
                  "generation %s adopted at position %" PRIu64 ": caught up with %" PRIu64
                  " records in %.1f s, decisions waited %.1f ms",
                  id, position, swap->folded,
                  (double)(clock_monotonic_us(settings->clock) - swap->began_us) / 1e6,
                  (double)locked_us / 1e3);
    event_generation_adopted(settings->events, generation_id, position);
    adoption_log_warming(swap->service, warming, text_of(reason));
}

/* Checks again under the lock what catch_up() found without it: records may have come in, or a
 * reload may have changed the rules. Then back to catching up. */
static enum swap_state switch_over(struct swap *swap) {
    struct service *service = swap->service;
    struct error error;
    pthread_mutex_lock(&service->lock);
    int64_t began_us = clock_monotonic_us(service->settings.clock);
    struct archive_place end = archive_end(service->archive);
    bool undisturbed = is_undisturbed(swap, service);
    bool fits = fold_rules(swap->fold) == service->rules;
    if (!undisturbed || !fits ||
        !is_near(swap, or_else(service->settings.swap_records_max, SWAP_RECORDS_MAX),
                 records_behind(swap, end))) {
        pthread_mutex_unlock(&service->lock);
        return undisturbed ? SWAP_CATCHING_UP : disturbed(swap);
    }
    int r = advance(swap, end, NULL, &error);
    bool is_exchanged = r == 0;
    if (r == 0)
        r = exchange(swap, &error);
    uint64_t generation_id = service->states.generation_id;
    size_t warming = r == 0 ? engine_warming(service->states.engine) : 0;
    char reason[REASON_BYTES] = "";
    if (warming > 0)
        snprintf(reason, sizeof reason, "%" TEXT_FORMAT,
                 TEXT_ARGS(engine_warming_names(service->states.engine)->reason));
    uint64_t position = archive_end(service->archive).position;
    int64_t locked_us = clock_monotonic_us(service->settings.clock) - began_us;
    pthread_mutex_unlock(&service->lock);
    service_report(service);
    if (r < 0 && !is_exchanged)
        return fail(swap, &error);
    if (r < 0) {
        disturbed(swap);
        return SWAP_COOLING;
    }
    end_with(swap, SWAP_RESULT_ADOPTED);
    log_adopted(swap, generation_id, position, locked_us, warming, reason);
    return SWAP_COMPARING;
}

/* ---- comparing ---- */

static enum swap_state compare(struct swap *swap) {
    swap_compare(swap);
    return SWAP_COOLING;
}

/* ---- cooling ---- */

static enum swap_state cool(struct swap *swap) {
    struct service *service = swap->service;
    overlay_view_close(swap->new_view);
    overlay_view_close(swap->old_view);
    swap->new_view = swap->old_view = NULL;
    pthread_mutex_lock(&service->lock);
    service_defer_free(service, &swap->old);
    pthread_mutex_unlock(&service->lock);
    service_free_deferred(service);
    return SWAP_IDLE;
}

/* ---- the thread ---- */

/* Decisions come first where the swap shares a core with the loop: at equal priority, each
 * hand-over of the lock cost them a time slice of milliseconds. But it must still catch up beside a
 * loop that is never idle: this leaves it about a quarter of a core, and folding a record takes a
 * quarter of the time of deciding it. */
#define SWAP_NICE 4

static void run(struct swap *swap, bool again) {
    enum swap_state state = look(swap, again);
    if (state == SWAP_OPENING) {
        swap->pace = (struct swap_pace){0};
        swap->us_per_record = 0;
        swap->folded = 0;
    }
    for (; steps[state]; state = steps[state](swap))
        set_state(swap, state);
    set_state(swap, state);
}

/* Closes files of segments that have been sealed since they were opened. */
static void close_unused(struct service *service) {
    pthread_mutex_lock(&service->lock);
    struct segment_file *files = archive_take_unused(service->archive);
    pthread_mutex_unlock(&service->lock);
    archive_close_unused(files);
}

static void *work(void *user) {
    struct swap *swap = user;
    struct service *service = swap->service;
    setpriority(PRIO_PROCESS, (id_t)gettid(), SWAP_NICE);
    for (;;) {
        pthread_mutex_lock(&swap->lock);
        while (!swap->is_asked && !atomic_load(&service->stopping))
            pthread_cond_wait(&swap->wanted, &swap->lock);
        bool again = swap->again;
        swap->is_asked = swap->again = false;
        pthread_mutex_unlock(&swap->lock);
        if (atomic_load(&service->stopping))
            return NULL;
        close_unused(service);
        service_free_deferred(service);
        run(swap, again);
        swap_scrub(swap);
    }
}

void swap_ask(struct service *service, bool again) {
    struct swap *swap = service->swap;
    pthread_mutex_lock(&swap->lock);
    swap->is_asked = true;
    swap->again |= again;
    pthread_cond_signal(&swap->wanted);
    pthread_mutex_unlock(&swap->lock);
}

void swap_start(struct service *service) {
    struct swap *swap = check_calloc(1, sizeof *swap);
    swap->service = service;
    lock_init(&swap->lock, LOCK_SWAP);
    pthread_cond_init(&swap->wanted, NULL);
    service->swap = swap;
    metric_gauge(service->settings.metrics, SWAP_STATE, SWAP_IDLE, 1);
    check(pthread_create(&swap->thread, NULL, work, swap) == 0);
}

void swap_stop(struct service *service) {
    struct swap *swap = service->swap;
    pthread_mutex_lock(&swap->lock);
    pthread_cond_signal(&swap->wanted);
    pthread_mutex_unlock(&swap->lock);
    pthread_join(swap->thread, NULL);
    swap_scrub_end(swap);
    pthread_cond_destroy(&swap->wanted);
    pthread_mutex_destroy(&swap->lock);
    free(swap);
    service->swap = NULL;
}
