/* Writing the log: taking over, shipping in transactions, stepping down.
 *
 * Whatever goes wrong with a transaction ends this node's time as primary: whether it was
 * committed, only the log can say, and reading it is what a follower does. */
#include "core/base/check.h"
#include "node.h"
#include "server/adopt/adoption.h"
#include "server/base/brake_counts.h"
#include "server/base/commit.h"
#include "server/base/deferred_free.h"
#include "server/base/run_pool.h"
#include "server/ops/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define RECORDS_MAX 20000              /* of one transaction */
#define BYTES_MAX   ((size_t)16 << 20) /* likewise, about */
#define SIGN_US     1000000            /* between two signs */
#define WAIT_NS     50000000           /* between two looks whether to stop */
#define STOP_US     5000000            /* to ship what is left */

static int add_sign(struct cluster *cluster, struct error *ret_error) {
    const struct log_sign sign = {.nonce = cluster->nonce,
                                  .node = text_of(cluster->node),
                                  .address = text_of(cluster->address)};
    const struct log_head head = {.kind = LOG_KIND_SIGN, .place = cluster->committed.place};
    uint8_t bytes[LOG_HEADER_BYTES];
    struct buffer value;
    buffer_init(&value);
    log_head_encode(&head, bytes);
    log_sign_encode(&sign, &value);
    const struct topic_header header = {.name = LOG_HEADER,
                                        .value = {.data = (char *)bytes, .length = sizeof bytes}};
    int r = topic_writer_add(cluster->writer, 0, (struct text){0},
                             (struct text){.data = (char *)value.bytes, .length = value.length},
                             &header, 1, ret_error);
    buffer_deinit(&value);
    return r;
}

static int add_record(struct cluster *cluster, enum record_type type, struct text payload,
                      struct archive_place place, struct error *ret_error) {
    size_t parts = payload.length / LOG_PART_BYTES + (payload.length % LOG_PART_BYTES > 0);
    int r = 0;
    if (parts == 0)
        parts = 1;
    for (size_t part = 0; part < parts && r == 0; part++) {
        size_t from = part * LOG_PART_BYTES, rest = payload.length - from;
        uint8_t bytes[LOG_HEADER_BYTES];
        log_head_encode(&(struct log_head){.kind = LOG_KIND_RECORD,
                                           .type = (uint16_t)type,
                                           .part = (uint32_t)part,
                                           .part_count = (uint32_t)parts,
                                           .place = place},
                        bytes);
        const struct topic_header header = {
            .name = LOG_HEADER, .value = {.data = (char *)bytes, .length = sizeof bytes}};
        const struct text value = {.data = payload.data + from,
                                   .length = rest < LOG_PART_BYTES ? rest : LOG_PART_BYTES};
        r = topic_writer_add(cluster->writer, 0, (struct text){0}, value, &header, 1, ret_error);
    }
    return r;
}

/* ---- taking over ---- */

static int commit_sign(struct cluster *cluster, struct error *ret_error) {
    int r = topic_writer_begin(cluster->writer, ret_error);
    if (r == 0)
        r = add_sign(cluster, ret_error);
    if (r == 0)
        r = topic_writer_commit(cluster->writer, NULL, NULL, ret_error);
    return r > 0 ? -(int)ret_error->code : r;
}

/* To ask for the end of the log would not do: a broker that is cut off may name an old one. */
static int read_to_own_sign(struct cluster *cluster, struct error *ret_error) {
    cluster->saw_own_sign = false;
    int r = commit_sign(cluster, ret_error);
    while (r >= 0 && !cluster->saw_own_sign) {
        r = follow_some(cluster, 100, ret_error);
        if (r >= 0 && (node_is_stopping(cluster) || !atomic_load(&cluster->is_held)))
            r = error_set(ret_error, ERROR_INTERRUPTED, "the lease was lost while taking over");
    }
    return r < 0 ? r : 0;
}

/* Everything that was committed is applied. What decides from here on is recorded, as at a start.
 */
