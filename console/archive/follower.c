/* A round reads from where the last one ended to the sync mark, in portions of one database
 * transaction each. The reader stays open between rounds: opening one reads the last segment. */
#include "follower.h"

#include "clients/cli/terminal/folders.h"
#include "console/database/database.h"
#include "console/database/reviews.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "core/store/archive/archive_parts.h"
#include "hidden.h"
#include "recent.h"
#include "row_json.h"
#include "server/ops/clock.h"
#include "server/ops/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MS      250
#define PORTION       5000 /* records between two commits while it catches up: others wait for it */
#define GAP_US        1000 /* between two portions: a lock is not fair, and requests wait for it */
#define ARENA_BYTES   ((size_t)256 << 20)
#define PLACE_EVERY_S 10 /* keep the place at least so often, if nothing else is kept */
#define DAY_US        INT64_C(86400000000)
#define NICENESS      10 /* the server beside it decides first */

struct follower {
    struct follower_settings settings;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping; /* under the lock, as the next three */
    bool is_current;
    struct archive_place reached;
    char problem[1024];
    /* the thread's own */
    char *archive;                 /* of this round */
    struct archive_reader *reader; /* NULL: to be opened behind `place` */
    struct archive_place place;
    bool has_place, has_recent;
    int64_t kept_us; /* when the place was last kept */
    struct arena arena;
    struct buffer reasons, entities;
};

/* ---- where to begin ---- */

/* Before the first segment of the days that are wanted. */
static int first_place(const struct follower *follower, struct archive_place *ret_place,
                       struct error *ret_error) {
    struct archive_parts *parts;
    int64_t today = clock_wall_us(&clock_system) / DAY_US;
    int r = archive_parts_open(follower->archive, &parts, ret_error);
    if (r < 0)
        return r;
    struct archive_place place = {0};
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        struct archive_part part = archive_parts_part(parts, i);
        if (part.day >= today - follower->settings.days_before)
            break;
        if (part.last >= part.first)
            place = (struct archive_place){.position = part.last, .chain = part.chain};
    }
    archive_parts_close(parts);
    *ret_place = place;
    return 0;
}

static int find_place(struct follower *follower, struct error *ret_error) {
    int r = database_place(follower->settings.sql, &follower->place, ret_error);
    if (r == 0 && follower->place.position == 0)
        r = first_place(follower, &follower->place, ret_error);
    follower->has_place = r == 0;
    return r;
}

/* ---- records ---- */

static int keep_review(struct follower *follower, const struct record *record,
                       struct error *ret_error) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    buffer_clear(&follower->reasons);
    row_json_add_reasons(&follower->reasons, NULL, decision, false);
    buffer_append_u8(&follower->reasons, '\0');
    buffer_clear(&follower->entities);
    row_json_add_entities(&follower->entities, NULL, transaction);
    buffer_append_u8(&follower->entities, '\0');
    char *id = text_copy(transaction->id), *currency = text_copy(transaction->currency);
    const struct review review = {
        .position = record->position,
        .transaction_id = id,
        .event_us = transaction->event_time_us,
        .receive_us = record->receive_time_us,
        .amount_minor = transaction->amount_minor,
        .currency = currency,
        .score = decision->score,
        .reasons = (const char *)follower->reasons.bytes,
        .entities = (const char *)follower->entities.bytes,
    };
    int r = reviews_add(follower->settings.sql, &review, ret_error);
    free(id);
    free(currency);
    return r;
}

/* A label of a review that the console itself reported finds it closed already. */
static int close_review(struct follower *follower, const struct record *record,
                        struct error *ret_error) {
    const struct outcome_record *outcome = &record->outcome;
    if (outcome->verdict != VERDICT_REVIEW)
        return 0;
    char *source = text_copy(outcome->source);
    int r = reviews_close(follower->settings.sql, outcome->transaction_position,
                          label_name(outcome->label), *source ? source : "the archive",
                          record->receive_time_us, ret_error);
    free(source);
    return r;
}

