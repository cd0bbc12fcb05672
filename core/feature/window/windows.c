/* The words of a gathering: its count, then in the order of enum course_kept: sum, low first;
 * squares, lowest first; smallest, greatest; time and cell of the first; of the last; different
 * values. A cell is an integer, or a text's length and bytes. */
#include "windows.h"

#include "core/base/check.h"
#include "core/feature/state/run_decode.h"

void windows_init(struct windows *windows, const struct entity_plan *entity, void *memory) {
    windows->words = memory;
    windows->stale = (uint8_t *)(windows->words + entity->course.word_count);
    size_t few_at = windows_size(entity) - windows_few_size(entity);
    tallies_init(&windows->tallies, entity->course.member_count,
                 windows->words + few_at / sizeof(uint64_t));
}

void windows_deinit(struct windows *windows) {
    tallies_deinit(&windows->tallies);
}

void windows_move(struct windows *windows, uintptr_t by) {
    windows->words = (uint64_t *)((uintptr_t)windows->words + by);
    windows->stale = (uint8_t *)((uintptr_t)windows->stale + by);
    tallies_move(&windows->tallies, by);
}

void windows_clear(struct windows *windows, const struct entity_plan *entity) {
    memset(windows->words, 0, entity->course.word_count * sizeof(uint64_t));
    memset(windows->stale, 0, entity->gathering_count);
    tallies_clear(&windows->tallies);
    windows->stale_count = 0;
}

static void set_stale(struct windows *windows, size_t gathering, unsigned what) {
    if (!windows->stale[gathering] && what)
        windows->stale_count++;
    windows->stale[gathering] |= (uint8_t)what;
}

static void set_fresh(struct windows *windows, size_t gathering) {
    if (windows->stale[gathering])
        windows->stale_count--;
    windows->stale[gathering] = 0;
}

void windows_stain(struct windows *windows, const struct entity_plan *entity, size_t gathering,
                   unsigned what) {
    if (windows->words[entity->course.keepings[gathering].word] != 0)
        set_stale(windows, gathering, what);
}

/* Words. */

static inline int128 wide_get(const uint64_t *at) {
    return (int128)((uint128)at[1] << 64 | at[0]);
}

/* Limb by limb: compilers take sums of 128 bits that are in memory through more memory. */
static inline void wide_add(uint64_t *at, int128 more) {
    uint64_t low = (uint64_t)more, high = (uint64_t)((uint128)more >> 64);
    at[0] += low;
    at[1] += high + (at[0] < low);
}

/* 192 bits, of which `high` has all but the lowest 64. */
static inline void squares_add(uint64_t *at, uint64_t low, int128 high) {
    at[0] += low;
    wide_add(at + 1, wrapping_sum(high, at[0] < low));
}

static inline size_t cell_words(uint16_t kept) {
    return kept & COURSE_TEXT ? COURSE_TEXT_WORDS : kept & COURSE_INTEGER ? 1 : 0;
}

static inline void edge_put(uint64_t *at, uint16_t kept, int64_t time_us, const struct cell *cell) {
    at[0] = (uint64_t)time_us;
    if (kept & COURSE_INTEGER)
        at[1] = (uint64_t)cell->integer;
    if (!(kept & COURSE_TEXT))
        return;
    check(cell->text.length <= COLUMN_TEXT_MAX);
    at[1] = cell->text.length;
    if (cell->text.length > 0)
        memcpy(at + 2, cell->text.data, cell->text.length);
}

static inline void extremes_come(int64_t *at, bool any, int64_t min, int64_t max) {
    if (!any || min < at[0])
        at[0] = min;
    if (!any || max > at[1])
        at[1] = max;
}

/* Sums of one gathering; returns the word behind them. */
static inline uint64_t *change_sums(uint64_t *at, uint16_t kept, int64_t weight, int64_t value) {
    if (kept & COURSE_SUM) {
        wide_add(at, (int128)weight * value);
        at += 2;
    }
    if (kept & COURSE_SQUARES) {
        uint64_t low = 0;
        int128 high = 0;
        add_square(&low, &high, value, weight);
        squares_add(at, low, high);
        at += 3;
    }
    return at;
}

