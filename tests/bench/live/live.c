/* The prototype: rows, tiles, accumulators, compaction. See live.h. */
#include "live.h"

#include "core/base/check.h"
#include "core/feature/state/run.h"
#include "core/feature/state/tile.h"
#include "core/feature/state/total.h"
#include "core/feature/window/course.h"

#include <stdlib.h>
#include <string.h>

struct meeting {
    int64_t at_us, first_us;
};

struct live_tiles {
    uint64_t *words; /* oldest, newest, transactions, totals */
    uint32_t begin, end, capacity;
    struct meeting *meetings; /* a heap */
    uint32_t meeting_count, meeting_capacity;
};

/* Of each border: how many rows and tiles have passed it, by index. */
struct live_cursor {
    uint32_t row, tile;
    int64_t due_us; /* when the next one does */
};
struct live_windows {
    int64_t at_us, due_us; /* the last read; before due_us nothing passes */
    bool is_known;
    struct live_cursor cursors[]; /* then the words */
};

/* ---- plan ---- */

static uint16_t words_of(uint16_t kept) {
    return (uint16_t)(1 + (kept & COURSE_SUM ? 2 : 0) + (kept & COURSE_SQUARES ? 3 : 0) +
                      (kept & COURSE_EXTREMES ? 2 : 0) +
                      (kept & (COURSE_FIRST | COURSE_LAST) ? 1 : 0) +
                      (kept & COURSE_DISTINCT ? 1 : 0));
}

void live_plan_init(struct live_plan *plan, const struct entity_plan *entity) {
    memset(plan, 0, sizeof *plan);
    plan->entity = entity;
    plan->pool_count = entity->pool_count;
    check(plan->pool_count <= LIVE_POOLS);
    plan->present_mask = (uint32_t)((UINT64_C(1) << entity->column_count) - 1);
    plan->passed_shift = (unsigned)entity->column_count;
    for (int wide = 0; wide < 2; wide++) {
        struct live_layout *layout = &plan->layouts[wide];
        size_t flag_bits = entity->column_count + entity->filter_count;
        layout->flags_at = 14;
        layout->flags_mask = flag_bits >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << flag_bits) - 1;
        layout->links_at = layout->flags_at + (flag_bits + 7) / 8;
        layout->link_size = wide ? 4 : 2;
        layout->link_mask = wide ? UINT32_MAX : UINT16_MAX;
        size_t at = layout->links_at + 2 * layout->link_size * plan->pool_count;
        for (size_t c = 0; c < entity->column_count; c++) {
            enum column_type type = entity->columns[c].type;
            bool is_short = !wide && (type == COLUMN_INTEGER || type == COLUMN_TEXT);
            layout->cell_at[c] = at;
            layout->cell_bits[c] = is_short ? 32 : 64;
            at += is_short ? 4 : 8;
        }
        layout->size = at;
    }
    const struct course *course = &entity->course;
    for (size_t i = 0; i < entity->gathering_count; i++) {
        plan->word_of[i] = (uint16_t)plan->word_count;
        plan->kept_of[i] = course->keepings[i].kept;
        plan->word_count += words_of(plan->kept_of[i]);
        if (entity->gatherings[i].pool >= 0) {
            const struct span *span = &entity->spans[entity->gatherings[i].span];
            plan->pool_reach_us =
                span->end_us > plan->pool_reach_us ? span->end_us : plan->pool_reach_us;
        }
    }
    plan->tile_words = 3;
    for (size_t i = 0; i < entity->total_count; i++) {
        plan->total_words[i] = (uint16_t)plan->tile_words;
        unsigned needs = entity->totals[i].needs;
        check(!(needs & (GATHERING_EDGES | GATHERING_EXTREMES)) || entity->pool_count > 0);
        plan->tile_words +=
            1 + (needs & GATHERING_SUM ? 2 : 0) + (needs & GATHERING_SQUARES ? 3 : 0);
    }
    plan->border_count = course->border_count;
    size_t count = 0;
    for (size_t b = 0; b < course->border_count; b++)
        count += course->borders[b].comes + course->borders[b].leaves;
    plan->ops = check_calloc(count + 1, sizeof *plan->ops);
    size_t used = 0;
    for (size_t b = 0; b < course->border_count; b++) {
        const struct border *border = &course->borders[b];
        plan->distance_us[b] = border->distance_us;
        plan->first_op[b] = (uint16_t)used;
        for (size_t j = 0; j < (size_t)border->comes + border->leaves; j++) {
            const struct keeping *keeping = &course->changes[border->first_change + j];
            const struct gathering *gathering = &entity->gatherings[keeping->gathering];
            plan->ops[used++] = (struct live_op){
                .gathering = keeping->gathering,
                .word = plan->word_of[keeping->gathering],
                .kept = keeping->kept,
                .weight_at = keeping->weight_at,
                .column = keeping->column,
                .pool = keeping->kept & COURSE_DISTINCT ? (int8_t)gathering->pool : -1,
                .comes = j < border->comes,
                .sign = j < border->comes ? 1 : -1,
                .column_bit = keeping->column_bit,
                .total_word = gathering->total >= 0 ? plan->total_words[gathering->total] : 0,
                .opens = course->opens[gathering->span],
                .closes = course->closes[gathering->span],
            };
        }
    }
    plan->first_op[course->border_count] = (uint16_t)used;
    plan->span_ops = check_calloc(entity->gathering_count + 1, sizeof *plan->span_ops);
    size_t count_ops = used;
    used = 0;
    for (size_t i = 0; i < entity->span_count; i++) {
        plan->first_span_op[i] = (uint16_t)used;
        for (size_t j = 0; j < count_ops; j++)
            if (plan->ops[j].comes && entity->gatherings[plan->ops[j].gathering].span == i)
                plan->span_ops[used++] = plan->ops[j];
    }
    plan->first_span_op[entity->span_count] = (uint16_t)used;
}

/* ---- memory ---- */

