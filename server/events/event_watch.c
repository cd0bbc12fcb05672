/* The night before the server's start is no news: the first look, at the start, only remembers it.
 */
#include "event_watch.h"

#include "core/base/check.h"
#include "core/store/nights/night_summary.h"
#include "server/ops/denial.h"
#include "server/ops/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TOKENS_EVERY_US (INT64_C(60) * 1000000)

struct event_watch {
    struct events *events;
    struct metric_set *metrics;
    const struct clock *clock;
    char *summary; /* the file; NULL: none */
    const char *data;
    bool has_looked;
    struct stat seen; /* of the summary as of the last look */
    struct night_summary night;
    int64_t denied[DENIAL_COUNT]; /* as of the last event */
    bool has_reported_tokens;
    int64_t reported_tokens_us; /* monotonic */
};

/* ---- nights ---- */

/* The file is replaced as a whole each time. */
static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void emit_failed(struct event_watch *watch, const struct night_summary *night) {
    struct buffer row;
    if (!events_want(watch->events, EVENT_NIGHT_FAILED))
        return;
    events_begin(watch->events, EVENT_NIGHT_FAILED, &row);
    json_add_text(&row, "night", text_of(night->date));
    json_add_text(&row, "step", text_of(night->step));
    json_add_text(&row, "reason", text_of(night->reason));
    events_send(watch->events, &row);
}

static void emit_done(struct event_watch *watch, const struct night_summary *night,
                      enum event_kind kind) {
    struct buffer row;
    if (!events_want(watch->events, kind))
        return;
    events_begin(watch->events, kind, &row);
    json_add_text(&row, "night", text_of(night->date));
    json_begin_object(&row, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(&row, night_severity_name((enum night_severity)i), night->findings[i]);
    json_end_object(&row);
    json_add_unsigned(&row, "held_back", night->held_back);
    json_add_bool(&row, "models_failed", night->models_failed);
    events_send(watch->events, &row);
}

static void look_at_nights(struct event_watch *watch) {
    struct stat now = {0};
    struct night_summary night;
    struct error ignored;
    if (!watch->summary)
        return;
    if (stat(watch->summary, &now) < 0)
        now = (struct stat){0};
    bool is_first = !watch->has_looked;
    if (!is_first && is_same(&now, &watch->seen))
        return;
    if (night_summary_read(watch->data, &night, &ignored) < 0)
        return; /* the next look tries again */
    const struct night_summary before = watch->night;
    watch->has_looked = true;
    watch->seen = now;
    watch->night = night;
    if (is_first)
        return;
    if (night.failed_us > 0 && night.failed_us != before.failed_us)
        emit_failed(watch, &night);
    if (night.last_success_us > 0 && night.last_success_us != before.last_success_us) {
        emit_done(watch, &night, EVENT_NIGHT_DONE);
        if (night.held_back > 0)
            emit_done(watch, &night, EVENT_NIGHT_HELD_BACK);
    }
}

/* ---- tokens ---- */

static void look_at_tokens(struct event_watch *watch) {
    int64_t now_us = clock_monotonic_us(watch->clock), total = 0;
    int64_t counts[DENIAL_COUNT] = {0};
    struct buffer row;
    if (!events_want(watch->events, EVENT_TOKEN_REFUSED) ||
        (watch->has_reported_tokens && now_us - watch->reported_tokens_us < TOKENS_EVERY_US))
        return;
    for (size_t i = DENIAL_NONE + 1; i < DENIAL_COUNT; i++) {
        counts[i] = metric_value(watch->metrics, DENIED, i);
        total += counts[i] - watch->denied[i];
    }
    if (total == 0)
        return;
    events_begin(watch->events, EVENT_TOKEN_REFUSED, &row);
    json_add_signed(&row, "count", total);
    json_begin_object(&row, "reasons");
    for (size_t i = DENIAL_NONE + 1; i < DENIAL_COUNT; i++)
        if (counts[i] > watch->denied[i])
            json_add_signed(&row, denial_name((enum denial)i), counts[i] - watch->denied[i]);
    json_end_object(&row);
    events_send(watch->events, &row);
    memcpy(watch->denied, counts, sizeof counts);
    watch->has_reported_tokens = true;
    watch->reported_tokens_us = now_us;
}

/* ---- opening and looking ---- */

struct event_watch *event_watch_new(struct events *events, const char *data,
                                    struct metric_set *metrics, const struct clock *clock) {
    if (!events)
        return NULL;
    struct event_watch *watch = check_calloc(1, sizeof *watch);
    *watch =
        (struct event_watch){.events = events, .metrics = metrics, .clock = clock, .data = data};
    if (data) {
        size_t size = strlen(data) + sizeof "/" FOLDER_NIGHTS "/" NIGHT_SUMMARY_NAME;
        watch->summary = check_malloc(size);
        snprintf(watch->summary, size, "%s/" FOLDER_NIGHTS "/" NIGHT_SUMMARY_NAME, data);
    }
    look_at_nights(watch);
    return watch;
}

void event_watch_free(struct event_watch *watch) {
    if (!watch)
        return;
    free(watch->summary);
    free(watch);
}

void event_watch_look(struct event_watch *watch) {
    if (!watch)
        return;
    look_at_nights(watch);
    look_at_tokens(watch);
}
