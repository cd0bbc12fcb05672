#include "metrics.h"

#include "core/base/error.h"
#include "core/wire/message.h"

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
    static const char *const names[RELOAD_RESULT_COUNT] = {"adopted", "unchanged", "refused"};
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
    [OUTCOMES] = {.name = "harrierd_outcomes_total",
                  .type = METRIC_COUNTER,
                  .label = "label",
                  .labels = LABEL_COUNT,
                  .label_value = label_label,
                  .help = "Outcomes that changed a label, by the new one."},
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
    [GENERATION_POSITION] = {.name = "harrierd_generation_position",
                             .type = METRIC_GAUGE,
                             .help =
                                 "Position the tables are true for; 0 before the first rebuild."},
    [GENERATION_TIME] = {.name = "harrierd_generation_time_seconds",
                         .type = METRIC_GAUGE,
                         .unit = METRIC_MICROSECONDS,
                         .help = "When the tables were built; 0 before the first rebuild."},
    [WARMING_FEATURES] = {.name = "harrierd_warming_features",
                          .type = METRIC_GAUGE,
                          .help = "Features of the policy that are absent until a rebuild."},
    [RELOADS] = {.name = "harrierd_reloads_total",
                 .type = METRIC_COUNTER,
                 .label = "result",
                 .labels = RELOAD_RESULT_COUNT,
                 .label_value = reload_label,
                 .help = "Times the policy was loaded again."},
    [LISTENER_RESTARTS] = {.name = "harrierd_listener_restarts_total",
                           .type = METRIC_COUNTER,
                           .help = "Listeners that answered no more and were opened again."},
};

struct metric_set *server_metrics_new(void) {
    return metric_set_new(table, SERVER_METRIC_COUNT);
}