static inline const struct live_layout *layout_of(const struct live *live,
                                                  const struct live_plan *plan) {
    return &plan->layouts[live->is_wide];
}
static inline uint8_t *row_at(const struct live *live, const struct live_plan *plan, size_t i) {
    (void)plan;
    return live->rows + i * live->row_size;
}
static inline int64_t row_time(const struct live *live, const struct live_plan *plan, size_t i) {
    return live->origin_us + (int64_t)(load_u64(row_at(live, plan, i)) & UINT64_C(0xffffffffffff));
}
static inline uint64_t row_flags(const struct live_layout *layout, const uint8_t *row) {
    return load_u64(row + layout->flags_at) & layout->flags_mask;
}
static inline int64_t row_cell(const struct live_layout *layout, const uint8_t *row,
                               size_t column) {
    unsigned gap = 64u - layout->cell_bits[column];
    return (int64_t)(load_u64(row + layout->cell_at[column]) << gap) >> gap;
}
/* 0: none; else that many rows before, or behind. */
static inline uint32_t row_previous(const struct live_layout *layout, const uint8_t *row,
                                    size_t pool) {
    return (uint32_t)(load_u64(row + layout->links_at + 2 * pool * layout->link_size) &
                      layout->link_mask);
}
static inline uint32_t row_next(const struct live_layout *layout, const uint8_t *row, size_t pool) {
    return (uint32_t)(load_u64(row + layout->links_at + (2 * pool + 1) * layout->link_size) &
                      layout->link_mask);
}
#define ROW_SPARE 8 /* bytes behind the last row, so that a row's numbers are loaded whole */
static inline uint64_t *tile_at(const struct live_tiles *tiles, const struct live_plan *plan,
                                size_t i) {
    return tiles->words + i * plan->tile_words;
}
static inline uint64_t *acc_of(struct live_windows *windows, const struct live_plan *plan) {
    return (uint64_t *)(windows->cursors + plan->border_count);
}

void live_deinit(struct live *live) {
    free(live->rows);
    free(live->windows);
    if (live->tiles) {
        free(live->tiles->words);
        free(live->tiles->meetings);
        free(live->tiles);
    }
    *live = (struct live){0};
}

size_t live_bytes(const struct live *live, const struct live_plan *plan) {
    size_t bytes = sizeof *live +
                   (live->capacity ? live->capacity * layout_of(live, plan)->size + ROW_SPARE : 0);
    if (live->windows)
        bytes += sizeof *live->windows + plan->border_count * sizeof(struct live_cursor) +
                 plan->word_count * 8;
    if (live->tiles)
        bytes += sizeof *live->tiles + live->tiles->capacity * plan->tile_words * 8 +
                 live->tiles->meeting_capacity * sizeof(struct meeting);
    return bytes;
}

/* Indices count from the array's start; closing the gap moves them. */
static void close_gap(struct live *live, const struct live_plan *plan) {
    uint32_t by = live->begin;
    memmove(live->rows, row_at(live, plan, by), (live->end - by) * layout_of(live, plan)->size);
    live->begin = 0;
    live->end -= by;
    live->base += by;
    if (live->windows)
        for (size_t b = 0; b < plan->border_count; b++)
            live->windows->cursors[b].row -= by;
}

static uint8_t *push_row(struct live *live, const struct live_plan *plan) {
    if (live->end == live->capacity) {
        if (live->begin > live->capacity / 4)
            close_gap(live, plan);
        else {
            uint32_t more = live->capacity < 2 ? 1 : live->capacity < 8 ? 2 : live->capacity / 4;
            live->capacity += more;
            live->rows = check_reallocarray(
                live->rows, live->capacity * layout_of(live, plan)->size + ROW_SPARE, 1);
        }
    }
    return row_at(live, plan, live->end++);
}

static inline int64_t before(int64_t time_us, uint64_t distance_us) {
    int64_t least;
    return __builtin_sub_overflow(time_us, (int64_t)distance_us, &least) ? INT64_MIN : least;
}

/* ---- passing borders ---- */

static inline int128 get128(const uint64_t *at) {
    return (int128)((unsigned __int128)at[1] << 64 | at[0]);
}
static inline void put128(uint64_t *at, int128 value) {
    at[0] = (uint64_t)value;
    at[1] = (uint64_t)((unsigned __int128)value >> 64);
}

#define STALE UINT64_C(0xffffffff)

/* The cold half of what a gathering keeps: words behind the count. */
static inline void change(uint64_t *word, const struct live_op *op, const uint8_t *row,
                          const struct live_plan *plan, const struct live *live, uint32_t i,
                          const struct live_cursor *cursors) {
    uint64_t *at = word + 1;
    const struct live_layout *layout = layout_of(live, plan);
    int64_t value = op->column >= 0 ? row_cell(layout, row, (size_t)op->column) : 0;
    if (op->kept & COURSE_SUM) {
        put128(at, op->comes ? get128(at) + value : get128(at) - value);
        at += 2;
    }
    if (op->kept & COURSE_SQUARES) {
        int128 high = get128(at + 1);
        add_square(at, &high, value, op->comes ? 1 : -1);
        put128(at + 1, high);
        at += 3;
    }
    if (op->kept & COURSE_EXTREMES) {
        int64_t *min = (int64_t *)at, *max = min + 1;
        if (op->comes) {
            if (word[0] == 1 || *min <= *max) {
                bool first = word[0] == 1;
                *min = first || value < *min ? value : *min;
                *max = first || value > *max ? value : *max;
            }
        } else if (value == *min || value == *max) { /* stale */
            *min = INT64_MAX;
            *max = INT64_MIN;
        }
        at += 2;
    }
    if (op->kept & (COURSE_FIRST | COURSE_LAST)) { /* numbers of rows */
        uint32_t number = live->base + i;
        uint32_t first = (uint32_t)*at, last = (uint32_t)(*at >> 32);
        if (op->comes) {
            first = word[0] == 1 ? number : first;
            last = number;
        } else if (number == first) {
            first = UINT32_MAX;
        }
        *at = first | (uint64_t)last << 32;
        at += 1;
    }
    if (op->pool >= 0) {
        if (op->comes) { /* is the one before it outside? */
            uint32_t previous = row_previous(layout, row, (size_t)op->pool);
            *at += previous == 0 || previous > i - cursors[op->closes].row;
        } else { /* is the next one of that value inside? */
            uint32_t next = row_next(layout, row, (size_t)op->pool);
            *at -= next == 0 || i + next >= cursors[op->opens].row;
        }
    }
}

