/* An array of (transaction, amendment), both positions, in a file without a name. A transaction's
 * amendments lie beside each other; those that the import has come past are marked in place.
 *
 * An amendment that comes at T is compared with the archive in two steps. What was received before
 * T lies behind it: the last of these says what the transaction was then. If the amendment changes
 * nothing of that, or contradicts it, it did so the first time. Else it is the next record that
 * says the same. If there is none, the amendment is new; then those after it are recorded again, so
 * that the last total holds. */
#include "amendment_history.h"

#include "batch/base/scratch_file.h"
#include "batch/chunk/event_order.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "core/store/upkeep/archive_each.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SORT_BYTES   ((size_t)32 << 20)
#define RECORD_BYTES ((size_t)96 << 20)
#define WRITE_BYTES  ((size_t)256 << 10)

struct entry {
    uint64_t transaction;
    uint64_t amendment; /* and whether the import is past it */
};
#define PASSED (UINT64_C(1) << 63)

struct amendment_history {
    struct entry *entries; /* mapped; NULL: none */
    size_t count;
    struct arena arena;
};

/* ---- reading the archive ---- */

struct sorting {
    struct event_order *order;
    uint64_t end;
};

static int take_amendment(void *user, const struct record *record, struct error *ret_error) {
    const struct sorting *sorting = user;
    const struct event_item item = {.time_us = (int64_t)record->amendment.transaction_position,
                                    .position = record->position};
    return record->position > sorting->end ? 1 : event_order_put(sorting->order, &item, ret_error);
}

static int sort_archive(const char *archive, uint64_t end, struct event_order *order,
                        struct arena *arena, struct error *ret_error) {
    struct sorting sorting = {.order = order, .end = end};
    struct archive_parts *parts;
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    r = archive_parts_each(parts, 0, UINT64_C(1) << RECORD_AMENDMENT, false, arena, take_amendment,
                           &sorting, ret_error);
    archive_parts_close(parts);
    event_order_floor(order, INT64_MAX);
    return r < 0 ? r : 0;
}

static int write_out(int file, struct buffer *bytes, uint64_t *written, struct error *ret_error) {
    if (file_write_at(file, bytes->bytes, bytes->length, *written) < 0)
        return error_set_errno(ret_error, errno, "cannot write a temporary file");
    *written += bytes->length;
    buffer_clear(bytes);
    return 0;
}

static int write_entries(struct event_order *order, int file, uint64_t *ret_written,
                         struct error *ret_error) {
    struct event_item item;
    struct buffer bytes;
    uint64_t written = 0;
    int r;
    buffer_init(&bytes);
    while ((r = event_order_next(order, &item, ret_error)) > 0) {
        const struct entry entry = {.transaction = (uint64_t)item.time_us,
                                    .amendment = item.position};
        buffer_append(&bytes, &entry, sizeof entry);
        if (bytes.length >= WRITE_BYTES)
            r = write_out(file, &bytes, &written, ret_error);
        if (r < 0)
            break;
    }
    if (r == 0)
        r = write_out(file, &bytes, &written, ret_error);
    buffer_deinit(&bytes);
    *ret_written = written;
    return r;
}

/* From the sorted positions to the mapped file. */
static int map_entries(struct amendment_history *history, struct event_order *order,
                       struct error *ret_error) {
    uint64_t written = 0;
    int file = scratch_file(NULL, ret_error);
    if (file < 0)
        return file;
    int r = write_entries(order, file, &written, ret_error);
    if (r == 0 && written > 0) {
        void *mapped = mmap(NULL, written, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED)
            r = error_set_errno(ret_error, errno, "cannot map a temporary file");
        else
            history->entries = mapped;
    }
    if (r == 0)
        history->count = (size_t)(written / sizeof *history->entries);
    close(file);
    return r;
}

int amendment_history_open(const char *archive, uint64_t end,
                           struct amendment_history **ret_history, struct error *ret_error) {
    const struct event_order_options options = {.limit_bytes = SORT_BYTES,
                                                .make_file = scratch_file};
    struct event_order *order = event_order_new(&options);
    struct amendment_history *history = check_calloc(1, sizeof *history);
    arena_init(&history->arena, RECORD_BYTES);
    int r = sort_archive(archive, end, order, &history->arena, ret_error);
    if (r == 0)
        r = map_entries(history, order, ret_error);
    event_order_free(order);
    if (r < 0) {
        amendment_history_close(history);
        return r;
    }
    *ret_history = history;
    return 0;
}

