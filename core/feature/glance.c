/* The entries are decoded into columns first, then each gathering takes what it needs from a column
 * at once. Which entries a window, a filter or a column has is a set of bits, so that to count is
 * to count bits, and nothing is asked of an entry for one gathering after the other.
 *
 * Entries that are more than one transaction, or have a weight of more than 1 (outcomes), and
 * whatever is damaged, are left to gather_state(). */
#include "glance.h"

#include "../base/check.h"
#include "course.h"
#include "run_decode.h"

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

/* Decoding. */

/* The cells of one entry's columns; a text's is where its length is. Returns the byte behind, or
 * NULL. */
static inline const uint8_t *take_cells(const uint8_t *at, const uint8_t *end,
                                        const struct entity_plan *entity, uint32_t missing,
                                        int64_t *cell) {
    const struct column *column = entity->columns, *columns_end = column + entity->column_count;
    for (; column != columns_end; column++, cell += GLANCE_MAX, missing >>= 1) {
        if (__builtin_expect(missing & 1, 0)) {
            *cell = 0;
        } else if (column->type == COLUMN_INTEGER) {
            struct run_taken taken = run_take_varint(at, end);
            *cell = unzigzag(taken.value);
            at = taken.at;
        } else if (column->type == COLUMN_TEXT) {
            struct run_taken taken = run_take_small(at, end);
            *cell = (int64_t)(uintptr_t)at;
            at = taken.at && taken.value <= COLUMN_TEXT_MAX &&
                         (size_t)(end - taken.at) >= taken.value
                     ? taken.at + taken.value
                     : NULL;
        } else {
            if (end - at < 8)
                return NULL;
            *cell = (int64_t)load_u64(at);
            at += 8;
        }
        if (__builtin_expect(!at, 0))
            return NULL;
    }
    return at;
}

/* All of an entry but its time. */
static inline const uint8_t *take_entry(const uint8_t *at, const uint8_t *end,
                                        const struct entity_plan *entity, struct glanced *glanced,
                                        size_t i) {
    if (end - at < 8)
        return NULL;
    struct run_taken missing = run_take_small(at + 8, end);
    if (__builtin_expect(!missing.at || missing.value >> entity->column_count, 0))
        return NULL;
    glanced->missing[i] = (uint32_t)missing.value;
    glanced->any_missing |= (uint32_t)missing.value;
    at = take_cells(missing.at, end, entity, (uint32_t)missing.value, &glanced->cells[0][i]);
    if (!at)
        return NULL;
    struct run_taken tally = run_take_small(at, end);
    if (__builtin_expect(!tally.at || tally.value & 1 || tally.value >> 1 >> entity->filter_count,
                         0))
        return NULL;
    uint32_t passed = (uint32_t)(tally.value >> 1);
    glanced->passed[i] = passed;
    glanced->any_passed |= passed;
    glanced->all_passed &= passed;
    return tally.at;
}

/* What is behind all windows is passed over. */
static bool take_entries(struct gather *gather, const struct parts *parts) {
    const struct entity_plan *entity = gather->entity;
    const struct border *borders = entity->course.borders;
    struct glanced *glanced = &gather->glanced;
    const uint8_t *at = parts->run, *end = parts->end;
    int64_t time_us = parts->head.first_us;
    size_t count = 0, ahead = entity->course.border_count; /* borders that have been passed */
    uint64_t distance_us = borders[ahead - 1].distance_us;
    glanced->any_missing = glanced->any_passed = 0;
    glanced->all_passed = UINT32_MAX;
    while (at != end) {
        struct run_taken step = run_take_varint(at, end);
        if (!step.at || step.value > (uint64_t)INT64_MAX - (uint64_t)time_us)
            return false;
        time_us = (int64_t)((uint64_t)time_us + step.value);
        if (time_us > gather->at_us)
            break;
        uint64_t age_us = (uint64_t)gather->at_us - (uint64_t)time_us;
        while (age_us < distance_us) {
            glanced->starts[--ahead] = (uint8_t)count;
            distance_us = ahead > 0 ? borders[ahead - 1].distance_us : 0;
        }
        glanced->times_us[count] = time_us;
        at = take_entry(step.at, end, entity, glanced, count);
        if (__builtin_expect(!at, 0))
            return false;
        count += ahead < entity->course.border_count;
        if (__builtin_expect(count == GLANCE_MAX, 0))
            return false;
    }
    while (ahead > 0)
        glanced->starts[--ahead] = (uint8_t)count;
    glanced->count = count;
    glanced->known_filters = glanced->known_matches = 0;
    return true;
}

