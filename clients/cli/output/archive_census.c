/* One pass over the records, with a byte per position and eight per transaction in memory. Ids
 * are counted by their hashes, once more and on purpose: the count must not come from a structure
 * that the archive's writer maintains.
 *
 * Text and JSON print the same figures in the same order; a script that compares two archives
 * compares these. */
#include "archive_census.h"

#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void archive_census_init(struct archive_census *census, uint64_t before) {
    *census = (struct archive_census){
        .before = before, .first_event_us = INT64_MAX, .last_event_us = INT64_MIN};
    buffer_init(&census->labels);
    buffer_init(&census->id_hashes);
}

void archive_census_deinit(struct archive_census *census) {
    buffer_deinit(&census->labels);
    buffer_deinit(&census->id_hashes);
    free(census->segment);
}

/* The label of a position after `before`. Positions come in order and without gaps, so this grows
 * by one. */
static uint8_t *label_at(struct archive_census *census, uint64_t position) {
    uint64_t index = position - census->before;
    while (census->labels.length <= index)
        buffer_append_u8(&census->labels, 0);
    return &census->labels.bytes[index];
}

/* A transaction begins without a label, which is not the same as a position without a transaction
 * (0). */
static void add_transaction(struct archive_census *census, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    uint64_t hash = hash_text(transaction->id);
    *label_at(census, record->position) = 1 + LABEL_NONE;
    buffer_append(&census->id_hashes, &hash, sizeof hash);
    if (transaction->event_time_us < census->first_event_us)
        census->first_event_us = transaction->event_time_us;
    if (transaction->event_time_us > census->last_event_us)
        census->last_event_us = transaction->event_time_us;
}

int archive_census_add(struct archive_census *census, const struct record *record, const char *file,
                       struct error *ret_error) {
    if (!census->segment || strcmp(census->segment, file) != 0) {
        free(census->segment);
        census->segment = text_copy(text_of(file));
        census->segments++;
    }
    census->records++;
    census->by_type[record->type]++;
    label_at(census, record->position);
    if (record->type == RECORD_TRANSACTION)
        add_transaction(census, record);
    if (record->type == RECORD_OUTCOME) {
        uint64_t of = record->outcome.transaction_position;
        if (of > 0 && of <= census->before)
            return 0;
        if (of == 0 || of >= record->position || *label_at(census, of) == 0)
            return error_set(ret_error, ERROR_DAMAGED,
                             "the outcome at position %" PRIu64 " refers to position %" PRIu64
                             ", which holds no transaction",
                             record->position, of);
        *label_at(census, of) = (uint8_t)(1 + record->outcome.label);
    }
    if (record->type == RECORD_AMENDMENT) {
        uint64_t of = record->amendment.transaction_position;
        if (of > census->before && (of >= record->position || *label_at(census, of) == 0))
            return error_set(ret_error, ERROR_DAMAGED,
                             "the amendment at position %" PRIu64 " refers to position %" PRIu64
                             ", which holds no transaction",
                             record->position, of);
    }
    return 0;
}

uint64_t archive_census_labelled(const struct archive_census *census, enum label label) {
    uint64_t count = 0;
    for (size_t i = 0; i < census->labels.length; i++)
        count += census->labels.bytes[i] == 1 + label;
    return count;
}

/* Unaligned: the buffer holds bytes. */
static int compare_hashes(const void *a, const void *b) {
    uint64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

uint64_t archive_census_ids(struct archive_census *census) {
    size_t size = sizeof(uint64_t), count = census->id_hashes.length / size;
    const uint8_t *hashes = census->id_hashes.bytes;
    uint64_t different = 0;
    if (count == 0)
        return 0;
    qsort(census->id_hashes.bytes, count, size, compare_hashes);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || memcmp(hashes + i * size, hashes + (i - 1) * size, size) != 0;
    return different;
}

/* "synced_position" and "position" differ by what a crash now would lose. */
static void print_json(struct archive_census *census, FILE *to) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_unsigned(&line, "transactions", census->by_type[RECORD_TRANSACTION]);
    json_add_unsigned(&line, "transaction_ids", archive_census_ids(census));
    json_add_unsigned(&line, "outcomes", census->by_type[RECORD_OUTCOME]);
    json_begin_object(&line, "labels");
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++)
        json_add_unsigned(&line, label_name(label), archive_census_labelled(census, label));
    json_end_object(&line);
    json_begin_object(&line, "records");
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        json_add_unsigned(&line, record_type_name(type), census->by_type[type]);
    json_end_object(&line);
    json_add_unsigned(&line, "segments", census->segments);
    json_add_unsigned(&line, "synced_position", census->synced.position);
    json_add_unsigned(&line, "position", census->end.position);
    json_add_hex(&line, "chain", census->end.chain);
    if (census->by_type[RECORD_TRANSACTION]) {
        json_add_time(&line, "first_event_time", census->first_event_us);
        json_add_time(&line, "last_event_time", census->last_event_us);
    }
    json_end_object(&line);
    fprintf(to, "%.*s\n", (int)line.length, (const char *)line.bytes);
    buffer_deinit(&line);
}

/* Transactions and outcomes have lines of their own above, so the types below begin with list
 * changes. */
static void print_text(struct archive_census *census, FILE *to) {
    char chain[HASH_HEX_SIZE], time[64];
    fprintf(to, "transactions     %" PRIu64 "\n", census->by_type[RECORD_TRANSACTION]);
    fprintf(to, "transaction ids  %" PRIu64 "\n", archive_census_ids(census));
    fprintf(to, "outcomes         %" PRIu64 "\n", census->by_type[RECORD_OUTCOME]);
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++)
        fprintf(to, "label %-10s %" PRIu64 "\n", label_name(label),
                archive_census_labelled(census, label));
    for (enum record_type type = RECORD_LIST_CHANGE; type < RECORD_TYPE_COUNT; type++)
        fprintf(to, "%-16s %" PRIu64 "\n", record_type_name(type), census->by_type[type]);
    if (census->by_type[RECORD_TRANSACTION]) {
        value_format(value_timestamp(census->first_event_us), time, sizeof time);
        fprintf(to, "first event      %s\n", time);
        value_format(value_timestamp(census->last_event_us), time, sizeof time);
        fprintf(to, "last event       %s\n", time);
    }
    fprintf(to, "segments         %" PRIu64 "\n", census->segments);
    fprintf(to, "synced position  %" PRIu64 "\n", census->synced.position);
    fprintf(to, "last position    %" PRIu64 "\n", census->end.position);
    hash_hex(census->end.chain, chain);
    fprintf(to, "chain            %s\n", chain);
}

void archive_census_print(struct archive_census *census, bool json, FILE *to) {
    if (json)
        print_json(census, to);
    else
        print_text(census, to);
}
