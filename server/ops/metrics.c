/* The table of all metrics, in the order of enum server_metric. Names follow the conventions of
 * Prometheus: base units, _total for counters. A `.label_value` gives the text of a label's index;
 * an empty text means that the index is not used. What is counted by names that no table can know
 * (rules, models, tokens, shadow policies) is written by base/rule_counts.c, base/drift_counts.c,
 * base/tokens.c and adopt/shadows.c. */
#include "metrics.h"

#include "core/base/error.h"
#include "core/store/nights/night_summary.h"
#include "core/wire/message/message.h"
#include "denial.h"
#include "http_status.h"
#include "swap_state.h"

static const char *call_label(size_t index) {
    return index == CALL_NONE ? "unreadable" : call_name((enum call)index);
}
static const char *code_label(size_t index) {
    return index == 0 ? "" : error_code_name((enum error_code)index);
}
static const char *verdict_label(size_t index) {
    return verdict_name((enum verdict)index);
}
static const char *label_label(size_t index) {
    return label_name((enum label)index);
}

static const char *amendment_label(size_t index) {
    return index == AMENDMENT_NONE ? NULL : amendment_kind_name((enum amendment_kind)index);
}
static const char *version_label(size_t index) {
    (void)index;
    return HARRIER_VERSION;
}
static const char *reload_label(size_t index) {
    return index == RELOAD_NONE ? "" : reload_result_name((enum reload_result)index);
}

static const char *list_change_label(size_t index) {
    static const char *const names[LIST_CHANGE_RESULT_COUNT] = {"added", "removed", "unchanged"};
    return names[index];
}

static const char *reject_label(size_t index) {
    return index == REJECT_KEPT ? "kept" : "dropped";
}

static const char *event_result_label(size_t index) {
    static const char *const names[EVENT_RESULT_COUNT] = {"delivered", "failed", "dropped"};
    return names[index];
}

static const char *severity_label(size_t index) {
    return night_severity_name((enum night_severity)index);
}
static const char *swap_state_label(size_t index) {
    return swap_state_name((enum swap_state)index);
}
static const char *swap_result_label(size_t index) {
    static const char *const names[SWAP_RESULT_COUNT] = {"adopted", "refused", "abandoned",
                                                         "interrupted"};
    return names[index];
}
static const char *comparison_label(size_t index) {
    static const char *const names[COMPARISON_RESULT_COUNT] = {"equal", "different", "skipped"};
    return names[index];
}

static const char *denial_label(size_t index) {
    return denial_name((enum denial)index);
}
static const char *token_load_label(size_t index) {
    return index == 0 ? "adopted" : "refused";
}
static const char *ending_label(size_t index) {
    static const char *const names[ENDING_COUNT] = {
        [ENDING_CLIENT] = "client",       [ENDING_GREETING] = "greeting",
        [ENDING_MALFORMED] = "malformed", [ENDING_TOO_LARGE] = "too_large",
        [ENDING_IDLE] = "idle",           [ENDING_STALLED] = "stalled",
        [ENDING_MEMORY] = "memory",       [ENDING_TLS] = "tls",
        [ENDING_SERVER] = "server",
    };
    return names[index];
}
static const char *refusal_label(size_t index) {
    static const char *const names[FRONT_REFUSAL_COUNT] = {
        [FRONT_OVERLOADED] = "overloaded", [FRONT_LATE] = "late"};
    return names[index];
}

