#include "reader.h"

#include "batch/base/day.h"
#include "clients/cli/terminal/folders.h"
#include "console/archive/hidden.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "core/store/archive/archive.h"
#include "core/store/archive/archive_parts.h"
#include "daily_tables.h"
#include "server/ops/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MS    2000  /* figures of days may be some seconds late */
#define PORTION     20000 /* records between two commits */
#define GAP_US      1000
#define ARENA_BYTES ((size_t)256 << 20)
#define NICENESS    10 /* scoring and people come first */

struct reader {
    struct reader_settings settings;
    struct sql *sql; /* for queries */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping; /* under the lock, as the next four */
    uint64_t reached, end;
    int64_t untracked; /* of the state below, as of reached */
    char problem[1024];
    /* the thread's own */
    struct archive_reader *archive; /* NULL: to be opened behind the tables' place */
    struct daily_tables tables;
    struct arena arena;
    struct movement *movements; /* PORTION */
    size_t count;
    struct buffer members;
    bool needs_reload;
};

/* ---- decisions ---- */

/* "SUBJECT:VERDICT " for each. false: there are too many subjects. */
static bool add_member(struct reader *reader, enum subject_kind kind, struct text name,
                       unsigned verdict) {
    uint32_t subject = daily_tables_subject(&reader->tables, kind, name);
    if (subject != INTERN_NONE)
        buffer_printf(&reader->members, "%" PRIu32 ":%u ", subject, verdict);
    return subject != INTERN_NONE;
}

static bool add_rules(struct reader *reader, const struct decision *decision) {
    bool is_whole = true;
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        enum subject_kind kind = reason->shadow       ? SUBJECT_SHADOW_RULE
                                 : reason->suppressed ? SUBJECT_SUPPRESSED_RULE
                                                      : SUBJECT_RULE;
        is_whole &= add_member(reader, kind, reason->rule, decision->verdict);
    }
    return is_whole;
}

static bool add_policies(struct reader *reader, const struct decision *decision) {
    const struct daily_state *state = &reader->tables.state;
    char name[64];
    bool is_whole = true;
    if (state->phase != 0) {
        snprintf(name, sizeof name, "%" PRId64 " %s", state->phase, arm_name(decision->arm));
        is_whole &= add_member(reader, SUBJECT_ARM, text_of(name), decision->verdict);
    }
    for (size_t i = 0; i < decision->shadow_count; i++) {
        const struct shadow_decision *shadow = &decision->shadows[i];
        hash_hex(shadow->snapshot_id, name);
        is_whole &= add_member(reader, SUBJECT_SHADOW_POLICY, text_of(name),
                               joint_verdict(decision->verdict, shadow->verdict));
    }
    return is_whole;
}

static uint32_t subjects_of(struct reader *reader, const struct decision *decision) {
    buffer_clear(&reader->members);
    bool is_whole = add_member(reader, SUBJECT_ALL, (struct text){0}, decision->verdict);
    size_t alone = reader->members.length;
    is_whole &= add_rules(reader, decision);
    is_whole &= add_policies(reader, decision);
    uint32_t set = SET_ALL_ONLY;
    if (reader->members.length > alone)
        set = daily_tables_set(&reader->tables, buffer_text(&reader->members));
    if (!is_whole || (set == INTERN_NONE && reader->members.length > alone))
        reader->tables.state.untracked++;
    return set;
}

/* ---- policies ---- */

/* A policy that is adopted while a challenger decides begins a new phase: champion and challenger
 * are compared while both are the same. */
static int take_snapshot(struct reader *reader, const struct record *record,
                         struct error *ret_error) {
    const struct snapshot_record *snapshot = &record->snapshot;
    struct daily_tables *tables = &reader->tables;
    int r = daily_tables_name_policy(tables, snapshot->snapshot_id, snapshot->name, ret_error);
    if (r < 0 || record->type == RECORD_SHADOW)
        return r;
    tables->state.champion = snapshot->snapshot_id;
    return tables->state.phase != 0 ? daily_tables_renew_phase(tables, record->position, ret_error)
                                    : 0;
}

static int take_experiment(struct reader *reader, const struct record *record,
                           struct error *ret_error) {
    const struct experiment_record *experiment = &record->experiment;
    struct daily_tables *tables = &reader->tables;
    int r =
        tables->state.phase != 0 ? daily_tables_end_phase(tables, record->position, ret_error) : 0;
    if (r < 0 || experiment->ended)
        return r;
    const struct phase phase = {.experiment = experiment->name,
                                .key = experiment->key,
                                .share = experiment->share,
                                .champion = tables->state.champion,
                                .challenger = experiment->snapshot_id,
                                .from_position = record->position};
    r = daily_tables_name_policy(tables, experiment->snapshot_id, experiment->policy, ret_error);
    return r < 0 ? r : daily_tables_begin_phase(tables, &phase, ret_error);
}

