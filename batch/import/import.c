/* An import is a server without a network: ingest (core/store/ingest) recognises, decides and
 * resolves, and this file supplies the clock. History's time is the greatest time of receipt so
 * far; outcomes that become known later wait in a queue (outcome_delay.h) until a row reaches that
 * time. */
#include "import.h"

#include "amendment_history.h"
#include "batch/base/outcome_delay.h"
#include "core/base/check.h"
#include "core/base/value.h"
#include "core/store/ingest/ingest.h"
#include "core/store/pseudonyms/key_ledger.h"
#include "core/store/pseudonyms/protect.h"
#include "core/wire/types/field_text.h"

#include <inttypes.h>
#include <stdlib.h>

/* One decision, and the first one of a known id. */
#define ROW_BYTES_MAX (96u << 20)
/* Records between two writes; memory is checked as often. */
#define WRITE_STEP 1024

struct import {
    struct import_options options;
    struct archive *archive;
    struct states states;
    struct adopted adopted; /* as archived; recorded again before the first new record */
    bool is_begun;          /* that has been done */
    struct arena row, outcome;
    struct outcome_delay delay;
    struct amendment_history *history; /* NULL: not needed yet */
    int64_t time_us;                   /* history's time: the greatest time of receipt so far */
    size_t unwritten;
    struct import_report report;
};

/* ---- opening ---- */

struct folding {
    struct fold_progress progress; /* first */
    struct progress *outer;
    atomic_bool stop;
};

static void report(struct fold_progress *self, uint64_t position, uint64_t end) {
    struct folding *folding = (struct folding *)self;
    if (progress_update(folding->outer, "fold", position, end) != 0)
        atomic_store(&folding->stop, true);
}

static int fold_archive(struct import *import, struct progress *progress, struct error *ret_error) {
    const struct fold_source source = {.archive = import->options.archive,
                                       .generations = import->options.generations,
                                       .rules = import->options.rules};
    struct folding folding = {.progress = {report}, .outer = progress};
    struct fold *fold = NULL;
    atomic_init(&folding.stop, false);
    int r = fold_begin(&source, &fold, ret_error);
    if (r == 0)
        r = fold_advance(fold, archive_end(import->archive), &folding.stop, &folding.progress,
                         ret_error);
    if (r == 0)
        fold_take(fold, import->options.rules, &import->states, &import->adopted);
    fold_free(fold);
    return r;
}

static int check_keys(const struct import_options *options, struct error *ret_error) {
    if (options->keys)
        return key_ledger_check(options->archive, options->keys, ret_error);
    if (!protect_needs_keys(options->rules))
        return 0;
    return protect_missing_keys(options->rules, "--pseudonym-keys FILE", ret_error);
}

int import_open(const struct import_options *options, struct progress *progress,
                struct import **ret_import, struct error *ret_error) {
    struct import *import = check_calloc(1, sizeof *import);
    import->options = *options;
    import->time_us = INT64_MIN;
    states_init(&import->states);
    outcome_delay_init(&import->delay);
    arena_init(&import->row, ROW_BYTES_MAX);
    arena_init(&import->outcome, ROW_BYTES_MAX);
    int r =
        archive_open(options->archive, NULL, &import->archive, &import->report.recovery, ret_error);
    if (r == 0)
        r = check_keys(options, ret_error);
    if (r == 0)
        r = fold_archive(import, progress, ret_error);
    if (r < 0) {
        import_close(import);
        return r;
    }
    import->report.begin = archive_end(import->archive);
    *ret_import = import;
    return 0;
}

void import_close(struct import *import) {
    if (!import)
        return;
    archive_close(import->archive);
    states_deinit(&import->states);
    outcome_delay_deinit(&import->delay);
    amendment_history_close(import->history);
    arena_deinit(&import->row);
    arena_deinit(&import->outcome);
    free(import);
}

void import_report(const struct import *import, struct import_report *ret_report) {
    *ret_report = import->report;
    ret_report->waiting = import->delay.count;
    ret_report->end = archive_end(import->archive);
}

bool import_concerns_row(const struct error *error) {
    return error->code == ERROR_INVALID || error->code == ERROR_ID_CONFLICT ||
           error->code == ERROR_NOT_FOUND || error->code == ERROR_TOO_LARGE;
}

/* ---- appending ---- */

