#include "stream_records.h"

#include "clients/cli/score/outgoing.h"
#include "core/base/check.h"

int stream_records_open(struct stream_records *records, enum record_format format,
                        const char *const maps[BATCH_KIND_COUNT], const char *source,
                        struct error *ret_error) {
    static const enum record_kind kinds[BATCH_KIND_COUNT] = {
        [BATCH_TRANSACTIONS] = RECORD_TRANSACTIONS,
        [BATCH_OUTCOMES] = RECORD_OUTCOMES,
        [BATCH_AMENDMENTS] = RECORD_AMENDMENTS,
    };
    int r = 0;
    *records = (struct stream_records){.source = source};
    for (size_t i = 0; i < BATCH_KIND_COUNT && r == 0; i++)
        r = record_parser_new(format, kinds[i], maps[i], &records->parsers[i], ret_error);
    return r;
}

void stream_records_close(struct stream_records *records) {
    for (size_t i = 0; i < BATCH_KIND_COUNT; i++)
        record_parser_free(records->parsers[i]);
}

/* ---- records ---- */

/* NULL if there is none. */
static const char *source_of(const struct stream_records *records, struct text source) {
    return source.length > 0 ? source.data : records->source;
}

static int parse_transaction(const struct stream_records *records, struct stream_batch *batch,
                             size_t index, struct error *ret_error) {
    struct transaction transaction;
    int r = record_parser_transaction(records->parsers[BATCH_TRANSACTIONS],
                                      batch->items[index].record.value, &batch->arena, &transaction,
                                      ret_error);
    if (r == 0 && !outgoing_transaction(&transaction, &batch->arena, &batch->transactions[index]))
        r = error_set(ret_error, ERROR_TOO_LARGE, "the record is too large");
    return r;
}

/* 1: there is nothing to report. */
static int parse_outcome(const struct stream_records *records, struct stream_batch *batch,
                         size_t index, struct error *ret_error) {
    struct outcome outcome;
    int r =
        record_parser_outcome(records->parsers[BATCH_OUTCOMES], batch->items[index].record.value,
                              &batch->arena, &outcome, ret_error);
    if (r < 0)
        return r;
    batch->outcomes[index] = (struct harrier_outcome){
        .transaction_id = outcome.transaction_id.data,
        .label = (enum harrier_label)outcome.label,
        .known_time_us = outcome.known_time_us,
        .source = source_of(records, outcome.source),
    };
    return r;
}

/* 1: there is nothing to report. */
static int parse_amendment(const struct stream_records *records, struct stream_batch *batch,
                           size_t index, struct error *ret_error) {
    struct amendment amendment;
    int r = record_parser_amendment(records->parsers[BATCH_AMENDMENTS],
                                    batch->items[index].record.value, &batch->arena, &amendment,
                                    ret_error);
    if (r == 0)
        batch->amendments[index] = (struct harrier_amendment){
            .transaction_id = amendment.transaction_id.data,
            .kind = (enum harrier_amendment_kind)amendment.kind,
            .amount_minor = amendment.amount_minor,
            .known_time_us = amendment.known_time_us,
            .source = source_of(records, amendment.source),
            .currency = amendment.currency.length > 0 ? amendment.currency.data : NULL,
        };
    return r;
}

int stream_records_parse(const struct stream_records *records, struct stream_batch *batch,
                         size_t index, struct error *ret_error) {
    switch (batch->kind) {
    case BATCH_TRANSACTIONS:
        return parse_transaction(records, batch, index, ret_error);
    case BATCH_OUTCOMES:
        return parse_outcome(records, batch, index, ret_error);
    case BATCH_AMENDMENTS:
        return parse_amendment(records, batch, index, ret_error);
    case BATCH_KIND_COUNT:
        break;
    }
    check(false);
    return 0;
}
