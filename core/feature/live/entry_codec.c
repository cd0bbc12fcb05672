#include "entry_codec.h"

/* Numbers. Mostly they have one byte, or are read where eight more can be. */

static inline const uint8_t *take_varint(const uint8_t *at, const uint8_t *end,
                                         uint64_t *ret_value) {
    if (at != end && *at < 0x80) {
        *ret_value = *at;
        return at + 1;
    }
    struct cursor cursor = {.at = at, .end = end};
    *ret_value = cursor_varint(&cursor);
    return cursor.failed ? NULL : cursor.at;
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
    if (value >= 0x80)
        return varint_put(at, value);
    *at = (uint8_t)value;
    return at + 1;
}

/* Writing. */

static uint8_t *put_column(enum column_type type, const struct entry *entry, size_t i,
                           uint8_t *at) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        store_u64(at, (uint64_t)entry->integers[i]);
        return at + 8;
    }
    if (type == COLUMN_INTEGER)
        return put_varint(at, zigzag(entry->integers[i]));
    at = put_varint(at, entry->texts[i].length);
    if (entry->texts[i].length > 0)
        memcpy(at, entry->texts[i].data, entry->texts[i].length);
    return at + entry->texts[i].length;
}

uint8_t *identity_put(const struct entity_plan *entity, const struct entry *entry, uint8_t *at) {
    uint32_t present = entry_present(entity, entry);
    store_u64(at, __builtin_bswap64(entry->id_hash)); /* there is room for it in any case */
    at = put_varint(at + entity->id_size, entity->all_columns & ~present);
    for (; present != 0; present &= present - 1) {
        size_t i = (size_t)__builtin_ctz(present);
        at = put_column(entity->columns[i].type, entry, i, at);
    }
    return at;
}

#define HAS_TAKEN (UINT64_C(1) << 32) /* of the number of transactions in a long tally */

uint8_t *tally_put(const struct entity_plan *entity, const struct entry *entry,
                   const struct row_tally *tally, uint8_t *at) {
    uint64_t passed = 0, has_taken = tally->taken > 0 ? HAS_TAKEN : 0;
    if (entry_is_single(entity, entry, tally)) {
        for (size_t i = 0; i < entity->filter_count; i++)
            passed |= (uint64_t)entry->weights[i] << (i + 1);
        return put_varint(at, passed);
    }
    at = put_varint(at, (tally->transactions | has_taken) << 1 | 1);
    for (size_t i = 0; i < entity->filter_count; i++)
        at = put_varint(at, zigzag(entry->weights[i]));
    if (tally->taken == 0)
        return at;
    at = put_varint(at, tally->taken);
    for (size_t i = 0; i < entity->filter_count; i++)
        if (!entity->filters[i].outcome)
            at = put_varint(at, tally->taken_weights[i]);
    return at;
}

/* Reading. */

static const uint8_t *take_column(const uint8_t *at, const uint8_t *end, enum column_type type,
                                  size_t i, struct entry *entry) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        if (end - at < 8)
            return NULL;
        entry->integers[i] = (int64_t)load_u64(at);
        return at + 8;
    }
    uint64_t value;
    at = take_varint(at, end, &value);
    if (type == COLUMN_INTEGER || !at) {
        entry->integers[i] = at ? unzigzag(value) : 0;
        return at;
    }
    if (value > COLUMN_TEXT_MAX || (size_t)(end - at) < value)
        return NULL;
    entry->texts[i] = (struct text){.data = (const char *)at, .length = value};
    return at + value;
}

static const uint8_t *take_identity(const uint8_t *at, const uint8_t *end,
                                    const struct entity_plan *entity, struct entry *entry) {
    uint64_t missing;
    entry->id_hash = 0;
    if ((size_t)(end - at) <= entity->id_size)
        return NULL;
    if (entity->id_size > 0)
        entry->id_hash = __builtin_bswap64(load_u64(at));
    at = take_varint(at + entity->id_size, end, &missing);
    if (!at || (missing & ~(uint64_t)entity->all_columns))
        return NULL;
    entry->present = entity->all_columns & ~(uint32_t)missing;
    for (uint32_t left = entry->present; left != 0 && at; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);
        at = take_column(at, end, entity->columns[i].type, i, entry);
    }
    return at;
}

