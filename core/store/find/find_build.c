/* Columns grow as records come; terms are (hash, row) in the order of rows, sorted by hash at the
 * end. A sort that keeps the order of equal hashes leaves the rows of each value rising. */
#include "find_build.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_STEP  4096              /* records */
#define ARENA_BYTES  ((size_t)1 << 27) /* of one record, decoded */
#define RADIX_BITS   11
#define RADIX_SIZE   (1u << RADIX_BITS)
#define CURRENCY_MAX 255

/* Columns as they come: not yet scaled. */
struct builder {
    const struct find_build *build;
    struct archive_part_reader *reader;
    struct arena arena;
    struct find_header header;
    struct buffer position, offset, received, event, amount, score, verdict, currency;
    struct buffer currencies;
    struct buffer terms[TERM_COUNT]; /* uint64_t: hash << 32 | row */
    struct buffer outcomes, amendments;
};

/* ---- one record ---- */

static void put_term(struct builder *builder, unsigned term, struct text value) {
    uint64_t entry = (uint64_t)find_term_hash(term, value) << 32 | builder->header.rows;
    buffer_append(&builder->terms[term], &entry, sizeof entry);
}

/* Codes of currencies are checked, so a slice has fewer than CURRENCY_MAX; more would share the
 * last index, and be told apart by their records. */
static uint8_t currency_index(struct builder *builder, struct text code) {
    char name[4] = {0};
    memcpy(name, code.data, code.length < 3 ? code.length : 3);
    size_t count = builder->currencies.length / 4;
    for (size_t i = 0; i < count; i++)
        if (memcmp(builder->currencies.bytes + 4 * i, name, 4) == 0)
            return (uint8_t)i;
    if (count == CURRENCY_MAX)
        return CURRENCY_MAX - 1;
    buffer_append(&builder->currencies, name, 4);
    return (uint8_t)count;
}

static void put_rules(struct builder *builder, const struct decision *decision) {
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        bool has_effect = !reason->shadow && !reason->suppressed;
        put_term(builder, has_effect ? TERM_RULE : TERM_RULE_NO_EFFECT, reason->rule);
    }
}

static void put_transaction(struct builder *builder, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    uint32_t position = (uint32_t)(record->position - builder->header.from.position);
    uint32_t offset = (uint32_t)(archive_part_record_offset(builder->reader) / 8);
    uint16_t score = (uint16_t)(decision->score < UINT16_MAX ? decision->score : UINT16_MAX);
    uint8_t verdict = (uint8_t)(1u << decision->verdict);
    uint8_t currency = currency_index(builder, transaction->currency);
    buffer_append(&builder->position, &position, sizeof position);
    buffer_append(&builder->offset, &offset, sizeof offset);
    buffer_append(&builder->received, &record->receive_time_us, sizeof(int64_t));
    buffer_append(&builder->event, &transaction->event_time_us, sizeof(int64_t));
    buffer_append(&builder->amount, &transaction->amount_minor, sizeof(int64_t));
    buffer_append(&builder->score, &score, sizeof score);
    buffer_append(&builder->verdict, &verdict, sizeof verdict);
    buffer_append(&builder->currency, &currency, sizeof currency);
    for (unsigned field = 0; field < FIELD_COUNT; field++)
        if (transaction->fields[field].length > 0)
            put_term(builder, field, transaction->fields[field]);
    put_term(builder, TERM_ID, transaction->id);
    put_rules(builder, decision);
    builder->header.rows++;
}

static void put_outcome(struct builder *builder, const struct record *record) {
    const struct find_outcome outcome = {
        .transaction_position = record->outcome.transaction_position,
        .received_us = record->receive_time_us,
        .known_us = record->outcome.known_time_us,
        .label = (uint64_t)record->outcome.label,
    };
    buffer_append(&builder->outcomes, &outcome, sizeof outcome);
}

static void put_amendment(struct builder *builder, const struct record *record) {
    const struct amended *now = &record->amendment.now;
    const struct find_amendment amendment = {
        .transaction_position = record->amendment.transaction_position,
        .received_us = record->receive_time_us,
        .amount_minor = now->amount_minor,
        .refunded_minor = now->refunded_minor,
        .is_voided = now->is_voided,
    };
    buffer_append(&builder->amendments, &amendment, sizeof amendment);
}

static int take(struct builder *builder, enum record_type type, struct error *ret_error) {
    struct record record;
    if (type != RECORD_TRANSACTION && type != RECORD_OUTCOME && type != RECORD_AMENDMENT)
        return 0;
    arena_reset(&builder->arena);
    int r = archive_part_decode(builder->reader, &builder->arena, &record, ret_error);
    if (r < 0)
        return r;
    if (type == RECORD_TRANSACTION)
        put_transaction(builder, &record);
    else if (type == RECORD_OUTCOME)
        put_outcome(builder, &record);
    else
        put_amendment(builder, &record);
    return 0;
}

/* ---- all records ---- */