static inline void do_ops(struct live *live, const struct live_plan *plan, uint32_t i,
                          const struct live_op *op, const struct live_op *end) {
    struct live_windows *windows = live->windows;
    uint64_t *words = acc_of(windows, plan);
    const uint8_t *row = row_at(live, plan, i);
    uint64_t flags = row_flags(layout_of(live, plan), row);
    uint32_t missing = ~(uint32_t)flags;
    uint64_t weights = flags >> plan->passed_shift << 1 | 1;
    for (; op != end; op++) {
        if (!(weights >> op->weight_at & 1) || (op->column_bit & missing))
            continue;
        uint64_t *word = words + op->word;
        word[0] += (uint64_t)op->sign;
        if (op->kept)
            change(word, op, row, plan, live, i, windows->cursors);
    }
}

static inline void pass_row(struct live *live, const struct live_plan *plan, size_t border,
                            uint32_t i) {
    do_ops(live, plan, i, plan->ops + plan->first_op[border],
           plan->ops + plan->first_op[border + 1]);
}

/* A row that has passed none comes into the windows that hold it. Returns how many it has passed.
 */
static inline size_t enter_row(struct live *live, const struct live_plan *plan, uint32_t i,
                               int64_t at_us) {
    const struct entity_plan *entity = plan->entity;
    const struct course *course = &entity->course;
    uint64_t age_us = (uint64_t)at_us - (uint64_t)row_time(live, plan, i);
    size_t passed = 0;
    while (passed < plan->border_count && age_us >= plan->distance_us[passed])
        passed++;
    for (size_t s = 0; s < entity->span_count; s++)
        if (course->opens[s] < passed && passed <= course->closes[s])
            do_ops(live, plan, i, plan->span_ops + plan->first_span_op[s],
                   plan->span_ops + plan->first_span_op[s + 1]);
    return passed;
}

static void pass_tile(struct live *live, const struct live_plan *plan, size_t border, uint32_t i) {
    uint64_t *words = acc_of(live->windows, plan);
    const uint64_t *tile = tile_at(live->tiles, plan, i);
    const struct live_op *op = plan->ops + plan->first_op[border];
    const struct live_op *end = plan->ops + plan->first_op[border + 1];
    for (; op != end; op++) {
        const uint64_t *total = tile + op->total_word;
        uint64_t *word = words + op->word;
        int sign = op->comes ? 1 : -1;
        *word++ += op->comes ? *total : 0 - *total;
        total++;
        if (op->kept & COURSE_SUM) {
            put128(word, get128(word) + sign * get128(total));
            word += 2;
            total += 2;
        }
        if (op->kept & COURSE_SQUARES) {
            unsigned __int128 low =
                (unsigned __int128)word[0] + (op->comes ? total[0] : (unsigned __int128)0);
            int128 high = get128(word + 1) + sign * get128(total + 1) + (int128)(low >> 64);
            if (!op->comes) {
                high -= word[0] < total[0];
                low = word[0] - total[0];
            }
            word[0] = (uint64_t)low;
            put128(word + 1, high);
        }
    }
}

static inline int64_t due_of(const struct live *live, const struct live_plan *plan, size_t b) {
    const struct live_cursor *cursor = &live->windows->cursors[b];
    int64_t due = INT64_MAX;
    if (cursor->row < live->end)
        due = time_ahead(row_time(live, plan, cursor->row), plan->distance_us[b]);
    if (live->tiles && cursor->tile < live->tiles->end) {
        int64_t tile_us =
            time_ahead((int64_t)tile_at(live->tiles, plan, cursor->tile)[1], plan->distance_us[b]);
        due = tile_us < due ? tile_us : due;
    }
    return due;
}

static void bring(struct live *live, const struct live_plan *plan, int64_t at_us) {
    struct live_windows *windows = live->windows;
    windows->at_us = at_us;
    if (at_us < windows->due_us)
        return;
    int64_t due_us = INT64_MAX;
    struct live_cursor *cursor = windows->cursors;
    const uint32_t fresh = cursor->row; /* from here on rows have passed nothing */
    for (size_t b = 0; b < plan->border_count; b++, cursor++) {
        if (at_us < cursor->due_us)
            continue;
        int64_t limit_us = before(at_us, plan->distance_us[b]);
        if (live->tiles)
            while (cursor->tile < live->tiles->end &&
                   (int64_t)tile_at(live->tiles, plan, cursor->tile)[1] <= limit_us)
                pass_tile(live, plan, b, cursor->tile++);
        for (; cursor->row < fresh && row_time(live, plan, cursor->row) <= limit_us; cursor->row++)
            pass_row(live, plan, b, cursor->row);
        cursor->due_us = INT64_MIN; /* to be found */
    }
    for (uint32_t i = fresh; i < live->end && row_time(live, plan, i) <= at_us; i++) {
        size_t passed = enter_row(live, plan, i, at_us);
        if (passed == 0)
            break;
        cursor = windows->cursors;
        for (size_t b = 0; b < passed; b++, cursor++) {
            cursor->row = i + 1;
            cursor->due_us = INT64_MIN;
        }
        if (passed < plan->border_count && cursor->row == i)
            cursor->due_us = INT64_MIN;
    }
    cursor = windows->cursors;
    for (size_t b = 0; b < plan->border_count; b++, cursor++) {
        if (cursor->due_us == INT64_MIN)
            cursor->due_us = due_of(live, plan, b);
        due_us = cursor->due_us < due_us ? cursor->due_us : due_us;
    }
    windows->due_us = due_us;
}

