/* Buckets are kept from the newest to the oldest, the order in which rows mostly come. When there
 * are too many, the next width is a multiple of the one before, so buckets are only ever joined. */
#include "find_tally.h"

#include "find_later.h"

#include <string.h>

#define HOUR_US      (INT64_C(3600) * 1000000)
#define EVENT_US_MAX (INT64_C(1) << 58) /* after 9999-12-31, the last day of any transaction */

enum { TALLY_OK = 0, TALLY_DAMAGED = 1 };

void find_tally_init(struct find_tally *tally, int64_t origin_us) {
    *tally =
        (struct find_tally){.origin_us = origin_us, .width_us = HOUR_US, .amount_step_minor = 1};
}

static int64_t next_width(int64_t width_us) {
    return width_us < 6 * HOUR_US     ? 6 * HOUR_US
           : width_us < 24 * HOUR_US  ? 24 * HOUR_US
           : width_us < 168 * HOUR_US ? 168 * HOUR_US
           : width_us < 672 * HOUR_US ? 672 * HOUR_US
                                      : 2 * width_us;
}

static int64_t begin_of(const struct find_tally *tally, int64_t at_us) {
    int64_t since_us = at_us - tally->origin_us;
    int64_t past_us = since_us % tally->width_us;
    return at_us - (past_us < 0 ? past_us + tally->width_us : past_us);
}

static void add_amount(int64_t *sum, int64_t amount_minor) {
    if (__builtin_add_overflow(*sum, amount_minor, sum))
        *sum = INT64_MAX;
}

static void join(struct find_bucket *into, const struct find_bucket *from) {
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        into->verdicts[i] += from->verdicts[i];
    for (size_t i = 0; i < FIND_TALLY_CURRENCIES; i++)
        add_amount(&into->amount_minor[i], from->amount_minor[i]);
}

static void widen(struct find_tally *tally) {
    size_t count = 0;
    tally->width_us = next_width(tally->width_us);
    for (size_t i = 0; i < tally->bucket_count; i++) {
        struct find_bucket bucket = tally->buckets[i];
        bucket.begin_us = begin_of(tally, bucket.begin_us);
        if (count > 0 && tally->buckets[count - 1].begin_us == bucket.begin_us)
            join(&tally->buckets[count - 1], &bucket);
        else
            tally->buckets[count++] = bucket;
    }
    tally->bucket_count = count;
    tally->last_bucket = 0;
}