/* Sets of entries. */

static uint64_t look_at_missing(const struct glanced *glanced, int column) {
    uint64_t bits = 0;
    for (size_t i = 0; i < glanced->count; i++)
        bits |= (uint64_t)(~glanced->missing[i] >> column & 1) << i;
    return bits;
}

/* Those that have the column; bits of no entry may be set. */
static inline uint64_t present_of(const struct glanced *glanced, int column) {
    if (column < 0 || __builtin_expect(!(glanced->any_missing >> column & 1), 1))
        return UINT64_MAX;
    return look_at_missing(glanced, column);
}

/* Those that pass the filter, likewise. */
static inline uint64_t passed_of(struct glanced *glanced, int filter) {
    if (filter < 0 || glanced->all_passed >> filter & 1)
        return UINT64_MAX;
    if (!(glanced->any_passed >> filter & 1))
        return 0;
    if (!(glanced->known_filters >> filter & 1)) {
        uint64_t bits = 0;
        for (size_t i = 0; i < glanced->count; i++)
            bits |= (uint64_t)(glanced->passed[i] >> filter & 1) << i;
        glanced->filters[filter] = bits;
        glanced->known_filters |= UINT32_C(1) << filter;
    }
    return glanced->filters[filter];
}

/* Those that have the current transaction's value. */
static uint64_t matches_of(struct gather *gather, int column) {
    struct glanced *glanced = &gather->glanced;
    if (!(gather->current_present >> column & 1))
        return 0;
    if (!(glanced->known_matches >> column & 1)) {
        const int64_t *cells = glanced->cells[column], value = gather->current->integers[column];
        uint64_t bits = 0;
        for (size_t i = 0; i < glanced->count; i++)
            bits |= (uint64_t)(cells[i] == value) << i;
        glanced->matches[column] = bits;
        glanced->known_matches |= UINT32_C(1) << column;
    }
    return glanced->matches[column];
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

static void glance_sums(const int64_t *cells, uint64_t bits, unsigned needs,
                        struct gathered *gathered) {
    int128 sum = 0, squares_high = 0;
    uint64_t squares_low = 0;
    for (; bits != 0; bits &= bits - 1) {
        int64_t value = cells[oldest_of(bits)];
        sum += value;
        if (needs & GATHERING_SQUARES)
            add_square(&squares_low, &squares_high, value, 1);
    }
    gathered->sum = sum;
    gathered->squares_low = squares_low;
    gathered->squares_high = squares_high;
}

static void glance_extremes(const int64_t *cells, uint64_t bits, struct gathered *gathered) {
    int64_t min = cells[oldest_of(bits)], max = min;
    while ((bits &= bits - 1) != 0) {
        int64_t value = cells[oldest_of(bits)];
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    gathered->min = min;
    gathered->max = max;
}

static struct cell cell_at(const struct gather *gather, int column, size_t i,
                           const struct parts *parts) {
    struct cell cell = {0};
    if (column < 0)
        return cell;
    int64_t stored = gather->glanced.cells[column][i];
    if (gather->entity->columns[column].type != COLUMN_TEXT) {
        cell.integer = stored;
        return cell;
    }
    struct run_taken length = run_take_small((const uint8_t *)(uintptr_t)stored, parts->end);
    cell.text = (struct text){.data = (const char *)length.at, .length = length.value};
    return cell;
}

static void glance_edges(const struct gather *gather, int column, uint64_t bits,
                         const struct parts *parts, struct gathered *gathered) {
    size_t first = oldest_of(bits), last = newest_of(bits);
    const int64_t *times_us = gather->glanced.times_us;
    gathered->first_age_us = (uint64_t)gather->at_us - (uint64_t)times_us[first];
    gathered->last_age_us = (uint64_t)gather->at_us - (uint64_t)times_us[last];
    gathered->first = cell_at(gather, column, first, parts);
    gathered->last = cell_at(gather, column, last, parts);
}

/* The entries of a span: those from `from` on, before `until`. */
static inline uint64_t bits_of_span(const struct gather *gather, size_t span, size_t *ret_from,
                                    size_t *ret_until) {
    const struct course *course = &gather->entity->course;
    *ret_from = gather->glanced.starts[course->closes[span]];
    *ret_until = gather->glanced.starts[course->opens[span]];
    return bits_below(*ret_until) & ~bits_below(*ret_from);
}

/* How many values there are, in this window and in those inside it that begin where it does: each
 * value as often as its newest entry. */
static void glance_distinct(struct gather *gather, size_t i, uint64_t bits) {
    const struct entity_plan *entity = gather->entity;
    uint64_t newest = newest_of_each(gather->glanced.cells[entity->gatherings[i].column], bits);
    do {
        size_t from, until;
        uint64_t inside = bits_of_span(gather, entity->gatherings[i].span, &from, &until);
        gather->gathered[i].distinct = count_bits(newest & inside);
        i = entity->gatherings[i].next;
    } while (i != 0);
}

static void glance_values(struct gather *gather, size_t i, uint64_t bits) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    if (gathering->quantile >= 0)
        for (uint64_t left = bits; left != 0; left &= left - 1)
            quantile_add(&gather->quantiles[gathering->quantile],
                         gather->glanced.cells[gathering->column][oldest_of(left)], 1);
    if (gathering->pool < 0)
        return;
    gathered->is_blurred = false;
    gathered->matched = matches_of(gather, gathering->column) & bits;
    if (gathering->needs & GATHERING_SIGHTINGS)
        glance_distinct(gather, i, bits);
}

static inline void glance_gathering(struct gather *gather, size_t i, uint64_t inside, size_t count,
                                    const struct parts *parts) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    unsigned needs = gathering->needs;
    int column = gathering->column;
    uint64_t bits = inside & present_of(&gather->glanced, column) &
                    passed_of(&gather->glanced, gathering->filter);
    gathered->count = bits == inside ? (int64_t)count : bits == 0 ? 0 : count_bits(bits);
    gathered->any = bits != 0;
    if (needs & (GATHERING_SUM | GATHERING_SQUARES))
        glance_sums(gather->glanced.cells[column], bits, needs, gathered);
    if ((needs & GATHERING_EXTREMES) && bits != 0)
        glance_extremes(gather->glanced.cells[column], bits, gathered);
    if ((needs & GATHERING_EDGES) && bits != 0)
        glance_edges(gather, column, bits, parts, gathered);
    if (needs & GATHERING_SKETCHED)
        glance_values(gather, i, bits);
}

bool glance(struct gather *gather, const struct parts *parts) {
    const struct entity_plan *entity = gather->entity;
    if (parts->head.dense_size > 0 || parts->head.entries >= GLANCE_MAX || entity->span_count == 0)
        return false;
    if (!take_entries(gather, parts))
        return false;
    gather_clear_quantiles(gather);
    for (size_t i = 0; i < entity->span_count; i++) {
        size_t from, until;
        uint64_t inside = bits_of_span(gather, i, &from, &until);
        size_t first = entity->spans[i].first, end = first + entity->spans[i].count;
        for (size_t j = first; j < end; j++)
            glance_gathering(gather, j, inside, until - from, parts);
    }
    return true;
}
