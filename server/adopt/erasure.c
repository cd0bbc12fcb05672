#include "erasure.h"

#include "core/base/check.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/rewrite/archive_rewrite.h"
#include "server/base/append.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX ((size_t)256 << 20)

/* ---- what is being erased ---- */

/* Under the decision lock. */
static void forget(struct service *service) {
    free(service->erasing.keys);
    service->erasing = (struct erasing){0};
}

/* A copy: the request's memory goes. */
static struct erased_key *copy_keys(const struct erasure_record *erasure) {
    size_t bytes = 0;
    for (size_t i = 0; i < erasure->key_count; i++)
        bytes += erasure->keys[i].field.length;
    struct erased_key *keys = check_malloc(erasure->key_count * sizeof *keys + bytes + 1);
    char *at = (char *)(keys + erasure->key_count);
    for (size_t i = 0; i < erasure->key_count; i++) {
        keys[i] = erasure->keys[i];
        keys[i].field.data = memcpy(at, erasure->keys[i].field.data, keys[i].field.length);
        at += keys[i].field.length;
    }
    return keys;
}

int erasure_check(const struct service *service, const struct transaction *transaction,
                  uint64_t position, struct error *ret_error) {
    const struct erasing *erasing = &service->erasing;
    if (erasing->count == 0 || position >= erasing->before ||
        !erasure_concerns(erasing->keys, erasing->count, transaction))
        return 0;
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "the record of this transaction is being rewritten by an erasure; try again "
                     "in a moment");
}

/* ---- the request ---- */

bool erasure_is_wanted(struct service *service) {
    char path[4096];
    pthread_mutex_lock(&service->lock);
    bool is_at_work = service->erasing.count > 0;
    pthread_mutex_unlock(&service->lock);
    snprintf(path, sizeof path, "%s/" ERASURE_FOLDER "/request", service->archive_path);
    return is_at_work || access(path, F_OK) == 0;
}

/* Under the decision lock. 1: not now; the request waits. Else it is gone, before its record is
 * there: so the asker knows others' records from its own, and its next request is not removed. */
static int append(struct service *service, const struct erasure_record *erasure,
                  struct error *ret_error) {
    struct record record = {.type = RECORD_ERASURE, .erasure = *erasure};
    if (service->state != SERVICE_READY || !service_writes(service) ||
        atomic_load(&service->outage.is_on))
        return 1;
    erasure_request_remove(service->archive_path);
    if (!erasure->done)
        archive_end_segment(service->archive);
    int r = service_append(service, &record, ret_error);
    if (r < 0)
        return r;
    forget(service);
    if (!erasure->done)
        service->erasing = (struct erasing){.keys = copy_keys(erasure),
                                            .count = erasure->key_count,
                                            .number = erasure->number,
                                            .before = record.position};
    else
        archive_reopen_segments(service->archive);
    return 0;
}

static void take_request(struct service *service) {
    struct erasure_record erasure;
    struct arena arena;
    struct error error;
    arena_init(&arena, REQUEST_BYTES_MAX);
    int r = erasure_request_read(service->archive_path, &arena, &erasure, &error);
    /* Of an asker that has gone nothing may begin. */
    bool is_left = r == 0 && !erasure_is_at_work(service->archive_path);
    if (r < 0 || is_left)
        erasure_request_remove(service->archive_path);
    if (r == 0 && !is_left) {
        pthread_mutex_lock(&service->lock);
        r = append(service, &erasure, &error);
        pthread_mutex_unlock(&service->lock);
    }
    if (r == 0 && !is_left)
        log_line(service->settings.log, LOG_INFO, "erasure %" PRIu64 " %s", erasure.number,
                 erasure.done ? "is done" : "begins");
    if (r < 0)
        log_line(service->settings.log, LOG_ERROR, "an erasure was refused: %s", error.text);
    arena_deinit(&arena);
    service_report(service);
}

/* ---- a start ---- */

/* The record of an erasure's beginning is the first of its segment. 1: it is; the keys are taken.
 */
static int take_beginning(struct service *service, const struct archive_parts *parts, size_t index,
                          struct arena *arena, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record found;
    struct record record;
    int r = archive_part_open(parts, index, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    r = archive_part_next(reader, &found, ret_error);
    bool is_erasure = r == 1 && found.type == RECORD_ERASURE;
    if (is_erasure)
        r = archive_part_decode(reader, arena, &record, ret_error);
    is_erasure = is_erasure && r >= 0 && !record.erasure.done;
    if (is_erasure)
        service->erasing = (struct erasing){.keys = copy_keys(&record.erasure),
                                            .count = record.erasure.key_count,
                                            .number = record.erasure.number,
                                            .before = found.position};
    archive_part_close(reader);
    return r < 0 ? r : is_erasure;
}

/* Of one that is done, or committed, look_for_end() forgets them again. */
int erasure_resume(struct service *service, struct error *ret_error) {
    struct archive_parts *parts;
    struct arena arena;
    if (!erasure_is_at_work(service->archive_path))
        return 0;
    int r = archive_parts_open(service->archive_path, &parts, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, REQUEST_BYTES_MAX);
    for (size_t i = archive_parts_count(parts); i-- > 0 && r == 0;)
        r = take_beginning(service, parts, i, &arena, ret_error);
    arena_deinit(&arena);
    archive_parts_close(parts);
    return r < 0 ? r : 0;
}

/* ---- its end ---- */

/* The segments are in place, or will not be: the process is gone. */
static void look_for_end(struct service *service) {
    uint64_t epoch = 0;
    struct error ignored;
    pthread_mutex_lock(&service->lock);
    uint64_t number = service->erasing.count > 0 ? service->erasing.number : 0;
    pthread_mutex_unlock(&service->lock);
    if (number == 0)
        return;
    bool is_at_work = erasure_is_at_work(service->archive_path);
    bool is_committed =
        archive_epoch_number(service->archive_path, &epoch, &ignored) == 0 && epoch >= number;
    if (is_at_work && !is_committed)
        return;
    pthread_mutex_lock(&service->lock);
    archive_reopen_segments(service->archive);
    forget(service);
    pthread_mutex_unlock(&service->lock);
    log_line(service->settings.log, is_committed ? LOG_INFO : LOG_WARNING,
             is_committed ? "erasure %" PRIu64 ": the rewritten segments are in use"
                          : "erasure %" PRIu64 " has ended before anything was rewritten",
             number);
}

void erasure_work(struct service *service) {
    take_request(service);
    look_for_end(service);
}
