/* Encoding of stored entries, and decoding where it need not be fast. state.c documents the bytes.
 */
#include "run_decode.h"

#include "core/base/check.h"

/* Asked of the processor once: it is asked for with every number. */
bool run_pext_is_quick;
#if defined(__x86_64__)
__attribute__((constructor)) static void find_pext(void) {
    __builtin_cpu_init();
    run_pext_is_quick = __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("amdfam17h");
}
#endif

struct run_taken run_take_slowly(const uint8_t *at, const uint8_t *end) {
    struct cursor cursor = {.at = at, .end = end};
    uint64_t value = cursor_varint(&cursor);
    return (struct run_taken){.value = value, .at = cursor.failed ? NULL : cursor.at};
}

const uint8_t *run_take_present(const uint8_t *at, const uint8_t *end,
                                const struct entity_plan *entity, struct run_entry *entry) {
    uint32_t present = entity->all_columns;
    struct run_taken missing = run_take_small(at, end);
    if (!missing.at || (missing.value & ~(uint64_t)present))
        return NULL;
    at = missing.at;
    entry->present = present &= ~(uint32_t)missing.value;
    for (; present != 0 && at; present &= present - 1) {
        size_t i = (size_t)__builtin_ctz(present);
        at = run_take_column(at, end, entity->columns[i].type, i, entry, false);
    }
    return at;
}

const uint8_t *run_pass_present(const uint8_t *at, const uint8_t *end,
                                const struct entity_plan *entity) {
    struct run_taken missing = run_take_small(at, end);
    at = missing.at;
    for (size_t i = 0; i < entity->column_count && at; i++) {
        enum column_type type = entity->columns[i].type;
        uint64_t size = 8;
        if (missing.value >> i & 1)
            continue;
        if (type == COLUMN_INTEGER) {
            at = run_pass_varint(at, end);
            continue;
        }
        if (type == COLUMN_TEXT) {
            struct run_taken length = run_take_small(at, end);
            at = length.at;
            size = length.value;
        }
        at = at && (size_t)(end - at) >= size ? at + size : NULL;
    }
    return at;
}

const uint8_t *run_take_long_tally(const uint8_t *at, const uint8_t *end,
                                   const struct entity_plan *entity, uint64_t transactions,
                                   struct run_entry *entry) {
    if (transactions > UINT32_MAX)
        return NULL;
    entry->transactions = (uint32_t)transactions;
    entry->is_short = false;
    for (size_t i = 0; i < entity->filter_count; i++) {
        struct run_taken taken = run_take_varint(at, end);
        int64_t weight = unzigzag(taken.value);
        if (!taken.at || weight < INT32_MIN || weight > INT32_MAX)
            return NULL;
        entry->weights[i] = (int32_t)weight;
        at = taken.at;
    }
    entry->end = at;
    return run_is_short_tally(entry->transactions, entry->weights, entity->filter_count) ? NULL
                                                                                         : at;
}

bool run_next(struct run *run, struct run_entry *ret_entry) {
    if (!run_step(run, ret_entry))
        return false;
    for (size_t i = 0; ret_entry->is_short && i < run->entity->filter_count; i++)
        ret_entry->weights[i] = run_weight(ret_entry, i);
    return true;
}

bool run_take_entry(struct cursor *cursor, const struct entity_plan *entity, int64_t time_us,
                    struct run_entry *ret_entry) {
    ret_entry->start = cursor->at;
    ret_entry->time_us = time_us;
    struct run_taken step = run_take_varint(cursor->at, cursor->end);
    const uint8_t *at =
        step.at ? run_take_body(step.at, cursor->end, entity, ret_entry, false) : NULL;
    cursor->failed = !at;
    if (at)
        cursor->at = at;
    return at;
}

