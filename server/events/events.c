/* One thread with a loop of libevent, on which both destinations work (event_url.c,
 * event_command.c), each at its own pace:
 *
 *   idle ─rows are waiting─► delivering ─delivered─► idle
 *                             ▲      │ failed
 *                             └─pause┘ RETRIES times, each pause twice as long; then the rows are
 *                                      given up, and the next ones get their turn
 *
 * What wakes the thread is written once for many events: the first pause, FLUSH_US, is there to let
 * them gather. */
#include "events.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "event_command.h"
#include "event_queue.h"
#include "event_url.h"
#include "server/ops/metrics.h"
#include "server/ops/thread.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA          1
#define DESTINATIONS    2
#define RETRIES         4
#define RETRY_US        INT64_C(1000000)
#define FLUSH_US        20000
#define DRAIN_US        2000000
#define REPORT_EVERY_US (INT64_C(60) * 1000000)

/* A destination with its queue. Only `queue` and `dropped` are for other threads. */
struct sink {
    struct events *events;
    struct event_destination *destination;
    struct event_queue queue;
    atomic_uint_least64_t dropped; /* since the start */
    struct buffer body;
    size_t count; /* of events in it */
    unsigned attempts;
    bool is_busy, is_pausing;
    struct event *retry;
    /* What was logged last, and since then: */
    bool is_failing; /* that deliveries fail */
    bool has_logged;
    int64_t logged_us;
    uint64_t failed, dropped_before;
    char problem[256];
};

struct events {
    struct events_settings settings;
    char *url, *command, *ca, *server; /* owned */
    char boot[HASH_HEX_SIZE];
    atomic_uint_least64_t sequence;
    struct event_base *base;
    int wake_descriptor; /* eventfd */
    struct event *wake, *flush, *report, *drain;
    struct sink sinks[DESTINATIONS];
    size_t sink_count;
    atomic_bool stopping;
    pthread_t thread;
    bool has_thread;
};

/* ---- what was lost ---- */

/* At most a line a minute for each destination. */
static void report_losses(struct sink *sink, bool is_end) {
    struct events *events = sink->events;
    uint64_t dropped = atomic_load(&sink->dropped), newly = dropped - sink->dropped_before;
    int64_t now_us = clock_monotonic_us(events->settings.clock);
    bool is_early = sink->has_logged && now_us - sink->logged_us < REPORT_EVERY_US;
    if ((sink->failed == 0 && newly == 0) || (is_early && !is_end))
        return;
    log_line_with(
        events->settings.log, LOG_WARNING,
        LOG_FIELDS(log_field_string("destination", sink->destination->name),
                   log_field_unsigned("failed", sink->failed), log_field_unsigned("dropped", newly),
                   log_field_string("reason", sink->problem)),
        "%s: %" PRIu64 " events could not be delivered and %" PRIu64
        " found no room in the queue%s%s",
        sink->destination->name, sink->failed, newly, *sink->problem ? ": " : "", sink->problem);
    sink->is_failing |= sink->failed > 0;
    sink->has_logged = true;
    sink->logged_us = now_us;
    sink->failed = 0;
    sink->dropped_before = dropped;
}

static void give_up(struct sink *sink, size_t count) {
    metric_add(sink->events->settings.metrics, EVENTS, EVENT_RESULT_FAILED, count);
    sink->failed += count;
}

/* ---- deliveries ---- */

static void begin_body(struct sink *sink) {
    struct buffer *body = &sink->body;
    buffer_clear(body);
    json_begin_object(body, NULL);
    json_add_unsigned(body, "schema", SCHEMA);
    json_add_text(body, "server", text_of(sink->events->server));
    json_add_text(body, "version", TEXT_LITERAL(HARRIER_VERSION));
    json_add_unsigned(body, "dropped", atomic_load(&sink->dropped));
    json_begin_array(body, "events");
}

static void attempt(struct sink *sink) {
    sink->attempts++;
    sink->is_pausing = false;
    sink->destination->start(sink->destination, buffer_text(&sink->body), sink->count);
}

/* The next rows, if there are any. */
static void deliver_next(struct sink *sink) {
    begin_body(sink);
    sink->count = event_queue_take(&sink->queue, &sink->body);
    sink->is_busy = sink->count > 0;
    sink->attempts = 0;
    if (!sink->is_busy)
        return;
    json_end_array(&sink->body);
    json_end_object(&sink->body);
    attempt(sink);
}