static int check_memory(const struct import *import, struct error *ret_error) {
    uint64_t limit = import->options.memory_bytes;
    uint64_t memory = limit ? overlay_memory(import->states.overlay) : 0;
    if (memory <= limit)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED,
                     "entities newer than the tables take %" PRIu64 " MiB of memory, more than the "
                     "limit of %" PRIu64 " MiB: run `harrier rebuild`, then the same import again",
                     memory >> 20, limit >> 20);
}

static int write_appended(struct import *import, struct error *ret_error) {
    import->unwritten = 0;
    return archive_write(import->archive, ret_error);
}

/* Records which policy and tables are in force, as a server does when it starts. With the first
 * record's time of receipt: the wall clock's would be later than the history that follows. */
static void begin(struct import *import, int64_t received_us) {
    struct record records[INGEST_ADOPTIONS_MAX];
    size_t count = ingest_adoptions(&import->states, &import->adopted, records);
    for (size_t i = 0; i < count; i++) {
        records[i].receive_time_us = received_us;
        ingest_append(&import->states, import->archive, &records[i]);
    }
    import->is_begun = true;
}

static int append(struct import *import, struct record *record, struct error *ret_error) {
    if (!import->is_begun)
        begin(import, record->receive_time_us);
    ingest_append(&import->states, import->archive, record);
    if (++import->unwritten < WRITE_STEP)
        return 0;
    int r = write_appended(import, ret_error);
    return r < 0 ? r : check_memory(import, ret_error);
}

/* The time of receipt for the next record: times in an archive never decrease. */
static int64_t receipt(const struct import *import, int64_t time_us) {
    int64_t last_us = archive_time(import->archive);
    return time_us > last_us ? time_us : last_us;
}

/* ---- outcomes ---- */

static int record_outcome(struct import *import, const struct outcome *outcome, int64_t time_us,
                          struct error *ret_error) {
    struct record record;
    struct text field;
    arena_reset(&import->outcome);
    int r = ingest_resolve(&import->states, import->archive, outcome, receipt(import, time_us),
                           &import->outcome, &record, &field, ret_error);
    if (r == 0)
        import->report.unchanged++;
    if (r <= 0)
        return r;
    import->report.outcomes++;
    return append(import, &record, ret_error);
}

/* Reads the archive once, for the first transaction that was amended before this import. */
static int open_history(struct import *import, struct error *ret_error) {
    int r = import_stop(import, ret_error); /* what is not synced cannot be read */
    return r < 0 ? r
                 : amendment_history_open(import->options.archive, import->report.begin.position,
                                          &import->history, ret_error);
}

/* What an earlier import of the same rows has made of it: an enum amendment_fate. */
static int recall(struct import *import, const struct amendment *amendment, int64_t time_us,
                  struct error *ret_error) {
    struct record scored;
    struct amended now;
    if (import->report.begin.position == 0)
        return AMENDMENT_NEW;
    arena_reset(&import->outcome);
    int r = ingest_find_amended(&import->states, import->archive, amendment->transaction_id,
                                &import->outcome, &scored, &now, ret_error);
    if (r <= 0 || scored.position > import->report.begin.position)
        return r < 0 ? r : AMENDMENT_NEW;
    r = import->history ? 0 : open_history(import, ret_error);
    return r < 0 ? r
                 : amendment_history_find(import->history, import->archive, &scored, amendment,
                                          time_us, ret_error);
}

/* One that contradicts what other amendments have made of its transaction by then is not recorded:
 * its row was good when it came. */
static int record_amendment(struct import *import, const struct amendment *amendment,
                            int64_t time_us, struct error *ret_error) {
    struct record record;
    struct text field;
    int r = recall(import, amendment, time_us, ret_error);
    import->report.unchanged += r == AMENDMENT_KNOWN;
    import->report.contradicted += r == AMENDMENT_CONTRADICTED;
    if (r != AMENDMENT_NEW)
        return r < 0 ? r : 0;
    arena_reset(&import->outcome);
    r = ingest_amend(&import->states, import->archive, amendment, receipt(import, time_us),
                     &import->outcome, &record, &field, ret_error);
    import->report.unchanged += r == 0;
    import->report.contradicted += r == -ERROR_INVALID;
    if (r <= 0)
        return r == -ERROR_INVALID ? 0 : r;
    import->report.amendments++;
    return append(import, &record, ret_error);
}

