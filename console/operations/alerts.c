#include "alerts.h"

#include "core/base/json_writer.h"

#include <string.h>

#define DAY_S           INT64_C(86400)
#define RECORDS_BEHIND  100000
#define REFUSED_LONG_S  300
#define NIGHT_MISSING_S (30 * 3600)
#define TOKEN_ENDS_S    (7 * DAY_S)

enum alert_state { ALERT_UNKNOWN, ALERT_QUIET, ALERT_FIRING };

static enum alert_state state_of(bool is_firing) {
    return is_firing ? ALERT_FIRING : ALERT_QUIET;
}

static int64_t age_s(const struct alert_facts *facts, int64_t at_us) {
    return (facts->now_us - at_us) / 1000000;
}

/* ---- conditions; each is asked only if its facts are there ---- */

static enum alert_state is_not_ready(const struct alert_facts *facts) {
    if (!facts->status)
        return facts->is_reached ? ALERT_UNKNOWN : ALERT_FIRING;
    return state_of(strcmp(facts->status->state, "ready") != 0 &&
                    strcmp(facts->status->state, "standby") != 0);
}

static bool is_down(const struct alert_facts *facts) {
    return !facts->status && !facts->is_reached;
}

static bool is_not_synced(const struct alert_facts *facts) {
    return facts->status->position > facts->status->synced_position + RECORDS_BEHIND;
}

static bool is_generation_old(const struct alert_facts *facts) {
    return facts->status->generation_time_us != 0 &&
           age_s(facts, facts->status->generation_time_us) > 2 * DAY_S;
}

static bool is_never_rebuilt(const struct alert_facts *facts) {
    return facts->status->generation_position == 0 && facts->status->position > 0;
}

static bool is_stale(const struct alert_facts *facts) {
    return facts->status->stale;
}

static bool is_generation_refused(const struct alert_facts *facts) {
    return strcmp(facts->status->swap_state, "refused") == 0;
}

static bool do_states_differ(const struct alert_facts *facts) {
    return facts->status->differing_entities > 0;
}

static bool is_policy_refused(const struct alert_facts *facts) {
    return facts->status->refused_since_time_us != 0 &&
           age_s(facts, facts->status->refused_since_time_us) > REFUSED_LONG_S;
}

static bool is_challenger_refused(const struct alert_facts *facts) {
    return *facts->status->challenger_error != '\0';
}

static bool is_braked(const struct alert_facts *facts) {
    return facts->status->brake_count > 0;
}

static bool is_warming(const struct alert_facts *facts) {
    return facts->status->warming.rule_count > 0;
}

static bool has_night_failed(const struct alert_facts *facts) {
    return facts->nights->failed_us != 0;
}

static bool is_night_missing(const struct alert_facts *facts) {
    return facts->nights->last_success_us != 0 &&
           age_s(facts, facts->nights->last_success_us) > NIGHT_MISSING_S;
}

static bool was_never_night(const struct alert_facts *facts) {
    return facts->nights->last_success_us == 0;
}

static bool has_night_alerts(const struct alert_facts *facts) {
    return facts->nights->findings[NIGHT_ALERT] > 0;
}

static bool has_held_back(const struct alert_facts *facts) {
    return facts->nights->held_back > 0;
}

static bool have_models_failed(const struct alert_facts *facts) {
    return facts->nights->models_failed;
}

static bool does_token_end(const struct alert_facts *facts) {
    return facts->next_expiry_us != 0 && -age_s(facts, facts->next_expiry_us) < TOKEN_ENDS_S;
}

/* ---- the table ---- */

enum needs { NEEDS_NOTHING, NEEDS_STATUS, NEEDS_NIGHTS, NEEDS_TOKENS, NEEDS_METRICS };