static int report(const struct find_build *build, uint64_t position, struct error *ret_error) {
    bool stops = build->stop && atomic_load_explicit(build->stop, memory_order_relaxed);
    if (!stops && build->report)
        stops = build->report(build->user, position) != 0;
    return stops ? error_set(ret_error, ERROR_INTERRUPTED, "the search was interrupted") : 0;
}

static int read_records(struct builder *builder, bool *ret_at_end, struct error *ret_error) {
    struct archive_part_record found;
    int next;
    while ((next = archive_part_next(builder->reader, &found, ret_error)) == 1) {
        int r = take(builder, found.type, ret_error);
        if (r == 0 && found.position % REPORT_STEP == 0)
            r = report(builder->build, found.position, ret_error);
        if (r < 0)
            return r;
        builder->header.until = archive_part_place(builder->reader);
        builder->header.until_offset = archive_part_offset(builder->reader);
        if (builder->header.until_offset - builder->build->from_offset >= builder->build->bytes)
            break;
    }
    *ret_at_end = next == 0;
    return next < 0 ? next : 0;
}

static int open_reader(struct builder *builder, struct error *ret_error) {
    const struct find_build *build = builder->build;
    builder->header.from = builder->header.until = build->from;
    builder->header.part_first = archive_parts_part(build->parts, build->part).first;
    builder->header.from_offset = builder->header.until_offset = build->from_offset;
    int r = archive_part_open(build->parts, build->part, 0, build->drop_cache, &builder->reader,
                              ret_error);
    if (r == 0 && build->from_offset > 0)
        r = archive_part_resume(builder->reader, build->from_offset, build->from, ret_error);
    return r;
}

/* ---- the image ---- */

/* Times and amounts become uint32_t, in place. */
static struct find_scale scale_column(struct buffer *column) {
    size_t count = column->length / sizeof(int64_t);
    int64_t *values = (int64_t *)(void *)column->bytes;
    struct find_scale scale = {0};
    int64_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        scale.least = i == 0 || values[i] < scale.least ? values[i] : scale.least;
        greatest = i == 0 || values[i] > greatest ? values[i] : greatest;
    }
    while (((uint64_t)greatest - (uint64_t)scale.least) >> scale.shift > UINT32_MAX)
        scale.shift++;
    for (size_t i = 0; i < count; i++) {
        uint32_t scaled = (uint32_t)(((uint64_t)values[i] - (uint64_t)scale.least) >> scale.shift);
        memcpy(column->bytes + i * sizeof scaled, &scaled, sizeof scaled);
    }
    column->length = count * sizeof(uint32_t);
    return scale;
}

static void add_row(struct find_block *block, const struct builder *builder, size_t row) {
    uint32_t event = load_u32(builder->event.bytes + 4 * row);
    uint32_t amount = load_u32(builder->amount.bytes + 4 * row);
    uint16_t score = load_u16(builder->score.bytes + 2 * row);
    block->event_min = event < block->event_min ? event : block->event_min;
    block->event_max = event > block->event_max ? event : block->event_max;
    block->amount_min = amount < block->amount_min ? amount : block->amount_min;
    block->amount_max = amount > block->amount_max ? amount : block->amount_max;
    block->score_min = score < block->score_min ? score : block->score_min;
    block->score_max = score > block->score_max ? score : block->score_max;
    block->verdicts |= builder->verdict.bytes[row];
}

static void make_blocks(const struct builder *builder, struct buffer *blocks) {
    for (size_t first = 0; first < builder->header.rows; first += FIND_BLOCK_ROWS) {
        struct find_block block = {
            .event_min = UINT32_MAX, .amount_min = UINT32_MAX, .score_min = UINT16_MAX};
        for (size_t row = first; row < first + FIND_BLOCK_ROWS && row < builder->header.rows; row++)
            add_row(&block, builder, row);
        buffer_append(blocks, &block, sizeof block);
    }
}

