/* Reading the log: appending to the archive what other nodes committed.
 *
 * A record is taken only if it continues the archive at its position with its chain. What does not
 * is either an end of our own that was never committed (reconciling cuts it off) or another
 * history, which nothing here can mend. */
#include "core/base/check.h"
#include "core/wire/record/record.h"
#include "node.h"
#include "server/base/append.h"
#include "server/base/commit.h"
#include "server/ops/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECORDS_AT_ONCE 256 /* between two looks at what else there is to do */

int follow_note_committed(struct cluster *cluster, struct archive_place place, int64_t offset,
                          struct error *ret_error) {
    struct service *service = cluster->service;
    cluster->committed = (struct archive_committed){.place = place, .offset = offset};
    pthread_mutex_lock(&service->lock);
    service->replication.committed = place;
    pthread_mutex_unlock(&service->lock);
    if (!cluster->file)
        return archive_committed_open(service->archive_path, &cluster->committed, &cluster->file,
                                      ret_error);
    return archive_committed_write(cluster->file, &cluster->committed, ret_error);
}

/* ---- messages ---- */

/* What a message turned out to be. */
struct item {
    struct log_head head;
    struct text payload; /* whole; valid until the next message */
    int64_t offset;
};

static void see_sign(struct cluster *cluster, struct text value) {
    struct service *service = cluster->service;
    struct log_sign sign;
    struct error ignored;
    if (log_sign_decode(value, &sign, &ignored) < 0)
        return;
    cluster->saw_own_sign |= sign.nonce == cluster->nonce;
    pthread_mutex_lock(&service->lock);
    snprintf(service->replication.primary, sizeof service->replication.primary, "%" TEXT_FORMAT,
             TEXT_ARGS(sign.address));
    pthread_mutex_unlock(&service->lock);
}

/* What a message is: a whole record, a sign, or one of several parts. */
enum taken { TAKEN_PART, TAKEN_RECORD, TAKEN_SIGN };

/* enum taken. TAKEN_RECORD fills *ret_item. */
static int take_message(struct cluster *cluster, const struct log_record *message,
                        struct item *ret_item, struct error *ret_error) {
    struct log_head head;
    int r = log_head_decode(message->header, &head, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "topic %s, offset %" PRId64, cluster->topic,
                            message->offset);
    if (head.kind == LOG_KIND_SIGN) {
        see_sign(cluster, message->value);
        return TAKEN_SIGN;
    }
    *ret_item = (struct item){.head = head, .payload = message->value, .offset = message->offset};
    if (head.part_count == 1)
        return TAKEN_RECORD;
    if (head.part == 0) { /* a reader may begin between two parts of a record that it has */
        buffer_clear(&cluster->parts);
        cluster->parts_seen = 0;
    }
    if (head.part != cluster->parts_seen)
        return TAKEN_PART;
    buffer_append(&cluster->parts, message->value.data, message->value.length);
    cluster->parts_seen++;
    ret_item->payload =
        (struct text){.data = (char *)cluster->parts.bytes, .length = cluster->parts.length};
    return cluster->parts_seen == head.part_count ? TAKEN_RECORD : TAKEN_PART;
}

static int decode(struct cluster *cluster, const struct item *item, struct record *ret_record,
                  struct error *ret_error) {
    arena_reset(&cluster->arena);
    int r = record_decode((enum record_type)item->head.type, item->payload.data,
                          item->payload.length, &cluster->arena, ret_record, ret_error);
    ret_record->position = item->head.place.position;
    return r < 0 ? error_prefix(ret_error, "topic %s, record %" PRIu64, cluster->topic,
                                item->head.place.position)
                 : 0;
}

/* Appends one record, writes it and, if there are states, applies it, all under one decision lock:
 * others that take it find no record that the archive's files do not have. */
static int append(struct cluster *cluster, const struct item *item, struct error *ret_error) {
    struct service *service = cluster->service;
    struct record record;
    int r = decode(cluster, item, &record, ret_error);
    if (r < 0)
        return r;
    pthread_mutex_lock(&service->lock);
    r = archive_append_encoded(service->archive, record.type, item->payload, record.receive_time_us,
                               item->head.place, ret_error);
    bool is_appended = r == 0;
    if (r == 0)
        r = archive_write(service->archive, ret_error);
    if (r == 0) {
        service->replication.committed = item->head.place;
        commit_want(service);
    }
    if (r == 0 && service->states.overlay) {
        overlay_apply(service->states.overlay, service->states.engine, &record);
        adopted_note(&service->replication.adopted, &record);
        service_check_overlay(service);
    } else if (is_appended && r < 0 && service->states.overlay) {
        service_lose_archive(service, ret_error);
        service->replication.is_reconciling = true;
    } else if (is_appended && r < 0) {
        service_note_write_failure(service, ret_error);
    }
    pthread_mutex_unlock(&service->lock);
    if (is_appended && r < 0)
        service_report(service);
    return r;
}

/* ---- following ---- */