static inline struct cell cell_of(const struct run_entry *entry, uint16_t kept, int column) {
    struct cell cell = {0};
    if (kept & COURSE_TEXT)
        cell.text = entry->texts[column];
    else if (kept & COURSE_INTEGER)
        cell.integer = entry->integers[column];
    return cell;
}

/* Raw entries. */

/* `any` of the gathering before it; at: behind the sums. Returns the word behind. */
__attribute__((always_inline)) static inline uint64_t *
entry_comes(uint64_t *at, uint16_t kept, bool any, const struct run_entry *entry, int column) {
    if (kept & COURSE_EXTREMES) {
        int64_t value = entry->integers[column];
        extremes_come((int64_t *)at, any, value, value);
        at += 2;
    }
    if (!(kept & (COURSE_FIRST | COURSE_LAST)))
        return at;
    struct cell cell = cell_of(entry, kept, column);
    if (kept & COURSE_FIRST) {
        if (!any || entry->time_us < (int64_t)at[0])
            edge_put(at, kept, entry->time_us, &cell);
        at += 1 + cell_words(kept);
    }
    if (kept & COURSE_LAST) {
        if (!any || entry->time_us >= (int64_t)at[0])
            edge_put(at, kept, entry->time_us, &cell);
        at += 1 + cell_words(kept);
    }
    return at;
}

/* What becomes stale when these leave; at: behind the sums. */
static inline unsigned stale_without(const uint64_t *at, uint16_t kept, int64_t min, int64_t max) {
    const int64_t *extremes = (const int64_t *)at;
    unsigned stale = kept & COURSE_FIRST;
    if (((kept & COURSE_MIN) && min <= extremes[0]) || ((kept & COURSE_MAX) && max >= extremes[1]))
        stale |= COURSE_EXTREMES;
    return stale;
}

static inline size_t ordered_words(uint16_t kept) {
    return (kept & COURSE_EXTREMES ? 2 : 0) + (kept & COURSE_FIRST ? 1 + cell_words(kept) : 0) +
           (kept & COURSE_LAST ? 1 + cell_words(kept) : 0);
}

static inline void change_values(struct windows *windows, const struct keeping *keeping, bool comes,
                                 uint64_t value, uint64_t *distinct) {
    if (!windows->has_values)
        return;
    if (comes)
        *distinct += tallies_add(&windows->tallies, keeping->pool, keeping->member, value);
    else
        *distinct -= tallies_remove(&windows->tallies, keeping->pool, keeping->member, value);
}

/* change_more() and change_one() are worth their size wherever they are called: there it is known
 * whether the entry comes or leaves. */

/* count: the gathering's words. More than counting. */
__attribute__((always_inline)) static inline void
change_more(struct windows *windows, const struct keeping *keeping, bool comes,
            const struct run_entry *entry, int64_t weight, uint64_t *count) {
    uint16_t kept = keeping->kept;
    uint64_t *at = count + 1;
    bool any = *count != 0;
    int column = keeping->column;
    *count += (uint64_t)weight;
    if (kept & (COURSE_SUM | COURSE_SQUARES))
        at = change_sums(at, kept, weight, entry->integers[column]);
    if ((kept & COURSE_ORDERED) && comes) {
        at = entry_comes(at, kept, any, entry, column);
    } else if (kept & COURSE_ORDERED) {
        int64_t value = column < 0 || kept & COURSE_TEXT ? 0 : entry->integers[column];
        if (*count != 0)
            set_stale(windows, keeping->gathering, stale_without(at, kept, value, value));
        else
            set_fresh(windows, keeping->gathering);
        at += ordered_words(kept);
    }
    if (kept & COURSE_DISTINCT)
        change_values(windows, keeping, comes, (uint64_t)entry->integers[column], at);
}

/* Nearly all entries are one transaction that has all columns. */
static inline bool is_usual(const struct entity_plan *entity, const struct run_entry *entry) {
    return __builtin_expect(entry->is_short && entry->present == entity->all_columns, 1);
}

/* One gathering. A mere count takes a weight of 0 as well: what passes a filter is hard to foresee
 * for a branch. usual: is_usual(). */