uint32_t run_present(const struct entity_plan *entity, const struct entry *entry) {
    uint32_t present = entry->present & entity->all_columns;
    for (uint32_t texts = present & entity->text_columns; texts != 0; texts &= texts - 1)
        if (entry->texts[__builtin_ctz(texts)].length > COLUMN_TEXT_MAX)
            present &= ~(texts & -texts);
    return present;
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
    uint64_t bytes;
    size_t size = run_spread_varint(value, &bytes);
    if (__builtin_expect(size == 0, 0))
        return varint_put(at, value);
    store_u64(at, bytes);
    return at + size;
}

uint8_t *run_put_varint(uint8_t *at, uint64_t value) {
    return put_varint(at, value);
}

uint8_t *run_put_varint_before(uint8_t *end, uint64_t value) {
    uint64_t bytes;
    size_t size = run_spread_varint(value, &bytes);
    if (__builtin_expect(size == 0, 0)) {
        uint8_t *at = end - varint_size(value);
        varint_put(at, value);
        return at;
    }
    store_u64(end - 8, bytes << (64 - 8 * size));
    return end - size;
}

/* varint_put() of a number that mostly has one byte. */
static inline uint8_t *put_small(uint8_t *at, uint64_t value) {
    if (__builtin_expect(value >= 0x80, 0))
        return varint_put(at, value);
    *at = (uint8_t)value;
    return at + 1;
}

static inline uint8_t *put_column(enum column_type type, const struct entry *entry, size_t i,
                                  uint8_t *at) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        store_u64(at, (uint64_t)entry->integers[i]);
        return at + 8;
    }
    if (type == COLUMN_INTEGER)
        return put_varint(at, zigzag(entry->integers[i]));
    at = put_small(at, entry->texts[i].length);
    if (entry->texts[i].length > 0)
        memcpy(at, entry->texts[i].data, entry->texts[i].length);
    return at + entry->texts[i].length;
}

uint8_t *run_put_identity(const struct entity_plan *entity, const struct entry *entry,
                          uint8_t *at) {
    const struct column *columns = entity->columns;
    uint32_t present = run_present(entity, entry);
    store_u64(at, __builtin_bswap64(entry->id_hash)); /* there is room for it in any case */
    at = put_small(at + entity->id_size, entity->all_columns & ~present);
    for (size_t i = 0; present != 0; i++, present >>= 1)
        if (__builtin_expect(present & 1, 1))
            at = put_column(columns[i].type, entry, i, at);
    return at;
}

uint8_t *run_put_tally(const struct entity_plan *entity, uint32_t transactions,
                       const int32_t *weights, uint8_t *at) {
    size_t count = entity->filter_count;
    uint64_t passed = 0, others = transactions ^ 1;
    for (size_t i = 0; i < count; i++) {
        passed |= (uint64_t)(weights[i] & 1) << i;
        others |= (uint32_t)weights[i] & ~UINT32_C(1);
    }
    if (others == 0)
        return put_small(at, passed << 1);
    at = varint_put(at, (uint64_t)transactions << 1 | 1);
    for (size_t i = 0; i < count; i++)
        at = varint_put(at, zigzag(weights[i]));
    return at;
}

uint8_t *run_put_tally_sum(const struct entity_plan *entity, const struct run_entry *a,
                           const struct run_entry *b, uint8_t *at) {
    uint32_t transactions;
    int32_t weights[PLAN_FILTERS_MAX];
    /* Weights of one transaction stay within −1…1; what takes 2^31 records of one identity stops or
     * wraps around, the same in any order. */
    if (__builtin_add_overflow(a->transactions, b->transactions, &transactions))
        transactions = UINT32_MAX;
    for (size_t i = 0; i < entity->filter_count; i++)
        weights[i] = (int32_t)((uint32_t)run_weight(a, i) + (uint32_t)run_weight(b, i));
    return run_put_tally(entity, transactions, weights, at);
}

int run_compare(const struct run_entry *a, const struct run_entry *b) {
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    size_t a_size = (size_t)(a->tally - a->identity), b_size = (size_t)(b->tally - b->identity);
    /* One identity never begins with another: each says itself how long it is. */
    return memcmp(a->identity, b->identity, a_size < b_size ? a_size : b_size);
}
