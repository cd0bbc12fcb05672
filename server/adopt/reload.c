/* The reload: loads the policy, the challenger and the shadow policies again, and puts them in
 * force between two decisions.
 *
 * Everything that takes long happens on the background thread while decisions go on: the old policy
 * decides until the new one is loaded, has passed its cases, and has an engine that is warm. Under
 * the decision lock only pointers change, and the archive gets its records of the adoption. A
 * folder that is refused changes nothing; a refused policy does not hold up a shadow policy, nor
 * the other way round.
 *
 * A client that asked for a reload and waits gets the result of the first reload that began after
 * its request.
 *
 * Not here: the triggers (harrierd.c: SIGHUP and the watch over the folders), and swaps of
 * generations. If a swap comes between, the engine is made again for the new plan. */
#include "reload.h"

#include "adoption.h"
#include "candidate.h"
#include "challenger.h"
#include "core/engine/case_states.h"
#include "protection.h"
#include "server/base/brake_counts.h"
#include "server/base/commit.h"
#include "server/base/drift_counts.h"
#include "server/base/run_pool.h"
#include "server/events/event_rows.h"
#include "shadows.h"
#include "swap_run.h"
#include "token_reload.h"
#include "unused_lists.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What warms a new engine: the archive's last transactions, and those of the policy's cases. */
#define WARM_RECENT      16
#define WARM_CASES       48
#define WARM_ROUNDS      2
#define WARM_ARENA_BYTES ((size_t)4 << 20)

struct reload {
    struct service *service;
    struct candidate policy;
    struct candidate shadows[ENGINE_SHADOWS_MAX];
    size_t shadow_count;             /* folders */
    char tokens_error[REASON_BYTES]; /* "": none */
    struct shadow_policies next;     /* the set to be in force; after the swap, the old one */
    struct challenger_candidate challenger;
    struct challenge next_challenge;  /* likewise */
    struct engine *challenger_engine; /* as `engine`; NULL: there is to be no challenger */
    struct run *waiting;
    struct snapshot *plan; /* the plan that the engine was made for */
    struct engine *engine; /* the new one; after the swap, the old one; NULL: none */
    uint16_t *places;      /* likewise, of the rules in their counts; NULL: the policy stays */
    struct brake_counts *brake_counts; /* likewise */
    struct drift_counts *drift_counts; /* likewise */
    bool is_interrupted;
    int64_t began_us;
};

static bool load(struct reload *reload);
static bool try_cases(struct reload *reload);
static bool warm(struct reload *reload);
static bool swap(struct reload *reload);

/* In this order; false ends the reload. */
static const struct {
    const char *name;
    bool (*take)(struct reload *reload);
} steps[] = {
    {"load", load},       /* files → checked policies */
    {"cases", try_cases}, /* runs those of new policies; ends here if nothing is new */
    {"warm", warm},       /* makes the engine and has it decide a little */
    {"swap", swap},       /* under the decision lock */
};
#define STEPS (sizeof steps / sizeof *steps)

/* ---- load, cases ---- */

/* Tokens are reloaded with the policy, but independently: a refused file does not hold up the
 * other. */
static void load_tokens(struct reload *reload) {
    struct error error;
    if (token_reload(reload->service, false, &error) < 0)
        snprintf(reload->tokens_error, sizeof reload->tokens_error, "tokens not adopted: %.*s",
                 REASON_BYTES - 32, error.text);
}

/* Keys that are refused refuse the policy, too: it was made for those that are in the file. */
static void load_keys(struct reload *reload) {
    struct service *service = reload->service;
    const struct snapshot *loaded = reload->policy.loaded;
    struct error error;
    int r = protection_reload(service, &error);
    if (r < 0)
        log_line(service->settings.log, LOG_ERROR, "%s; the current keys stay in force",
                 error.text);
    if (r == 0 && loaded)
        r = protection_admit(service, loaded, &error);
    if (r < 0)
        candidate_refuse(&reload->policy, error.text);
    else if (loaded)
        protection_log_new(service, service->rules, loaded);
}

static bool load(struct reload *reload) {
    struct service *service = reload->service;
    reload->is_interrupted = atomic_load(&service->draining);
    if (reload->is_interrupted)
        return false;
    load_tokens(reload);
    pthread_mutex_lock(&service->reload_lock);
    char *path = text_copy(text_of(service->policy_path));
    pthread_mutex_unlock(&service->reload_lock);
    /* Without the decision lock: only this thread changes the rules. */
    candidate_load(&reload->policy, path, service->rules);
    free(path);
    load_keys(reload);
    reload->shadow_count = shadows_load(service, reload->shadows);
    challenger_load(service, &reload->challenger);
    return true;
}