static void make_windows(struct live *live, const struct live_plan *plan) {
    size_t size = sizeof *live->windows + plan->border_count * sizeof(struct live_cursor) +
                  plan->word_count * 8;
    if (!live->windows)
        live->windows = check_malloc(size);
    memset(live->windows, 0, size);
    for (size_t b = 0; b < plan->border_count; b++)
        live->windows->cursors[b] = (struct live_cursor){
            .row = live->begin, .tile = live->tiles ? live->tiles->begin : 0, .due_us = INT64_MIN};
    live->windows->due_us = INT64_MIN;
    live->windows->is_known = true;
}

/* ---- reading ---- */

static struct cell cell_of(const struct live *live, const struct live_plan *plan, uint32_t i,
                           int column) {
    struct cell cell = {0};
    const struct live_layout *layout = layout_of(live, plan);
    const uint8_t *row = row_at(live, plan, i);
    size_t size = layout->cell_bits[column] / 8;
    const uint8_t *at = row + layout->cell_at[column];
    if (plan->entity->columns[column].type == COLUMN_TEXT)
        cell.text = (struct text){.data = (const char *)at, .length = at[size - 1]};
    else
        cell.integer = row_cell(layout, row, (size_t)column);
    return cell;
}

static inline bool counts(const struct live_plan *plan, const struct live_layout *layout,
                          const struct gathering *gathering, const uint8_t *row) {
    uint64_t flags = row_flags(layout, row);
    uint64_t weights = flags >> plan->passed_shift << 1 | 1;
    return (weights >> (gathering->filter + 1) & 1) &&
           (gathering->column < 0 || (flags >> gathering->column & 1));
}

/* Newest row of each pool that has the current value: for is_new, distinct, and the links. */
static void find_values(const struct live *live, const struct live_plan *plan,
                        const struct entry *current, struct live_hint *hint) {
    const struct entity_plan *entity = plan->entity;
    for (size_t p = 0; p < plan->pool_count; p++) {
        const struct pool *pool = &entity->pools[p];
        hint->newest[p] = 0;
        if (!(current->present >> pool->column & 1))
            continue;
        int64_t least_us = before(current->time_us, plan->pool_reach_us);
        int64_t value = current->integers[pool->column];
        const struct live_layout *layout = layout_of(live, plan);
        const struct gathering like = {.column = pool->column, .filter = pool->filter};
        for (uint32_t i = live->end; i > live->begin; i--) {
            const uint8_t *row = row_at(live, plan, i - 1);
            if (row_time(live, plan, i - 1) <= least_us)
                break;
            if (row_cell(layout, row, (size_t)pool->column) == value &&
                counts(plan, layout, &like, row)) {
                hint->newest[p] = i; /* its index + 1 */
                break;
            }
        }
    }
}

/* Is one of the current value's rows among [from, until)? */
static bool is_matched(const struct live *live, const struct live_plan *plan, size_t pool,
                       const struct live_hint *hint, uint32_t from, uint32_t until) {
    uint32_t at = hint->newest[pool];
    while (at > until) {
        uint32_t back = row_previous(layout_of(live, plan), row_at(live, plan, at - 1), pool);
        at = back == 0 || back >= at ? 0 : at - back;
    }
    return at > from;
}

static void give_edges(struct live *live, const struct live_plan *plan, uint32_t first,
                       uint32_t last, int column, struct gathered *gathered, int64_t at_us) {
    gathered->first_age_us = (uint64_t)at_us - (uint64_t)row_time(live, plan, first);
    gathered->last_age_us = (uint64_t)at_us - (uint64_t)row_time(live, plan, last);
    if (column < 0)
        return;
    gathered->first = cell_of(live, plan, first, column);
    gathered->last = cell_of(live, plan, last, column);
}

/* The exception: few rows and no tiles. */
static void scan(struct live *live, const struct live_plan *plan, struct gather *gather,
                 const struct live_hint *hint) {
    const struct entity_plan *entity = plan->entity;
    const struct course *course = &entity->course;
    const struct live_layout *layout = layout_of(live, plan);
    uint32_t starts[2 * PLAN_SPANS_MAX], i = live->end;
    for (size_t b = 0; b < plan->border_count; b++) {
        int64_t limit_us = time_before(gather->at_us, plan->distance_us[b]);
        while (i > live->begin && row_time(live, plan, i - 1) > limit_us)
            i--;
        starts[b] = i;
    }
    for (size_t s = 0; s < entity->span_count; s++) {
        const struct span *span = &entity->spans[s];
        uint32_t from = starts[course->closes[s]], until = starts[course->opens[s]];
        if (from == until) {
            struct gathered *gathered = &gather->gathered[span->first];
            for (const struct gathered *end = gathered + span->count; gathered != end; gathered++) {
                gathered->sum = gathered->squares_high = 0;
                gathered->squares_low = 0;
                gathered->count = gathered->distinct = 0;
                gathered->any = gathered->matched = gathered->is_blurred = false;
            }
            continue;
        }
        for (size_t g = span->first; g < (size_t)span->first + span->count; g++) {
            const struct gathering *gathering = &entity->gatherings[g];
            struct gathered *gathered = &gather->gathered[g];
            gathered->is_blurred = false;
            if (gathering->needs == GATHERING_COUNT && gathering->filter < 0) {
                gathered->count = until - from;
                continue;
            }
            int64_t count = 0, min = INT64_MAX, max = INT64_MIN;
            int128 sum = 0, high = 0;
            uint64_t low = 0;
            uint32_t first = 0, last = 0;
            int64_t distinct = 0;
            size_t cell = gathering->column < 0 ? 0 : (size_t)gathering->column;
            for (uint32_t r = from; r < until; r++) {
                const uint8_t *row = row_at(live, plan, r);
                if (!counts(plan, layout, gathering, row))
                    continue;
                first = count == 0 ? r : first;
                last = r;
                count++;
                if (gathering->needs & (GATHERING_SUM | GATHERING_SQUARES | GATHERING_EXTREMES)) {
                    int64_t value = row_cell(layout, row, cell);
                    sum += value;
                    if (gathering->needs & GATHERING_SQUARES)
                        add_square(&low, &high, value, 1);
                    min = value < min ? value : min;
                    max = value > max ? value : max;
                }
                if (gathering->pool >= 0) {
                    uint32_t next = row_next(layout, row, (size_t)gathering->pool);
                    distinct += next == 0 || r + next >= until;
                }
            }
            gathered->count = count;
            gathered->any = count > 0;
            gathered->sum = sum;
            gathered->squares_low = low;
            gathered->squares_high = high;
            gathered->min = min;
            gathered->max = max;
            if ((gathering->needs & GATHERING_EDGES) && count > 0)
                give_edges(live, plan, first, last, gathering->column, gathered, gather->at_us);
            if (gathering->pool >= 0) {
                gathered->distinct = distinct;
                gathered->matched =
                    is_matched(live, plan, (size_t)gathering->pool, hint, from, until);
            }
        }
    }
}