static int become_primary(struct cluster *cluster, struct error *ret_error) {
    struct service *service = cluster->service;
    struct replication *replication = &service->replication;
    int r = 0;
    pthread_mutex_lock(&service->lock);
    if (service->state != SERVICE_STANDBY || !service->states.overlay)
        r = error_set(ret_error, ERROR_UNAVAILABLE, "this node is %s and cannot take over",
                      service_state_name(service->state));
    if (r == 0) {
        replication->is_primary = true;
        replication->adopted.this_version = false; /* each primary records itself */
        service->written_shadows = replication->adopted.shadows;
        brake_counts_clear(service->brake_counts); /* another node has decided since */
        brake_counts_clear(service->challenge.brake_counts);
        snprintf(replication->primary, sizeof replication->primary, "%s", cluster->address);
        r = adoption_record(service, &replication->adopted, ret_error);
        if (r == 0)
            service_set_state(service, SERVICE_READY, "%s", "");
    }
    uint64_t position = archive_end(service->archive).position;
    pthread_mutex_unlock(&service->lock);
    service_report(service);
    if (r < 0)
        return r;
    metric_add(service->settings.metrics, TAKE_OVERS, 0, 1);
    log_line_with(service->settings.log, LOG_INFO,
                  LOG_FIELDS(log_field_string("node", cluster->node),
                             log_field_string("cluster", cluster->name),
                             log_field_unsigned("position", position)),
                  "node %s is the primary of cluster %s from position %" PRIu64 " on",
                  cluster->node, cluster->name, position);
    return 0;
}

static void set_writer(struct cluster *cluster, struct topic_writer *writer) {
    pthread_mutex_lock(&cluster->service->lock);
    cluster->writer = writer;
    pthread_mutex_unlock(&cluster->service->lock);
}

static void close_writer(struct cluster *cluster) {
    struct topic_writer *writer = cluster->writer;
    set_writer(cluster, NULL);
    topic_writer_close(writer);
}

/* Stops being the primary. What was written and is not known to be committed must be forgotten, and
 * with it the states: they cannot be un-applied. */
static void step_down(struct cluster *cluster, const char *reason) {
    struct service *service = cluster->service;
    struct replication *replication = &service->replication;
    pthread_mutex_lock(&service->lock);
    replication->is_primary = false;
    *replication->primary = '\0';
    struct run *runs = commit_release(service);
    uint64_t tail = archive_end(service->archive).position - replication->committed.position;
    if (tail > 0 || !service->states.overlay) {
        service->losses++;
        replication->cuts++;
        service_defer_free(service, &service->states);
        replication->is_reconciling = true;
        if (service->state != SERVICE_DRAINING && service->state != SERVICE_FAILED)
            service_set_state(service, SERVICE_UNAVAILABLE,
                              "no longer the primary: reading the log");
    } else {
        replication->adopted = (struct adopted){.snapshot_id = service->rules->id,
                                                .generation_id = service->states.generation_id,
                                                .shadows = service->written_shadows};
        if (service->state == SERVICE_READY)
            service_set_state(service, SERVICE_STANDBY, "%s", "");
    }
    pthread_mutex_unlock(&service->lock);
    runs_reply(runs);
    service_report(service);
    close_writer(cluster);
    log_line(service->settings.log, LOG_WARNING,
             "node %s is no longer the primary: %s; %" PRIu64
             " records are not known to be committed",
             cluster->node, reason, tail);
}

int ship_take_over(struct cluster *cluster, struct error *ret_error) {
    const char *const topics[] = {cluster->topic};
    int r =
        topic_writer_open(&cluster->kafka, cluster->name, topics, 1, &cluster->writer, ret_error);
    if (r == 0)
        r = read_to_own_sign(cluster, ret_error);
    if (r == 0) {
        r = become_primary(cluster, ret_error);
        if (r < 0 && cluster->service->replication.is_primary)
            step_down(cluster, ret_error->text);
    }
    if (r < 0) {
        close_writer(cluster);
        return r;
    }
    log_reader_close(cluster->reader); /* as primary it knows what is on the log */
    cluster->reader = NULL;
    return 0;
}

/* ---- shipping ---- */

/* Adds the records up to this position, or as many as a transaction takes. *ret_place: the last. */
static int add_records(struct cluster *cluster, struct archive_reader *reader, uint64_t until,
                       struct archive_place *ret_place, struct error *ret_error) {
    struct record record;
    size_t bytes = 0;
    int r = 0;
    for (size_t count = 0;
         r == 0 && ret_place->position < until && count < RECORDS_MAX && bytes < BYTES_MAX;
         count++) {
        arena_reset(&cluster->arena);
        r = archive_reader_next(reader, &cluster->arena, &record, ret_error);
        if (r == 0)
            r = error_set(ret_error, ERROR_DAMAGED,
                          "the archive ended at position %" PRIu64 "; expected %" PRIu64,
                          ret_place->position, until);
        if (r < 0)
            return r;
        const struct archive_frame *frame = archive_reader_frame(reader);
        *ret_place = archive_reader_place(reader);
        bytes += frame->payload.length;
        r = add_record(cluster, record.type, frame->payload, *ret_place, ret_error);
    }
    return r;
}

