#include "metrics.h"

#include "core/base/error.h"
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

static const struct metric table[SERVER_METRIC_COUNT] = {
    [SERVER_VERSION] = {.name = "harrierd_version",
                        .type = METRIC_GAUGE,
                        .label = "version",
                        .labels = 1,
                        .label_value = version_label,
                        .help = "Always 1; the label says which program runs."},
    [SERVER_READY] = {.name = "harrierd_ready",
                      .type = METRIC_GAUGE,
                      .help = "1 while transactions are scored, else 0."},
    [SERVER_START_TIME] = {.name = "harrierd_start_time_seconds",
                           .type = METRIC_GAUGE,
                           .unit = METRIC_MICROSECONDS,
                           .help = "When the program was started."},
    [REQUESTS] = {.name = "harrierd_requests_total",
                  .type = METRIC_COUNTER,
                  .label = "call",
                  .labels = CALL_COUNT,
                  .label_value = call_label,
                  .help = "Requests answered, the watchdog's own included."},
    [REQUEST_DURATION] = {.name = "harrierd_request_duration_seconds",
                          .type = METRIC_HISTOGRAM,
                          .unit = METRIC_MICROSECONDS,
                          .label = "call",
                          .labels = CALL_COUNT,
                          .label_value = call_label,
                          .help = "From a message's arrival to its answer's leaving."},
    [ERRORS] = {.name = "harrierd_errors_total",
                .type = METRIC_COUNTER,
                .label = "code",
                .labels = ERROR_CODE_COUNT,
                .label_value = code_label,
                .help = "Errors answered: of whole requests and of single items in them."},
    [TRANSACTIONS] = {.name = "harrierd_transactions_total",
                      .type = METRIC_COUNTER,
                      .label = "verdict",
                      .labels = VERDICT_COUNT,
                      .label_value = verdict_label,
                      .help = "Transactions decided and archived."},
    [DUPLICATES] = {.name = "harrierd_duplicates_total",
                    .type = METRIC_COUNTER,
                    .help = "Repeated transactions answered with their first decision."},
    [DRY_RUNS] = {.name = "harrierd_dry_runs_total",
                  .type = METRIC_COUNTER,
                  .help = "Transactions decided without keeping anything."},
    [DEGRADED] = {.name = "harrierd_degraded_total",
                  .type = METRIC_COUNTER,
                  .help = "Decisions made with less than everything."},
    [RULE_ERRORS] = {.name = "harrierd_rule_errors_total",
                     .type = METRIC_COUNTER,
                     .help = "Rules that failed while they were evaluated."},
    [FEATURES_UNKNOWN] = {.name = "harrierd_features_unknown_total",
                          .type = METRIC_COUNTER,
                          .help = "Values of is_new left absent: too many different values."},
    [OUTCOMES] = {.name = "harrierd_outcomes_total",
                  .type = METRIC_COUNTER,
                  .label = "label",
                  .labels = LABEL_COUNT,
                  .label_value = label_label,
                  .help = "Outcomes that changed a label, by the new one."},
    [LIST_CHANGES] = {.name = "harrierd_list_changes_total",
                      .type = METRIC_COUNTER,
                      .label = "change",
                      .labels = LIST_CHANGE_RESULT_COUNT,
                      .label_value = list_change_label,
                      .help = "Changes of lists at run time that were accepted."},
    [LIST_ENTRIES] = {.name = "harrierd_list_entries",
                      .type = METRIC_GAUGE,
                      .label = "list",
                      .labels = LIST_LABELS_MAX,
                      .help = "Entries that were added to each list at run time and are kept."},
    [ARCHIVE_POSITION] = {.name = "harrierd_archive_position",
                          .type = METRIC_GAUGE,
                          .help = "Position of the archive's last record."},
    [ARCHIVE_SYNCED_POSITION] = {.name = "harrierd_archive_synced_position",
                                 .type = METRIC_GAUGE,
                                 .help = "Position of the last record known to be on disk."},
    [ARCHIVE_WRITE_FAILURES] = {.name = "harrierd_archive_write_failures_total",
                                .type = METRIC_COUNTER,
                                .help = "Writes to the archive that the system refused."},
    [ARCHIVE_SYNC_DURATION] = {.name = "harrierd_archive_sync_duration_seconds",
                               .type = METRIC_HISTOGRAM,
                               .unit = METRIC_MICROSECONDS,
                               .help = "How long the disk took for each group commit."},
    [RECOVERIES] = {.name = "harrierd_recoveries_total",
                    .type = METRIC_COUNTER,
                    .help = "Times the state was folded again after a failed write."},
    [NEWEST_EVENT_TIME] = {.name = "harrierd_newest_event_time_seconds",
                           .type = METRIC_GAUGE,
                           .unit = METRIC_MICROSECONDS,
                           .help = "Event time of the newest transaction; 0 before the first."},
    [OVERLAY_ENTITIES] = {.name = "harrierd_overlay_entities",
                          .type = METRIC_GAUGE,
                          .help = "Entities changed since the generation."},
    [OVERLAY_BYTES] = {.name = "harrierd_overlay_bytes",
                       .type = METRIC_GAUGE,
                       .help = "Bytes of their states."},
    [OVERLAY_MEMORY] = {.name = "harrierd_overlay_memory_bytes",
                        .type = METRIC_GAUGE,
                        .help = "About how much memory is taken by what is newer than the "
                                "generation: states, keys, ids."},
    [GENERATION_POSITION] = {.name = "harrierd_generation_position",
                             .type = METRIC_GAUGE,
                             .help =
                                 "Position the tables are true for; 0 before the first rebuild."},
    [GENERATION_TIME] = {.name = "harrierd_generation_time_seconds",
                         .type = METRIC_GAUGE,
                         .unit = METRIC_MICROSECONDS,
                         .help = "When the tables were built; 0 before the first rebuild."},
    [GENERATION_AGE] = {.name = "harrierd_generation_age_seconds",
                        .type = METRIC_GAUGE,
                        .unit = METRIC_MICROSECONDS,
                        .help = "How long ago the tables were built; 0 before the first rebuild."},
    [GENERATION_LAG] = {.name = "harrierd_generation_lag_records",
                        .type = METRIC_GAUGE,
                        .help = "Records in the archive behind the tables' position."},
    [CLOCK_BEHIND] = {.name = "harrierd_clock_behind_seconds",
                      .type = METRIC_GAUGE,
                      .unit = METRIC_MICROSECONDS,
                      .help = "How far the clock is behind the archive's last record: it was set "
                              "back. 0 when it is not."},
    [GENERATION_STALE] = {.name = "harrierd_generation_stale",
                          .type = METRIC_GAUGE,
                          .help = "1 while decisions are marked stale: the tables are older than "
                                  "stale_after."},
    [REBUILD_WANTED] = {.name = "harrierd_rebuild_wanted",
                        .type = METRIC_GAUGE,
                        .help = "1 while the tables are stale or the overlay takes most of "
                                "overlay_limit."},
    [WARMING_FEATURES] = {.name = "harrierd_warming_features",
                          .type = METRIC_GAUGE,
                          .help = "Features of the policy that are absent until a rebuild."},
    [WARMING_RULES] = {.name = "harrierd_warming_rules",
                       .type = METRIC_GAUGE,
                       .help = "Rules of the policy that use such a feature."},
    [SHADOWS] = {.name = "harrierd_shadow_policies",
                 .type = METRIC_GAUGE,
                 .help = "Policies that judge beside the one that decides."},
    [SHADOWS_REFUSED] = {.name = "harrierd_shadow_policies_refused",
                         .type = METRIC_GAUGE,
                         .help = "Folders of shadow policies that did not check when they were "
                                 "loaded last."},
    [RELOADS] = {.name = "harrierd_reloads_total",
                 .type = METRIC_COUNTER,
                 .label = "result",
                 .labels = RELOAD_RESULT_COUNT,
                 .label_value = reload_label,
                 .help = "Times the policy was loaded again."},
    [RELOAD_REFUSED_NOW] = {.name = "harrierd_reload_refused",
                            .type = METRIC_GAUGE,
                            .help = "1 while the policy's folder holds what was refused when it "
                                    "was loaded last: the policy before it decides."},
    [RELOAD_REFUSED_AGE] = {.name = "harrierd_reload_refused_age_seconds",
                            .type = METRIC_GAUGE,
                            .unit = METRIC_MICROSECONDS,
                            .help = "For how long that has been so; 0 when it is not."},
    [RELOAD_DURATION] = {.name = "harrierd_reload_duration_seconds",
                         .type = METRIC_HISTOGRAM,
                         .unit = METRIC_MICROSECONDS,
                         .help = "How long reloads took: loading, checking, running the cases, "
                                 "warming, swapping."},
    [RELOAD_LOCKED] = {.name = "harrierd_reload_locked_seconds",
                       .type = METRIC_HISTOGRAM,
                       .unit = METRIC_MICROSECONDS,
                       .help = "How long decisions waited for a reload."},
    [SWAP_STATE] = {.name = "harrierd_swap_state",
                    .type = METRIC_GAUGE,
                    .label = "state",
                    .labels = SWAP_STATE_COUNT,
                    .label_value = swap_state_label,
                    .help = "1 for the state that the swap of generations is in, else 0."},
    [SWAPS] = {.name = "harrierd_swaps_total",
               .type = METRIC_COUNTER,
               .label = "result",
               .labels = SWAP_RESULT_COUNT,
               .label_value = swap_result_label,
               .help = "Generations that were found, by what became of them."},
    [SWAP_LOCKED] = {.name = "harrierd_swap_locked_seconds",
                     .type = METRIC_HISTOGRAM,
                     .unit = METRIC_MICROSECONDS,
                     .help = "How long decisions waited for a swap."},
    [COMPARISONS] = {.name = "harrierd_comparisons_total",
                     .type = METRIC_COUNTER,
                     .label = "result",
                     .labels = COMPARISON_RESULT_COUNT,
                     .label_value = comparison_label,
                     .help = "Comparisons of the live state with the rebuilt one, after swaps."},
    [COMPARED_ENTITIES] = {.name = "harrierd_compared_entities",
                           .type = METRIC_GAUGE,
                           .help = "Entities in the last comparison."},
    [DIFFERING_ENTITIES] = {.name = "harrierd_differing_entities",
                            .type = METRIC_GAUGE,
                            .help = "Entities whose live and rebuilt states differed in the last "
                                    "comparison."},
    [DENIED] = {.name = "harrierd_denied_total",
                .type = METRIC_COUNTER,
                .label = "reason",
                .labels = DENIAL_COUNT,
                .label_value = denial_label,
                .help = "Requests denied for their token: there was none, it was no token of "
                        "ours, is not known, has expired, or is not for that call."},
    [TOKENS_VALID] = {.name = "harrierd_tokens",
                      .type = METRIC_GAUGE,
                      .help = "Tokens that are valid now; 0 also where none is asked for."},
    [TOKENS_NEXT_EXPIRY] = {.name = "harrierd_token_next_expiry_time_seconds",
                            .type = METRIC_GAUGE,
                            .unit = METRIC_MICROSECONDS,
                            .help = "When the next of the valid tokens ends; 0: none does."},
    [TOKENS_REFUSED] = {.name = "harrierd_tokens_refused",
                        .type = METRIC_GAUGE,
                        .help = "1 while the tokens file holds what was refused when it was loaded "
                                "last: the tokens before it are in force."},
    [TOKEN_LOADS] = {.name = "harrierd_token_loads_total",
                     .type = METRIC_COUNTER,
                     .label = "result",
                     .labels = 2,
                     .label_value = token_load_label,
                     .help = "Times the tokens file was loaded."},
    [LISTENER_RESTARTS] = {.name = "harrierd_listener_restarts_total",
                           .type = METRIC_COUNTER,
                           .help = "Listeners that answered no more and were opened again."},
    [CONNECTIONS] = {.name = "harrierd_connections",
                     .type = METRIC_GAUGE,
                     .help = "Clients connected over tcp, tls+tcp and ipc."},
    [CONNECTIONS_ENDED] = {.name = "harrierd_connections_ended_total",
                           .type = METRIC_COUNTER,
                           .label = "reason",
                           .labels = ENDING_COUNT,
                           .label_value = ending_label,
                           .help = "Connections that ended, by why."},
    [CONNECTIONS_REFUSED] = {.name = "harrierd_connections_refused_total",
                             .type = METRIC_COUNTER,
                             .help = "Connections beyond max_connections."},
    [REQUESTS_LEFT_OUT] = {.name = "harrierd_requests_left_out_total",
                           .type = METRIC_COUNTER,
                           .help = "Requests that came through more devices than are allowed."},
    [HTTP_ANSWERS] = {.name = "harrierd_http_answers_total",
                      .type = METRIC_COUNTER,
                      .label = "status",
                      .labels = HTTP_STATUS_COUNT,
                      .label_value = http_status_label,
                      .help = "Answers over HTTP; what is no HTTP is not counted."},
    [HTTP_CONNECTIONS] = {.name = "harrierd_http_connections",
                          .type = METRIC_GAUGE,
                          .help = "Connections over HTTP; one that ended is counted for up to a "
                                  "second."},
    [HTTP_CUT] = {.name = "harrierd_http_cut_total",
                  .type = METRIC_COUNTER,
                  .help = "Connections over HTTP that were ended for taking longer than "
                          "http_patience."},
};

struct metric_set *server_metrics_new(void) {
    return metric_set_new(table, SERVER_METRIC_COUNT);
}
