/* The experiment's record is written with the adoption's others (ingest_adoptions()), between two
 * decisions; everything here only prepares what it says. */
#include "challenger.h"

#include "core/base/check.h"
#include "core/policy/analysis/challenger_check.h"
#include "server/base/brake_counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

/* Without the decision lock: only the background thread changes service->challenge. */
void challenger_load(struct service *service, struct challenger_candidate *candidate) {
    const struct challenge *now = &service->challenge;
    *candidate = (struct challenger_candidate){0};
    pthread_mutex_lock(&service->reload_lock);
    const struct challenge_settings wish = {.policy = service->challenge_wish.path,
                                            .name = service->challenge_wish.name,
                                            .key = service->challenge_wish.key,
                                            .share = service->challenge_wish.share};
    challenge_wish_set(&candidate->wish, &wish);
    pthread_mutex_unlock(&service->reload_lock);
    candidate->is_wanted = *candidate->wish.path != '\0';
    if (!candidate->is_wanted)
        return;
    bool is_same = now->snapshot && strcmp(now->path, candidate->wish.path) == 0;
    candidate_load(&candidate->candidate, candidate->wish.path, is_same ? now->snapshot : NULL);
}

bool challenger_try(struct challenger_candidate *candidate, const atomic_bool *stop) {
    return !candidate->is_wanted || candidate_try(&candidate->candidate, stop);
}

void challenger_candidate_deinit(struct challenger_candidate *candidate) {
    if (candidate->is_wanted)
        candidate_deinit(&candidate->candidate);
    challenge_wish_deinit(&candidate->wish);
}

/* ---- choosing ---- */

static int experiment_of(const struct challenge_wish *wish, const struct snapshot *champion,
                         const struct snapshot *challenger, struct experiment *ret_experiment,
                         struct error *ret_error) {
    return challenger_experiment(champion, challenger, text_of(wish->name), text_of(wish->key),
                                 wish->share, ret_experiment, ret_error);
}

void challenger_choose(struct service *service, struct challenger_candidate *candidate,
                       struct snapshot *champion, struct challenge *ret_next) {
    struct candidate *folder = &candidate->candidate;
    struct experiment experiment;
    struct error error;
    *ret_next = (struct challenge){0};
    if (!candidate->is_wanted)
        return;
    struct snapshot *snapshot = candidate_snapshot(folder);
    int r = snapshot ? experiment_of(&candidate->wish, champion, snapshot, &experiment, &error)
                     : -ERROR_INVALID; /* the folder's refusal says why */
    if (r < 0 && snapshot) {
        folder->result = RELOAD_REFUSED;
        snprintf(folder->error, sizeof folder->error, "%.*s", REASON_BYTES - 1, error.text);
    }
    if (r < 0 && folder->loaded && folder->in_use) { /* the version in force may do */
        snapshot = folder->in_use;
        r = experiment_of(&candidate->wish, champion, snapshot, &experiment, &error);
    }
    if (r < 0)
        return;
    *ret_next = (struct challenge){
        .path = text_copy(text_of(candidate->wish.path)),
        .snapshot = snapshot_ref(snapshot),
        .experiment = experiment,
        .rule_places = rule_counts_places(service->rule_counts, snapshot),
        .brake_counts = brake_counts_new(snapshot),
    };
}

bool challenger_is_news(const struct service *service, const struct challenge *next) {
    const struct challenge *now = &service->challenge;
    if (!now->snapshot || !next->snapshot)
        return now->snapshot != next->snapshot;
    return !experiment_equal(&now->experiment, &next->experiment);
}

/* ---- in force ---- */

void challenger_exchange(struct service *service, struct challenge *next) {
    struct challenge old = service->challenge;
    if (challenge_continues(&old, next)) {
        struct brake_counts *counts = next->brake_counts;
        next->brake_counts = old.brake_counts;
        old.brake_counts = counts;
        memcpy(next->verdicts, old.verdicts, sizeof next->verdicts);
    }
    service->challenge = *next;
    *next = old;
}

void challenger_fit(struct service *service) {
    const struct challenge *challenge = &service->challenge;
    struct engine *engine =
        challenge->snapshot ? states_engine(&service->states, challenge->snapshot) : NULL;
    engine_free(states_challenge(&service->states, &challenge->experiment, engine));
}

void challenger_start(struct service *service) {
    struct challenger_candidate candidate;
    struct challenge next;
    challenger_load(service, &candidate);
    if (!challenger_try(&candidate, &service->stopping)) {
        challenger_candidate_deinit(&candidate);
        return;
    }
    challenger_choose(service, &candidate, service->rules, &next);
    pthread_mutex_lock(&service->lock);
    challenger_exchange(service, &next); /* challenger_fit() follows when there are states */
    pthread_mutex_unlock(&service->lock);
    challenger_log(service, &candidate);
    challenge_deinit(&next);
    challenger_candidate_deinit(&candidate);
}

/* ---- for people ---- */

