/* Gathering for an entity of which only counts and sums are asked, over windows that reach to the
 * present: entity->is_plain. Every such window is what is left of a state's raw entries without
 * those in front of it, so one count and one sum go along the entries, and what they were where a
 * window begins is taken off at the end. Decoding is all that is left to do.
 *
 * Entries that lack the column, or are more than one transaction or an outcome, and whatever is
 * damaged, are left to gather_state(). */
#include "course.h"
#include "gather.h"
#include "run_decode.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

bool gather_is_plain(const struct entity_plan *entity) {
    if (entity->filter_count > 0 || entity->column_count > 1 || entity->span_count == 0 ||
        (entity->column_count == 1 && entity->columns[0].type != COLUMN_INTEGER))
        return false;
    for (size_t i = 0; i < entity->span_count; i++)
        if (entity->spans[i].delay_us > 0)
            return false;
    for (size_t i = 0; i < entity->gathering_count; i++)
        if (entity->gatherings[i].needs & ~(GATHERING_SUM | GATHERING_COUNT))
            return false;
    return true;
}

struct plain_sums {
    int64_t count;
    int128 sum;
};

/* A body of these that is not as most are: NULL. */
static inline const uint8_t *take_plain(const uint8_t *at, const uint8_t *end, size_t id_size,
                                        bool has_column, struct plain_sums *sums) {
    if (__builtin_expect((size_t)(end - at) < id_size + 2 || at[id_size] != 0, 0))
        return NULL;
    at += id_size + 1;
    if (has_column) {
        struct run_taken taken = run_take_checked(at, end);
        sums->sum += unzigzag(taken.value);
        at = taken.at;
        if (__builtin_expect(!at || at == end, 0))
            return NULL;
    }
    sums->count++;
    return *at == 0 ? at + 1 : NULL; /* one transaction, no filter */
}

/* An entry of a few bytes, without an id. */
struct short_entry {
    uint64_t step_us;
    int64_t value;
    const uint8_t *end;
};

#define WINDOW 16

#if defined(__SSE2__)
/* Where its numbers end is seen from a window at once, so that the next entry can be begun before
 * this one's numbers are known. A whole window must be there from `at` on. false: the entry is
 * longer, or not as most are. */
static inline bool take_short(const uint8_t *at, const uint8_t *end, bool has_column,
                              struct short_entry *ret_entry) {
    const __m128i window = _mm_loadu_si128((const void *)at);
    const unsigned step_end = ~(unsigned)_mm_movemask_epi8(window) & 0xffff;
    const unsigned missing_end = step_end & (step_end - 1);
    const unsigned value_end = has_column ? missing_end & (missing_end - 1) : missing_end;
    const unsigned tally_end = value_end & (value_end - 1);
    if (__builtin_expect(tally_end == 0, 0))
        return false;
    /* A tally of one byte, or what is in front of its last one would count as the value's. */
    if (__builtin_expect((tally_end & -tally_end) != (value_end & -value_end) << 1, 0))
        return false;
    const unsigned step_last = (unsigned)__builtin_ctz(step_end);
    const unsigned size = (unsigned)__builtin_ctz(tally_end) + 1; /* of the entry */
    const unsigned value_size = size - step_last - 3;
    if (__builtin_expect(size > (size_t)(end - at) || step_last > 7 || value_size > 6, 0))
        return false;
    const uint64_t body = load_u64(at + step_last + 1);
    if (__builtin_expect((body & 0xff) | (body >> 8 * (value_size + 1) & 0xff), 0))
        return false; /* a column is missing, or it is no single transaction */
    const uint64_t sevens = UINT64_C(0x7f7f7f7f7f7f7f7f);
    ret_entry->step_us = run_pack(load_u64(at), sevens >> 8 * (7 - step_last));
    ret_entry->value =
        has_column ? unzigzag(run_pack(body >> 8, sevens >> 8 * (8 - value_size))) : 0;
    ret_entry->end = at + size;
    return true;
}
#else
static inline bool take_short(const uint8_t *at, const uint8_t *end, bool has_column,
                              struct short_entry *ret_entry) {
    (void)at;
    (void)end;
    (void)has_column;
    (void)ret_entry;
    return false;
}
#endif

/* The bytes that are left, where a whole window may be read from each of them. A head is in front
 * of every run, so a window ends with them. No number ends behind them. */
struct tail {
    uint8_t bytes[2 * WINDOW];
};

static inline const uint8_t *tail_of(struct tail *tail, const uint8_t *at, const uint8_t *end) {
    memcpy(tail->bytes, end - WINDOW, WINDOW);
    memset(tail->bytes + WINDOW, 0xff, WINDOW);
    return tail->bytes + WINDOW - (end - at);
}

/* What the entries come to; what they came to where each span begins. */
static bool sum_up(const struct gather *gather, const struct parts *parts,
                   struct plain_sums *ret_all, struct plain_sums *ret_before) {
    const struct entity_plan *entity = gather->entity;
    const struct span *spans = entity->spans; /* the furthest-reaching first */
    const uint8_t *at = parts->run, *end = parts->end;
    const bool has_column = entity->column_count > 0;
    const size_t id_size = entity->id_size;
    int64_t time_us = parts->head.first_us;
    size_t begun = 0;
    uint64_t next_us = spans[0].end_us;
    struct plain_sums all = {0};
    struct tail tail;
    while (at != end) {
        if (id_size == 0 && end - at < WINDOW && end != tail.bytes + WINDOW) {
            at = tail_of(&tail, at, end);
            end = tail.bytes + WINDOW;
        }
        struct short_entry entry;
        bool is_short = id_size == 0 && take_short(at, end, has_column, &entry);
        struct run_taken step = is_short
                                    ? (struct run_taken){.value = entry.step_us, .at = entry.end}
                                    : run_take_checked(at, end);
        if (__builtin_expect(!step.at, 0) ||
            __builtin_expect(step.value > (uint64_t)INT64_MAX - (uint64_t)time_us, 0))
            return false;
        time_us = (int64_t)((uint64_t)time_us + step.value);
        if (__builtin_expect(time_us > gather->at_us, 0))
            break;
        while ((uint64_t)gather->at_us - (uint64_t)time_us < next_us) {
            ret_before[begun++] = all;
            next_us = begun < entity->span_count ? spans[begun].end_us : 0;
        }
        if (__builtin_expect(is_short, 1)) {
            all.sum += entry.value;
            all.count++;
            at = entry.end;
            continue;
        }
        at = take_plain(step.at, end, id_size, has_column, &all);
        if (__builtin_expect(!at, 0))
            return false;
    }
    while (begun < entity->span_count)
        ret_before[begun++] = all;
    *ret_all = all;
    return true;
}

bool gather_plain(struct gather *gather, const struct parts *parts) {
    const struct entity_plan *entity = gather->entity;
    struct plain_sums all, before[PLAN_SPANS_MAX];
    if (parts->head.dense_size > 0 || !sum_up(gather, parts, &all, before))
        return false;
    const struct gathering *gathering = entity->gatherings;
    const struct gathering *end = gathering + entity->gathering_count;
    struct gathered *gathered = gather->gathered;
    for (; gathering != end; gathering++, gathered++) {
        const struct plain_sums *off = &before[gathering->span];
        gathered->count = all.count - off->count;
        gathered->any = gathered->count != 0;
        gathered->sum = all.sum - off->sum;
    }
    return true;
}