static void stop_if_idle(struct events *events) {
    bool is_busy = false;
    for (size_t i = 0; i < events->sink_count; i++)
        is_busy |= events->sinks[i].is_busy;
    if (!is_busy && atomic_load(&events->stopping))
        event_base_loopbreak(events->base);
}

static void pause_before_retry(struct sink *sink) {
    int64_t first_us = sink->events->settings.retry_us;
    int64_t pause_us = (first_us > 0 ? first_us : RETRY_US) << (sink->attempts - 1);
    sink->is_pausing = true;
    event_add(sink->retry,
              &(struct timeval){.tv_sec = pause_us / 1000000, .tv_usec = pause_us % 1000000});
}

static void note_success(struct sink *sink) {
    struct events *events = sink->events;
    metric_add(events->settings.metrics, EVENTS, EVENT_RESULT_DELIVERED, sink->count);
    if (sink->is_failing)
        log_line_with(events->settings.log, LOG_INFO,
                      LOG_FIELDS(log_field_string("destination", sink->destination->name)),
                      "%s: events are delivered again", sink->destination->name);
    sink->is_failing = false;
    if (sink->failed == 0) /* else it is still to be logged */
        *sink->problem = '\0';
}

static void on_delivered(void *user, const char *problem) {
    struct sink *sink = user;
    struct events *events = sink->events;
    if (*problem == '\0') {
        note_success(sink);
    } else {
        snprintf(sink->problem, sizeof sink->problem, "%s", problem);
        metric_add(events->settings.metrics, EVENT_ATTEMPTS_FAILED, 0, 1);
        if (sink->attempts <= RETRIES && !atomic_load(&events->stopping)) {
            pause_before_retry(sink);
            return;
        }
        give_up(sink, sink->count);
        report_losses(sink, false);
    }
    deliver_next(sink);
    stop_if_idle(events);
}

static void on_retry(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    attempt(user);
}

/* ---- the loop ---- */

static void on_flush(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct events *events = user;
    for (size_t i = 0; i < events->sink_count; i++)
        if (!events->sinks[i].is_busy)
            deliver_next(&events->sinks[i]);
    stop_if_idle(events);
}

/* What is left gets one attempt, without a pause. */
static void begin_drain(struct events *events) {
    event_add(events->drain, &(struct timeval){.tv_sec = DRAIN_US / 1000000});
    for (size_t i = 0; i < events->sink_count; i++) {
        struct sink *sink = &events->sinks[i];
        if (sink->is_pausing) {
            event_del(sink->retry);
            attempt(sink);
        }
    }
    on_flush(-1, 0, events);
}

static void on_wake(evutil_socket_t descriptor, short what, void *user) {
    (void)what;
    struct events *events = user;
    eventfd_t count;
    eventfd_read(descriptor, &count);
    if (atomic_load(&events->stopping))
        begin_drain(events);
    else if (!event_pending(events->flush, EV_TIMEOUT, NULL))
        event_add(events->flush, &(struct timeval){.tv_usec = FLUSH_US});
}

static void on_report(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct events *events = user;
    for (size_t i = 0; i < events->sink_count; i++)
        report_losses(&events->sinks[i], false);
}

static void on_drain_end(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    event_base_loopbreak(((struct events *)user)->base);
}

/* What is still there when the loop ends. */
static void abandon_rest(struct sink *sink) {
    size_t left = (sink->is_busy ? sink->count : 0) + event_queue_clear(&sink->queue);
    sink->destination->abandon(sink->destination);
    if (left > 0 && !*sink->problem)
        snprintf(sink->problem, sizeof sink->problem, "the server stopped first");
    give_up(sink, left);
    report_losses(sink, true);
}

static void *work(void *user) {
    struct events *events = user;
    event_base_dispatch(events->base);
    for (size_t i = 0; i < events->sink_count; i++)
        abandon_rest(&events->sinks[i]);
    return NULL;
}

/* ---- rows ---- */

bool events_want(const struct events *events, enum event_kind kind) {
    return events && (events->settings.kinds & event_kind_bit(kind)) != 0;
}

uint32_t events_fields(const struct events *events) {
    return events->settings.fields;
}