__attribute__((always_inline)) static inline void
change_one(struct windows *windows, const struct keeping *keeping, bool comes,
           const struct run_entry *entry, bool usual) {
    if (!usual && (keeping->column_bit & ~entry->present))
        return;
    uint64_t *count = windows->words + keeping->word;
    int64_t weight = usual ? (int64_t)(run_weights(entry) >> keeping->weight_at & 1)
                           : entry_weight(entry, keeping->filter);
    weight = comes ? weight : -weight;
    if (course_is_mere(keeping))
        *count += (uint64_t)weight;
    else if (weight != 0)
        change_more(windows, keeping, comes, entry, weight, count);
}

__attribute__((always_inline)) static inline void add_to(struct windows *windows,
                                                         const struct entity_plan *entity,
                                                         size_t span, const struct run_entry *entry,
                                                         bool usual) {
    const struct keeping *keeping = &entity->course.keepings[entity->spans[span].first];
    const struct keeping *end = keeping + entity->spans[span].count;
    for (; keeping != end; keeping++)
        change_one(windows, keeping, true, entry, usual);
}

__attribute__((noinline)) static void add_unusual(struct windows *windows,
                                                  const struct entity_plan *entity, size_t span,
                                                  const struct run_entry *entry) {
    add_to(windows, entity, span, entry, false);
}

void windows_add_entry(struct windows *windows, const struct entity_plan *entity, size_t span,
                       const struct run_entry *entry) {
    if (is_usual(entity, entry))
        add_to(windows, entity, span, entry, true);
    else
        add_unusual(windows, entity, span, entry);
}

__attribute__((always_inline)) static inline void pass(struct windows *windows,
                                                       const struct entity_plan *entity,
                                                       const struct border *border,
                                                       const struct run_entry *entry, bool usual) {
    const struct keeping *change = &entity->course.changes[border->first_change];
    const struct keeping *leaves = change + border->comes, *end = leaves + border->leaves;
    for (; change != leaves; change++)
        change_one(windows, change, true, entry, usual);
    for (; change != end; change++)
        change_one(windows, change, false, entry, usual);
}

__attribute__((noinline)) static void pass_unusual(struct windows *windows,
                                                   const struct entity_plan *entity,
                                                   const struct border *border,
                                                   const struct run_entry *entry) {
    pass(windows, entity, border, entry, false);
}

/* Of counts and sums of all entries: entity->is_plain. */
__attribute__((always_inline)) static inline void change_plain(struct windows *windows,
                                                               const struct keeping *keeping,
                                                               int64_t weight, int64_t value) {
    uint64_t *at = windows->words + keeping->word;
    *at += (uint64_t)weight;
    if (keeping->kept & COURSE_SUM)
        wide_add(at + 1, (int128)weight * value);
}

void windows_pass_plain(struct windows *windows, const struct entity_plan *entity,
                        const struct border *border, int64_t value) {
    const struct keeping *change = &entity->course.changes[border->first_change];
    const struct keeping *leaves = change + border->comes, *end = leaves + border->leaves;
    for (; change != leaves; change++)
        change_plain(windows, change, 1, value);
    for (; change != end; change++)
        change_plain(windows, change, -1, value);
}

void windows_pass_entry(struct windows *windows, const struct entity_plan *entity,
                        const struct border *border, const struct run_entry *entry) {
    if (!is_usual(entity, entry))
        pass_unusual(windows, entity, border, entry);
    else if (entity->is_plain)
        windows_pass_plain(windows, entity, border,
                           entity->column_count > 0 ? entry->integers[0] : 0);
    else
        pass(windows, entity, border, entry, true);
}

/* Totals of tiles. */

static void edges_come(uint64_t *at, uint16_t kept, bool any, const struct tallied *tallied) {
    if (kept & COURSE_FIRST) {
        if (!any || tallied->first.time_us < (int64_t)at[0])
            edge_put(at, kept, tallied->first.time_us, &tallied->first.cell);
        at += 1 + cell_words(kept);
    }
    if (kept & COURSE_LAST)
        if (!any || tallied->last.time_us >= (int64_t)at[0])
            edge_put(at, kept, tallied->last.time_us, &tallied->last.cell);
}

static void tallied_comes(uint64_t *at, uint16_t kept, bool any, const struct tallied *tallied) {
    if (kept & COURSE_EXTREMES) {
        extremes_come((int64_t *)at, any, tallied->min, tallied->max);
        at += 2;
    }
    edges_come(at, kept, any, tallied);
}