/* In the order of deploy/alerts.yaml. */
static const struct alert {
    const char *name, *severity;
    enum needs needs;
    bool (*is_firing)(const struct alert_facts *facts);
    const char *text; /* what it says, and what to do */
} alerts[] = {
    {"HarrierNotReady", "page", NEEDS_STATUS, NULL, "The server does not answer requests."},
    {"HarrierDown", "page", NEEDS_NOTHING, is_down,
     "The server cannot be reached: it does not run, or does not answer."},
    {"HarrierAbsent", "page", NEEDS_METRICS, NULL, "Prometheus scrapes no server."},
    {"HarrierRestarts", "page", NEEDS_METRICS, NULL, "The server restarts again and again."},
    {"HarrierLatency", "page", NEEDS_METRICS, NULL,
     "One in a hundred requests takes longer than clients should wait."},
    {"HarrierBusy", "ticket", NEEDS_METRICS, NULL,
     "The server has hardly any processor time left."},
    {"HarrierErrors", "page", NEEDS_METRICS, NULL,
     "The server answers many requests with an error of its own."},
    {"HarrierDeadlines", "page", NEEDS_METRICS, NULL, "Many requests are past their deadline."},
    {"HarrierOverloaded", "page", NEEDS_METRICS, NULL,
     "The server refuses many requests because too much waits."},
    {"HarrierListenerReopened", "ticket", NEEDS_METRICS, NULL,
     "A listener had stopped answering and was reopened."},
    {"HarrierClockBehind", "ticket", NEEDS_METRICS, NULL, "The server's clock was set back."},
    {"HarrierNoTraffic", "page", NEEDS_METRICS, NULL,
     "No transactions arrive, although some should."},
    {"HarrierEventTimesOld", "ticket", NEEDS_METRICS, NULL,
     "Transactions arrive long after they happened."},
    {"HarrierRefused", "ticket", NEEDS_METRICS, NULL, "Much of what clients send is refused."},
    {"HarrierConnectionsRefused", "page", NEEDS_METRICS, NULL,
     "The server refuses connections: max_connections is reached."},
    {"HarrierBuffersFull", "page", NEEDS_METRICS, NULL,
     "The server closes connections: max_buffer_bytes is used up."},
    {"HarrierConnectionsCut", "ticket", NEEDS_METRICS, NULL,
     "The server cuts many connections of defective clients."},
    {"HarrierDenied", "ticket", NEEDS_METRICS, NULL, "The server denies many requests."},
    {"HarrierTokensRefused", "page", NEEDS_METRICS, NULL, "The tokens file was refused."},
    {"HarrierTokenEnds", "ticket", NEEDS_TOKENS, does_token_end,
     "A client's token expires within a week: issue a new one, or revoke it."},
    {"HarrierSourceGaps", "ticket", NEEDS_METRICS, NULL,
     "Numbers of a source did not reach the server."},
    {"HarrierRejectsDropped", "ticket", NEEDS_METRICS, NULL,
     "Refused transactions are not kept in the file of rejects."},
    {"HarrierDeclinesSpike", "page", NEEDS_METRICS, NULL,
     "Far more transactions are declined than a week ago."},
    {"HarrierVerdictSpike", "ticket", NEEDS_METRICS, NULL,
     "Far more transactions are reviewed or challenged than a week ago."},
    {"HarrierVerdictDrop", "ticket", NEEDS_METRICS, NULL,
     "A verdict is given far less often than a week ago."},
    {"HarrierDegraded", "ticket", NEEDS_METRICS, NULL, "Many decisions are degraded."},
    {"HarrierDecisionsStale", "page", NEEDS_STATUS, is_stale,
     "Decisions are marked stale: the tables are older than stale_after."},
    {"HarrierBrake", "page", NEEDS_STATUS, is_braked,
     "A brake is in force: correct the rule, or lift it."},
    {"HarrierRulesFail", "ticket", NEEDS_METRICS, NULL, "A rule fails for some transactions."},
    {"HarrierModelDrift", "ticket", NEEDS_METRICS, NULL,
     "A model's input differs from its training."},
    {"HarrierModelScoreDrift", "ticket", NEEDS_METRICS, NULL,
     "A model's scores differ from its training."},
    {"HarrierEventsLost", "ticket", NEEDS_METRICS, NULL,
     "Events did not reach event_url or event_command."},
    {"HarrierPolicyRefused", "ticket", NEEDS_STATUS, is_policy_refused,
     "The policy in the server's folder has been refused for minutes: a restart would fail."},
    {"HarrierShadowPolicyRefused", "ticket", NEEDS_METRICS, NULL, "A shadow policy was refused."},
    {"HarrierChallengerRefused", "ticket", NEEDS_STATUS, is_challenger_refused,
     "The challenger was refused: correct its folder, or end the experiment."},
    {"HarrierWarming", "ticket", NEEDS_STATUS, is_warming,
     "Rules lack features until the next rebuild."},
    {"HarrierArchiveWriteFailed", "page", NEEDS_METRICS, NULL,
     "The archive could not be written, usually for a full disk."},
    {"HarrierArchiveDegraded", "page", NEEDS_METRICS, NULL,
     "The archive's disk fails; decisions are in memory only."},
    {"HarrierArchiveNotSynced", "page", NEEDS_STATUS, is_not_synced,
     "The disk cannot keep up with the archive."},
    {"HarrierSyncSlow", "ticket", NEEDS_METRICS, NULL, "The archive's disk is slow."},
    {"HarrierDiskFull", "page", NEEDS_METRICS, NULL,
     "A disk is almost full: decisions stop when it is."},
    {"HarrierDiskLow", "ticket", NEEDS_METRICS, NULL, "A disk has little room left."},
    {"HarrierDiskFilling", "ticket", NEEDS_METRICS, NULL, "A disk will be full within two days."},
    {"HarrierBackupOld", "ticket", NEEDS_METRICS, NULL, "The last backup is older than 36 hours."},
    {"HarrierNeverBackup", "ticket", NEEDS_METRICS, NULL, "No backup was ever made."},
    {"HarrierGenerationOld", "ticket", NEEDS_STATUS, is_generation_old,
     "The tables are more than two days old: nightly rebuilds have failed."},
    {"HarrierNeverRebuilt", "ticket", NEEDS_STATUS, is_never_rebuilt,
     "There are no tables: no rebuild has succeeded yet."},
    {"HarrierRebuildWanted", "ticket", NEEDS_METRICS, NULL, "The server needs a rebuild."},
    {"HarrierOverlayFull", "page", NEEDS_METRICS, NULL,
     "The overlay is almost at overlay_limit: a rebuild is urgent."},
    {"HarrierTablesDamaged", "page", NEEDS_METRICS, NULL,
     "The current tables are damaged; older ones or the archive are used."},
    {"HarrierGenerationRefused", "ticket", NEEDS_STATUS, is_generation_refused,
     "The server has refused the newest tables and keeps the ones before."},
    {"HarrierSwapAbandoned", "ticket", NEEDS_METRICS, NULL,
     "The server cannot catch up with newer tables."},
    {"HarrierStatesDiffer", "page", NEEDS_STATUS, do_states_differ,
     "Live and rebuilt states differ: harrier verify shows which one matches the archive."},
    {"HarrierNightFailed", "ticket", NEEDS_NIGHTS, has_night_failed,
     "The last night has failed: remove the cause and run it again."},
    {"HarrierNightMissing", "ticket", NEEDS_NIGHTS, is_night_missing,
     "No night was completed for more than 30 hours."},
    {"HarrierNeverNight", "ticket", NEEDS_NIGHTS, was_never_night,
     "No night was ever completed: enable harrier-night.timer."},
    {"HarrierNightAlerts", "ticket", NEEDS_NIGHTS, has_night_alerts,
     "The newest night's report has alerts: read it."},
    {"HarrierNightHeldBack", "ticket", NEEDS_NIGHTS, has_held_back,
     "Thresholds or cut-offs were held back: find out why they changed, then accept them."},
    {"HarrierNightModels", "ticket", NEEDS_NIGHTS, have_models_failed,
     "The last night could not train or compare a model."},
    {"HarrierNoPrimary", "page", NEEDS_METRICS, NULL, "No node of the cluster decides."},
    {"HarrierLogStuck", "page", NEEDS_METRICS, NULL,
     "The primary cannot write to the cluster's log."},
    {"HarrierLogBehind", "page", NEEDS_METRICS, NULL,
     "The primary writes to the cluster's log more slowly than it decides."},
    {"HarrierNodeDoesNotFollow", "page", NEEDS_METRICS, NULL,
     "A node does not follow the cluster's log."},
    {"HarrierNodeBehind", "ticket", NEEDS_METRICS, NULL, "A node is far behind the cluster's log."},
    {"HarrierTakeOvers", "ticket", NEEDS_METRICS, NULL,
     "The primary of the cluster changes again and again."},
    {"HarrierRecordsCut", "ticket", NEEDS_METRICS, NULL,
     "A node has cut off records that the cluster's log does not have."},
    {"HarrierStreamServerAway", "page", NEEDS_METRICS, NULL,
     "harrier stream gets no answer from its server."},
    {"HarrierStreamLag", "page", NEEDS_METRICS, NULL, "harrier stream is far behind its topic."},
    {"HarrierStreamDeadLetters", "ticket", NEEDS_METRICS, NULL,
     "harrier stream writes dead letters."},
};

