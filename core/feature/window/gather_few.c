/* Gathering from a state that has nothing but a few raw entries, as most have.
 *
 * The entries are decoded into columns first, then each gathering takes what it needs from a column
 * at once. Which entries a window, a filter or a column has is a set of bits, so that to count is
 * to count bits, and nothing is asked of an entry for one gathering after the other.
 *
 * Entries that are more than one transaction, or have a weight of more than 1 (outcomes), and
 * whatever is damaged, are left to gather_state(). */
#include "gather.h"

#include "core/base/check.h"
#include "core/feature/state/run_decode.h"
#include "course.h"

/* Entries [0, count). */
static inline uint64_t bits_below(size_t count) {
    return (UINT64_C(1) << count) - 1;
}

static inline int64_t count_bits(uint64_t bits) {
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int64_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static inline size_t oldest_of(uint64_t bits) {
    return (size_t)__builtin_ctzll(bits);
}
static inline size_t newest_of(uint64_t bits) {
    return 63 - (size_t)__builtin_clzll(bits);
}

/* Decoding. The run is copied first, with room behind it for the longest entry: so nothing has to
 * be asked of the end of the bytes but whether an entry begins before it, and at last whether it
 * ended there. */

/* What goes from entry to entry: where it can stay in registers. */
struct taking {
    uint64_t any_missing, any_tally; /* the few's */
    bool has_pext;                   /* run_has_pext() */
    bool is_damaged;
};

/* More than eight bytes. */
__attribute__((noinline)) static struct run_taken take_long(const uint8_t *at) {
    return run_take_slowly(at, at + BUFFER_VARINT_MAX);
}

static inline struct run_taken take_number(struct taking *taking, const uint8_t *at) {
    uint64_t word = load_u64(at), ends = ~word & UINT64_C(0x8080808080808080);
    if (__builtin_expect(ends == 0, 0)) {
        struct run_taken taken = take_long(at);
        taking->is_damaged |= !taken.at;
        return taken.at ? taken : (struct run_taken){.value = 0, .at = at + BUFFER_VARINT_MAX};
    }
    uint64_t mask = (ends ^ (ends - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    return (struct run_taken){.value = run_pack_by(taking->has_pext, word, mask),
                              .at = at + ((unsigned)__builtin_ctzll(ends) / 8 + 1)};
}

/* The same of a number that mostly has one byte. */
static inline struct run_taken take_small(struct taking *taking, const uint8_t *at) {
    if (__builtin_expect(!(*at & 0x80), 1))
        return (struct run_taken){.value = *at, .at = at + 1};
    return take_number(taking, at);
}

/* A text's cell says where its length is. */
static inline const uint8_t *take_text(struct taking *taking, const uint8_t *at,
                                       const uint8_t *bytes, int64_t *ret_cell) {
    struct run_taken length = take_small(taking, at);
    *ret_cell = at - bytes;
    taking->is_damaged |= length.value > COLUMN_TEXT_MAX;
    return length.at + (length.value > COLUMN_TEXT_MAX ? 0 : length.value);
}

/* Of entry i, of an entity without texts: all of them. */
static inline const uint8_t *take_all_cells(const uint8_t *at, const struct entity_plan *entity,
                                            struct few *few, struct taking *taking, size_t i) {
    const struct column *column = entity->columns, *end = column + entity->column_count;
    for (int64_t *cell = &few->cells[0][i]; column != end; column++, cell += FEW_MAX) {
        if (column->type == COLUMN_INTEGER) {
            struct run_taken taken = take_number(taking, at);
            *cell = unzigzag(taken.value);
            at = taken.at;
        } else {
            *cell = (int64_t)load_u64(at);
            at += 8;
        }
    }
    return at;
}

static inline const uint8_t *take_cells(const uint8_t *at, const struct entity_plan *entity,
                                        struct few *few, struct taking *taking, size_t i) {
    const struct column *column = entity->columns, *end = column + entity->column_count;
    int64_t *cell = &few->cells[0][i];
    struct run_taken taken = take_small(taking, at);
    uint64_t missing = taken.value;
    few->missing[i] = (uint32_t)missing;
    taking->any_missing |= missing;
    at = taken.at;
    if (__builtin_expect((missing | entity->text_columns) == 0, 1))
        return take_all_cells(at, entity, few, taking, i);
    for (; column != end; column++, cell += FEW_MAX, missing >>= 1) {
        if (missing & 1) {
            *cell = 0;
        } else if (column->type == COLUMN_INTEGER) {
            taken = take_number(taking, at);
            *cell = unzigzag(taken.value);
            at = taken.at;
        } else if (__builtin_expect(column->type == COLUMN_TEXT, 0)) {
            at = take_text(taking, at, few->bytes, cell);
        } else {
            *cell = (int64_t)load_u64(at);
            at += 8;
        }
    }
    return at;
}

/* All of an entry but its time. */
static inline const uint8_t *take_entry(const uint8_t *at, const struct entity_plan *entity,
                                        struct few *few, struct taking *taking, size_t i) {
    at = take_cells(at + entity->id_size, entity, few, taking, i);
    struct run_taken tally = take_small(taking, at);
    few->passed[i] = (uint32_t)(tally.value >> 1);
    taking->any_tally |= tally.value;
    return tally.at;
}

static bool take_run(struct few *few, const struct parts *parts) {
    size_t size = (size_t)(parts->end - parts->run);
    if (size > FEW_BYTES_MAX)
        return false;
    memcpy(few->bytes, parts->run, size);
    store_u64(few->bytes + size, 0);
    few->end = few->bytes + size;
    return true;
}

/* Is any of it what no entry has, or more than one transaction, or a weight above 1? */
static inline bool is_odd(const struct taking *taking, const struct entity_plan *entity) {
    return (taking->any_tally >> 1 >> entity->filter_count | (taking->any_tally & 1) |
            taking->any_missing >> entity->column_count) != 0 ||
           taking->is_damaged;
}

/* What is behind all windows is passed over. */
static bool take_entries(struct gather *gather, const struct parts *parts) {
    const struct entity_plan *entity = gather->entity;
    const struct border *borders = entity->course.borders;
    const size_t border_count = entity->course.border_count;
    const int64_t at_us = gather->at_us;
    struct few *few = &gather->few;
    if (!take_run(few, parts))
        return false;
    struct taking taking = {.has_pext = run_has_pext()};
    const uint8_t *at = few->bytes, *end = few->end;
    int64_t time_us = parts->head.first_us;
    size_t count = 0, ahead = border_count; /* borders that have been passed */
    uint64_t distance_us = borders[ahead - 1].distance_us;
    while (at < end) {
        struct run_taken step = take_number(&taking, at);
        if (__builtin_expect(step.value > (uint64_t)INT64_MAX - (uint64_t)time_us, 0))
            return false;
        time_us = (int64_t)((uint64_t)time_us + step.value);
        if (__builtin_expect(time_us > at_us, 0)) {
            if (step.at > few->end)
                return false;
            end = at;
            break;
        }
        uint64_t age_us = (uint64_t)at_us - (uint64_t)time_us;
        while (age_us < distance_us) {
            few->starts[--ahead] = (uint8_t)count;
            distance_us = ahead > 0 ? borders[ahead - 1].distance_us : 0;
        }
        few->times_us[count] = time_us;
        at = take_entry(step.at, entity, few, &taking, count);
        count += ahead < border_count;
        if (__builtin_expect(count == FEW_MAX, 0))
            return false;
    }
    while (ahead > 0)
        few->starts[--ahead] = (uint8_t)count;
    few->any_missing = taking.any_missing;
    few->any_tally = taking.any_tally;
    return at == end && !is_odd(&taking, entity);
}

/* Sets of entries. */

/* The entries [from, until) of a span. */
struct stretch {
    size_t from, until;
    uint64_t bits;
};

static inline struct stretch stretch_of(const struct gather *gather, size_t span) {
    const struct course *course = &gather->entity->course;
    struct stretch stretch = {.from = gather->few.starts[course->closes[span]],
                              .until = gather->few.starts[course->opens[span]]};
    stretch.bits = bits_below(stretch.until) ^ bits_below(stretch.from);
    return stretch;
}

/* Those that have the column. */
static uint64_t bits_present(const struct few *few, const struct stretch *stretch, int column) {
    uint64_t bits = 0;
    for (size_t i = stretch->from; i < stretch->until; i++)
        bits |= (uint64_t)(~few->missing[i] >> column & 1) << i;
    return bits;
}

/* Those that pass the filter. */
static uint64_t bits_passed(const struct few *few, const struct stretch *stretch, int filter) {
    uint64_t bits = 0;
    if (!(few->any_tally >> 1 >> filter & 1))
        return 0;
    for (size_t i = stretch->from; i < stretch->until; i++)
        bits |= (uint64_t)(few->passed[i] >> filter & 1) << i;
    return bits;
}

/* Does one of them have the current transaction's value? */
static bool is_matched(const struct gather *gather, int column, uint64_t bits) {
    if (!(gather->current_present >> column & 1))
        return false;
    const int64_t *cells = gather->few.cells[column], value = gather->current->integers[column];
    bool matched = false;
    for (; bits != 0; bits &= bits - 1)
        matched |= cells[oldest_of(bits)] == value;
    return matched;
}

/* The newest of each value. What is most likely another value shows in a set of 64 hashes; with as
 * few entries as there are, values that somebody has chosen to be alike there cost little. */
static uint64_t newest_of_each(const int64_t *cells, uint64_t bits) {
    uint64_t newest = 0, hashes = 0;
    while (bits != 0) {
        size_t i = newest_of(bits);
        uint64_t bit = UINT64_C(1) << i;
        uint64_t hash = UINT64_C(1) << ((uint64_t)cells[i] * UINT64_C(0x9e3779b97f4a7c15) >> 58);
        bool is_there = false;
        if (hashes & hash)
            for (uint64_t left = newest; left != 0 && !is_there; left &= left - 1)
                is_there = cells[oldest_of(left)] == cells[i];
        newest |= is_there ? 0 : bit;
        hashes |= hash;
        bits ^= bit;
    }
    return newest;
}

/* Gathering. */

/* As large as values may be for 64 bits to hold the sum of all squares. */
#define SMALL (INT64_C(1) << 28)
_Static_assert(FEW_MAX <= 64, "64 squares of small values are below 2^62");

/* Sums and extremes of values that are small, as nearly all are; else false. */
static inline bool few_small_numbers(const int64_t *cells, uint64_t bits,
                                     struct gathered *gathered) {
    uint64_t sum = 0, squares = 0;
    int64_t min = INT64_MAX, max = INT64_MIN;
    for (; bits != 0; bits &= bits - 1) {
        int64_t value = cells[oldest_of(bits)];
        sum += (uint64_t)value;
        squares += (uint64_t)value * (uint64_t)value;
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    gathered->sum = (int64_t)sum;
    gathered->squares_low = squares;
    gathered->squares_high = 0;
    gathered->min = min;
    gathered->max = max;
    return min > -SMALL && max < SMALL;
}

/* Sums and extremes; bits may be none. */
static void few_numbers(const int64_t *cells, uint64_t bits, unsigned needs,
                        struct gathered *gathered) {
    if (__builtin_expect(few_small_numbers(cells, bits, gathered), 1))
        return;
    int128 sum = 0, squares_high = 0;
    uint64_t squares_low = 0;
    int64_t min = INT64_MAX, max = INT64_MIN;
    for (; bits != 0; bits &= bits - 1) {
        int64_t value = cells[oldest_of(bits)];
        sum += value;
        min = value < min ? value : min;
        max = value > max ? value : max;
        if (needs & GATHERING_SQUARES)
            add_square(&squares_low, &squares_high, value, 1);
    }
    gathered->sum = sum;
    gathered->squares_low = squares_low;
    gathered->squares_high = squares_high;
    gathered->min = min;
    gathered->max = max;
}

static struct cell cell_at(const struct gather *gather, int column, size_t i,
                           const struct parts *parts) {
    struct cell cell = {0};
    int64_t stored = gather->few.cells[column][i];
    if (gather->entity->columns[column].type != COLUMN_TEXT) {
        cell.integer = stored;
        return cell;
    }
    struct run_taken length = run_take_small(parts->run + stored, parts->end);
    cell.text = (struct text){.data = (const char *)length.at, .length = length.value};
    return cell;
}

static void few_edges(const struct gather *gather, int column, uint64_t bits,
                      const struct parts *parts, struct gathered *gathered) {
    size_t first = oldest_of(bits), last = newest_of(bits);
    const int64_t *times_us = gather->few.times_us;
    gathered->first_age_us = (uint64_t)gather->at_us - (uint64_t)times_us[first];
    gathered->last_age_us = (uint64_t)gather->at_us - (uint64_t)times_us[last];
    if (column < 0)
        return; /* nobody asks for what is in them */
    gathered->first = cell_at(gather, column, first, parts);
    gathered->last = cell_at(gather, column, last, parts);
}

/* How many values there are, in this window and in those inside it that begin where it does: each
 * value as often as its newest entry. */
static void few_distinct(struct gather *gather, size_t i, uint64_t bits) {
    const struct gathering *gatherings = gather->entity->gatherings;
    uint64_t newest = newest_of_each(gather->few.cells[gatherings[i].column], bits);
    do {
        struct stretch inside = stretch_of(gather, gatherings[i].span);
        gather->gathered[i].distinct = count_bits(newest & inside.bits);
        i = gatherings[i].next;
    } while (i != 0);
}

static inline void few_values(struct gather *gather, const struct gathering *gathering,
                              uint64_t bits, struct gathered *gathered) {
    if (gathering->quantile >= 0)
        for (uint64_t left = bits; left != 0; left &= left - 1)
            quantile_add(&gather->quantiles[gathering->quantile],
                         gather->few.cells[gathering->column][oldest_of(left)], 1);
    if (gathering->pool < 0)
        return;
    gathered->is_blurred = false;
    gathered->matched = is_matched(gather, gathering->column, bits);
    if (gathering->needs & GATHERING_SIGHTINGS)
        few_distinct(gather, (size_t)(gathering - gather->entity->gatherings), bits);
}

/* Nothing is in its window, or nothing that it counts; nor in those inside it. */
static inline void few_nothing(struct gathered *gathered) {
    gathered->sum = gathered->squares_high = 0;
    gathered->squares_low = 0;
    gathered->count = gathered->distinct = 0;
    gathered->any = gathered->matched = gathered->is_blurred = false;
}

static inline void few_gathering(struct gather *gather, const struct gathering *gathering,
                                 const struct stretch *stretch, const struct parts *parts,
                                 struct gathered *gathered) {
    const struct few *few = &gather->few;
    unsigned needs = gathering->needs;
    int column = gathering->column, filter = gathering->filter;
    uint64_t bits = stretch->bits;
    if (needs == GATHERING_COUNT && filter < 0) { /* as many ask for; it has no column */
        gathered->any = true;
        gathered->count = (int64_t)(stretch->until - stretch->from);
        return;
    }
    if (column >= 0 && __builtin_expect(few->any_missing >> column & 1, 0))
        bits &= bits_present(few, stretch, column);
    if (filter >= 0)
        bits &= bits_passed(few, stretch, filter);
    gathered->any = bits != 0;
    gathered->count = bits == stretch->bits ? (int64_t)(stretch->until - stretch->from)
                      : bits == 0           ? 0
                                            : count_bits(bits);
    if (needs & (GATHERING_SUM | GATHERING_SQUARES | GATHERING_EXTREMES))
        few_numbers(few->cells[column], bits, needs, gathered);
    if ((needs & GATHERING_EDGES) && bits != 0)
        few_edges(gather, column, bits, parts, gathered);
    if (needs & GATHERING_SKETCHED)
        few_values(gather, gathering, bits, gathered);
}

bool gather_few(struct gather *gather, const struct parts *parts) {
    const struct entity_plan *entity = gather->entity;
    const struct span *span = entity->spans;
    if (parts->head.dense_size > 0 || parts->head.entries >= FEW_MAX || entity->span_count == 0)
        return false;
    if (!take_entries(gather, parts))
        return false;
    if (entity->quantile_count > 0)
        gather_clear_quantiles(gather);
    for (size_t i = 0; i < entity->span_count; i++, span++) {
        struct stretch stretch = stretch_of(gather, i);
        const struct gathering *gathering = &entity->gatherings[span->first];
        const struct gathering *end = gathering + span->count;
        struct gathered *gathered = &gather->gathered[span->first];
        if (stretch.bits != 0)
            for (; gathering != end; gathering++, gathered++)
                few_gathering(gather, gathering, &stretch, parts, gathered);
        else
            for (; gathering != end; gathering++, gathered++)
                few_nothing(gathered);
    }
    return true;
}