static void look_up_extremes(struct live *live, const struct live_plan *plan,
                             const struct gathering *gathering, uint32_t from, uint32_t until,
                             int64_t *pair) {
    const struct live_layout *layout = layout_of(live, plan);
    for (uint32_t r = from; r < until; r++) {
        const uint8_t *row = row_at(live, plan, r);
        if (!counts(plan, layout, gathering, row))
            continue;
        int64_t value = row_cell(layout, row, (size_t)gathering->column);
        pair[0] = value < pair[0] ? value : pair[0];
        pair[1] = value > pair[1] ? value : pair[1];
    }
}

static void give_windows(struct live *live, const struct live_plan *plan, struct gather *gather,
                         const struct live_hint *hint) {
    const struct entity_plan *entity = plan->entity;
    struct live_windows *windows = live->windows;
    uint64_t *words = acc_of(windows, plan);
    for (size_t g = 0; g < entity->gathering_count; g++) {
        const struct gathering *gathering = &entity->gatherings[g];
        struct gathered *gathered = &gather->gathered[g];
        uint16_t kept = plan->kept_of[g];
        uint64_t *at = words + plan->word_of[g];
        gathered->count = (int64_t)*at++;
        gathered->any = gathered->count != 0;
        if (!kept)
            continue;
        const uint32_t from = windows->cursors[entity->course.closes[gathering->span]].row;
        const uint32_t until = windows->cursors[entity->course.opens[gathering->span]].row;
        gathered->is_blurred = false;
        if (kept & COURSE_SUM) {
            gathered->sum = get128(at);
            at += 2;
        }
        if (kept & COURSE_SQUARES) {
            gathered->squares_low = at[0];
            gathered->squares_high = get128(at + 1);
            at += 3;
        }
        if (kept & COURSE_EXTREMES) {
            int64_t *pair = (int64_t *)at;
            if (pair[0] > pair[1] && gathered->any)
                look_up_extremes(live, plan, gathering, from, until, pair);
            gathered->min = pair[0];
            gathered->max = pair[1];
            at += 2;
        }
        if (kept & (COURSE_FIRST | COURSE_LAST)) {
            uint32_t first = (uint32_t)*at, last = (uint32_t)(*at >> 32);
            if (gathered->any) {
                if (first == UINT32_MAX) {
                    uint32_t r = from;
                    while (!counts(plan, layout_of(live, plan), gathering, row_at(live, plan, r)))
                        r++;
                    first = live->base + r;
                    *at = first | (uint64_t)last << 32;
                }
                give_edges(live, plan, first - live->base, last - live->base, gathering->column,
                           gathered, gather->at_us);
            }
            at += 1;
        }
        if (kept & COURSE_DISTINCT) {
            gathered->distinct = (int64_t)*at;
            gathered->matched = is_matched(live, plan, (size_t)gathering->pool, hint, from, until);
        }
    }
}

void live_read(struct live *live, const struct live_plan *plan, int64_t at_us,
               const struct entry *current, struct gather *gather, struct value *ret_values,
               struct live_hint *ret_hint) {
    gather_open(gather, plan->entity, at_us, current);
    if (plan->pool_count > 0)
        find_values(live, plan, current, ret_hint);
    if (live->end - live->begin > LIVE_FEW || live->tiles) {
        if (!live->windows || !live->windows->is_known)
            make_windows(live, plan);
        bring(live, plan, at_us);
        give_windows(live, plan, gather, ret_hint);
    } else {
        scan(live, plan, gather, ret_hint);
    }
    gather_give(gather, ret_values);
}

/* ---- compaction ---- */

static void push_meeting(struct live_tiles *tiles, int64_t at_us, int64_t first_us) {
    if (at_us == INT64_MAX)
        return;
    if (tiles->meeting_count == tiles->meeting_capacity) {
        tiles->meeting_capacity = tiles->meeting_capacity ? 2 * tiles->meeting_capacity : 8;
        tiles->meetings =
            check_reallocarray(tiles->meetings, tiles->meeting_capacity, sizeof *tiles->meetings);
    }
    uint32_t i = tiles->meeting_count++;
    for (; i > 0 && tiles->meetings[(i - 1) / 2].at_us > at_us; i = (i - 1) / 2)
        tiles->meetings[i] = tiles->meetings[(i - 1) / 2];
    tiles->meetings[i] = (struct meeting){at_us, first_us};
}

static struct meeting pop_meeting(struct live_tiles *tiles) {
    struct meeting top = tiles->meetings[0], last = tiles->meetings[--tiles->meeting_count];
    uint32_t i = 0, count = tiles->meeting_count;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= count)
            break;
        child +=
            child + 1 < count && tiles->meetings[child + 1].at_us < tiles->meetings[child].at_us;
        if (tiles->meetings[child].at_us >= last.at_us)
            break;
        tiles->meetings[i] = tiles->meetings[child];
        i = child;
    }
    if (count > 0)
        tiles->meetings[i] = last;
    return top;
}