static int check_states(struct service *service, struct error *ret_error) {
    pthread_mutex_lock(&service->lock);
    bool follows = service->states.overlay && !service->replication.is_reconciling;
    pthread_mutex_unlock(&service->lock);
    return follows ? 0 : error_set(ret_error, ERROR_UNAVAILABLE, "the states were lost");
}

/* One message. cluster->committed moves on with it. */
static int follow_one(struct cluster *cluster, const struct log_record *message,
                      struct error *ret_error) {
    struct archive_committed *committed = &cluster->committed;
    struct item item;
    int taken = take_message(cluster, message, &item, ret_error);
    if (taken < 0)
        return taken;
    if (taken == TAKEN_RECORD && item.head.place.position > committed->place.position) {
        int r = append(cluster, &item, ret_error);
        if (r < 0)
            return r;
        committed->place = item.head.place;
    }
    if (taken != TAKEN_PART) /* else reading again would miss its first part */
        committed->offset = message->offset;
    return 0;
}

int follow_some(struct cluster *cluster, int wait_ms, struct error *ret_error) {
    struct log_record message;
    int r = check_states(cluster->service, ret_error);
    if (r == 0)
        r = log_reader_next(cluster->reader, wait_ms, &message, ret_error);
    for (size_t count = 0; r == LOG_RECORD; count++) {
        int failed = follow_one(cluster, &message, ret_error);
        log_record_free(&message);
        if (failed < 0)
            r = failed;
        else if (count == RECORDS_AT_ONCE)
            break;
        else
            r = log_reader_next(cluster->reader, 0, &message, ret_error);
    }
    struct error unsaid;
    int noted = follow_note_committed(cluster, cluster->committed.place, cluster->committed.offset,
                                      r < 0 ? &unsaid : ret_error);
    return r < 0 ? r : noted < 0 ? noted : r;
}

int follow_reopen(struct cluster *cluster, struct error *ret_error) {
    int64_t offset = cluster->committed.offset;
    log_reader_close(cluster->reader);
    cluster->reader = NULL;
    buffer_clear(&cluster->parts);
    return log_reader_open(&cluster->kafka, cluster->topic, LOG_HEADER,
                           offset < 0 ? LOG_BEGINNING : offset, &cluster->reader, ret_error);
}

/* ---- reconciling ---- */

/* Our own archive, read beside the log. */
struct comparison {
    struct cluster *cluster;
    struct archive_reader *own; /* NULL: at its end */
    struct archive_place place; /* up to which both are the same */
    bool is_same;               /* at least one record was compared */
    bool is_over;               /* they differ, or our archive has ended */
};

/* Moves our reader to the record before this position. 0: it is there. */
static int seek(struct comparison *comparison, uint64_t position, struct error *ret_error) {
    struct record record;
    while (archive_reader_place(comparison->own).position + 1 < position) {
        arena_reset(&comparison->cluster->arena);
        int r =
            archive_reader_next(comparison->own, &comparison->cluster->arena, &record, ret_error);
        if (r < 0)
            return r;
        if (r == 0)
            return error_set(ret_error, ERROR_NOT_FOUND,
                             "the log begins with record %" PRIu64
                             ", and this archive ends with record %" PRIu64
                             ": begin with a copy of another node's archive",
                             position, archive_reader_place(comparison->own).position);
    }
    comparison->place = archive_reader_place(comparison->own);
    return 0;
}

/* The log's record against ours at the same position. */
static int compare(struct comparison *comparison, struct archive_place theirs,
                   struct error *ret_error) {
    struct cluster *cluster = comparison->cluster;
    struct record record;
    if (!comparison->is_same && seek(comparison, theirs.position, ret_error) < 0)
        return -(int)ret_error->code;
    if (theirs.position != comparison->place.position + 1)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the log has record %" PRIu64 " where this archive needs record %" PRIu64
                         ": begin with a copy of another node's archive",
                         theirs.position, comparison->place.position + 1);
    arena_reset(&cluster->arena);
    int r = archive_reader_next(comparison->own, &cluster->arena, &record, ret_error);
    if (r < 0)
        return r;
    struct archive_place ours = archive_reader_place(comparison->own);
    comparison->is_over = r == 0 || ours.chain != theirs.chain;
    if (r > 0 && comparison->is_over && !comparison->is_same)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "record %" PRIu64 " has chain %016" PRIx64 " here and %016" PRIx64
                         " on the log: this archive is not the cluster's; begin with an empty "
                         "one, or with a copy of another node's",
                         ours.position, ours.chain, theirs.chain);
    if (!comparison->is_over) {
        comparison->place = ours;
        comparison->is_same = true;
    }
    return 0;
}

