/* What became of transactions is sorted by event_order.h, with the transaction's position for a
 * time: items of one transaction stay in the order in which they were recorded, so the last one
 * counts. */
#include "export.h"

#include "batch/base/record_bytes.h"
#include "batch/base/scratch_file.h"
#include "batch/chunk/event_order.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/archive_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#define MEMORY_DEFAULT ((size_t)64 << 20)
#define PROGRESS_STEP  4096 /* records */

struct export {
    struct export_options options;
    struct archive_parts *parts;
    struct export_attributes attributes;
    struct event_order *order; /* what became of transactions */
    struct event_item next;    /* the first one that no row has taken */
    bool has_next;
    struct export_taker taker;
    struct arena record;
    struct buffer item;
    struct progress *progress;
    const char *stage;
    uint64_t progressed; /* records, at the last update */
};

/* ---- records, in either pass ---- */

static bool is_wanted(const struct export *export, int64_t event_time_us, enum verdict verdict) {
    const struct export_options *options = &export->options;
    return (options->from_us == 0 || event_time_us >= options->from_us) &&
           (options->to_us == 0 || event_time_us < options->to_us) &&
           (options->verdicts == 0 || options->verdicts >> verdict & 1);
}

static int report_progress(struct export *export, uint64_t position, struct error *ret_error) {
    uint64_t end = archive_parts_end(export->parts).position;
    if (position < export->progressed + PROGRESS_STEP)
        return 0;
    export->progressed = position;
    if (progress_update(export->progress, export->stage, position < end ? position : end, end) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "the export was interrupted");
}

/* What a pass does with a record of one of its types. */
typedef int (*record_taker)(struct export *export, const struct record *record,
                            struct error *ret_error);

static int read_part(struct export *export, struct archive_part_reader *reader, uint64_t types,
                     record_taker take, struct error *ret_error) {
    struct archive_part_record found;
    struct record record;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        if (types >> found.type & 1) {
            arena_reset(&export->record);
            r = archive_part_decode(reader, &export->record, &record, ret_error);
            if (r == 0)
                r = take(export, &record, ret_error);
        }
        if (r >= 0)
            r = report_progress(export, found.position, ret_error);
        if (r < 0)
            return r;
    }
    return r;
}

/* Parts that have no record of these types are passed over, unless everything is to be verified. */
static int read_parts(struct export *export, uint64_t types, bool verifies, record_taker take,
                      struct error *ret_error) {
    int r = 0;
    export->progressed = 0;
    for (size_t i = 0; i < archive_parts_count(export->parts) && r == 0; i++) {
        struct archive_part_reader *reader;
        if (!verifies && (archive_parts_part(export->parts, i).types & types) == 0)
            continue;
        r = archive_part_open(export->parts, i, 0, false, &reader, ret_error);
        if (r < 0)
            return r;
        r = read_part(export, reader, types, take, ret_error);
        archive_part_close(reader);
    }
    return r;
}

/* ---- the first pass ---- */

enum item_kind { ITEM_OUTCOME, ITEM_AMENDMENT };

static void encode_outcome(const struct record *record, struct buffer *item) {
    const struct outcome_record *outcome = &record->outcome;
    buffer_append_u8(item, ITEM_OUTCOME);
    buffer_append_u64(item, (uint64_t)record->receive_time_us);
    buffer_append_u64(item, (uint64_t)outcome->known_time_us);
    buffer_append_u8(item, (uint8_t)outcome->label);
}

static void encode_amendment(const struct record *record, struct buffer *item) {
    const struct amended *now = &record->amendment.now;
    buffer_append_u8(item, ITEM_AMENDMENT);
    buffer_append_u64(item, (uint64_t)record->receive_time_us);
    buffer_append_u64(item, (uint64_t)now->amount_minor);
    buffer_append_u64(item, (uint64_t)now->refunded_minor);
    buffer_append_u8(item, now->is_voided);
}

static int put_item(struct export *export, uint64_t transaction_position, uint64_t position,
                    struct error *ret_error) {
    const struct event_item item = {.time_us = (int64_t)transaction_position,
                                    .position = position,
                                    .payload = buffer_text(&export->item)};
    return event_order_put(export->order, &item, ret_error);
}