void windows_add_tallied(struct windows *windows, const struct entity_plan *entity, size_t i,
                         const struct tallied *tallied) {
    uint16_t kept = entity->course.keepings[i].kept;
    uint64_t *count = windows->words + entity->course.keepings[i].word, *at = count + 1;
    bool any = *count != 0;
    *count += (uint64_t)tallied->count;
    if (kept & COURSE_SUM)
        wide_add(at, tallied->sum);
    at += kept & COURSE_SUM ? 2 : 0;
    if (kept & COURSE_SQUARES)
        squares_add(at, tallied->squares_low, tallied->squares_high);
    at += kept & COURSE_SQUARES ? 3 : 0;
    if (tallied->count != 0)
        tallied_comes(at, kept, any, tallied);
}

void windows_take_tallied(struct windows *windows, const struct entity_plan *entity, size_t i,
                          const struct tallied *tallied) {
    uint16_t kept = entity->course.keepings[i].kept;
    uint64_t *count = windows->words + entity->course.keepings[i].word, *at = count + 1;
    *count -= (uint64_t)tallied->count;
    if (kept & COURSE_SUM)
        wide_add(at, wrapping_sum(~tallied->sum, 1));
    at += kept & COURSE_SUM ? 2 : 0;
    if (kept & COURSE_SQUARES)
        squares_add(at, 0 - tallied->squares_low,
                    wrapping_sum(~tallied->squares_high, tallied->squares_low == 0));
    at += kept & COURSE_SQUARES ? 3 : 0;
    if (!(kept & COURSE_ORDERED) || tallied->count == 0)
        return;
    if (*count != 0)
        set_stale(windows, i, stale_without(at, kept, tallied->min, tallied->max));
    else
        set_fresh(windows, i);
}

/* What is stale. */

struct lookup lookup_begin(struct windows *windows, const struct entity_plan *entity, size_t i) {
    uint16_t cell = entity->course.keepings[i].kept & (COURSE_INTEGER | COURSE_TEXT);
    return (struct lookup){
        .windows = windows, .entity = entity, .gathering = i, .kept = windows->stale[i] | cell};
}

static uint64_t *extremes_of(const struct lookup *lookup) {
    uint16_t kept = lookup->entity->course.keepings[lookup->gathering].kept;
    return lookup->windows->words + lookup->entity->course.keepings[lookup->gathering].word + 1 +
           (kept & COURSE_SUM ? 2 : 0) + (kept & COURSE_SQUARES ? 3 : 0);
}

static uint64_t *first_of(const struct lookup *lookup) {
    uint16_t kept = lookup->entity->course.keepings[lookup->gathering].kept;
    return extremes_of(lookup) + (kept & COURSE_EXTREMES ? 2 : 0);
}

static uint64_t *last_of(const struct lookup *lookup) {
    uint16_t kept = lookup->entity->course.keepings[lookup->gathering].kept;
    return first_of(lookup) + (kept & COURSE_FIRST ? 1 + cell_words(kept) : 0);
}

static void look_at(struct lookup *lookup, int64_t min, int64_t max, const struct edge *first,
                    const struct edge *last) {
    uint16_t kept = lookup->kept;
    if (kept & COURSE_EXTREMES)
        extremes_come((int64_t *)extremes_of(lookup), lookup->any, min, max);
    uint64_t *at = first_of(lookup);
    if ((kept & COURSE_FIRST) && (!lookup->any || first->time_us < (int64_t)at[0]))
        edge_put(at, kept, first->time_us, &first->cell);
    at = last_of(lookup);
    if ((kept & COURSE_LAST) && (!lookup->any || last->time_us >= (int64_t)at[0]))
        edge_put(at, kept, last->time_us, &last->cell);
    lookup->any = true;
}

void lookup_entry(struct lookup *lookup, const struct run_entry *entry) {
    const struct gathering *gathering = &lookup->entity->gatherings[lookup->gathering];
    int column = gathering->column;
    if (entry_weight(entry, gathering->filter) == 0 || !has_column(entry->present, column))
        return;
    int64_t value = lookup->kept & COURSE_EXTREMES ? entry->integers[column] : 0;
    struct edge edge = {.time_us = entry->time_us, .cell = cell_of(entry, lookup->kept, column)};
    look_at(lookup, value, value, &edge, &edge);
}