/* One transaction, if there is something to ship. After it, answers that waited for it are sent. */
static int ship(struct cluster *cluster, struct archive_reader *reader, uint64_t until,
                bool with_sign, struct error *ret_error) {
    struct service *service = cluster->service;
    const struct service_settings *settings = &service->settings;
    struct archive_place place = cluster->committed.place;
    int64_t began_us = clock_monotonic_us(settings->clock);
    int r = topic_writer_begin(cluster->writer, ret_error);
    if (r == 0)
        r = add_records(cluster, reader, until, &place, ret_error);
    if (r == 0 && with_sign)
        r = add_sign(cluster, ret_error);
    if (r == 0)
        r = topic_writer_commit(cluster->writer, NULL, NULL, ret_error);
    if (r != 0) /* undone, or at its end */
        return -(int)ret_error->code;
    metric_observe(settings->metrics, LOG_COMMIT_DURATION, 0,
                   clock_monotonic_us(settings->clock) - began_us);
    r = follow_note_committed(cluster, place, topic_writer_last_offset(cluster->writer), ret_error);
    pthread_mutex_lock(&service->lock);
    struct run *runs = service->replication.is_primary ? commit_release(service) : NULL;
    pthread_mutex_unlock(&service->lock);
    runs_reply(runs);
    return r;
}

/* Why this node should not be the primary any more; NULL: it should. */
static const char *reason_to_stop(const struct cluster *cluster) {
    if (node_is_stopping(cluster))
        return "the server is stopping";
    if (atomic_load(&cluster->leaves))
        return "its lease is given to another node";
    if (atomic_load(&cluster->is_held))
        return NULL;
    return atomic_load(&cluster->is_unable) ? "it cannot decide, and has given its lease back"
                                            : "another node holds the lease";
}

/* Under the decision lock: until there is something to ship, or for a moment. Returns the archive's
 * last position, all of which is written. */
static uint64_t wait_for_records(struct cluster *cluster) {
    struct service *service = cluster->service;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (archive_end(service->archive).position <= cluster->committed.place.position)
        if (pthread_cond_timedwait(&service->replication.written, &service->lock, &until) ==
            ETIMEDOUT)
            break;
    return archive_end(service->archive).position;
}

/* No record comes after this; those that wait get their answers when they are shipped. */
static void close_admission(struct service *service) {
    pthread_mutex_lock(&service->lock);
    service->replication.is_primary = false;
    *service->replication.primary = '\0';
    pthread_mutex_unlock(&service->lock);
}

static int ship_rest(struct cluster *cluster, struct archive_reader *reader,
                     struct error *ret_error) {
    struct service *service = cluster->service;
    int64_t until_us = clock_monotonic_us(service->settings.clock) + STOP_US;
    int r = 0;
    close_admission(service);
    for (;;) {
        pthread_mutex_lock(&service->lock);
        uint64_t end = archive_end(service->archive).position;
        pthread_mutex_unlock(&service->lock);
        if (r < 0 || cluster->committed.place.position >= end ||
            clock_monotonic_us(service->settings.clock) > until_us)
            return r;
        r = ship(cluster, reader, end, false, ret_error);
    }
}

int ship_until_deposed(struct cluster *cluster, struct error *ret_error) {
    struct service *service = cluster->service;
    const struct clock *clock = service->settings.clock;
    struct archive_reader *reader = NULL;
    const char *reason = NULL;
    int64_t signed_us = 0;
    int r =
        archive_reader_open(service->archive_path, cluster->committed.place, &reader, ret_error);
    while (r == 0 && !(reason = reason_to_stop(cluster))) {
        pthread_mutex_lock(&service->lock);
        uint64_t until = wait_for_records(cluster);
        pthread_mutex_unlock(&service->lock);
        int64_t now_us = clock_monotonic_us(clock);
        bool with_sign = now_us - signed_us >= SIGN_US;
        if (with_sign || until > cluster->committed.place.position)
            r = ship(cluster, reader, until, with_sign, ret_error);
        if (with_sign)
            signed_us = now_us;
    }
    if (r == 0)
        r = ship_rest(cluster, reader, ret_error);
    step_down(cluster, r < 0 ? ret_error->text : reason);
    if (reader)
        archive_reader_close(reader);
    return 0;
}