void amendment_history_close(struct amendment_history *history) {
    if (!history)
        return;
    if (history->entries)
        munmap(history->entries, history->count * sizeof *history->entries);
    arena_deinit(&history->arena);
    free(history);
}

/* ---- looking up ---- */

/* The entries of one transaction that the import is not past: [at, end). */
struct rest {
    size_t first, at, end;
};

static struct rest find_rest(const struct amendment_history *history, uint64_t transaction) {
    size_t low = 0, high = history->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->entries[middle].transaction < transaction)
            low = middle + 1;
        else
            high = middle;
    }
    struct rest rest = {.first = low, .at = low, .end = low};
    while (rest.end < history->count && history->entries[rest.end].transaction == transaction)
        rest.end++;
    while (rest.at < rest.end && history->entries[rest.at].amendment & PASSED)
        rest.at++;
    return rest;
}

static void pass(struct amendment_history *history, struct rest *rest, size_t until) {
    while (rest->at < until)
        history->entries[rest->at++].amendment |= PASSED;
}

static int read_entry(struct amendment_history *history, struct archive *archive, size_t index,
                      struct record *ret_record, struct error *ret_error) {
    arena_reset(&history->arena);
    int r = archive_read(archive, history->entries[index].amendment & ~PASSED, &history->arena,
                         ret_record, ret_error);
    return r < 0 ? error_prefix(ret_error, "the record of an amendment") : 0;
}

/* Everything received before that time lies behind the import. *now: what it makes of the
 * transaction. */
static int pass_earlier(struct amendment_history *history, struct archive *archive,
                        struct rest *rest, int64_t time_us, struct amended *now,
                        struct error *ret_error) {
    struct record record;
    int r = 0;
    if (rest->at > rest->first) {
        r = read_entry(history, archive, rest->at - 1, &record, ret_error);
        if (r == 0)
            *now = record.amendment.now;
    }
    while (r == 0 && rest->at < rest->end) {
        r = read_entry(history, archive, rest->at, &record, ret_error);
        if (r < 0 || record.receive_time_us >= time_us)
            break;
        *now = record.amendment.now;
        pass(history, rest, rest->at + 1);
    }
    return r;
}

static bool is_record_of(const struct amendment_record *record, const struct amendment *amendment) {
    const struct amendment recorded = amendment_between(&record->previous, &record->now);
    return recorded.kind == amendment->kind && recorded.amount_minor == amendment->amount_minor &&
           (amendment->known_time_us == 0 || record->known_time_us == amendment->known_time_us);
}

/* 1: the import is past its record now; 0: there is none. */
static int pass_record(struct amendment_history *history, struct archive *archive,
                       struct rest *rest, const struct amendment *amendment,
                       struct error *ret_error) {
    struct record record;
    for (size_t i = rest->at; i < rest->end; i++) {
        int r = read_entry(history, archive, i, &record, ret_error);
        if (r < 0)
            return r;
        if (is_record_of(&record.amendment, amendment)) {
            pass(history, rest, i + 1);
            return 1;
        }
    }
    return 0;
}

int amendment_history_find(struct amendment_history *history, struct archive *archive,
                           const struct record *scored, const struct amendment *amendment,
                           int64_t time_us, struct error *ret_error) {
    const struct transaction *transaction = &scored->transaction.transaction;
    struct rest rest = find_rest(history, scored->position);
    struct amended then = amended_of(transaction), now;
    struct text field;
    struct error ignored;
    if (rest.at == rest.end)
        return AMENDMENT_NEW;
    int r = pass_earlier(history, archive, &rest, time_us, &then, ret_error);
    if (r < 0)
        return r;
    bool fits = amendment_apply(amendment, transaction, &then, &now, &field, &ignored) == 0;
    if (fits && amended_equal(&then, &now))
        return AMENDMENT_KNOWN;
    if (!fits)
        return rest.at < rest.end ? AMENDMENT_CONTRADICTED : AMENDMENT_NEW;
    r = pass_record(history, archive, &rest, amendment, ret_error);
    if (r != 0)
        return r < 0 ? r : AMENDMENT_KNOWN;
    pass(history, &rest, rest.end);
    return AMENDMENT_NEW;
}