void lookup_tallied(struct lookup *lookup, const struct tallied *tallied) {
    if (tallied->count != 0)
        look_at(lookup, tallied->min, tallied->max, &tallied->first, &tallied->last);
}

bool lookup_is_done(const struct lookup *lookup, int64_t time_us) {
    return lookup->any && (lookup->kept & COURSE_ORDERED) == COURSE_FIRST &&
           time_us >= (int64_t)*first_of(lookup);
}

void lookup_end(struct lookup *lookup) {
    set_fresh(lookup->windows, lookup->gathering);
}

/* Giving. */

static struct cell cell_get(const uint64_t *at, uint16_t kept) {
    struct cell cell = {0};
    if (kept & COURSE_INTEGER)
        cell.integer = (int64_t)at[0];
    if (kept & COURSE_TEXT)
        cell.text = (struct text){.data = (const char *)(at + 1), .length = at[0]};
    return cell;
}

static const uint64_t *give_ordered(const uint64_t *at, uint16_t kept, int64_t at_us,
                                    struct gathered *gathered) {
    if (kept & COURSE_EXTREMES) {
        gathered->min = (int64_t)at[0];
        gathered->max = (int64_t)at[1];
        at += 2;
    }
    if (kept & COURSE_FIRST) {
        gathered->first_age_us = (uint64_t)at_us - at[0];
        gathered->first = cell_get(at + 1, kept);
        at += 1 + cell_words(kept);
    }
    if (kept & COURSE_LAST) {
        gathered->last_age_us = (uint64_t)at_us - at[0];
        gathered->last = cell_get(at + 1, kept);
        at += 1 + cell_words(kept);
    }
    return at;
}

static void give_values(const struct windows *windows, const struct keeping *keeping,
                        const uint64_t *distinct, const struct gather *gather,
                        struct gathered *gathered) {
    gathered->matched = gathered->is_blurred = false;
    gathered->distinct = windows->has_values ? (int64_t)*distinct : 0;
    if (windows->has_values && (gather->current_present & keeping->column_bit))
        gathered->matched = tallies_count(&windows->tallies, keeping->pool, keeping->member,
                                          (uint64_t)gather->current->integers[keeping->column]) > 0;
}

void windows_prefetch(const struct windows *windows, const struct entity_plan *entity,
                      const struct entry *current, bool will_change, uint64_t leaving) {
    if (will_change && tallies_prefetch_all(&windows->tallies))
        return;
    if (will_change && entity->course.leaving_border != COURSE_NO_BORDER)
        tallies_prefetch(&windows->tallies, entity->course.leaving_pool, leaving);
    for (size_t i = 0; current && i < entity->pool_count; i++)
        if (current->present >> entity->pools[i].column & 1)
            tallies_prefetch(&windows->tallies, i,
                             (uint64_t)current->integers[entity->pools[i].column]);
}

static inline void give(const struct windows *windows, const struct keeping *keeping,
                        const uint64_t *at, const struct gather *gather,
                        struct gathered *gathered) {
    uint16_t kept = keeping->kept;
    gathered->count = (int64_t)*at++;
    gathered->any = gathered->count != 0;
    if (course_is_mere(keeping))
        return;
    if (kept & COURSE_SUM) {
        gathered->sum = wide_get(at);
        at += 2;
    }
    if (kept & COURSE_SQUARES) {
        gathered->squares_low = at[0];
        gathered->squares_high = wide_get(at + 1);
        at += 3;
    }
    if (kept & COURSE_ORDERED)
        at = give_ordered(at, kept, gather->at_us, gathered);
    if (kept & COURSE_DISTINCT)
        give_values(windows, keeping, at, gather, gathered);
}

void windows_give(const struct windows *windows, struct gather *gather) {
    const struct keeping *keeping = gather->entity->course.keepings;
    const struct keeping *end = keeping + gather->entity->gathering_count;
    const uint64_t *words = windows->words;
    for (struct gathered *gathered = gather->gathered; keeping != end; keeping++, gathered++)
        give(windows, keeping, words + keeping->word, gather, gathered);
}