/* ---- records ---- */

/* is_kept: from before a pruned archive's beginning. It counts nothing, but says who decides. */
static int take_record(struct reader *reader, const struct record *record, bool is_kept,
                       struct error *ret_error) {
    struct movement *movement = &reader->movements[reader->count];
    int64_t day = day_of_us(record->receive_time_us);
    int r = 0;
    if (day > reader->tables.state.last_day && !is_kept)
        r = daily_tables_begin_day(&reader->tables, day, record->position, ret_error);
    if (r < 0)
        return r;
    if (record->type == RECORD_SNAPSHOT || record->type == RECORD_SHADOW)
        return take_snapshot(reader, record, ret_error);
    if (record->type == RECORD_EXPERIMENT)
        return take_experiment(reader, record, ret_error);
    if (!movement_of(record, movement))
        return 0;
    if (movement->is_decision)
        movement->subjects = subjects_of(reader, &record->transaction.decision);
    reader->count++;
    return 0;
}

/* Reads up to PORTION records, to `end` at most. 1: there is more. */
static int read_records(struct reader *reader, struct archive_reader *archive, uint64_t end,
                        struct error *ret_error) {
    struct record record;
    int r = 1;
    reader->count = 0;
    for (size_t i = 0; i < PORTION && archive_reader_place(archive).position < end; i++) {
        arena_reset(&reader->arena);
        r = archive_reader_next(archive, &reader->arena, &record, ret_error);
        if (r <= 0)
            return r;
        r = take_record(reader, &record, archive_reader_place(archive).position != record.position,
                        ret_error);
        if (r < 0)
            return r;
    }
    return archive_reader_place(archive).position < end;
}

static int read_portion(struct reader *reader, struct archive_reader *archive, uint64_t end,
                        struct error *ret_error) {
    struct daily_tables *tables = &reader->tables;
    int r = sql_begin(tables->sql, ret_error);
    if (r < 0)
        return r;
    r = read_records(reader, archive, end, ret_error);
    tables->state.place = archive_reader_place(archive);
    int kept = r < 0 ? r : daily_tables_add(tables, reader->movements, reader->count, ret_error);
    if (kept == 0)
        kept = daily_tables_keep_state(tables, ret_error);
    int ended = sql_end(tables->sql, kept == 0, ret_error);
    if (kept < 0 || ended < 0) {
        reader->needs_reload = true;
        return kept < 0 ? kept : ended;
    }
    return r;
}

/* ---- rounds ---- */

static bool is_stopping(struct reader *reader) {
    pthread_mutex_lock(&reader->lock);
    bool stopping = reader->stopping;
    pthread_mutex_unlock(&reader->lock);
    return stopping;
}

static void note(struct reader *reader, uint64_t end, const char *problem) {
    pthread_mutex_lock(&reader->lock);
    bool is_new = *problem && strcmp(reader->problem, problem) != 0;
    snprintf(reader->problem, sizeof reader->problem, "%s", problem);
    reader->reached = reader->tables.state.place.position;
    reader->untracked = reader->tables.state.untracked;
    if (end != 0)
        reader->end = end;
    pthread_mutex_unlock(&reader->lock);
    if (is_new)
        log_line(reader->settings.log, LOG_WARNING, "figures of performance: %s", problem);
}

/* Is the place that was read up to one of this archive? If not, everything begins anew. */
static int check_place(struct reader *reader, const char *archive, struct error *ret_error) {
    struct daily_tables *tables = &reader->tables;
    struct archive_parts *parts;
    if (tables->state.place.position == 0)
        return 0;
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    r = archive_parts_holds(parts, tables->state.place, ret_error);
    archive_parts_close(parts);
    if (r != 0)
        return r < 0 ? r : 0;
    pthread_mutex_lock(&reader->lock);
    reader->reached = 0; /* before the figures are gone: none may pass for whole */
    pthread_mutex_unlock(&reader->lock);
    log_line(reader->settings.log, LOG_WARNING,
             "figures of performance: another archive is here now, and they are made again");
    return daily_tables_clear(tables, ret_error);
}

static void close_archive(struct reader *reader) {
    archive_reader_close(reader->archive);
    reader->archive = NULL;
}

/* A prune may drop what was not read yet, if the console was not running: the figures that are
 * there stay, and those of the records between are missing. */