/* Is there anything to put in force? */
static bool is_news(const struct reload *reload) {
    const struct shadow_policies *now = &reload->service->shadows;
    bool is_news = reload->policy.loaded || reload->next.count != now->count ||
                   challenger_is_news(reload->service, &reload->next_challenge);
    for (size_t i = 0; i < reload->next.count && !is_news; i++)
        is_news = reload->next.of[i].snapshot != now->of[i].snapshot;
    return is_news;
}

static bool try_cases(struct reload *reload) {
    struct service *service = reload->service;
    bool goes_on = candidate_try(&reload->policy, &service->draining);
    for (size_t i = 0; i < reload->shadow_count && goes_on; i++)
        goes_on = candidate_try(&reload->shadows[i], &service->draining);
    goes_on = goes_on && challenger_try(&reload->challenger, &service->draining);
    reload->is_interrupted = !goes_on;
    if (!goes_on)
        return false;
    shadows_choose(reload->shadows, reload->shadow_count, &reload->next);
    challenger_choose(service, &reload->challenger, candidate_snapshot(&reload->policy),
                      &reload->next_challenge);
    return is_news(reload);
}

/* ---- warm ---- */

/* A few of the archive's last transactions. The lock is taken for each one anew, so decisions wait
 * for one record at most; and not from before own_position, since that record may be as large as a
 * policy. */
static size_t recent(struct service *service, struct arena *arena,
                     struct transaction transactions[WARM_RECENT]) {
    struct record record;
    struct error error;
    size_t count = 0;
    for (uint64_t back = 0; back < WARM_RECENT; back++) {
        pthread_mutex_lock(&service->lock);
        uint64_t end = archive_end(service->archive).position;
        bool is_there = service->states.engine && end > service->own_position + back &&
                        archive_read(service->archive, end - back, arena, &record, &error) == 0;
        pthread_mutex_unlock(&service->lock);
        if (!is_there)
            break;
        if (record.type == RECORD_TRANSACTION)
            transactions[count++] = record.transaction.transaction;
    }
    return count;
}

/* Brings code, tables and frames into the caches, and has the kernel back the engine's memory. The
 * states are empty: the real ones are warm already, from the old engine. */