static int record_delayed(struct import *import, const struct delayed_outcome *next,
                          struct error *ret_error) {
    if (next->amendment != AMENDMENT_NONE) {
        const struct amendment amendment = {.transaction_id = text_of(next->id),
                                            .kind = next->amendment,
                                            .amount_minor = next->amount_minor,
                                            .known_time_us = next->time_us};
        return record_amendment(import, &amendment, next->time_us, ret_error);
    }
    const struct outcome outcome = {
        .transaction_id = text_of(next->id), .label = next->label, .known_time_us = next->time_us};
    return record_outcome(import, &outcome, next->time_us, ret_error);
}

/* Advances history to this time and records what becomes known on the way. */
static int advance(struct import *import, int64_t time_us, struct error *ret_error) {
    struct delayed_outcome next;
    int r = 0;
    if (time_us > import->time_us)
        import->time_us = time_us;
    while (r == 0 && outcome_delay_take(&import->delay, import->time_us, &next)) {
        r = record_delayed(import, &next, ret_error);
        free(next.id);
    }
    return r;
}

/* The row's outcome, once its transaction is archived: recorded now, or queued until it is known.
 */
static int take_outcome(struct import *import, const struct import_row *row,
                        struct error *ret_error) {
    if (row->label == LABEL_NONE)
        return 0;
    if (row->known_us > import->time_us) {
        outcome_delay_add(&import->delay, row->transaction.id, row->label, row->known_us, 0);
        return 0;
    }
    const struct outcome outcome = {
        .transaction_id = row->transaction.id, .label = row->label, .known_time_us = row->known_us};
    return record_outcome(import, &outcome, import->time_us, ret_error);
}

static int take_amendment(struct import *import, const struct import_row *row,
                          struct error *ret_error) {
    struct amendment amendment = row->amendment;
    if (amendment.kind == AMENDMENT_NONE)
        return 0;
    amendment.transaction_id = row->transaction.id;
    if (amendment.known_time_us > import->time_us) {
        outcome_delay_add_amendment(&import->delay, &amendment, amendment.known_time_us, 0);
        return 0;
    }
    return record_amendment(import, &amendment, import->time_us, ret_error);
}

/* ---- rows ---- */

static int check_received(const struct import *import, int64_t received_us, struct text *ret_field,
                          struct error *ret_error) {
    int64_t now_us = import->options.now_us;
    int r = field_check_time("received_time", received_us, ret_error);
    if (r == 0 && received_us > now_us)
        r = error_set(ret_error, ERROR_INVALID, "received_time is %" PRId64 " s ahead of the clock",
                      (received_us - now_us + 999999) / 1000000);
    if (r < 0)
        *ret_field = TEXT_LITERAL("received_time");
    return r;
}

/* is_new: nothing else has amended the transaction, so what contradicts it is wrong for certain. */
static int check_amendment(const struct import_row *row, bool is_new, struct text *ret_field,
                           struct error *ret_error) {
    const struct amended scored = amended_of(&row->transaction);
    struct amendment amendment = row->amendment;
    struct amended now;
    if (amendment.kind == AMENDMENT_NONE)
        return 0;
    amendment.transaction_id = row->transaction.id;
    int r = amendment_check(&amendment, ret_field, ret_error);
    if (r == 0 && is_new)
        r = amendment_apply(&amendment, &row->transaction, &scored, &now, ret_field, ret_error);
    return r;
}

static int check_known(int64_t known_us, struct text *ret_field, struct error *ret_error) {
    int r = field_check_time("outcome_time", known_us, ret_error);
    if (r < 0)
        *ret_field = TEXT_LITERAL("outcome_time");
    return r;
}

/* The row's time of receipt: as given, else the event time, or now if that is in the future. */
static int find_receipt(const struct import *import, const struct import_row *row,
                        int64_t *ret_received_us, struct text *ret_field, struct error *ret_error) {
    int64_t event_us = row->transaction.event_time_us, now_us = import->options.now_us;
    int64_t received_us = row->received_us;
    if (received_us == 0)
        received_us = event_us < now_us ? event_us : now_us;
    int64_t ahead_us = event_us - received_us;
    if (ahead_us <= import->options.max_ahead_us) {
        *ret_received_us = received_us;
        return 0;
    }
    *ret_field = TEXT_LITERAL("event_time_us");
    return error_set(ret_error, ERROR_INVALID,
                     "event_time_us is %" PRId64 " s ahead of %s; expected at most %" PRId64 " s",
                     ahead_us / 1000000, row->received_us ? "the time of receipt" : "the clock",
                     import->options.max_ahead_us / 1000000);
}