/* By the upper 32 bits, 11 of them at a time. */
static void sort_term(struct buffer *term) {
    size_t count = term->length / sizeof(uint64_t);
    uint64_t *from = (uint64_t *)(void *)term->bytes;
    uint64_t *memory = check_malloc(term->length + 1), *to = memory;
    for (unsigned shift = 32; shift < 64; shift += RADIX_BITS) {
        size_t starts[RADIX_SIZE] = {0}, at = 0;
        for (size_t i = 0; i < count; i++)
            starts[from[i] >> shift & (RADIX_SIZE - 1)]++;
        for (size_t i = 0; i < RADIX_SIZE; i++) {
            size_t of_digit = starts[i];
            starts[i] = at;
            at += of_digit;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[from[i] >> shift & (RADIX_SIZE - 1)]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    if (count > 0 && from == memory) /* three passes: it ends in the other one */
        memcpy(term->bytes, memory, term->length);
    free(memory);
}

static void split_term(struct buffer *term, struct buffer sections[3]) {
    size_t count = term->length / sizeof(uint64_t);
    sort_term(term);
    const uint64_t *entries = (const uint64_t *)(const void *)term->bytes;
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = (uint32_t)(entries[i] >> 32), row = (uint32_t)entries[i];
        if (i + 1 < count && entries[i + 1] == entries[i])
            continue; /* a row once */
        buffer_append(&sections[2], &row, sizeof row);
        uint32_t end = (uint32_t)(sections[2].length / sizeof row);
        if (i + 1 < count && entries[i + 1] >> 32 == hash)
            continue;
        buffer_append(&sections[0], &hash, sizeof hash);
        buffer_append(&sections[1], &end, sizeof end);
    }
}

struct ordered_item {
    uint64_t transaction_position, number;
};

static int by_transaction(const void *a, const void *b) {
    const struct ordered_item *first = a, *second = b;
    if (first->transaction_position != second->transaction_position)
        return first->transaction_position > second->transaction_position ? 1 : -1;
    return (first->number > second->number) - (first->number < second->number);
}

/* By transactions, whose position is the beginning of either kind of item; the last of each stays.
 */
static void sort_later(struct buffer *items, size_t size) {
    size_t count = items->length / size;
    struct ordered_item *order = check_calloc(count + 1, sizeof *order);
    struct buffer sorted = {0};
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ordered_item){load_u64(items->bytes + i * size), i};
    qsort(order, count, sizeof *order, by_transaction);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || order[i + 1].transaction_position != order[i].transaction_position)
            buffer_append(&sorted, items->bytes + order[i].number * size, size);
    free(order);
    buffer_deinit(items);
    *items = sorted;
}

static void split_labels(const struct buffer *outcomes, struct buffer labels[LABEL_COUNT]) {
    const struct find_outcome *outcome = (const void *)outcomes->bytes;
    for (size_t i = 0; i < outcomes->length / sizeof *outcome; i++)
        if (outcome[i].label < LABEL_COUNT)
            buffer_append(&labels[outcome[i].label], &outcome[i].transaction_position,
                          sizeof(uint64_t));
}

static struct find_image *make_image(struct builder *builder) {
    struct find_header *header = &builder->header;
    struct buffer made[SECTION_COUNT] = {0};
    struct find_bytes sections[SECTION_COUNT] = {0};
    header->received = scale_column(&builder->received);
    header->event = scale_column(&builder->event);
    header->amount = scale_column(&builder->amount);
    make_blocks(builder, &made[SECTION_BLOCKS]);
    sort_later(&builder->outcomes, sizeof(struct find_outcome));
    sort_later(&builder->amendments, sizeof(struct find_amendment));
    split_labels(&builder->outcomes, &made[SECTION_LABELS]);
    for (unsigned term = 0; term < TERM_COUNT; term++)
        split_term(&builder->terms[term], &made[find_term_hashes(term)]);
    const struct buffer *columns[] = {
        [SECTION_POSITION] = &builder->position,     [SECTION_OFFSET] = &builder->offset,
        [SECTION_RECEIVED] = &builder->received,     [SECTION_EVENT] = &builder->event,
        [SECTION_AMOUNT] = &builder->amount,         [SECTION_SCORE] = &builder->score,
        [SECTION_VERDICT] = &builder->verdict,       [SECTION_CURRENCY] = &builder->currency,
        [SECTION_CURRENCIES] = &builder->currencies, [SECTION_OUTCOMES] = &builder->outcomes,
        [SECTION_AMENDMENTS] = &builder->amendments,
    };
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        bool is_column = i < sizeof columns / sizeof *columns && columns[i];
        const struct buffer *bytes = is_column ? columns[i] : &made[i];
        sections[i] = (struct find_bytes){.bytes = bytes->bytes, .length = bytes->length};
    }
    struct find_image *image = find_image_new(header, sections);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        buffer_deinit(&made[i]);
    return image;
}

static void deinit(struct builder *builder) {
    struct buffer *const buffers[] = {
        &builder->position, &builder->offset,     &builder->received,   &builder->event,
        &builder->amount,   &builder->score,      &builder->verdict,    &builder->currency,
        &builder->outcomes, &builder->amendments, &builder->currencies,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_deinit(buffers[i]);
    for (size_t i = 0; i < TERM_COUNT; i++)
        buffer_deinit(&builder->terms[i]);
    arena_deinit(&builder->arena);
    archive_part_close(builder->reader);
}

int find_build(const struct find_build *build, struct find_image **ret_image, bool *ret_at_end,
               struct error *ret_error) {
    static const char none[4];
    struct builder builder = {.build = build};
    arena_init(&builder.arena, ARENA_BYTES);
    buffer_append(&builder.currencies, none, sizeof none);
    int r = open_reader(&builder, ret_error);
    if (r == 0)
        r = read_records(&builder, ret_at_end, ret_error);
    if (r == 0)
        *ret_image = make_image(&builder);
    deinit(&builder);
    return r;
}