static void use(struct engine *engine, const struct plan *plan,
                const struct transaction *transactions, size_t count) {
    struct case_states empty;
    struct arena arena;
    struct decision decision;
    struct text field;
    struct error error;
    case_states_init(&empty, plan);
    arena_init(&arena, WARM_ARENA_BYTES);
    for (size_t i = 0; i < count; i++) {
        engine_decide(engine, &transactions[i], &empty.source, true, &arena, &decision, &field,
                      &error); /* a transaction that the new schema refuses warms it, too */
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    case_states_deinit(&empty);
}

static void warm_up(struct service *service, struct engine *engine, const struct plan *plan) {
    const struct snapshot *rules = engine_rules(engine);
    struct transaction transactions[WARM_RECENT];
    struct arena arena;
    arena_init(&arena, WARM_ARENA_BYTES);
    size_t count = recent(service, &arena, transactions);
    for (int round = 0; round < WARM_ROUNDS; round++) {
        use(engine, plan, transactions, count);
        for (size_t i = 0; i < rules->case_count && i < WARM_CASES; i++)
            use(engine, plan, &rules->cases[i].transaction, 1);
    }
    arena_deinit(&arena);
}

static struct snapshot *plan_in_use(struct service *service) {
    pthread_mutex_lock(&service->lock);
    struct snapshot *plan = service->states.engine ? snapshot_ref(service->states.plan) : NULL;
    pthread_mutex_unlock(&service->lock);
    return plan;
}

static void drop_engine(struct reload *reload) {
    engine_free(reload->engine);
    engine_free(reload->challenger_engine);
    snapshot_unref(reload->plan);
    reload->engine = reload->challenger_engine = NULL;
    reload->plan = NULL;
}

/* Without states there is no engine to make: recovery will make one with the new rules. */
static bool warm(struct reload *reload) {
    struct snapshot *shadows[ENGINE_SHADOWS_MAX];
    drop_engine(reload);
    reload->plan = plan_in_use(reload->service);
    if (!reload->plan)
        return true;
    for (size_t i = 0; i < reload->next.count; i++)
        shadows[i] = reload->next.of[i].snapshot;
    reload->engine = engine_new(candidate_snapshot(&reload->policy), reload->plan);
    engine_use_shadows(reload->engine, shadows, reload->next.count);
    warm_up(reload->service, reload->engine, &reload->plan->plan);
    if (reload->next_challenge.snapshot) {
        reload->challenger_engine = engine_new(reload->next_challenge.snapshot, reload->plan);
        engine_use_shadows(reload->challenger_engine, shadows, reload->next.count);
        warm_up(reload->service, reload->challenger_engine, &reload->plan->plan);
    }
    return true;
}

/* ---- swap ---- */

/* Under the decision lock. Leaves what was in use in the reload. If a record cannot be written,
 * service_lose_archive() has dropped the states, and recovery will use the new policy. */
static void exchange(struct reload *reload) {
    struct service *service = reload->service;
    struct snapshot *rules = service->rules;
    struct error error;
    const struct adopted last = {
        .snapshot_id = rules->id,
        .generation_id = service->states.generation_id,
        .this_version = true,
    };
    if (reload->policy.loaded) {
        uint16_t *places = service->rule_places;
        service->rules = snapshot_ref(reload->policy.loaded);
        atomic_store(&service->fallback, service->rules->fallback);
        service->rule_places = reload->places;
        reload->places = places;
        struct brake_counts *counts = service->brake_counts;
        service->brake_counts = reload->brake_counts;
        reload->brake_counts = counts;
        struct drift_counts *drift = service->drift_counts;
        drift_counts_continue(reload->drift_counts, drift);
        service->drift_counts = reload->drift_counts;
        reload->drift_counts = drift;
    }
    shadows_exchange(service, &reload->next);
    challenger_exchange(service, &reload->next_challenge);
    if (reload->engine) {
        struct engine *engine = reload->engine;
        states_fit(&service->states, engine);
        reload->engine = service->states.engine;
        service->states.engine = engine;
        if (reload->challenger_engine)
            states_fit(&service->states, reload->challenger_engine);
        reload->challenger_engine = states_challenge(
            &service->states, &service->challenge.experiment, reload->challenger_engine);
        if (adoption_record_policy(service, &last, &error) == 0)
            shadows_record(service, &error);
    }
    if (service->rules != rules)
        snapshot_unref(rules); /* the candidate has another reference */
}

/* Is the engine for the states as they are? A swap, a failed write or a recovery may have come
 * between. */
static bool is_for(const struct reload *reload) {
    const struct states *states = &reload->service->states;
    return reload->engine ? states->engine && states->plan == reload->plan : !states->engine;
}

/* Logs before it takes the lock, and checks under it that the engine still fits; if not, warms
 * another one and tries again. */
static bool swap(struct reload *reload) {
    struct service *service = reload->service;
    const struct service_settings *settings = &service->settings;
    struct engine_warming names = {0};
    char reason[REASON_BYTES] = "";
    if (reload->policy.loaded) {
        reload->places = rule_counts_places(service->rule_counts, reload->policy.loaded);
        reload->brake_counts = brake_counts_new(reload->policy.loaded);
        reload->drift_counts = drift_counts_new(reload->policy.loaded);
    }
    for (;;) {
        if (reload->engine) {
            names = *engine_warming_names(reload->engine);
            snprintf(reason, sizeof reason, "%" TEXT_FORMAT, TEXT_ARGS(names.reason));
            shadows_log_warming(service, &reload->next, reload->engine);
        }
        pthread_mutex_lock(&service->lock);
        int64_t began_us = clock_monotonic_us(settings->clock);
        bool is_done = is_for(reload);
        if (is_done)
            exchange(reload);
        int64_t locked_us = clock_monotonic_us(settings->clock) - began_us;
        pthread_mutex_unlock(&service->lock);
        if (is_done) {
            metric_observe(settings->metrics, RELOAD_LOCKED, 0, locked_us);
            break;
        }
        warm(reload);
    }
    adoption_log_warming(service, names.feature_count, text_of(reason));
    return true;
}

/* ---- the result ---- */

void service_refuse_reload(struct service *service, const char *reason) {
    service_note_refusal(service, &service->refused, reason);
    metric_add(service->settings.metrics, RELOADS, RELOAD_REFUSED, 1);
    event_policy_refused(service->settings.events, reason);
    log_line_with(service->settings.log, LOG_ERROR, LOG_FIELDS(log_field_string("reason", reason)),
                  "policy refused, the current one stays in force: %s", reason);
}

static void log_unused_entries(struct service *service) {
    pthread_mutex_lock(&service->lock);
    if (service->states.overlay)
        unused_lists_log(service, &service->states, service->rules);
    pthread_mutex_unlock(&service->lock);
}

static void log_result(struct reload *reload) {
    struct service *service = reload->service;
    const struct service_settings *settings = &service->settings;
    const struct candidate *policy = &reload->policy;
    char id[HASH_HEX_SIZE];
    metric_observe(settings->metrics, RELOAD_DURATION, 0,
                   clock_monotonic_us(settings->clock) - reload->began_us);
    candidate_log_messages(policy, settings->log);
    if (policy->result == RELOAD_REFUSED) {
        service_refuse_reload(service, policy->error);
        return;
    }
    service_note_refusal(service, &service->refused, NULL);
    metric_add(settings->metrics, RELOADS, policy->result, 1);
    hash_hex(candidate_snapshot(policy)->id, id);
    log_line_with(settings->log, LOG_INFO,
                  LOG_FIELDS(log_field_text("policy", candidate_snapshot(policy)->name),
                             log_field_string("policy_id", id),
                             log_field_string("file", policy->path)),
                  "policy %" TEXT_FORMAT " %s %s", TEXT_ARGS(candidate_snapshot(policy)->name), id,
                  policy->result == RELOAD_UNCHANGED ? "is unchanged" : "adopted");
    if (policy->result == RELOAD_ADOPTED)
        event_policy_adopted(settings->events, candidate_snapshot(policy)->name,
                             candidate_snapshot(policy)->id);
    if (policy->result == RELOAD_ADOPTED)
        log_unused_entries(service);
}

/* ---- requests that wait ---- */

enum next perform_reload(struct run *run) {
    struct service *service = run->service;
    struct error error;
    run->response.reload = (struct reload_response){0};
    if (!run->message.reload.wait)
        return NEXT;
    pthread_mutex_lock(&service->reload_lock);
    bool is_full = service->reload_waiters == RELOAD_WAITERS_MAX;
    service->reload_waiters += !is_full;
    pthread_mutex_unlock(&service->reload_lock);
    if (!is_full)
        return NEXT;
    error_set(&error, ERROR_UNAVAILABLE,
              "%d requests are already waiting for a reload; try again, or do not wait",
              RELOAD_WAITERS_MAX);
    return run_refuse(run, &error, (struct text){0});
}

bool reload_park(struct run *run) {
    struct service *service = run->service;
    if (run->message.call != CALL_RELOAD || run->response.error.code != 0)
        return false;
    bool waits = run->message.reload.wait;
    pthread_mutex_lock(&service->reload_lock);
    if (waits) {
        run->next = service->reload_waiting;
        service->reload_waiting = run;
    }
    pthread_mutex_unlock(&service->reload_lock);
    jobs_ask(&service->jobs, JOB_RELOAD); /* afterwards, so that the reload finds the run */
    return waits;
}

static struct run *take_waiting(struct service *service) {
    pthread_mutex_lock(&service->reload_lock);
    struct run *waiting = service->reload_waiting;
    service->reload_waiting = NULL;
    pthread_mutex_unlock(&service->reload_lock);
    return waiting;
}

/* Texts point into the candidate. */
static struct folder_reload describe(const struct candidate *candidate) {
    const struct snapshot *snapshot = candidate_snapshot(candidate);
    return (struct folder_reload){
        .folder = text_of(candidate->path),
        .result = candidate->result,
        .policy_name = snapshot ? snapshot->name : (struct text){0},
        .snapshot_id = snapshot ? snapshot->id : 0,
        .error = text_of(candidate->error),
        .messages = {.data = (const char *)candidate->messages.bytes,
                     .length = candidate->messages.length},
    };
}

static void describe_all(const struct reload *reload, struct run *run,
                         struct folder_reload shadows[ENGINE_SHADOWS_MAX]) {
    struct service *service = reload->service;
    struct reload_response *response = &run->response.reload;
    for (size_t i = 0; i < reload->shadow_count; i++)
        shadows[i] = describe(&reload->shadows[i]);
    *response = (struct reload_response){.policy = describe(&reload->policy),
                                         .shadows = shadows,
                                         .shadow_count = reload->shadow_count};
    if (*reload->tokens_error && reload->policy.result != RELOAD_REFUSED)
        response->policy.error = text_of(reload->tokens_error);
    pthread_mutex_lock(&service->lock);
    adoption_describe_warming(service, &run->arena, &response->warming);
    run->position_needed = archive_end(service->archive).position;
    run->cuts = service->replication.cuts;
    pthread_mutex_unlock(&service->lock);
}

static void answer(const struct reload *reload, struct run *run) {
    struct folder_reload shadows[ENGINE_SHADOWS_MAX];
    struct error error;
    run->response = (struct response){.call = CALL_RELOAD};
    if (reload->is_interrupted) {
        error_set(&error, ERROR_UNAVAILABLE, "the server is shutting down; nothing was reloaded");
        run->response.error = wire_error_from(&error, (struct text){0}, &run->arena);
    } else {
        describe_all(reload, run, shadows);
    }
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
    run->next = NULL;
    runs_reply(commit_park(reload->service, run));
}

static void answer_all(struct service *service, const struct reload *reload, struct run *waiting) {
    for (struct run *next; waiting; waiting = next) {
        next = waiting->next;
        answer(reload, waiting);
        pthread_mutex_lock(&service->reload_lock);
        service->reload_waiters--;
        pthread_mutex_unlock(&service->reload_lock);
    }
}

void reload_stop(struct service *service) {
    const struct reload reload = {.service = service, .is_interrupted = true};
    answer_all(service, &reload, take_waiting(service));
}

/* ---- the job ---- */

static void end(struct reload *reload) {
    drop_engine(reload);
    free(reload->places);
    brake_counts_free(reload->brake_counts);
    drift_counts_free(reload->drift_counts);
    shadow_policies_deinit(&reload->next);
    challenge_deinit(&reload->next_challenge);
    challenger_candidate_deinit(&reload->challenger);
    for (size_t i = 0; i < reload->shadow_count; i++)
        candidate_deinit(&reload->shadows[i]);
    candidate_deinit(&reload->policy);
}

/* Asked for since: another reload follows. */
static uint64_t reloads_asked(struct service *service) {
    pthread_mutex_lock(&service->reload_lock);
    uint64_t asked = service->reloads_asked;
    pthread_mutex_unlock(&service->reload_lock);
    return asked;
}

static void note_done(struct service *service, uint64_t asked) {
    pthread_mutex_lock(&service->reload_lock);
    service->reloads_done = asked;
    pthread_mutex_unlock(&service->reload_lock);
}

bool service_is_reloading(struct service *service) {
    pthread_mutex_lock(&service->reload_lock);
    bool is_reloading = service->reloads_done != service->reloads_asked;
    pthread_mutex_unlock(&service->reload_lock);
    return is_reloading;
}

void reload_run(struct service *service) {
    struct reload reload = {.service = service,
                            .began_us = clock_monotonic_us(service->settings.clock)};
    uint64_t asked = reloads_asked(service);
    struct run *waiting = take_waiting(service);
    for (size_t i = 0; i < STEPS && steps[i].take(&reload); i++)
        continue;
    if (!reload.is_interrupted) {
        log_result(&reload);
        if (*reload.tokens_error) /* for the clients that wait; it has been logged */
            buffer_printf(&reload.policy.messages, "%s\n", reload.tokens_error);
        shadows_log(service, reload.shadows, reload.shadow_count);
        challenger_log(service, &reload.challenger);
        note_done(service, asked);
        service_report(service);
        swap_ask(service, true); /* tables refused under the old policy may fit this one */
    }
    answer_all(service, &reload, waiting);
    end(&reload);
}

/* ---- what the next reload loads ---- */

void service_set_shadows(struct service *service, const char *const *folders, size_t count) {
    pthread_mutex_lock(&service->reload_lock);
    shadow_folders_set(&service->shadow_folders, folders, count);
    pthread_mutex_unlock(&service->reload_lock);
}

void service_reload(struct service *service, const char *policy, int64_t max_ahead_us) {
    pthread_mutex_lock(&service->lock);
    service->max_ahead_us = max_ahead_us;
    pthread_mutex_unlock(&service->lock);
    pthread_mutex_lock(&service->reload_lock);
    if (policy) {
        free(service->policy_path);
        service->policy_path = text_copy(text_of(policy));
    }
    service->reloads_asked++;
    pthread_mutex_unlock(&service->reload_lock);
    jobs_ask(&service->jobs, JOB_RELOAD);
}

void service_reload_again(struct service *service) {
    pthread_mutex_lock(&service->reload_lock);
    service->reloads_asked++;
    pthread_mutex_unlock(&service->reload_lock);
    jobs_ask(&service->jobs, JOB_RELOAD);
}