void events_begin(struct events *events, enum event_kind kind, struct buffer *ret_row) {
    char id[64];
    uint64_t number = atomic_fetch_add_explicit(&events->sequence, 1, memory_order_relaxed) + 1;
    snprintf(id, sizeof id, "%s-%" PRIu64, events->boot, number);
    buffer_init(ret_row);
    json_begin_object(ret_row, NULL);
    json_add_text(ret_row, "id", text_of(id));
    json_add_text(ret_row, "event", text_of(event_kind_name(kind)));
    json_add_time(ret_row, "time", clock_wall_us(events->settings.clock));
}

void events_send(struct events *events, struct buffer *row) {
    bool is_news = false;
    json_end_object(row);
    for (size_t i = 0; i < events->sink_count; i++) {
        struct sink *sink = &events->sinks[i];
        bool was_empty = false;
        if (row->length <= EVENT_ROW_MAX &&
            event_queue_add(&sink->queue, buffer_text(row), &was_empty)) {
            is_news |= was_empty;
            continue;
        }
        atomic_fetch_add(&sink->dropped, 1);
        metric_add(events->settings.metrics, EVENTS, EVENT_RESULT_DROPPED, 1);
    }
    if (is_news)
        eventfd_write(events->wake_descriptor, 1);
    buffer_deinit(row);
}

/* ---- opening and closing ---- */

static const struct {
    const char *name;
    uint32_t bit;
} other_fields[] = {{"amount", EVENT_FIELD_AMOUNT},
                    {"event_time", EVENT_FIELD_TIME},
                    {"location", EVENT_FIELD_LOCATION},
                    {"reasons", EVENT_FIELD_REASONS}};
#define OTHER_FIELDS (sizeof other_fields / sizeof *other_fields)

int events_field_add(struct text name, uint32_t *fields, struct error *ret_error) {
    enum transaction_field field = transaction_field_parse(name);
    struct buffer all;
    if (field != FIELD_COUNT) {
        *fields |= UINT32_C(1) << field;
        return 0;
    }
    for (size_t i = 0; i < OTHER_FIELDS; i++)
        if (text_is(name, other_fields[i].name)) {
            *fields |= other_fields[i].bit;
            return 0;
        }
    buffer_init(&all);
    for (size_t i = 0; i < OTHER_FIELDS; i++)
        buffer_printf(&all, "%s, ", other_fields[i].name);
    for (field = 0; field < FIELD_COUNT; field++)
        buffer_printf(&all, "%s%s", field ? ", " : "", transaction_field_name(field));
    error_set(ret_error, ERROR_INVALID, "\"%.*s\" is no field; expected %.*s",
              (int)(name.length < 60 ? name.length : 60), name.data, (int)all.length,
              (const char *)all.bytes);
    buffer_deinit(&all);
    return -ERROR_INVALID;
}

int events_check(const struct events_settings *settings, struct error *ret_error) {
    bool in_clear;
    int r = 0;
    if (*settings->url)
        r = event_url_check(settings->url, &in_clear, ret_error);
    if (r == 0 && *settings->command)
        r = event_command_check(settings->command, ret_error);
    if (r == 0 && *settings->secret && !*settings->url)
        r = error_set(ret_error, ERROR_INVALID,
                      "event_secret signs what is sent to event_url, and there is none");
    return r;
}

/* The file's bytes without a newline at its end. */
static int read_secret(const char *path, struct buffer *secret, struct error *ret_error) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) < 0) {
        error_set_errno(ret_error, errno, "event_secret: cannot read %s", path);
        if (descriptor >= 0)
            close(descriptor);
        return -(int)ret_error->code;
    }
    uint8_t *bytes = buffer_reserve(secret, EVENT_SECRET_MAX + 2);
    ssize_t got = read(descriptor, bytes, EVENT_SECRET_MAX + 2);
    close(descriptor);
    if (got < 0)
        return error_set_errno(ret_error, errno, "event_secret: cannot read %s", path);
    if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "event_secret: every user of this machine may read or write %s; only the "
                         "server's user and group should: chmod 640",
                         path);
    secret->length = (size_t)got - (got > 0 && bytes[got - 1] == '\n');
    if (secret->length < EVENT_SECRET_MIN || secret->length > EVENT_SECRET_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "event_secret: %s has %zu bytes; expected %d to %d, such as those of "
                         "`openssl rand -hex 32`",
                         path, secret->length, EVENT_SECRET_MIN, EVENT_SECRET_MAX);
    return 0;
}