static void meet(struct live *live, const struct live_plan *plan, int64_t older_us,
                 int64_t newer_us) {
    int64_t at_us = partition_meeting(&plan->entity->tiles, older_us, newer_us);
    if (at_us == INT64_MAX)
        return;
    if (!live->tiles)
        live->tiles = check_calloc(1, sizeof *live->tiles);
    push_meeting(live->tiles, at_us, older_us);
}

static void add_row_to_tile(const struct live *live, const struct live_plan *plan, uint64_t *tile,
                            const uint8_t *row) {
    const struct entity_plan *entity = plan->entity;
    const struct live_layout *layout = layout_of(live, plan);
    uint64_t flags = row_flags(layout, row), weights = flags >> plan->passed_shift << 1 | 1;
    tile[2]++;
    for (size_t t = 0; t < entity->total_count; t++) {
        const struct total *total = &entity->totals[t];
        if (!(weights >> (total->filter + 1) & 1) || (total->column_bit & ~(uint32_t)flags))
            continue;
        uint64_t *at = tile + plan->total_words[t];
        int64_t value = total->column >= 0 ? row_cell(layout, row, (size_t)total->column) : 0;
        *at++ += 1;
        if (total->needs & GATHERING_SUM) {
            put128(at, get128(at) + value);
            at += 2;
        }
        if (total->needs & GATHERING_SQUARES) {
            int128 high = get128(at + 1);
            add_square(at, &high, value, 1);
            put128(at + 1, high);
        }
    }
}

static void add_tile_to_tile(const struct live_plan *plan, uint64_t *to, const uint64_t *from) {
    const struct entity_plan *entity = plan->entity;
    to[2] += from[2];
    for (size_t t = 0; t < entity->total_count; t++) {
        size_t w = plan->total_words[t];
        to[w] += from[w];
        w++;
        if (entity->totals[t].needs & GATHERING_SUM) {
            put128(to + w, get128(to + w) + get128(from + w));
            w += 2;
        }
        if (entity->totals[t].needs & GATHERING_SQUARES) {
            unsigned __int128 low = (unsigned __int128)to[w] + from[w];
            put128(to + w + 1, get128(to + w + 1) + get128(from + w + 1) + (int128)(low >> 64));
            to[w] = (uint64_t)low;
        }
    }
}