/* What was taken out, at least once: of each plain filter no more than of all. */
static const uint8_t *take_taken(const uint8_t *at, const uint8_t *end,
                                 const struct entity_plan *entity, struct row_tally *tally) {
    uint64_t taken;
    at = take_varint(at, end, &taken);
    if (!at || taken == 0 || taken > UINT32_MAX)
        return NULL;
    tally->taken = (uint32_t)taken;
    for (size_t i = 0; i < entity->filter_count; i++) {
        uint64_t of_filter = 0;
        if (!entity->filters[i].outcome)
            at = take_varint(at, end, &of_filter);
        if (!at || of_filter > taken)
            return NULL;
        tally->taken_weights[i] = (uint32_t)of_filter;
    }
    return at;
}

static const uint8_t *take_long_tally(const uint8_t *at, const uint8_t *end,
                                      const struct entity_plan *entity, uint64_t transactions,
                                      struct row *row) {
    bool has_taken = transactions & HAS_TAKEN;
    transactions &= ~HAS_TAKEN;
    if (transactions > UINT32_MAX)
        return NULL;
    row->tally.transactions = (uint32_t)transactions;
    for (size_t i = 0; i < entity->filter_count; i++) {
        uint64_t value;
        at = take_varint(at, end, &value);
        int64_t weight = at ? unzigzag(value) : 0;
        if (!at || weight < INT32_MIN || weight > INT32_MAX)
            return NULL;
        row->entry.weights[i] = (int32_t)weight;
    }
    if (has_taken)
        return take_taken(at, end, entity, &row->tally);
    return entry_is_single(entity, &row->entry, &row->tally) ? NULL : at;
}

const uint8_t *body_take(const uint8_t *at, const uint8_t *end, const struct entity_plan *entity,
                         struct row *ret_row) {
    uint64_t head;
    at = take_identity(at, end, entity, &ret_row->entry);
    at = at ? take_varint(at, end, &head) : NULL;
    ret_row->tally.taken = 0;
    if (!at)
        return NULL;
    if (head & 1)
        return take_long_tally(at, end, entity, head >> 1, ret_row);
    ret_row->tally.transactions = 1;
    for (size_t i = 0; i < entity->filter_count; i++)
        ret_row->entry.weights[i] = (int32_t)(head >> (i + 1) & 1);
    return head >> 1 >> entity->filter_count ? NULL : at;
}

const uint8_t *identity_end(const uint8_t *at, const uint8_t *end,
                            const struct entity_plan *entity) {
    struct entry entry;
    return take_identity(at, end, entity, &entry);
}

/* Comparing. */

int entry_compare(const struct entity_plan *entity, const struct entry *a, const struct entry *b) {
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    if (entity->id_size > 0 && a->id_hash != b->id_hash)
        return a->id_hash < b->id_hash ? -1 : 1;
    uint8_t x[IDENTITY_SIZE_MAX + 8], y[IDENTITY_SIZE_MAX + 8];
    size_t x_size = (size_t)(identity_put(entity, a, x) - x);
    size_t y_size = (size_t)(identity_put(entity, b, y) - y);
    /* One identity never begins with another: each says itself how long it is. */
    return memcmp(x, y, x_size < y_size ? x_size : y_size);
}

static uint32_t limited_sum(uint32_t a, uint32_t b) {
    return __builtin_add_overflow(a, b, &a) ? UINT32_MAX : a;
}

void row_add(const struct entity_plan *entity, struct row *to, const struct row *more) {
    for (size_t i = 0; i < entity->filter_count; i++)
        to->entry.weights[i] =
            (int32_t)((uint32_t)to->entry.weights[i] + (uint32_t)more->entry.weights[i]);
    to->tally.transactions = limited_sum(to->tally.transactions, more->tally.transactions);
    if (more->tally.taken == 0)
        return;
    for (size_t i = 0; i < entity->filter_count; i++)
        to->tally.taken_weights[i] = limited_sum(
            to->tally.taken > 0 ? to->tally.taken_weights[i] : 0, more->tally.taken_weights[i]);
    to->tally.taken = limited_sum(to->tally.taken, more->tally.taken);
}
