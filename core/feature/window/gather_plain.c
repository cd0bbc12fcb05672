/* Gathering for an entity of which only counts and sums are asked, over windows that reach to the
 * present: entity->is_plain. Every such window is what is left of a state's raw entries without
 * those in front of it, so one count and one sum go along the entries, and what they were where a
 * window begins is taken off at the end. Decoding is all that is left to do.
 *
 * Entries that lack the column, or are more than one transaction or an outcome, and whatever is
 * damaged, are left to gather_state(). */
#include "core/feature/state/run_decode.h"
#include "course.h"
#include "gather.h"

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

/* ---- entries without ids, nearly all of which are a few bytes ---- */

#if defined(__SSE2__)

#define WINDOW 16
#define BLOCK  64

/* Bytes of a run: bit i is that of byte i. */
struct block {
    uint64_t ends;  /* a number ends with it */
    uint64_t zeros; /* it is 0 */
};

/* The next BLOCK bytes, or all that are left. Nothing behind the run is read, but maybe what is in
 * front of `at`: of a run that is a head, which is longer than a window. */
static inline struct block look_at(const uint8_t *at, const uint8_t *end) {
    const uint8_t *from = end - at < WINDOW ? end - WINDOW : at;
    const size_t last = (size_t)(end - WINDOW - from);
    struct block block = {0};
    for (size_t i = 0; i < BLOCK; i += WINDOW) {
        const size_t offset = i < last ? i : last; /* the last one again: it adds nothing */
        const __m128i window = _mm_loadu_si128((const void *)(from + offset));
        const __m128i zeros = _mm_cmpeq_epi8(window, _mm_setzero_si128());
        block.ends |= (uint64_t)(~_mm_movemask_epi8(window) & 0xffff) << offset;
        block.zeros |= (uint64_t)_mm_movemask_epi8(zeros) << offset;
    }
    block.ends >>= at - from;
    block.zeros >>= at - from;
    return block;
}

/* The number of up to eight bytes of which `last` is the last one. */
static inline uint64_t number_until(const uint8_t *last, size_t size, bool has_pext) {
    const uint64_t word = load_u64(last - 7) >> 8 * (8 - size);
    return run_pack_by(has_pext, word, UINT64_C(0x7f7f7f7f7f7f7f7f));
}

static inline uint64_t lowest(uint64_t bits) {
    return bits & -bits;
}

static inline uint64_t without_lowest(uint64_t bits) {
    return bits & (bits - 1);
}

#define SHORT_MAX 64 /* entries */
#define NEAR_MAX  4  /* spans that are counted while entries are decoded; mostly there are fewer */

/* What has been decoded, oldest first. */
struct short_run {
    size_t count;
    size_t behind[NEAR_MAX]; /* of the furthest-reaching spans: entries that lie behind them */
    uint64_t ages_us[SHORT_MAX];
    int64_t sums[SHORT_MAX + 1]; /* [i]: of all before entry i */
};

/* Where the numbers end is known of a whole block, so that no entry waits for those before it; and
 * nothing depends on what the numbers are but what comes out, so that the processor need not guess.
 * false: an entry is longer, or not as most are, or there are too many. */
__attribute__((always_inline)) static inline bool take_short(const struct gather *gather,
                                                             const struct parts *parts,
                                                             bool has_column, bool has_pext,
                                                             struct short_run *ret_run) {
    const struct entity_plan *entity = gather->entity;
    const uint8_t *at = parts->run, *end = parts->end;
    const int64_t at_us = gather->at_us;
    int64_t time_us = parts->head.first_us, sum = 0;
    uint64_t reaches_us[NEAR_MAX];
    size_t behind[NEAR_MAX] = {0}, count = 0;
    for (size_t i = 0; i < NEAR_MAX; i++)
        reaches_us[i] = i < entity->span_count ? entity->spans[i].end_us : 0;
    while (at != end && time_us <= at_us) {
        const struct block block = look_at(at, end);
        size_t start = 0;
        for (uint64_t ends = block.ends; ends != 0;) {
            const uint64_t missing = without_lowest(ends);
            const uint64_t value = has_column ? without_lowest(missing) : missing;
            const uint64_t tally = without_lowest(value);
            if (tally == 0) /* it goes on behind the block */
                break;
            const size_t step_last = (size_t)__builtin_ctzll(ends);
            const size_t value_last = (size_t)__builtin_ctzll(value);
            const size_t step_size = step_last + 1 - start, value_size = value_last - step_last - 1;
            /* No column is missing, and it is one transaction: both are a byte of 0. */
            const uint64_t zeros = (lowest(ends) | lowest(value)) << 1;
            if (__builtin_expect((zeros & ~block.zeros) | (step_size > 8) | (value_size > 8) |
                                     (count == SHORT_MAX),
                                 0))
                return false;
            const uint64_t step_us = number_until(at + step_last, step_size, has_pext);
            if (__builtin_expect(__builtin_add_overflow(time_us, (int64_t)step_us, &time_us), 0))
                return false;
            if (__builtin_expect(time_us > at_us, 0))
                break;
            const uint64_t age_us = (uint64_t)at_us - (uint64_t)time_us;
            for (size_t i = 0; i < NEAR_MAX; i++)
                behind[i] += age_us >= reaches_us[i];
            ret_run->ages_us[count] = age_us;
            ret_run->sums[count++] = sum;
            if (has_column) /* so few of 56 bits do not overflow */
                sum += unzigzag(number_until(at + value_last, value_size, has_pext));
            start = value_last + 2;
            ends = without_lowest(tally);
        }
        if (__builtin_expect(start == 0 && time_us <= at_us, 0)) /* longer than a block */
            return false;
        at += start;
    }
    for (size_t i = 0; i < NEAR_MAX; i++)
        ret_run->behind[i] = behind[i];
    ret_run->sums[count] = sum;
    ret_run->count = count;
    return true;
}

static bool sum_up_quickly(const struct gather *gather, const struct parts *parts,
                           struct plain_sums *ret_all, struct plain_sums *ret_before) {
    const struct entity_plan *entity = gather->entity;
    struct short_run run;
    bool is_taken;
    if (entity->id_size > 0)
        return false;
    if (entity->column_count == 0)
        is_taken = take_short(gather, parts, false, false, &run);
    else if (run_has_pext())
        is_taken = take_short(gather, parts, true, true, &run);
    else
        is_taken = take_short(gather, parts, true, false, &run);
    if (!is_taken)
        return false;
    for (size_t i = 0, behind = 0; i < entity->span_count; i++) {
        if (i < NEAR_MAX)
            behind = run.behind[i];
        else
            while (behind < run.count && run.ages_us[behind] >= entity->spans[i].end_us)
                behind++;
        ret_before[i] = (struct plain_sums){.count = (int64_t)behind, .sum = run.sums[behind]};
    }
    *ret_all = (struct plain_sums){.count = (int64_t)run.count, .sum = run.sums[run.count]};
    return true;
}

#else

static bool sum_up_quickly(const struct gather *gather, const struct parts *parts,
                           struct plain_sums *ret_all, struct plain_sums *ret_before) {
    (void)gather;
    (void)parts;
    (void)ret_all;
    (void)ret_before;
    return false;
}

#endif

/* ---- any entries ---- */

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
    while (at != end) {
        struct run_taken step = run_take_checked(at, end);
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
    if (parts->head.dense_size > 0)
        return false;
    if (!sum_up_quickly(gather, parts, &all, before) && !sum_up(gather, parts, &all, before))
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