static bool skip_pruned(struct reader *reader, const char *archive) {
    struct archive_place *place = &reader->tables.state.place;
    struct archive_begin begin;
    struct error ignored;
    if (archive_begin_look_at(archive, &begin, &ignored) != 0 || place->position == 0 ||
        place->position >= begin.place.position)
        return false;
    log_line(reader->settings.log, LOG_WARNING,
             "figures of performance: records %" PRIu64 " to %" PRIu64
             " were dropped by a prune before they were read",
             place->position + 1, begin.place.position);
    *place = begin.place;
    return true;
}

static int read_new(struct reader *reader, const char *archive, struct error *ret_error) {
    struct daily_tables *tables = &reader->tables;
    struct archive_place end;
    int r = reader->needs_reload ? daily_tables_reload(tables, ret_error) : 0;
    reader->needs_reload = r < 0;
    if (r == 0)
        r = archive_reader_follow(archive, tables->state.place, &reader->archive, &end, ret_error);
    if (r == -(int)ERROR_NOT_FOUND && skip_pruned(reader, archive))
        r = archive_reader_follow(archive, tables->state.place, &reader->archive, &end, ret_error);
    if (r == -(int)ERROR_NOT_FOUND && tables->state.place.position != 0 &&
        check_place(reader, archive, ret_error) == 0)
        r = archive_reader_follow(archive, tables->state.place, &reader->archive, &end, ret_error);
    if (r < 0)
        return r;
    if (tables->state.place.position < end.position)
        while ((r = read_portion(reader, reader->archive, end.position, ret_error)) > 0 &&
               !is_stopping(reader)) {
            note(reader, end.position, "");
            usleep(GAP_US);
        }
    if (r < 0)
        close_archive(reader); /* it may be ahead of the tables */
    else
        note(reader, end.position, "");
    return r < 0 ? r : 0;
}

static void pause_round(struct reader *reader) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ROUND_MS % 1000 * 1000000;
    until.tv_sec += ROUND_MS / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&reader->lock);
    if (!reader->stopping)
        pthread_cond_timedwait(&reader->woken, &reader->lock, &until);
    pthread_mutex_unlock(&reader->lock);
}

static void *run(void *user) {
    struct reader *reader = user;
    struct error error;
    (void)!setpriority(PRIO_PROCESS, 0,
                       NICENESS); /* of this thread: the first reading takes long */
    while (!is_stopping(reader)) {
        char *archive = folder_of_archive(reader->settings.archive);
        int r = read_new(reader, archive, &error);
        if (archive_explain_hidden(reader->settings.archive, r, &error) < 0)
            note(reader, 0, error.text);
        free(archive);
        pause_round(reader);
    }
    return NULL;
}

/* ---- beginning and end ---- */

int reader_start(const struct reader_settings *settings, struct reader **ret_reader,
                 struct error *ret_error) {
    struct reader *reader = check_calloc(1, sizeof *reader);
    reader->settings = *settings;
    int r = daily_tables_open(settings->folder, &reader->tables, ret_error);
    if (r == 0 && (r = daily_tables_open_reader(settings->folder, &reader->sql, ret_error)) < 0)
        daily_tables_close(&reader->tables);
    if (r < 0) {
        free(reader);
        return r;
    }
    reader->reached = reader->tables.state.place.position;
    reader->untracked = reader->tables.state.untracked;
    reader->movements = check_calloc(PORTION, sizeof *reader->movements);
    lock_init(&reader->lock, LOCK_CONSOLE_READER);
    pthread_cond_init(&reader->woken, NULL);
    arena_init(&reader->arena, ARENA_BYTES);
    buffer_init(&reader->members);
    thread_start(&reader->thread, run, reader);
    *ret_reader = reader;
    return 0;
}

void reader_stop(struct reader *reader) {
    if (!reader)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->stopping = true;
    pthread_cond_signal(&reader->woken);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->thread, NULL);
    close_archive(reader);
    sql_close(reader->sql);
    daily_tables_close(&reader->tables);
    arena_deinit(&reader->arena);
    buffer_deinit(&reader->members);
    free(reader->movements);
    pthread_cond_destroy(&reader->woken);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

struct sql *reader_sql(const struct reader *reader) {
    return reader->sql;
}

void reader_write(struct reader *reader, struct buffer *out) {
    pthread_mutex_lock(&reader->lock);
    json_begin_object(out, "read");
    json_add_unsigned(out, "position", reader->reached);
    json_add_unsigned(out, "end", reader->end);
    json_add_signed(out, "untracked", reader->untracked);
    json_add_text(out, "problem", text_of(reader->problem));
    json_end_object(out);
    pthread_mutex_unlock(&reader->lock);
}