/* 1: something was kept. */
static int take_record(struct follower *follower, const struct record *record, int64_t now_us,
                       struct error *ret_error) {
    int r;
    switch (record->type) {
    case RECORD_TRANSACTION:
        if (record->transaction.is_backfilled)
            return 0; /* nobody waits for it */
        live_add(follower->settings.live, record, now_us);
        if (record->transaction.decision.verdict != VERDICT_REVIEW)
            return 0;
        r = keep_review(follower, record, ret_error);
        return r < 0 ? r : 1;
    case RECORD_OUTCOME:
        r = close_review(follower, record, ret_error);
        return r < 0 ? r : 1;
    case RECORD_AMENDMENT:
    case RECORD_LIST_CHANGE:
    case RECORD_SNAPSHOT:
    case RECORD_GENERATION:
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

/* ---- rounds ---- */

/* Reads up to PORTION records, to `end` at most. 1: there is more. */
static int read_records(struct follower *follower, struct archive_reader *reader, uint64_t end,
                        bool *ret_kept, struct error *ret_error) {
    int64_t now_us = clock_wall_us(&clock_system);
    struct record record;
    int r = 1;
    for (size_t i = 0; i < PORTION && archive_reader_place(reader).position < end; i++) {
        arena_reset(&follower->arena);
        r = archive_reader_next(reader, &follower->arena, &record, ret_error);
        if (r <= 0)
            return r;
        r = take_record(follower, &record, now_us, ret_error);
        if (r < 0)
            return r;
        *ret_kept |= r > 0;
    }
    return archive_reader_place(reader).position < end;
}

static int read_portion(struct follower *follower, struct archive_reader *reader, uint64_t end,
                        struct error *ret_error) {
    struct sql *sql = follower->settings.sql;
    int64_t now_us = clock_wall_us(&clock_system);
    bool keeps = false;
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = read_records(follower, reader, end, &keeps, ret_error);
    struct archive_place place = archive_reader_place(reader);
    keeps |= r > 0 || now_us - follower->kept_us > PLACE_EVERY_S * INT64_C(1000000);
    if (r >= 0 && keeps && database_set_place(sql, place, ret_error) < 0)
        r = -(int)ret_error->code;
    int ended = sql_end(sql, r >= 0 && keeps, ret_error);
    if (r < 0 || ended < 0)
        return r < 0 ? r : ended;
    follower->place = place;
    if (keeps)
        follower->kept_us = now_us;
    return r;
}

static bool is_stopping(struct follower *follower) {
    pthread_mutex_lock(&follower->lock);
    bool stopping = follower->stopping;
    pthread_mutex_unlock(&follower->lock);
    return stopping;
}

/* What came before the place is behind a console that was started again, but not behind its live
 * screen. Without it the screen begins with what comes. */
static void show_recent(struct follower *follower) {
    struct error error;
    follower->has_recent = true;
    if (recent_fill(follower->archive, follower->place, clock_wall_us(&clock_system),
                    follower->settings.live, &error) < 0)
        log_line(follower->settings.log, LOG_WARNING, "the live screen lacks the last hour: %s",
                 error.text);
}

/* A prune may drop what was not read yet, if the console was not running. */
static bool skip_pruned(struct follower *follower) {
    struct archive_begin begin;
    struct error ignored;
    if (archive_begin_look_at(follower->archive, &begin, &ignored) != 0 ||
        follower->place.position == 0 || follower->place.position >= begin.place.position)
        return false;
    log_line(follower->settings.log, LOG_WARNING,
             "records %" PRIu64 " to %" PRIu64
             " were dropped by a prune before they were read: reviews among them are not shown",
             follower->place.position + 1, begin.place.position);
    follower->place = begin.place;
    return true;
}

static int read_new(struct follower *follower, struct error *ret_error) {
    struct archive_place end;
    int r = follower->has_place ? 0 : find_place(follower, ret_error);
    if (r == 0)
        r = archive_reader_follow(follower->archive, follower->place, &follower->reader, &end,
                                  ret_error);
    if (r == -ERROR_NOT_FOUND && skip_pruned(follower))
        r = archive_reader_follow(follower->archive, follower->place, &follower->reader, &end,
                                  ret_error);
    if (r < 0)
        return r;
    if (!follower->has_recent)
        show_recent(follower);
    if (end.position == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s has no records yet", follower->archive);
    if (follower->place.position < end.position)
        while ((r = read_portion(follower, follower->reader, end.position, ret_error)) > 0 &&
               !is_stopping(follower))
            usleep(GAP_US);
    if (r < 0) { /* it may be ahead of what the database has */
        archive_reader_close(follower->reader);
        follower->reader = NULL;
    }
    return r < 0 ? r : 0;
}

/* The server may make the folder later than the console starts. */
static int round_of(struct follower *follower, struct error *ret_error) {
    follower->archive = folder_of_archive(follower->settings.archive);
    int r = read_new(follower, ret_error);
    free(follower->archive);
    return archive_explain_hidden(follower->settings.archive, r, ret_error);
}

/* Each problem is logged once, until there is another one or none. */
static void note(struct follower *follower, int r, const struct error *error) {
    const char *problem = r < 0 ? error->text : "";
    pthread_mutex_lock(&follower->lock);
    bool is_new = strcmp(follower->problem, problem) != 0;
    snprintf(follower->problem, sizeof follower->problem, "%s", problem);
    follower->reached = follower->place;
    follower->is_current = r == 0 && !follower->stopping;
    pthread_mutex_unlock(&follower->lock);
    if (is_new && r < 0)
        log_line(follower->settings.log, LOG_WARNING, "cannot follow the archive: %s", problem);
    if (is_new && r == 0)
        log_line(follower->settings.log, LOG_INFO, "following the archive from position %" PRIu64,
                 follower->place.position);
}

static void pause_round(struct follower *follower) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ROUND_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&follower->lock);
    if (!follower->stopping)
        pthread_cond_timedwait(&follower->woken, &follower->lock, &until);
    pthread_mutex_unlock(&follower->lock);
}

static void *run(void *user) {
    struct follower *follower = user;
    struct error error;
    (void)!setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone */
    while (!is_stopping(follower)) {
        int r = round_of(follower, &error);
        note(follower, r, &error);
        pause_round(follower);
    }
    return NULL;
}

/* ---- beginning and end ---- */

struct follower *follower_start(const struct follower_settings *settings) {
    struct follower *follower = check_calloc(1, sizeof *follower);
    follower->settings = *settings;
    snprintf(follower->problem, sizeof follower->problem, "starting");
    lock_init(&follower->lock, LOCK_CONSOLE_FOLLOWER);
    pthread_cond_init(&follower->woken, NULL);
    arena_init(&follower->arena, ARENA_BYTES);
    buffer_init(&follower->reasons);
    buffer_init(&follower->entities);
    thread_start(&follower->thread, run, follower);
    return follower;
}

void follower_stop(struct follower *follower) {
    if (!follower)
        return;
    pthread_mutex_lock(&follower->lock);
    follower->stopping = true;
    pthread_cond_signal(&follower->woken);
    pthread_mutex_unlock(&follower->lock);
    pthread_join(follower->thread, NULL);
    archive_reader_close(follower->reader);
    arena_deinit(&follower->arena);
    buffer_deinit(&follower->reasons);
    buffer_deinit(&follower->entities);
    pthread_cond_destroy(&follower->woken);
    pthread_mutex_destroy(&follower->lock);
    free(follower);
}

bool follower_is_current(struct follower *follower) {
    pthread_mutex_lock(&follower->lock);
    bool is_current = follower->is_current;
    pthread_mutex_unlock(&follower->lock);
    return is_current;
}

void follower_write(struct follower *follower, struct buffer *out) {
    pthread_mutex_lock(&follower->lock);
    json_begin_object(out, "archive");
    json_add_unsigned(out, "position", follower->reached.position);
    json_add_text(out, "problem", text_of(follower->problem));
    json_end_object(out);
    pthread_mutex_unlock(&follower->lock);
}