/* What is there and not on the log is kept aside. */
static int cut(struct cluster *cluster, struct archive_place place, struct error *ret_error) {
    struct service *service = cluster->service;
    struct archive_cut_report report = {0};
    pthread_mutex_lock(&service->lock);
    commit_await_idle(service);
    int r = 0;
    if (archive_end(service->archive).position > place.position)
        r = archive_cut(service->archive, place, &report, ret_error);
    if (r == -ERROR_UNAVAILABLE) /* an earlier attempt broke off halfway */
        service_fail(service, ret_error);
    pthread_mutex_unlock(&service->lock);
    if (r < 0)
        service_report(service);
    if (report.records == 0 || r < 0)
        return r;
    metric_add(service->settings.metrics, LOG_CUT_RECORDS, 0, report.records);
    log_line(service->settings.log, LOG_ERROR,
             "%" PRIu64 " records after position %" PRIu64
             " are not on the log: cut off, and saved in %s",
             report.records, place.position, report.folder);
    return 0;
}

/* Our archive from the last place that is known to be committed; without one from its beginning. */
static int begin_comparison(struct cluster *cluster, struct comparison *comparison,
                            struct error *ret_error) {
    *comparison = (struct comparison){.cluster = cluster, .place = cluster->committed.place};
    comparison->is_same = cluster->was_in_cluster && !cluster->forgot_place;
    return archive_reader_open(cluster->service->archive_path, cluster->committed.place,
                               &comparison->own, ret_error);
}

/* The log has no record yet: all of our archive is what the cluster begins with. */
static bool is_first(const struct cluster *cluster, bool saw_record) {
    return !cluster->was_in_cluster && !saw_record;
}

/* One record of the log: compares it while both archives are the same, then cuts ours, then
 * appends. */
static int reconcile_record(struct comparison *comparison, const struct item *item,
                            struct error *ret_error) {
    struct cluster *cluster = comparison->cluster;
    int r = 0;
    if (item->head.place.position <= comparison->place.position)
        return 0;
    if (!comparison->is_over) {
        r = compare(comparison, item->head.place, ret_error);
        if (r < 0 || !comparison->is_over)
            return r;
        r = cut(cluster, comparison->place, ret_error);
    }
    if (r == 0)
        r = append(cluster, item, ret_error);
    if (r == 0)
        comparison->place = item->head.place;
    return r;
}

/* One message of the log. 1: what the log had when it was opened is read. */
static int reconcile_one(struct comparison *comparison, const struct log_record *message,
                         int64_t *ret_offset, bool *ret_saw_record, struct error *ret_error) {
    struct cluster *cluster = comparison->cluster;
    struct item item;
    int taken = take_message(cluster, message, &item, ret_error);
    int r = taken < 0 ? taken : 0;
    if (taken == TAKEN_RECORD) {
        *ret_saw_record = true;
        r = reconcile_record(comparison, &item, ret_error);
    }
    if (r < 0 || taken == TAKEN_PART)
        return r;
    *ret_offset = message->offset;
    return message->offset >= log_reader_end(cluster->reader);
}

/* To the end that the log had at the opening: it may grow without a pause. */
static int read_to_end(struct comparison *comparison, int64_t *ret_offset, bool *ret_saw_record,
                       struct error *ret_error) {
    struct cluster *cluster = comparison->cluster;
    int r = 0;
    while (r == 0) {
        struct log_record message;
        int found = log_reader_next(cluster->reader, 100, &message, ret_error);
        if (found < 0 || found == LOG_END)
            return found < 0 ? found : 0;
        if (found == LOG_RECORD) {
            r = reconcile_one(comparison, &message, ret_offset, ret_saw_record, ret_error);
            log_record_free(&message);
        }
        if (r == 0 && node_is_stopping(cluster))
            r = error_set(ret_error, ERROR_INTERRUPTED, "stopping");
    }
    return r < 0 ? r : 0;
}

/* Nothing on the log could be compared: there is no telling which of our records it has. */
static int refuse_unknown(const struct cluster *cluster, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "the log of topic %s has no record that this archive could be compared with: "
                     "begin with a copy of another node's archive",
                     cluster->topic);
}

int follow_reconcile(struct cluster *cluster, struct error *ret_error) {
    struct service *service = cluster->service;
    struct comparison comparison;
    int64_t offset = cluster->committed.offset;
    bool saw_record = false;
    int r = begin_comparison(cluster, &comparison, ret_error);
    if (r < 0)
        return r;
    r = follow_reopen(cluster, ret_error);
    if (r == 0)
        r = read_to_end(&comparison, &offset, &saw_record, ret_error);
    if (r == 0 && !comparison.is_over && is_first(cluster, saw_record)) {
        pthread_mutex_lock(&service->lock);
        comparison.place = archive_end(service->archive);
        pthread_mutex_unlock(&service->lock);
    } else if (r == 0 && !comparison.is_over && !comparison.is_same) {
        r = refuse_unknown(cluster, ret_error);
    } else if (r == 0 && !comparison.is_over) {
        r = cut(cluster, comparison.place, ret_error);
    }
    archive_reader_close(comparison.own);
    if (r == 0)
        r = follow_note_committed(cluster, comparison.place, offset, ret_error);
    if (r == 0) {
        cluster->was_in_cluster = true;
        cluster->forgot_place = false;
    }
    return r;
}