static void add_sink(struct events *events, struct event_destination *destination) {
    struct sink *sink = &events->sinks[events->sink_count++];
    sink->events = events;
    sink->destination = destination;
    destination->delivered = on_delivered;
    destination->user = sink;
    event_queue_init(&sink->queue, events->settings.queue_size);
    buffer_init(&sink->body);
    sink->retry = event_new(events->base, -1, 0, on_retry, sink);
    check(sink->retry);
}

static int add_url(struct events *events, struct error *ret_error) {
    struct event_destination *destination;
    struct buffer secret;
    bool in_clear = false;
    int r = 0;
    buffer_init(&secret);
    if (*events->settings.secret)
        r = read_secret(events->settings.secret, &secret, ret_error);
    const struct event_url_settings settings = {.url = events->url,
                                                .ca = events->ca,
                                                .secret = buffer_text(&secret),
                                                .timeout_us = events->settings.timeout_us};
    if (r == 0)
        r = event_url_check(events->url, &in_clear, ret_error);
    if (r == 0)
        r = event_url_new(events->base, &settings, &destination, ret_error);
    if (secret.capacity > 0)
        explicit_bzero(secret.bytes, secret.capacity);
    buffer_deinit(&secret);
    if (r < 0)
        return r;
    add_sink(events, destination);
    if (in_clear)
        log_line(events->settings.log, LOG_WARNING,
                 "event_url: events go over the network unencrypted; use https://");
    return 0;
}

static struct event *new_event(struct events *events, int descriptor, short what,
                               event_callback_fn callback) {
    struct event *event = event_new(events->base, descriptor, what, callback, events);
    check(event);
    return event;
}

static struct events *events_new(const struct events_settings *settings) {
    struct events *events = check_calloc(1, sizeof *events);
    uint64_t boot;
    check(getrandom(&boot, sizeof boot, 0) == sizeof boot);
    hash_hex(boot, events->boot);
    events->settings = *settings;
    events->url = text_copy(text_of(settings->url));
    events->command = text_copy(text_of(settings->command));
    events->ca = text_copy(text_of(settings->ca));
    events->server = text_copy(text_of(settings->server));
    events->base = event_base_new();
    events->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(events->base && events->wake_descriptor >= 0);
    events->wake = new_event(events, events->wake_descriptor, EV_READ | EV_PERSIST, on_wake);
    events->flush = new_event(events, -1, 0, on_flush);
    events->report = new_event(events, -1, EV_PERSIST, on_report);
    events->drain = new_event(events, -1, 0, on_drain_end);
    event_add(events->wake, NULL);
    event_add(events->report, &(struct timeval){.tv_sec = 1});
    return events;
}

/* The thread has ended, or was never started. */
static void events_free(struct events *events) {
    for (size_t i = 0; i < events->sink_count; i++) {
        struct sink *sink = &events->sinks[i];
        event_free(sink->retry);
        sink->destination->free(sink->destination);
        event_queue_deinit(&sink->queue);
        buffer_deinit(&sink->body);
    }
    event_free(events->wake);
    event_free(events->flush);
    event_free(events->report);
    event_free(events->drain);
    event_base_loop(events->base, EVLOOP_NONBLOCK); /* connections are freed from the loop */
    event_base_free(events->base);
    close(events->wake_descriptor);
    free(events->url);
    free(events->command);
    free(events->ca);
    free(events->server);
    free(events);
}

int events_open(const struct events_settings *settings, struct events **ret_events,
                struct error *ret_error) {
    int r = events_check(settings, ret_error);
    if (r < 0)
        return r;
    if (!*settings->url && !*settings->command) {
        *ret_events = NULL;
        return 0;
    }
    struct events *events = events_new(settings);
    struct event_destination *command;
    if (*events->url)
        r = add_url(events, ret_error);
    if (r == 0 && *events->command) {
        r = event_command_new(events->base, events->command, settings->timeout_us, &command,
                              ret_error);
        if (r == 0)
            add_sink(events, command);
    }
    if (r < 0) {
        events_free(events);
        return r;
    }
    *ret_events = events;
    return 0;
}

void events_start(struct events *events) {
    if (!events)
        return;
    thread_start(&events->thread, work, events);
    events->has_thread = true;
}

void events_close(struct events *events) {
    if (!events)
        return;
    if (events->has_thread) {
        atomic_store(&events->stopping, true);
        eventfd_write(events->wake_descriptor, 1);
        pthread_join(events->thread, NULL);
    }
    events_free(events);
}
