/* The comparison after a swap. Both sides are views as of the switch: while decisions go on, a view
 * keeps a copy of each state that is about to change. So a difference is a real one: the server's
 * fold and the rebuild's do not agree, or the archive changed in between. */
#include "swap_compare.h"

#include "core/store/overlay/comparison.h"

#include <inttypes.h>
#include <stdio.h>

#define DIFFERENCES_LOGGED 5 /* one bug makes thousands of them alike */

struct comparing {
    struct comparison_listener listener; /* first */
    struct service *service;
    const struct plan *plan;
    size_t logged;
};

/* Progress, and whether to continue. */
static bool goes_on(struct comparison_listener *self, uint64_t entities) {
    struct service *service = ((struct comparing *)self)->service;
    char reason[96];
    if (entities % 65536 == 0) {
        snprintf(reason, sizeof reason, "%" PRIu64 " entities", entities);
        swap_set_reason(service->swap, reason);
    }
    return !atomic_load(&service->stopping);
}

/* A key may be personal data, so the log has only its hash; `harrier verify` prints keys. */
static void log_difference(struct comparison_listener *self,
                           const struct state_difference *difference) {
    struct comparing *comparing = (struct comparing *)self;
    struct buffer features;
    char key[HASH_HEX_SIZE];
    if (comparing->logged++ >= DIFFERENCES_LOGGED)
        return;
    buffer_init(&features);
    state_difference_describe(difference, comparing->plan, false, &features);
    hash_hex(hash_text(difference->key), key);
    log_line(comparing->service->settings.log, LOG_ERROR,
             "%" TEXT_FORMAT " with key hash %s: live and rebuilt state differ: %.*s",
             TEXT_ARGS(comparing->plan->entities[difference->entity].name), key,
             (int)features.length, (const char *)features.bytes);
    buffer_deinit(&features);
}

static void conclude(struct swap *swap, const struct comparison *comparison) {
    struct service *service = swap->service;
    struct metric_set *metrics = service->settings.metrics;
    uint64_t differences = comparison->differences + comparison->is_tally_different +
                           comparison->are_lists_different + comparison->are_sources_different;
    bool is_equal = differences == 0;
    pthread_mutex_lock(&service->lock);
    swap->is_compared = true;
    swap->compared = comparison->entities;
    swap->differences = differences;
    pthread_mutex_unlock(&service->lock);
    metric_gauge(metrics, COMPARED_ENTITIES, 0, (int64_t)comparison->entities);
    metric_gauge(metrics, DIFFERING_ENTITIES, 0, (int64_t)differences);
    metric_add(metrics, COMPARISONS, is_equal ? COMPARISON_EQUAL : COMPARISON_DIFFERENT, 1);
    if (is_equal)
        log_line_with(service->settings.log, LOG_INFO,
                      LOG_FIELDS(log_field_unsigned("entities", comparison->entities)),
                      "the live states of %" PRIu64 " entities equal those of the new generation",
                      comparison->entities);
    else
        log_line_with(
            service->settings.log, LOG_ERROR,
            LOG_FIELDS(log_field_unsigned("differences", comparison->differences),
                       log_field_unsigned("entities", comparison->entities)),
            "%" PRIu64 " of %" PRIu64
            " live states differ from those of the new generation%s%s%s; `harrier verify` shows "
            "which ones match the archive",
            comparison->differences, comparison->entities,
            comparison->is_tally_different ? ", and the counts of records differ" : "",
            comparison->are_lists_different ? ", and the entries added to lists differ" : "",
            comparison->are_sources_different ? ", and the numbers of sources differ" : "");
}

void swap_compare(struct swap *swap) {
    struct service *service = swap->service;
    struct comparison comparison;
    struct error error;
    if (!swap->old_view) {
        log_line(service->settings.log, LOG_INFO,
                 "the new generation has different features: its states are not compared");
        pthread_mutex_lock(&service->lock);
        swap->is_compared = false;
        pthread_mutex_unlock(&service->lock);
        metric_add(service->settings.metrics, COMPARISONS, COMPARISON_SKIPPED, 1);
        return;
    }
    struct comparing comparing = {
        .listener = {log_difference, goes_on}, .service = service, .plan = &swap->old.plan->plan};
    if (comparison_run(swap->old_view, swap->new_view, &comparing.listener, &comparison, &error) ==
        0)
        conclude(swap, &comparison);
}