void challenger_log(struct service *service, const struct challenger_candidate *candidate) {
    const struct service_settings *settings = &service->settings;
    const struct challenge *now = &service->challenge; /* this thread alone changes it */
    const struct candidate *folder = &candidate->candidate;
    bool is_refused = candidate->is_wanted && folder->result == RELOAD_REFUSED;
    char id[HASH_HEX_SIZE];
    pthread_mutex_lock(&service->lock);
    snprintf(service->challenger_error, sizeof service->challenger_error, "%s",
             is_refused ? folder->error : "");
    pthread_mutex_unlock(&service->lock);
    metric_gauge(settings->metrics, CHALLENGER_REFUSED, 0, is_refused);
    if (!candidate->is_wanted)
        return;
    candidate_log_messages(folder, settings->log);
    if (is_refused)
        log_line_with(settings->log, LOG_ERROR,
                      LOG_FIELDS(log_field_string("file", folder->path),
                                 log_field_string("reason", folder->error)),
                      "challenger in %s refused, %s: %s", folder->path,
                      now->snapshot ? "the one in force stays" : "the champion decides alone",
                      folder->error);
    if (!now->snapshot)
        return;
    struct buffer share;
    buffer_init(&share);
    experiment_put_share(&share, now->experiment.share);
    hash_hex(now->snapshot->id, id);
    log_line_with(
        settings->log, LOG_INFO,
        LOG_FIELDS(log_field_text("policy", now->snapshot->name), log_field_string("policy_id", id),
                   log_field_text("share", buffer_text(&share)),
                   log_field_string("key", now->experiment.key),
                   log_field_string("experiment", now->experiment.name)),
        "challenger %" TEXT_FORMAT " %s decides for %" TEXT_FORMAT " of %s, experiment %s",
        TEXT_ARGS(now->snapshot->name), id, TEXT_ARGS(buffer_text(&share)), now->experiment.key,
        now->experiment.name);
    buffer_deinit(&share);
}

static uint64_t decisions_of(const struct challenge *challenge, enum arm arm) {
    uint64_t count = 0;
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
        count += challenge->verdicts[arm][verdict];
    return count;
}

/* The record is the archive's: after a take-over it may be older than this server. */
void challenger_describe(const struct service *service, struct arena *arena,
                         struct status_response *response) {
    const struct challenge *challenge = &service->challenge;
    const struct overlay *overlay = service->states.overlay;
    const struct experiment *recorded =
        overlay ? list_table_experiment(overlay_lists(overlay)) : NULL;
    response->challenger_error = arena_text(arena, text_of(service->challenger_error));
    if (!challenge->snapshot)
        return;
    bool is_recorded = recorded && experiment_equal(recorded, &challenge->experiment);
    response->experiment = (struct status_experiment){
        .name = arena_text(arena, text_of(challenge->experiment.name)),
        .key = arena_text(arena, text_of(challenge->experiment.key)),
        .share = challenge->experiment.share,
        .policy_name = arena_text(arena, challenge->snapshot->name),
        .snapshot_id = challenge->snapshot->id,
        .position = is_recorded ? recorded->position : 0,
        .since_us = is_recorded ? recorded->since_us : 0,
        .decisions = {[ARM_CHAMPION] = decisions_of(challenge, ARM_CHAMPION),
                      [ARM_CHALLENGER] = decisions_of(challenge, ARM_CHALLENGER)},
    };
}

/* Names of experiments and policies need no escaping. */
static void write_counts(const struct challenge *challenge, struct buffer *out) {
    static const char name[] = "harrierd_arm_decisions_total";
    buffer_printf(out,
                  "# HELP %s Decisions while there is a challenger, by arm and verdict.\n"
                  "# TYPE %s counter\n",
                  name, name);
    for (enum arm arm = ARM_CHAMPION; arm < ARM_COUNT && challenge->snapshot; arm++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
            buffer_printf(out, "%s{experiment=\"%s\",arm=\"%s\",verdict=\"%s\"} %" PRIu64 "\n",
                          name, challenge->experiment.name, arm_name(arm), verdict_name(verdict),
                          challenge->verdicts[arm][verdict]);
}

static void write_share(const struct challenge *challenge, struct buffer *out) {
    static const char name[] = "harrierd_challenger_share";
    char id[HASH_HEX_SIZE];
    buffer_printf(out,
                  "# HELP %s The challenger's share of the key, from 0 to 1.\n# TYPE %s gauge\n",
                  name, name);
    if (!challenge->snapshot)
        return;
    hash_hex(challenge->snapshot->id, id);
    buffer_printf(out, "%s{experiment=\"%s\",policy=\"%" TEXT_FORMAT "\",snapshot=\"%s\"} %.4f\n",
                  name, challenge->experiment.name, TEXT_ARGS(challenge->snapshot->name), id,
                  (double)challenge->experiment.share / EXPERIMENT_SHARE_ALL);
}

void service_write_challenger(struct service *service, struct buffer *out) {
    pthread_mutex_lock(&service->lock);
    write_counts(&service->challenge, out);
    write_share(&service->challenge, out);
    pthread_mutex_unlock(&service->lock);
}

/* ---- what the next reload loads ---- */

void service_set_challenge(struct service *service, const struct challenge_settings *settings) {
    pthread_mutex_lock(&service->reload_lock);
    challenge_wish_set(&service->challenge_wish, settings);
    pthread_mutex_unlock(&service->reload_lock);
}