static bool has_facts(const struct alert_facts *facts, enum needs needs) {
    switch (needs) {
    case NEEDS_NOTHING:
        return true;
    case NEEDS_STATUS:
        return facts->status != NULL;
    case NEEDS_NIGHTS:
        return facts->nights != NULL;
    case NEEDS_TOKENS:
        return facts->has_tokens;
    case NEEDS_METRICS:
        break;
    }
    return false;
}

static const char *why_unknown(enum needs needs) {
    static const char *const texts[] = {
        [NEEDS_STATUS] = "the server does not answer",
        [NEEDS_NIGHTS] = "the folder of the nights cannot be read",
        [NEEDS_TOKENS] = "--tokens does not say where the server's tokens file is",
        [NEEDS_METRICS] = "it takes the server's metrics over time: see Prometheus",
    };
    return texts[needs];
}

static enum alert_state ask(const struct alert *alert, const struct alert_facts *facts) {
    if (alert == alerts) /* the only one that also says something if nothing is known */
        return is_not_ready(facts);
    return has_facts(facts, alert->needs) ? state_of(alert->is_firing(facts)) : ALERT_UNKNOWN;
}

void alerts_write(const struct alert_facts *facts, struct buffer *out) {
    static const char *const names[] = {
        [ALERT_UNKNOWN] = "unknown", [ALERT_QUIET] = "quiet", [ALERT_FIRING] = "firing"};
    json_begin_array(out, "alerts");
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        enum alert_state state = ask(&alerts[i], facts);
        json_begin_object(out, NULL);
        json_add_text(out, "name", text_of(alerts[i].name));
        json_add_text(out, "severity", text_of(alerts[i].severity));
        json_add_text(out, "state", text_of(names[state]));
        json_add_text(out, "text", text_of(alerts[i].text));
        if (state == ALERT_UNKNOWN)
            json_add_text(out, "unknown", text_of(why_unknown(alerts[i].needs)));
        json_end_object(out);
    }
    json_end_array(out);
}
