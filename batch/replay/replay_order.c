/* The source for the clock "known now": transactions in the order of their event times, each
 * followed at once by what it was amended to and by its last outcome, as records made up for it.
 *
 * The first pass has found the least event time of each segment. The least of all segments not yet
 * read is the floor: transactions up to it can be emitted, event_order.h holds the rest. */
#include "replay_order.h"

#include "replay_job.h"
#include "replay_read.h"

#include "batch/base/record_bytes.h"
#include "batch/base/scratch_file.h"
#include "batch/chunk/event_order.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct order_source {
    struct replay_source source; /* first */
    const struct replay *replay;
    struct replay_source *archive;
    struct event_order *order;
    size_t part; /* that is being put into the order */
    bool is_at_end;
    struct arena memory;              /* of one record */
    struct buffer amendment, outcome; /* that follow the transaction at this position … */
    uint64_t follower_position;
    bool amendment_follows, outcome_follows; /* … and are still to come */
};

/* The least event time of all segments from this one on. */
static int64_t least_from(const struct replay *replay, size_t part) {
    int64_t least_us = INT64_MAX;
    for (size_t i = part; i < archive_parts_count(replay->parts); i++)
        least_us = replay->least_us[i] < least_us ? replay->least_us[i] : least_us;
    return least_us;
}

static int decode(struct order_source *source, const struct text payload, uint64_t position,
                  struct record *ret_record, struct error *ret_error) {
    arena_reset(&source->memory);
    int r = record_decode_in_place(RECORD_TRANSACTION, payload.data, payload.length,
                                   &source->memory, ret_record, ret_error);
    return r < 0 ? error_prefix(ret_error, "record %" PRIu64, position) : 0;
}

/* ---- in ---- */

static int put(struct order_source *source, const struct archive_part_record *found,
               struct error *ret_error) {
    struct record record;
    int r = decode(source, found->payload, found->position, &record, ret_error);
    if (r < 0)
        return r;
    const struct event_item item = {.time_us = record.transaction.transaction.event_time_us,
                                    .position = found->position,
                                    .payload = found->payload};
    return event_order_put(source->order, &item, ret_error);
}

/* Puts the next segment into the order and raises the floor. */
static int put_part(struct order_source *source, struct error *ret_error) {
    const struct replay *replay = source->replay;
    uint64_t last = archive_parts_part(replay->parts, source->part).last;
    struct archive_part_record found = {.position = 0};
    while (found.position < last && !source->is_at_end) {
        int r = source->archive->next(source->archive, &found, ret_error);
        source->is_at_end = r == 0;
        if (r == 1 && found.type == RECORD_TRANSACTION)
            r = put(source, &found, ret_error);
        if (r < 0)
            return r;
    }
    source->part++;
    source->is_at_end |= source->part == archive_parts_count(replay->parts);
    event_order_floor(source->order,
                      source->is_at_end ? INT64_MAX : least_from(replay, source->part));
    return 0;
}

/* ---- out ---- */

/* Encodes what the transaction was amended to in the end, and its last outcome, as records to
 * follow it: those that it has. Known at the transaction's own time of receipt, under its archived
 * decision. */
static int prepare_followers(struct order_source *source, const struct event_item *item,
                             struct error *ret_error) {
    const struct replay_history *history = &source->replay->history;
    enum label label = replay_history_label(history, item->position);
    struct amended amended;
    bool is_amended = replay_history_amended(history, item->position, &amended);
    struct record record;
    if (label == LABEL_NONE && !is_amended)
        return 0;
    int r = decode(source, item->payload, item->position, &record, ret_error);
    if (r < 0)
        return r;
    const struct transaction *transaction = &record.transaction.transaction;
    const struct decision *decision = &record.transaction.decision;
    source->follower_position = item->position;
    if (is_amended) {
        struct record amendment = {.type = RECORD_AMENDMENT,
                                   .receive_time_us = record.receive_time_us,
                                   .amendment = {.known_time_us = record.receive_time_us,
                                                 .previous = amended_of(transaction),
                                                 .now = amended,
                                                 .transaction_position = item->position,
                                                 .transaction = *transaction,
                                                 .verdict = decision->verdict}};
        if (amendment_record_take_fired(&amendment.amendment, decision, &source->memory) < 0)
            return error_set(ret_error, ERROR_TOO_LARGE, "record %" PRIu64 ": too many rules",
                             item->position);
        source->amendment_follows = true;
        record_encode(&amendment, &source->amendment);
    }
    if (label != LABEL_NONE) {
        const struct record outcome = {.type = RECORD_OUTCOME,
                                       .receive_time_us = record.receive_time_us,
                                       .outcome = {.known_time_us = record.receive_time_us,
                                                   .label = label,
                                                   .transaction_position = item->position,
                                                   .transaction = *transaction,
                                                   .verdict = decision->verdict,
                                                   .is_amended = is_amended,
                                                   .amended = amended}};
        source->outcome_follows = true;
        record_encode(&outcome, &source->outcome);
    }
    return 0;
}

/* The next record that was made up, if there is one. */
static bool take_follower(struct order_source *source, struct archive_part_record *ret_record) {
    bool is_amendment = source->amendment_follows;
    if (!is_amendment && !source->outcome_follows)
        return false;
    const struct buffer *payload = is_amendment ? &source->amendment : &source->outcome;
    *(is_amendment ? &source->amendment_follows : &source->outcome_follows) = false;
    *ret_record =
        (struct archive_part_record){.type = is_amendment ? RECORD_AMENDMENT : RECORD_OUTCOME,
                                     .position = source->follower_position,
                                     .payload = {(const char *)payload->bytes, payload->length}};
    return true;
}

static int next_in_order(struct replay_source *self, struct archive_part_record *ret_record,
                         struct error *ret_error) {
    struct order_source *source = (struct order_source *)self;
    struct event_item item;
    if (take_follower(source, ret_record))
        return 1;
    buffer_clear(&source->amendment);
    buffer_clear(&source->outcome);
    int r;
    while ((r = event_order_next(source->order, &item, ret_error)) == 0 && !source->is_at_end) {
        r = put_part(source, ret_error);
        if (r < 0)
            return r;
    }
    if (r <= 0)
        return r;
    *ret_record = (struct archive_part_record){
        .type = RECORD_TRANSACTION, .position = item.position, .payload = item.payload};
    r = prepare_followers(source, &item, ret_error);
    return r < 0 ? r : 1;
}

static void close_order(struct replay_source *self) {
    struct order_source *source = (struct order_source *)self;
    source->archive->close(source->archive);
    event_order_free(source->order);
    arena_deinit(&source->memory);
    buffer_deinit(&source->amendment);
    buffer_deinit(&source->outcome);
    free(source);
}

struct replay_source *replay_source_in_order(const struct replay *replay) {
    struct order_source *source = check_calloc(1, sizeof *source);
    const struct event_order_options options = {.limit_bytes = replay->memory_bytes,
                                                .make_file = scratch_file};
    source->source = (struct replay_source){.next = next_in_order, .close = close_order};
    source->replay = replay;
    source->archive = replay_source_archive(replay);
    source->order = event_order_new(&options);
    arena_init(&source->memory, RECORD_BYTES_MAX);
    buffer_init(&source->amendment);
    buffer_init(&source->outcome);
    return &source->source;
}