/* Where it is, or is to be. */
static size_t seek(const struct find_tally *tally, int64_t begin_us) {
    size_t low = 0, high = tally->bucket_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tally->buckets[middle].begin_us > begin_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct find_bucket *bucket_of(struct find_tally *tally, int64_t at_us) {
    struct find_bucket *last = &tally->buckets[tally->last_bucket];
    if (tally->bucket_count > 0 && at_us >= last->begin_us &&
        at_us - last->begin_us < tally->width_us)
        return last;
    int64_t begin_us = begin_of(tally, at_us);
    size_t index = seek(tally, begin_us);
    tally->last_bucket = index;
    if (index < tally->bucket_count && tally->buckets[index].begin_us == begin_us)
        return &tally->buckets[index];
    if (tally->bucket_count == FIND_TALLY_BUCKETS) {
        widen(tally);
        return bucket_of(tally, at_us);
    }
    struct find_bucket *bucket = &tally->buckets[index];
    memmove(bucket + 1, bucket, (tally->bucket_count++ - index) * sizeof *bucket);
    *bucket = (struct find_bucket){.begin_us = begin_us};
    return bucket;
}

/* FIND_TALLY_CURRENCIES: there is no room for it. */
static size_t currency_of(struct find_tally *tally, const char code[4]) {
    size_t i = 0;
    while (i < tally->currency_count && memcmp(tally->currencies[i].code, code, 4) != 0)
        i++;
    if (i == tally->currency_count && i < FIND_TALLY_CURRENCIES)
        memcpy(tally->currencies[tally->currency_count++].code, code, 4);
    return i;
}

/* A slice's columns from some row on. */
struct columns {
    uint32_t first;
    const uint32_t *event, *amount;
    const uint8_t *verdict, *currency;
};

static int open_columns(struct find_slice *slice, uint32_t first, size_t count,
                        struct columns *ret_columns) {
    struct columns columns = {
        .first = first,
        .event = find_slice_at(slice, SECTION_EVENT, first, count, sizeof(uint32_t)),
        .amount = find_slice_at(slice, SECTION_AMOUNT, first, count, sizeof(uint32_t)),
        .verdict = find_slice_at(slice, SECTION_VERDICT, first, count, 1),
        .currency = find_slice_at(slice, SECTION_CURRENCY, first, count, 1),
    };
    *ret_columns = columns;
    return columns.event && columns.amount && columns.verdict && columns.currency ? TALLY_OK
                                                                                  : TALLY_DAMAGED;
}

/* false: no transaction has it. */
static bool unscale(struct find_scale scale, uint32_t value, int64_t *ret_value) {
    return !__builtin_add_overflow(scale.least, (uint64_t)value << scale.shift, ret_value);
}

static void add_row(struct find_tally *tally, int64_t at_us, int64_t amount_minor,
                    enum verdict verdict, size_t currency) {
    struct find_bucket *bucket = bucket_of(tally, at_us);
    bucket->verdicts[verdict]++;
    tally->verdicts[verdict]++;
    tally->first_us = tally->rows == 0 || at_us < tally->first_us ? at_us : tally->first_us;
    tally->last_us = tally->rows == 0 || at_us > tally->last_us ? at_us : tally->last_us;
    tally->rows++;
    if (currency < FIND_TALLY_CURRENCIES) {
        add_amount(&bucket->amount_minor[currency], amount_minor);
        add_amount(&tally->currencies[currency].amount_minor, amount_minor);
        tally->currencies[currency].rows++;
    } else {
        tally->other_currencies++;
    }
}

static void add_later(struct find_tally *tally, const struct find_later *item) {
    tally->labels[item->label < LABEL_COUNT ? item->label : LABEL_NONE]++;
    tally->amended += item->is_amended;
}

/* The currencies of a slice: their codes, and the tally's index of each that some row has had. */
struct currencies {
    const char *codes;
    size_t count;
    size_t indices[256]; /* SIZE_MAX: not yet */
};

static int open_currencies(struct find_slice *slice, struct currencies *ret_currencies) {
    struct currencies *currencies = ret_currencies;
    currencies->count = find_image_count(slice->image, SECTION_CURRENCIES, 4);
    currencies->codes = find_slice_at(slice, SECTION_CURRENCIES, 0, currencies->count, 4);
    for (size_t i = 0; i < 256; i++)
        currencies->indices[i] = SIZE_MAX;
    return currencies->codes ? TALLY_OK : TALLY_DAMAGED;
}

/* SIZE_MAX: the slice has no such currency. */
static size_t index_of(struct find_tally *tally, struct currencies *currencies, uint8_t code) {
    if (currencies->indices[code] == SIZE_MAX && code < currencies->count)
        currencies->indices[code] = currency_of(tally, currencies->codes + (size_t)4 * code);
    return currencies->indices[code];
}

int find_tally_add(struct find_tally *tally, struct find_slice *slice, const uint32_t *rows,
                   const struct find_later *items, size_t count) {
    const struct find_header *header = find_image_header(slice->image);
    struct columns columns = {0};
    struct currencies currencies;
    if (count == 0)
        return TALLY_OK;
    if (open_currencies(slice, &currencies) != 0)
        goto damaged;
    /* Verifying a column costs more than reading it: of a few rows, only what they need. */
    size_t range = (size_t)rows[0] - rows[count - 1] + 1;
    bool is_dense = range / 64 <= count;
    if (is_dense && open_columns(slice, rows[count - 1], range, &columns) != 0)
        goto damaged;
    for (size_t i = 0; i < count; i++) {
        if (!is_dense && open_columns(slice, rows[i], 1, &columns) != 0)
            goto damaged;
        size_t at = rows[i] - columns.first;
        size_t currency = index_of(tally, &currencies, columns.currency[at]);
        unsigned verdict = (unsigned)__builtin_ctz(columns.verdict[at] | 1u << VERDICT_COUNT);
        int64_t at_us, amount_minor;
        if (currency == SIZE_MAX || verdict >= VERDICT_COUNT ||
            !unscale(header->event, columns.event[at], &at_us) || at_us < 0 ||
            at_us > EVENT_US_MAX || !unscale(header->amount, columns.amount[at], &amount_minor))
            goto damaged;
        add_row(tally, at_us, amount_minor, (enum verdict)verdict, currency);
        add_later(tally, &items[count - 1 - i]);
    }
    if (header->amount.shift < 62 && INT64_C(1) << header->amount.shift > tally->amount_step_minor)
        tally->amount_step_minor = INT64_C(1) << header->amount.shift;
    return TALLY_OK;
damaged:
    slice->is_damaged = true;
    return TALLY_DAMAGED;
}