static uint32_t first_row_from(const struct live *live, const struct live_plan *plan, int64_t us) {
    uint32_t low = live->begin, high = live->end;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (row_time(live, plan, middle) < us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
static uint32_t first_tile_from(const struct live_tiles *tiles, const struct live_plan *plan,
                                int64_t us) {
    uint32_t low = tiles->begin, high = tiles->end;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if ((int64_t)tile_at(tiles, plan, middle)[0] < us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What lies in the extent becomes one tile, if it is too much. */
static void unite(struct live *live, const struct live_plan *plan, struct tile_extent extent) {
    struct live_tiles *tiles = live->tiles;
    uint32_t from = first_row_from(live, plan, extent.first_us), to = from;
    while (to < live->end && row_time(live, plan, to) <= extent.last_us)
        to++;
    uint32_t tile_from = first_tile_from(tiles, plan, extent.first_us), tile_to = tile_from;
    while (tile_to < tiles->end && (int64_t)tile_at(tiles, plan, tile_to)[0] <= extent.last_us)
        tile_to++;
    uint32_t rows = to - from, were = tile_to - tile_from;
    if (!(were > 1 || (were == 1 && rows > 0) || rows > TILE_RAW_MAX))
        return;
    check(plan->pool_count == 0); /* values would go to sketches */
    uint64_t made[64] = {0};
    check(plan->tile_words <= 64);
    made[0] = (uint64_t)INT64_MAX;
    made[1] = (uint64_t)INT64_MIN;
    for (uint32_t i = tile_from; i < tile_to; i++) {
        const uint64_t *tile = tile_at(tiles, plan, i);
        made[0] = (int64_t)tile[0] < (int64_t)made[0] ? tile[0] : made[0];
        made[1] = (int64_t)tile[1] > (int64_t)made[1] ? tile[1] : made[1];
        add_tile_to_tile(plan, made, tile);
    }
    for (uint32_t i = from; i < to; i++) {
        int64_t time_us = row_time(live, plan, i);
        made[0] = (uint64_t)(time_us < (int64_t)made[0] ? time_us : (int64_t)made[0]);
        made[1] = (uint64_t)(time_us > (int64_t)made[1] ? time_us : (int64_t)made[1]);
        add_row_to_tile(live, plan, made, row_at(live, plan, i));
    }
    /* Windows: parts of it that have passed a border which the whole has not. */
    if (live->windows && live->windows->is_known) {
        for (size_t b = 0; b < plan->border_count; b++) {
            struct live_cursor *cursor = &live->windows->cursors[b];
            bool all = cursor->row >= to && cursor->tile >= tile_to;
            bool none =
                (rows == 0 || cursor->row <= from) && (were == 0 || cursor->tile <= tile_from);
            if (!all && !none)
                live->windows->is_known = false;
            if (cursor->row >= to)
                cursor->row -= rows;
            else if (cursor->row > from)
                cursor->row = from;
            if (cursor->tile >= tile_to && (were > 0 || all))
                cursor->tile = cursor->tile + 1 - were;
            else if (cursor->tile > tile_from)
                cursor->tile = tile_from;
        }
        for (size_t b = 0; b < plan->border_count; b++)
            live->windows->cursors[b].due_us = INT64_MIN;
        live->windows->due_us = INT64_MIN;
    }
    if (rows > 0) {
        if (live->end - to < from - live->begin) {
            memmove(row_at(live, plan, from), row_at(live, plan, to),
                    (live->end - to) * layout_of(live, plan)->size);
            live->end -= rows;
        } else {
            memmove(row_at(live, plan, live->begin + rows), row_at(live, plan, live->begin),
                    (from - live->begin) * layout_of(live, plan)->size);
            live->begin += rows;
            if (live->windows)
                for (size_t b = 0; b < plan->border_count; b++)
                    live->windows->cursors[b].row += rows;
        }
    }
    if (were == 0) {
        if (tiles->end == tiles->capacity) {
            if (tiles->begin > tiles->capacity / 4) {
                uint32_t by = tiles->begin;
                memmove(tiles->words, tile_at(tiles, plan, by),
                        (tiles->end - by) * plan->tile_words * 8);
                tiles->begin = 0;
                tiles->end -= by;
                tile_from -= by;
                if (live->windows)
                    for (size_t b = 0; b < plan->border_count; b++)
                        live->windows->cursors[b].tile -= by;
            } else {
                tiles->capacity += tiles->capacity < 8 ? 4 : tiles->capacity / 2;
                tiles->words =
                    check_reallocarray(tiles->words, tiles->capacity, plan->tile_words * 8);
            }
        }
        memmove(tile_at(tiles, plan, tile_from + 1), tile_at(tiles, plan, tile_from),
                (tiles->end - tile_from) * plan->tile_words * 8);
        tiles->end++;
    } else if (were > 1) {
        memmove(tile_at(tiles, plan, tile_from + 1), tile_at(tiles, plan, tile_to),
                (tiles->end - tile_to) * plan->tile_words * 8);
        tiles->end -= were - 1;
    }
    memcpy(tile_at(tiles, plan, tile_from), made, plan->tile_words * 8);
    /* What is beside it: rows or tiles. */
    int64_t before_us = INT64_MIN, behind_us = INT64_MAX;
    from = first_row_from(live, plan, extent.first_us);
    if (from > live->begin)
        before_us = row_time(live, plan, from - 1);
    if (from < live->end)
        behind_us = row_time(live, plan, from);
    if (tile_from > tiles->begin && (int64_t)tile_at(tiles, plan, tile_from - 1)[1] > before_us)
        before_us = (int64_t)tile_at(tiles, plan, tile_from - 1)[1];
    if (tile_from + 1 < tiles->end && (int64_t)tile_at(tiles, plan, tile_from + 1)[0] < behind_us)
        behind_us = (int64_t)tile_at(tiles, plan, tile_from + 1)[0];
    if (before_us > INT64_MIN)
        meet(live, plan, before_us, (int64_t)made[0]);
    if (behind_us < INT64_MAX)
        meet(live, plan, (int64_t)made[1], behind_us);
}

static void drop(struct live *live, const struct live_plan *plan, int64_t newest_us) {
    const struct entity_plan *entity = plan->entity;
    int64_t last_us = time_before(newest_us, entity->kept_us);
    struct tile_extent block = tile_extent_of(last_us, entity->block_level);
    last_us = block.last_us == last_us ? last_us : block.first_us - 1;
    uint32_t were = live->begin;
    while (live->begin < live->end && row_time(live, plan, live->begin) <= last_us)
        live->begin++;
    struct live_tiles *tiles = live->tiles;
    uint32_t tiles_were = tiles ? tiles->begin : 0;
    while (tiles && tiles->begin < tiles->end &&
           (int64_t)tile_at(tiles, plan, tiles->begin)[0] <= last_us)
        tiles->begin++;
    if (live->windows && (live->begin != were || (tiles && tiles->begin != tiles_were)))
        for (size_t b = 0; b < plan->border_count; b++) {
            struct live_cursor *cursor = &live->windows->cursors[b];
            bool is_behind_all =
                cursor->row >= live->begin && (!tiles || cursor->tile >= tiles->begin);
            live->windows->is_known &= is_behind_all;
            cursor->row = cursor->row < live->begin ? live->begin : cursor->row;
            if (tiles)
                cursor->tile = cursor->tile < tiles->begin ? tiles->begin : cursor->tile;
        }
}

static void find_quiet(struct live *live, const struct live_plan *plan) {
    const struct entity_plan *entity = plan->entity;
    int64_t oldest_us = INT64_MAX, quiet_us = INT64_MAX;
    if (live->begin < live->end)
        oldest_us = row_time(live, plan, live->begin);
    if (live->tiles && live->tiles->begin < live->tiles->end &&
        (int64_t)tile_at(live->tiles, plan, live->tiles->begin)[0] < oldest_us)
        oldest_us = (int64_t)tile_at(live->tiles, plan, live->tiles->begin)[0];
    if (oldest_us < INT64_MAX)
        quiet_us =
            time_ahead(tile_extent_of(oldest_us, entity->block_level).last_us, entity->kept_us);
    if (live->tiles && live->tiles->meeting_count > 0 && live->tiles->meetings[0].at_us < quiet_us)
        quiet_us = live->tiles->meetings[0].at_us;
    live->quiet_us = quiet_us;
}

static void compact(struct live *live, const struct live_plan *plan, int64_t newest_us) {
    drop(live, plan, newest_us);
    while (live->tiles && live->tiles->meeting_count > 0 &&
           live->tiles->meetings[0].at_us <= newest_us) {
        struct meeting due = pop_meeting(live->tiles);
        unite(live, plan, partition_tile(&plan->entity->tiles, due.first_us, newest_us));
    }
    find_quiet(live, plan);
}

/* ---- adding ---- */

/* A row or tile of time_us is the newest: for borders that wait for nothing else, the next. */
static inline void now_next(struct live *live, const struct live_plan *plan, int64_t time_us) {
    struct live_windows *windows = live->windows;
    for (size_t b = 0; b < plan->border_count; b++) {
        if (windows->cursors[b].due_us < INT64_MAX)
            break; /* those behind wait for older ones */
        int64_t due_us = windows->cursors[b].due_us = time_ahead(time_us, plan->distance_us[b]);
        windows->due_us = due_us < windows->due_us ? due_us : windows->due_us;
    }
}

static uint64_t packed_text(struct text text, size_t size) {
    uint64_t word = 0;
    check(text.length < size);
    memcpy(&word, text.data, text.length);
    return word | (uint64_t)text.length << 8 * (size - 1);
}

static bool fits(const struct live_plan *plan, const struct entry *entry) {
    const struct entity_plan *entity = plan->entity;
    bool fit = true;
    for (size_t c = 0; c < entity->column_count; c++) {
        if (entity->columns[c].type == COLUMN_INTEGER)
            fit &= entry->integers[c] == (int32_t)entry->integers[c];
        if (entity->columns[c].type == COLUMN_TEXT)
            fit &= !(entry->present >> c & 1) || entry->texts[c].length < 4;
    }
    return fit;
}

static void fill_row(const struct live *live, const struct live_plan *plan,
                     const struct entry *entry, uint8_t *row) {
    const struct entity_plan *entity = plan->entity;
    const struct live_layout *layout = layout_of(live, plan);
    uint64_t passed = 0;
    for (size_t f = 0; f < entity->filter_count; f++)
        passed |= (uint64_t)entry->weights[f] << f;
    store_u64(row, (uint64_t)(entry->time_us - live->origin_us));
    store_u64(row + 6, entry->id_hash);
    store_u64(row + layout->flags_at,
              (entry->present & plan->present_mask) | passed << plan->passed_shift);
    for (size_t p = 0; p < plan->pool_count; p++)
        store_u64(row + layout->links_at + 2 * p * layout->link_size, 0);
    for (size_t c = 0; c < entity->column_count; c++) {
        uint64_t cell = entity->text_columns >> c & 1 && entry->present >> c & 1
                            ? packed_text(entry->texts[c], layout->cell_bits[c] / 8)
                            : (uint64_t)entry->integers[c];
        store_u64(row + layout->cell_at[c], cell); /* the next one's bytes come after it */
    }
}

void live_apply(struct live *live, const struct live_plan *plan, const struct entry *entry,
                const struct live_hint *hint) {
    const struct entity_plan *entity = plan->entity;
    int64_t time_us = entry->time_us;
    bool is_empty =
        live->begin == live->end && (!live->tiles || live->tiles->begin == live->tiles->end);
    check(entry->transaction && (is_empty || time_us > live->newest_us));
    if (!is_empty && time_us >= live->quiet_us)
        compact(live, plan, time_us);
    live->newest_us = time_us;
    struct live_tiles *tiles = live->tiles;
    struct tile_extent least = tile_extent_of(time_us, entity->tiles.least);
    if (tiles && tiles->begin < tiles->end &&
        (int64_t)tile_at(tiles, plan, tiles->end - 1)[1] >= least.first_us) {
        /* The newest tile has collapsed already. */
        uint64_t *tile = tile_at(tiles, plan, tiles->end - 1);
        uint8_t row[512];
        fill_row(live, plan, entry, row);
        if (live->windows && live->windows->is_known)
            for (size_t b = 0; b < plan->border_count; b++) {
                /* The tile leaves windows no earlier than it did; those that hold it now count
                 * the entry at the next read. */
                struct live_cursor *cursor = &live->windows->cursors[b];
                if (cursor->tile == tiles->end) {
                    /* passed: it has to come back until its new newest time passes */
                    const struct live_op *op = plan->ops + plan->first_op[b];
                    const struct live_op *end = plan->ops + plan->first_op[b + 1];
                    uint64_t *words = acc_of(live->windows, plan);
                    for (; op != end; op++) { /* undo */
                        const uint64_t *total = tile + op->total_word;
                        uint64_t *word = words + op->word;
                        *word++ -= op->comes ? *total : 0 - *total;
                        total++;
                        if (op->kept & COURSE_SUM)
                            put128(word, get128(word) - (op->comes ? 1 : -1) * get128(total));
                    }
                    cursor->tile--;
                    cursor->due_us = INT64_MAX;
                }
            }
        tile[1] = (uint64_t)time_us;
        add_row_to_tile(live, plan, tile, row);
        if (live->windows)
            now_next(live, plan, time_us);
        return;
    }
    if (live->capacity == 0) {
        live->origin_us = time_us;
        live->row_size = (uint16_t)plan->layouts[0].size;
    }
    if (!live->is_wide)
        check(fits(plan, entry)); /* else all rows are laid out anew, wide */
    const uint32_t base = live->base;
    uint8_t *row = push_row(live, plan);
    const uint32_t moved = live->base - base; /* rows */
    const struct live_layout *layout = layout_of(live, plan);
    fill_row(live, plan, entry, row);
    uint32_t i = live->end - 1;
    const uint64_t row_weights = row_flags(layout, row) >> plan->passed_shift << 1 | 1;
    for (size_t p = 0; p < plan->pool_count; p++) {
        const struct pool *pool = &entity->pools[p];
        if (!(entry->present >> pool->column & 1) || !(row_weights >> (pool->filter + 1) & 1))
            continue;
        uint32_t newest = hint->newest[p];
        if (newest > live->begin + moved && newest > moved) {
            uint32_t back = i - (newest - moved - 1);
            uint8_t *older = row_at(live, plan, newest - moved - 1);
            check(back <= layout->link_mask);
            memcpy(row + layout->links_at + 2 * p * layout->link_size, &back, layout->link_size);
            memcpy(older + layout->links_at + (2 * p + 1) * layout->link_size, &back,
                   layout->link_size);
        }
    }
    if (live->windows)
        now_next(live, plan, time_us);
    /* Meetings. */
    bool is_due = false;
    if (live->end - live->begin > TILE_RAW_MAX) {
        int64_t first_us = row_time(live, plan, live->end - 1 - TILE_RAW_MAX);
        meet(live, plan, first_us, time_us);
        is_due = true;
    }
    if (live->tiles && live->tiles->begin < live->tiles->end) {
        int64_t tile_us = (int64_t)tile_at(live->tiles, plan, live->tiles->end - 1)[1];
        if (live->end - live->begin < 2 || row_time(live, plan, live->end - 2) < tile_us) {
            meet(live, plan, tile_us, time_us);
            is_due = true;
        }
    }
    if (is_empty || is_due) {
        if (is_empty)
            find_quiet(live, plan);
        if (live->tiles && live->tiles->meeting_count > 0 &&
            live->tiles->meetings[0].at_us < live->quiet_us)
            live->quiet_us = live->tiles->meetings[0].at_us;
        if (time_us >= live->quiet_us)
            compact(live, plan, time_us);
    }
}