static int collect(struct export *export, const struct record *record, struct error *ret_error) {
    buffer_clear(&export->item);
    if (record->type == RECORD_TRANSACTION) {
        const struct transaction *transaction = &record->transaction.transaction;
        if (!is_wanted(export, transaction->event_time_us, record->transaction.decision.verdict))
            return 0;
        return export_attributes_add(&export->attributes, transaction, ret_error);
    }
    if (record->type == RECORD_OUTCOME) {
        const struct outcome_record *outcome = &record->outcome;
        if (!is_wanted(export, outcome->transaction.event_time_us, outcome->verdict))
            return 0;
        encode_outcome(record, &export->item);
        return put_item(export, outcome->transaction_position, record->position, ret_error);
    }
    const struct amendment_record *amendment = &record->amendment;
    if (!is_wanted(export, amendment->transaction.event_time_us, amendment->verdict))
        return 0;
    encode_amendment(record, &export->item);
    return put_item(export, amendment->transaction_position, record->position, ret_error);
}

static int scan(struct export *export, struct error *ret_error) {
    uint64_t types = UINT64_C(1) << RECORD_OUTCOME | UINT64_C(1) << RECORD_AMENDMENT;
    if (export->options.attributes)
        types |= UINT64_C(1) << RECORD_TRANSACTION;
    export->stage = "scan";
    int r = read_parts(export, types, false, collect, ret_error);
    event_order_floor(export->order, INT64_MAX);
    return r;
}

/* ---- opening ---- */

int export_open(const struct export_options *options, struct progress *progress,
                struct export **ret_export, struct error *ret_error) {
    struct export *export = check_calloc(1, sizeof *export);
    const struct event_order_options order = {
        .limit_bytes = options->memory_bytes ? options->memory_bytes : MEMORY_DEFAULT,
        .make_file = scratch_file,
    };
    export->options = *options;
    export->progress = progress;
    export->order = event_order_new(&order);
    export_attributes_init(&export->attributes);
    arena_init(&export->record, RECORD_BYTES_MAX);
    buffer_init(&export->item);
    int r = archive_parts_open(options->archive, &export->parts, ret_error);
    if (r == 0 && archive_parts_end(export->parts).position == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s has no synced record yet: there is nothing to export", options->archive);
    if (r == 0)
        r = scan(export, ret_error);
    if (r < 0) {
        export_close(export);
        return r;
    }
    *ret_export = export;
    return 0;
}

void export_close(struct export *export) {
    if (!export)
        return;
    archive_parts_close(export->parts);
    event_order_free(export->order);
    export_attributes_deinit(&export->attributes);
    arena_deinit(&export->record);
    buffer_deinit(&export->item);
    free(export);
}

const struct export_attributes *export_attributes(const struct export *export) {
    return &export->attributes;
}

/* ---- the second pass ---- */

/* Items were encoded above, in this process. */
static void apply_item(const struct event_item *item, struct export_row *row) {
    struct cursor cursor = cursor_of(item->payload.data, item->payload.length);
    enum item_kind kind = (enum item_kind)cursor_u8(&cursor);
    int64_t receive_time_us = (int64_t)cursor_u64(&cursor);
    if (kind == ITEM_OUTCOME) {
        row->outcome_us = receive_time_us;
        row->outcome_known_us = (int64_t)cursor_u64(&cursor);
        row->label = (enum label)cursor_u8(&cursor);
    } else {
        row->is_amended = true;
        row->amended_us = receive_time_us;
        row->amended.amount_minor = (int64_t)cursor_u64(&cursor);
        row->amended.refunded_minor = (int64_t)cursor_u64(&cursor);
        row->amended.is_voided = cursor_u8(&cursor);
    }
    check(!cursor.failed);
}

static int take_next(struct export *export, struct error *ret_error) {
    int r = event_order_next(export->order, &export->next, ret_error);
    export->has_next = r == 1;
    return r < 0 ? r : 0;
}

/* Every item has its transaction before it in the archive; the same filter let both through. */
static int emit(struct export *export, const struct record *record, struct error *ret_error) {
    struct export_row row = {.record = record};
    if (!is_wanted(export, record->transaction.transaction.event_time_us,
                   record->transaction.decision.verdict))
        return 0;
    while (export->has_next && (uint64_t)export->next.time_us <= record->position) {
        if ((uint64_t)export->next.time_us == record->position)
            apply_item(&export->next, &row);
        int r = take_next(export, ret_error);
        if (r < 0)
            return r;
    }
    return export->taker.take(export->taker.user, &row, ret_error);
}

int export_run(struct export *export, const struct export_taker *taker, struct progress *progress,
               struct error *ret_error) {
    export->progress = progress;
    export->stage = "export";
    export->taker = *taker;
    int r = take_next(export, ret_error);
    if (r == 0)
        r = read_parts(export, UINT64_C(1) << RECORD_TRANSACTION, true, emit, ret_error);
    return r;
}