static const struct metric table[SERVER_METRIC_COUNT] = {
    /* ---- the server and its requests ---- */
    [SERVER_VERSION] = {.name = "harrierd_version",
                        .type = METRIC_GAUGE,
                        .label = "version",
                        .labels = 1,
                        .label_value = version_label,
                        .help = "Always 1; the label is the version of the running program."},
    [SERVER_READY] = {.name = "harrierd_ready",
                      .type = METRIC_GAUGE,
                      .help = "Whether the server answers requests (1) or not (0); a standby "
                              "answers those that only read."},
    [SERVER_DECIDES] = {.name = "harrierd_decides",
                        .type = METRIC_GAUGE,
                        .help = "Whether the server scores transactions (1) or not (0): in a "
                                "cluster, whether it is the primary."},
    [SERVER_START_TIME] = {.name = "harrierd_start_time_seconds",
                           .type = METRIC_GAUGE,
                           .unit = METRIC_MICROSECONDS,
                           .help = "Start time of the server since the Unix epoch."},
    [CPU_TIME] = {.name = "harrierd_cpu_seconds_total",
                  .type = METRIC_COUNTER,
                  .unit = METRIC_MICROSECONDS,
                  .help = "Processor time used by the server's threads."},
    [RESIDENT_MEMORY] = {.name = "harrierd_resident_memory_bytes",
                         .type = METRIC_GAUGE,
                         .help = "Memory of the server that is in RAM, with the pages of the "
                                 "tables that it has read."},
    [REQUESTS] = {.name = "harrierd_requests_total",
                  .type = METRIC_COUNTER,
                  .label = "call",
                  .labels = CALL_COUNT,
                  .label_value = call_label,
                  .help = "Requests answered, including the watchdog's probes."},
    [REQUEST_DURATION] = {.name = "harrierd_request_duration_seconds",
                          .type = METRIC_HISTOGRAM,
                          .unit = METRIC_MICROSECONDS,
                          .label = "call",
                          .labels = CALL_COUNT,
                          .label_value = call_label,
                          .help = "Time from a request's arrival to its answer."},
    [ERRORS] = {.name = "harrierd_errors_total",
                .type = METRIC_COUNTER,
                .label = "code",
                .labels = ERROR_CODE_COUNT,
                .label_value = code_label,
                .help = "Errors returned, for whole requests and for single items in them."},
    /* ---- decisions ---- */
    [TRANSACTIONS] = {.name = "harrierd_transactions_total",
                      .type = METRIC_COUNTER,
                      .label = "verdict",
                      .labels = VERDICT_COUNT,
                      .label_value = verdict_label,
                      .help = "Transactions decided and archived, by verdict."},
    [DUPLICATES] = {.name = "harrierd_duplicates_total",
                    .type = METRIC_COUNTER,
                    .help = "Repeated transactions answered with their first decision."},
    [DRY_RUNS] = {.name = "harrierd_dry_runs_total",
                  .type = METRIC_COUNTER,
                  .help = "Transactions decided as a dry run, without being archived."},
    [DEGRADED] = {.name = "harrierd_degraded_total",
                  .type = METRIC_COUNTER,
                  .help = "Decisions made without something they should have had."},
    [FEATURES_UNKNOWN] = {.name = "harrierd_features_unknown_total",
                          .type = METRIC_COUNTER,
                          .help = "Values of is_new left absent because there were too many "
                                  "distinct values."},
    [REJECTS] = {.name = "harrierd_rejects_total",
                 .type = METRIC_COUNTER,
                 .label = "result",
                 .labels = REJECT_RESULT_COUNT,
                 .label_value = reject_label,
                 .help = "Refused transactions for the file of rejects: written (kept), or not, "
                         "for lack of room in the queue or on the disk (dropped)."},
    /* ---- what changes states and lists ---- */
    [OUTCOMES] = {.name = "harrierd_outcomes_total",
                  .type = METRIC_COUNTER,
                  .label = "label",
                  .labels = LABEL_COUNT,
                  .label_value = label_label,
                  .help = "Outcomes that changed a label, by new label."},
    [AMENDMENTS] = {.name = "harrierd_amendments_total",
                    .type = METRIC_COUNTER,
                    .label = "kind",
                    .labels = AMENDMENT_KIND_COUNT,
                    .label_value = amendment_label,
                    .help = "Amendments that changed a transaction, by kind."},
    [BACKFILLED] = {.name = "harrierd_backfilled_total",
                    .type = METRIC_COUNTER,
                    .help = "Transactions of history recorded by backfill."},
    [LIST_CHANGES] = {.name = "harrierd_list_changes_total",
                      .type = METRIC_COUNTER,
                      .label = "change",
                      .labels = LIST_CHANGE_RESULT_COUNT,
                      .label_value = list_change_label,
                      .help = "List changes accepted at run time, by their effect."},
    [LIST_ENTRIES] = {.name = "harrierd_list_entries",
                      .type = METRIC_GAUGE,
                      .label = "list",
                      .labels = LIST_LABELS_MAX,
                      .help = "Entries added at run time, by list."},
    /* ---- the archive ---- */
    [ARCHIVE_POSITION] = {.name = "harrierd_archive_position",
                          .type = METRIC_GAUGE,
                          .help = "Position of the archive's last record."},
    [ARCHIVE_SYNCED_POSITION] = {.name = "harrierd_archive_synced_position",
                                 .type = METRIC_GAUGE,
                                 .help = "Position of the last record known to be on disk."},
    [ARCHIVE_WRITE_FAILURES] = {.name = "harrierd_archive_write_failures_total",
                                .type = METRIC_COUNTER,
                                .help = "Failed writes to the archive."},
    [ARCHIVE_DEGRADED] = {.name = "harrierd_archive_degraded",
                          .type = METRIC_GAUGE,
                          .help = "Whether the archive's disk fails and the server decides all "
                                  "the same (1) or not (0): archive_failure = degrade."},
    [ARCHIVE_HELD_RECORDS] = {.name = "harrierd_archive_held_records",
                              .type = METRIC_GAUGE,
                              .help = "Records in memory that could not be written."},
    [ARCHIVE_HELD_BYTES] = {.name = "harrierd_archive_held_bytes",
                            .type = METRIC_GAUGE,
                            .help = "With archive_failure = degrade: memory of records that are "
                                    "not known to be on disk; archive_failure_memory at most."},
    [ARCHIVE_UNSAVED_ANSWERS] = {.name = "harrierd_archive_unsaved_answers_total",
                                 .type = METRIC_COUNTER,
                                 .help = "Decisions that were answered while they were in memory "
                                         "only."},
    [ARCHIVE_LOST] = {.name = "harrierd_archive_lost_records",
                      .type = METRIC_GAUGE,
                      .help = "Records that the disk has lost, as of the start: harrier archive "
                              "quarantine has replaced them."},
    [ARCHIVE_SYNC_DURATION] = {.name = "harrierd_archive_sync_duration_seconds",
                               .type = METRIC_HISTOGRAM,
                               .unit = METRIC_MICROSECONDS,
                               .help = "Time the disk took for each group commit."},
    [RECOVERIES] = {.name = "harrierd_recoveries_total",
                    .type = METRIC_COUNTER,
                    .help = "Recoveries from a failed write, by folding the archive again."},
    [DISK_FREE] = {.name = "harrierd_disk_free_bytes",
                   .type = METRIC_GAUGE,
                   .label = "folder",
                   .labels = DISK_COUNT,
                   .help = "Free bytes of the disk that has this folder, for others than root."},
    [DISK_SIZE] = {.name = "harrierd_disk_size_bytes",
                   .type = METRIC_GAUGE,
                   .label = "folder",
                   .labels = DISK_COUNT,
                   .help = "Size of that disk."},
    /* ---- cluster ---- */
    [LOG_COMMITTED_POSITION] = {.name = "harrierd_log_committed_position",
                                .type = METRIC_GAUGE,
                                .help = "Position of the last record known to be committed on the "
                                        "cluster's log; 0 without a cluster."},
    [LOG_LAG] = {.name = "harrierd_log_lag_records",
                 .type = METRIC_GAUGE,
                 .help = "Records in the archive that are not known to be committed on the log."},
    [LOG_COMMIT_DURATION] = {.name = "harrierd_log_commit_duration_seconds",
                             .type = METRIC_HISTOGRAM,
                             .unit = METRIC_MICROSECONDS,
                             .help = "Time the brokers took for each transaction of the log."},
    [TAKE_OVERS] = {.name = "harrierd_take_overs_total",
                    .type = METRIC_COUNTER,
                    .help = "How often this server became the primary."},
    [LOG_CUT_RECORDS] = {.name = "harrierd_log_cut_records_total",
                         .type = METRIC_COUNTER,
                         .help = "Records cut off the archive because the log does not have them."},
    [NEWEST_EVENT_TIME] = {.name = "harrierd_newest_event_time_seconds",
                           .type = METRIC_GAUGE,
                           .unit = METRIC_MICROSECONDS,
                           .help = "Event time of the newest transaction; 0 before the first."},
    /* ---- states: overlay and tables ---- */
    [OVERLAY_ENTITIES] = {.name = "harrierd_overlay_entities",
                          .type = METRIC_GAUGE,
                          .help = "Entities changed since the generation was built."},
    [OVERLAY_BYTES] = {.name = "harrierd_overlay_bytes",
                       .type = METRIC_GAUGE,
                       .help = "Memory used by the states of these entities."},
    [OVERLAY_MEMORY] = {.name = "harrierd_overlay_memory_bytes",
                        .type = METRIC_GAUGE,
                        .help = "Approximate memory used by the overlay: states, keys and ids."},
    [OVERLAY_LIMIT] = {.name = "harrierd_overlay_limit_bytes",
                       .type = METRIC_GAUGE,
                       .help = "overlay_limit in bytes, also if it is auto; 0: none."},
    [GENERATION_POSITION] = {.name = "harrierd_generation_position",
                             .type = METRIC_GAUGE,
                             .help = "Archive position that the tables were built at; 0 before "
                                     "the first rebuild."},
    [GENERATION_TIME] = {.name = "harrierd_generation_time_seconds",
                         .type = METRIC_GAUGE,
                         .unit = METRIC_MICROSECONDS,
                         .help = "Time at which the tables were built; 0 before the first "
                                 "rebuild."},
    [GENERATION_AGE] = {.name = "harrierd_generation_age_seconds",
                        .type = METRIC_GAUGE,
                        .unit = METRIC_MICROSECONDS,
                        .help = "Age of the tables; 0 before the first rebuild."},
    [GENERATION_LAG] = {.name = "harrierd_generation_lag_records",
                        .type = METRIC_GAUGE,
                        .help = "Records in the archive after the tables' position."},
    [CLOCK_BEHIND] = {.name = "harrierd_clock_behind_seconds",
                      .type = METRIC_GAUGE,
                      .unit = METRIC_MICROSECONDS,
                      .help = "How far the system clock is behind the archive's last record "
                              "because it was set back; else 0."},
    [GENERATION_STALE] = {.name = "harrierd_generation_stale",
                          .type = METRIC_GAUGE,
                          .help = "Whether decisions are marked stale (1) because the tables are "
                                  "older than stale_after."},
    [REBUILD_WANTED] = {.name = "harrierd_rebuild_wanted",
                        .type = METRIC_GAUGE,
                        .help = "Whether a rebuild is due (1): the tables are stale, or the "
                                "overlay is close to overlay_limit."},
    /* ---- nights: what `harrier night` left ---- */
    [NIGHT_LAST_SUCCESS] = {.name = "harrierd_night_last_success_timestamp_seconds",
                            .type = METRIC_GAUGE,
                            .unit = METRIC_MICROSECONDS,
                            .help = "Time at which a night was completed last; 0: never."},
    [NIGHT_HAS_FAILED] = {.name = "harrierd_night_failed",
                          .type = METRIC_GAUGE,
                          .help = "Whether the newest night has failed (1)."},
    [NIGHT_FINDINGS] = {.name = "harrierd_night_findings",
                        .type = METRIC_GAUGE,
                        .label = "severity",
                        .labels = NIGHT_SEVERITY_COUNT,
                        .label_value = severity_label,
                        .help = "Findings in the newest report of a night."},
    [NIGHT_HELD_BACK] = {.name = "harrierd_night_held_back",
                         .type = METRIC_GAUGE,
                         .help = "Thresholds and cut-offs that the guard held back in that "
                                 "night."},
    [NIGHT_MODELS_FAILED] = {.name = "harrierd_night_models_failed",
                             .type = METRIC_GAUGE,
                             .help = "Whether it failed to train a model or to compare one (1)."},
    /* ---- backups: what `harrier backup` left ---- */
    [BACKUP_LAST_SUCCESS] = {.name = "harrierd_backup_last_success_timestamp_seconds",
                             .type = METRIC_GAUGE,
                             .unit = METRIC_MICROSECONDS,
                             .help = "Start of the last backup that was completed; 0: never."},
    [BACKUP_POSITION] = {.name = "harrierd_backup_position",
                         .type = METRIC_GAUGE,
                         .help = "Position of the last record in that backup."},
    /* ---- policies ---- */
    [GENERATION_DAMAGED] = {.name = "harrierd_generation_damaged",
                            .type = METRIC_GAUGE,
                            .help =
                                "Whether the current tables are damaged, and others or none are "
                                "in use (1), or not (0)."},
    [WARMING_FEATURES] = {.name = "harrierd_warming_features",
                          .type = METRIC_GAUGE,
                          .help = "Features of the policy that are absent until a rebuild."},
    [WARMING_RULES] = {.name = "harrierd_warming_rules",
                       .type = METRIC_GAUGE,
                       .help = "Rules of the policy that use an absent feature."},
    [BRAKES] = {.name = "harrierd_brakes",
                .type = METRIC_GAUGE,
                .help = "Brakes in force, of rules of the policy and of the policy as a whole."},
    [SHADOWS] = {.name = "harrierd_shadow_policies",
                 .type = METRIC_GAUGE,
                 .help = "Shadow policies in force."},
    [SHADOWS_REFUSED] = {.name = "harrierd_shadow_policies_refused",
                         .type = METRIC_GAUGE,
                         .help = "Shadow policies refused at the last reload."},
    [CHALLENGER_REFUSED] = {.name = "harrierd_challenger_refused",
                            .type = METRIC_GAUGE,
                            .help = "Whether the configured challenger was refused (1): it does "
                                    "not decide, or an older version of it does."},
    [RELOADS] = {.name = "harrierd_reloads_total",
                 .type = METRIC_COUNTER,
                 .label = "result",
                 .labels = RELOAD_RESULT_COUNT,
                 .label_value = reload_label,
                 .help = "Reloads of the policy, by result."},
    [RELOAD_REFUSED_NOW] = {.name = "harrierd_reload_refused",
                            .type = METRIC_GAUGE,
                            .help = "Whether the policy folder's content was refused (1): the "
                                    "previous policy decides."},
    [RELOAD_REFUSED_AGE] = {.name = "harrierd_reload_refused_age_seconds",
                            .type = METRIC_GAUGE,
                            .unit = METRIC_MICROSECONDS,
                            .help = "Time since the policy was first refused; 0 if it is not."},
    [RELOAD_DURATION] = {.name = "harrierd_reload_duration_seconds",
                         .type = METRIC_HISTOGRAM,
                         .unit = METRIC_MICROSECONDS,
                         .help = "Duration of reloads: load, check, cases, warm-up and swap."},
    [RELOAD_LOCKED] = {.name = "harrierd_reload_locked_seconds",
                       .type = METRIC_HISTOGRAM,
                       .unit = METRIC_MICROSECONDS,
                       .help = "Time for which decisions waited for a reload."},
    /* ---- swaps of generations ---- */
    [SWAP_STATE] = {.name = "harrierd_swap_state",
                    .type = METRIC_GAUGE,
                    .label = "state",
                    .labels = SWAP_STATE_COUNT,
                    .label_value = swap_state_label,
                    .help = "Whether the generation swap is in this state (1) or not (0)."},
    [SWAPS] = {.name = "harrierd_swaps_total",
               .type = METRIC_COUNTER,
               .label = "result",
               .labels = SWAP_RESULT_COUNT,
               .label_value = swap_result_label,
               .help = "Swaps to new generations, by result."},
    [SWAP_LOCKED] = {.name = "harrierd_swap_locked_seconds",
                     .type = METRIC_HISTOGRAM,
                     .unit = METRIC_MICROSECONDS,
                     .help = "Time for which decisions waited for a swap."},
    [COMPARISONS] = {.name = "harrierd_comparisons_total",
                     .type = METRIC_COUNTER,
                     .label = "result",
                     .labels = COMPARISON_RESULT_COUNT,
                     .label_value = comparison_label,
                     .help = "Comparisons of live and rebuilt states after swaps, by result."},
    [COMPARED_ENTITIES] = {.name = "harrierd_compared_entities",
                           .type = METRIC_GAUGE,
                           .help = "Entities compared after the last swap."},
    [DIFFERING_ENTITIES] = {.name = "harrierd_differing_entities",
                            .type = METRIC_GAUGE,
                            .help = "Entities whose live and rebuilt states differed in the last "
                                    "comparison; one more each for the counts of records, lists "
                                    "and sources."},
    /* ---- tokens ---- */
    [DENIED] = {.name = "harrierd_denied_total",
                .type = METRIC_COUNTER,
                .label = "reason",
                .labels = DENIAL_COUNT,
                .label_value = denial_label,
                .help = "Requests denied because of their token: missing, malformed, unknown, "
                        "expired, or without the required scope."},
    [TOKENS_VALID] = {.name = "harrierd_tokens",
                      .type = METRIC_GAUGE,
                      .help = "Valid tokens; 0 if no tokens are configured."},
    [TOKENS_NEXT_EXPIRY] = {.name = "harrierd_token_next_expiry_time_seconds",
                            .type = METRIC_GAUGE,
                            .unit = METRIC_MICROSECONDS,
                            .help = "Earliest expiry time of the valid tokens; 0 if none expires."},
    [TOKENS_REFUSED] = {.name = "harrierd_tokens_refused",
                        .type = METRIC_GAUGE,
                        .help = "Whether the tokens file's content was refused (1): the previous "
                                "tokens are in force."},
    [TOKEN_LOADS] = {.name = "harrierd_token_loads_total",
                     .type = METRIC_COUNTER,
                     .label = "result",
                     .labels = 2,
                     .label_value = token_load_label,
                     .help = "Loads of the tokens file, by result."},
    /* ---- fronts ---- */
    [LISTENER_RESTARTS] = {.name = "harrierd_listener_restarts_total",
                           .type = METRIC_COUNTER,
                           .help = "Listeners reopened because they stopped answering."},
    [CONNECTIONS] = {.name = "harrierd_connections",
                     .type = METRIC_GAUGE,
                     .help = "Clients connected over tcp, tls+tcp and ipc."},
    [CONNECTIONS_ENDED] = {.name = "harrierd_connections_ended_total",
                           .type = METRIC_COUNTER,
                           .label = "reason",
                           .labels = ENDING_COUNT,
                           .label_value = ending_label,
                           .help = "Connections closed, by reason."},
    [CONNECTIONS_REFUSED] = {.name = "harrierd_connections_refused_total",
                             .type = METRIC_COUNTER,
                             .help = "Connections refused because of max_connections."},
    [REQUESTS_LEFT_OUT] = {.name = "harrierd_requests_left_out_total",
                           .type = METRIC_COUNTER,
                           .help = "Requests dropped because they passed through too many SP "
                                   "devices."},
    [REFUSED] = {.name = "harrierd_requests_refused_total",
                 .type = METRIC_COUNTER,
                 .label = "reason",
                 .labels = FRONT_REFUSAL_COUNT,
                 .label_value = refusal_label,
                 .help =
                     "Requests refused before their turn. overloaded: at once, because they would "
                     "not be answered in time; late: after waiting longer than their deadline."},
    [QUEUE_STANDING] = {.name = "harrierd_queue_standing",
                        .type = METRIC_GAUGE,
                        .help = "1 if requests have been waiting without a pause for 100 ms."},
    [BUFFER_MEMORY] = {.name = "harrierd_buffer_memory_bytes",
                       .type = METRIC_GAUGE,
                       .help =
                           "Memory of requests and answers that wait, over tcp, tls+tcp and ipc."},
    [BUFFER_LIMIT] = {.name = "harrierd_buffer_limit_bytes",
                      .type = METRIC_GAUGE,
                      .help = "max_buffer_bytes."},
    [HTTP_ANSWERS] = {.name = "harrierd_http_answers_total",
                      .type = METRIC_COUNTER,
                      .label = "status",
                      .labels = HTTP_STATUS_COUNT,
                      .label_value = http_status_label,
                      .help = "HTTP responses, by status; input that is not HTTP is not counted."},
    [HTTP_CONNECTIONS] = {.name = "harrierd_http_connections",
                          .type = METRIC_GAUGE,
                          .help = "HTTP connections; a closed one is counted for up to another "
                                  "second."},
    [HTTP_CUT] = {.name = "harrierd_http_cut_total",
                  .type = METRIC_COUNTER,
                  .help = "HTTP connections closed because they exceeded http_patience."},
    /* ---- events ---- */
    [EVENTS] = {.name = "harrierd_events_total",
                .type = METRIC_COUNTER,
                .label = "result",
                .labels = EVENT_RESULT_COUNT,
                .label_value = event_result_label,
                .help = "Events for event_url and event_command, once for each: delivered, failed "
                        "after all attempts, or dropped because the queue was full."},
    [EVENT_ATTEMPTS_FAILED] = {.name = "harrierd_event_attempts_failed_total",
                               .type = METRIC_COUNTER,
                               .help = "Attempts to deliver events that failed."},
};

struct metric_set *server_metrics_new(void) {
    return metric_set_new(table, SERVER_METRIC_COUNT);
}