/* A row that looks new only because the tables leave its id out may be in the archive already. */
static int check_horizon(const struct import *import, const struct import_row *row,
                         int64_t received_us, struct text *ret_field, struct error *ret_error) {
    const struct generation *generation = overlay_generation(import->states.overlay);
    const struct generation_manifest *manifest =
        generation ? generation_manifest(generation) : NULL;
    char since[64];
    if (!manifest || manifest->ids_from == 0 || received_us >= manifest->ids_since_us)
        return 0;
    value_format(value_timestamp(manifest->ids_since_us), since, sizeof since);
    *ret_field = row->received_us ? TEXT_LITERAL("received_time") : TEXT_LITERAL("event_time_us");
    return error_set(ret_error, ERROR_INVALID,
                     "received before %s, and earlier ids are not kept: the archive may have it "
                     "already; `harrier rebuild --id-horizon all` takes them in again",
                     since);
}

/* Checks the row's times. Its transaction was checked before, since recognising a duplicate relies
 * on it; deciding checks it once more, against the policy. */
static int check_row(const struct import *import, const struct import_row *row, bool is_new,
                     int64_t *ret_received_us, struct text *ret_field, struct error *ret_error) {
    int r = check_received(import, row->received_us, ret_field, ret_error);
    if (r == 0)
        r = check_known(row->known_us, ret_field, ret_error);
    if (r == 0)
        r = check_amendment(row, is_new, ret_field, ret_error);
    if (r == 0)
        r = find_receipt(import, row, ret_received_us, ret_field, ret_error);
    if (r == 0 && is_new)
        r = check_horizon(import, row, *ret_received_us, ret_field, ret_error);
    return r;
}

static int decide(struct import *import, const struct transaction *transaction, int64_t received_us,
                  struct text *ret_field, struct error *ret_error) {
    struct record record = {
        .type = RECORD_TRANSACTION,
        .receive_time_us = receipt(import, received_us),
        .transaction = {.transaction = *transaction},
    };
    struct decision *decision = &record.transaction.decision;
    int r = ingest_decide(&import->states, transaction, false, &import->row, decision, ret_field,
                          ret_error);
    if (r < 0)
        return r;
    import->report.transactions++;
    import->report.verdicts[decision->verdict]++;
    import->report.degraded += decision->degraded;
    return append(import, &record, ret_error);
}

int import_take(struct import *import, const struct import_row *given, struct text *ret_field,
                struct error *ret_error) {
    struct import_row protected = *given; /* its values that are protected are replaced */
    const struct import_row *row = &protected;
    struct known_id known;
    struct record record;
    int64_t received_us = 0;
    *ret_field = (struct text){0};
    arena_reset(&import->row);
    int r = protect_transaction(&import->options.rules->schema, import->options.keys,
                                &protected.transaction, &import->row, ret_field, ret_error);
    if (r == 0)
        r = transaction_check(&row->transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    int found = ingest_recognise(&import->states, import->archive, &row->transaction, &import->row,
                                 &known, &record, ret_field, ret_error);
    if (found < 0)
        return found;
    r = check_row(import, row, found == 0, &received_us, ret_field, ret_error);
    if (r < 0)
        return r;
    /* Known transactions advance history as well: otherwise an import that is repeated would record
     * no outcome before the first new transaction. */
    r = advance(import, received_us, ret_error);
    if (r == 0 && !found)
        r = decide(import, &row->transaction, received_us, ret_field, ret_error);
    if (r == 0)
        r = take_outcome(import, row, ret_error);
    if (r == 0)
        r = take_amendment(import, row, ret_error);
    if (r < 0)
        return r;
    import->report.duplicates += found > 0;
    return found;
}

/* ---- the end ---- */

int import_stop(struct import *import, struct error *ret_error) {
    struct archive_sync sync;
    int r = write_appended(import, ret_error);
    if (r == 0)
        r = archive_sync_start(import->archive, &sync, ret_error);
    if (r <= 0)
        return r;
    struct error finish_error;
    r = archive_sync_wait(&sync, ret_error);
    int finished = archive_sync_finish(import->archive, &sync, &finish_error);
    if (r == 0 && finished < 0) {
        *ret_error = finish_error;
        r = finished;
    }
    return r;
}

int import_finish(struct import *import, struct error *ret_error) {
    int r = advance(import, import->options.now_us, ret_error);
    return r < 0 ? r : import_stop(import, ret_error);
}
