#include "tile.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Cells. */

static bool is_text(const struct entity_plan *entity, int column) {
    return column >= 0 && entity->columns[column].type == COLUMN_TEXT;
}

static size_t words_in(const struct entity_plan *entity, unsigned width,
                       const struct total *total) {
    return is_text(entity, total->column) ? (entity->rows[width].text_size + 7u) / 8 : 1;
}

size_t cell_words(const struct state *state, const struct entity_plan *entity,
                  const struct total *total) {
    return words_in(entity, row_width(state), total);
}

struct text cell_text(const uint64_t *cell, size_t words) {
    const char *bytes = (const char *)cell;
    return (struct text){.data = bytes, .length = (uint8_t)bytes[8 * words - 1]};
}

void cell_put_text(uint64_t *cell, size_t words, struct text text) {
    uint8_t *bytes = (uint8_t *)cell;
    check(text.length < 8 * words);
    memset(cell, 0, 8 * words);
    if (text.length > 0)
        memcpy(bytes, text.data, text.length);
    bytes[8 * words - 1] = (uint8_t)text.length;
}

/* Of two numbers, or of two texts: the shorter first. */
static int compare_cells(const uint64_t *a, const uint64_t *b, size_t words, bool are_texts) {
    if (!are_texts)
        return ((int64_t)*a > (int64_t)*b) - ((int64_t)*a < (int64_t)*b);
    struct text x = cell_text(a, words), y = cell_text(b, words);
    if (x.length != y.length)
        return x.length < y.length ? -1 : 1;
    return memcmp(x.data, y.data, x.length);
}

/* Of two edges: time, id, cell. */
static int compare_edges(const uint64_t *a, const uint64_t *b, size_t words, bool are_texts) {
    if (a[0] != b[0])
        return (int64_t)a[0] < (int64_t)b[0] ? -1 : 1;
    if (a[1] != b[1])
        return a[1] < b[1] ? -1 : 1;
    return compare_cells(a + 2, b + 2, words, are_texts);
}

bool edges_are_in_order(const struct state *state, const struct entity_plan *entity,
                        const struct total *total, const struct total_parts *parts) {
    return compare_edges(parts->first, parts->last, cell_words(state, entity, total),
                         is_text(entity, total->column)) <= 0;
}

/* Adding. */

void tile_clear(const struct state *state, const struct entity_plan *entity, uint64_t *tile) {
    memset(tile, 0, tile_words(state, entity) * sizeof *tile);
    tile[TILE_OLDEST] = (uint64_t)INT64_MAX;
    tile[TILE_NEWEST] = (uint64_t)INT64_MIN;
}

static void extend(uint64_t *tile, int64_t oldest_us, int64_t newest_us, uint64_t transactions) {
    if (oldest_us < tile_oldest(tile))
        tile[TILE_OLDEST] = (uint64_t)oldest_us;
    if (newest_us > tile_newest(tile))
        tile[TILE_NEWEST] = (uint64_t)newest_us;
    if (__builtin_add_overflow(tile[TILE_TRANSACTIONS], transactions, &tile[TILE_TRANSACTIONS]))
        tile[TILE_TRANSACTIONS] = UINT64_MAX;
}

bool tile_has_taken(const struct state *state, const struct entity_plan *entity,
                    const uint64_t *tile) {
    uint64_t taken = 0;
    for (size_t i = 0; i < entity->total_count; i++)
        if (total_has_taken(&entity->totals[i]))
            taken |= total_of(state, entity, (uint64_t *)(uintptr_t)tile, i)[1];
    return taken != 0;
}

static void add_extremes(uint64_t *extremes, bool any, int64_t least, int64_t greatest) {
    if (!any || least < (int64_t)extremes[0])
        extremes[0] = (uint64_t)least;
    if (!any || greatest > (int64_t)extremes[1])
        extremes[1] = (uint64_t)greatest;
}

static void add_edges(const struct total_parts *to, bool any, const uint64_t *first,
                      const uint64_t *last, size_t words, bool are_texts) {
    if (!any || compare_edges(first, to->first, words, are_texts) < 0)
        memcpy(to->first, first, (2 + words) * sizeof *first);
    if (!any || compare_edges(last, to->last, words, are_texts) > 0)
        memcpy(to->last, last, (2 + words) * sizeof *last);
}

#define CELL_WORDS_MAX (COLUMN_TEXT_MAX / 8 + 1)

static void add_row_edges(const struct state *state, const struct entity_plan *entity,
                          const struct total_parts *parts, bool any, int column, const uint8_t *row,
                          int64_t time_us, size_t words) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t edge[2 + CELL_WORDS_MAX] = {(uint64_t)time_us};
    if (column >= 0) { /* else only the time is asked for */
        edge[1] = entity->id_size > 0 ? load_u64(row + layout->id_at) : 0;
        if (is_text(entity, column))
            cell_put_text(edge + 2, words, row_text(layout, row, (size_t)column));
        else
            edge[2] = (uint64_t)row_number(layout, row, (size_t)column);
    }
    add_edges(parts, any, edge, edge, words, is_text(entity, column));
}

void tile_add_row(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
                  const uint8_t *row, int64_t time_us) {
    const struct row_layout *layout = row_layout(state, entity);
    extend(tile, time_us, time_us, (uint64_t)row_put_in(entity, layout, row, -1));
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        if (total->column >= 0 && !(row_flags(layout, row) >> total->column & 1))
            continue;
        int64_t put_in = row_put_in(entity, layout, row, total->filter);
        int64_t taken = row_taken_out(layout, row, total->filter);
        if (put_in == 0 && taken == 0)
            continue;
        uint64_t *at = total_of(state, entity, tile, i);
        bool any = total_put_in(total, at) != 0;
        int64_t weight = put_in - taken;
        *at += (uint64_t)weight;
        if (total->needs == 0)
            continue;
        size_t words = cell_words(state, entity, total);
        struct total_parts parts = total_parts(total, at, words);
        if (total_has_taken(total))
            *parts.taken += (uint64_t)taken;
        int64_t value = 0;
        if (total->column >= 0 && !is_text(entity, total->column))
            value = row_number(layout, row, (size_t)total->column);
        if (total->needs & NEED_SUM)
            wide_add(parts.sum, (int128)weight * value);
        if (total->needs & NEED_SQUARES)
            squares_add_value(parts.squares, value, weight);
        if ((total->needs & NEED_EXTREMES) && put_in != 0)
            add_extremes(parts.extremes, any, value, value);
        if ((total->needs & NEED_EDGES) && put_in != 0)
            add_row_edges(state, entity, &parts, any, total->column, row, time_us, words);
    }
}

void tile_add_tile(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
                   const uint64_t *other) {
    extend(tile, tile_oldest(other), tile_newest(other), other[TILE_TRANSACTIONS]);
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        size_t words = cell_words(state, entity, total);
        uint64_t *at = total_of(state, entity, tile, i);
        uint64_t *from = total_of(state, entity, (uint64_t *)(uintptr_t)other, i);
        struct total_parts to = total_parts(total, at, words);
        struct total_parts parts = total_parts(total, from, words);
        if (total->needs & NEED_SUM)
            wide_add(to.sum, wide_get(parts.sum));
        if (total->needs & NEED_SQUARES)
            squares_add(to.squares, parts.squares, 1);
        bool any = total_put_in(total, at) != 0, comes = total_put_in(total, from) != 0;
        if (comes && (total->needs & NEED_EXTREMES))
            add_extremes(to.extremes, any, (int64_t)parts.extremes[0], (int64_t)parts.extremes[1]);
        if (comes && (total->needs & NEED_EDGES))
            add_edges(&to, any, parts.first, parts.last, words, is_text(entity, total->column));
        if (total_has_taken(total))
            *to.taken += *parts.taken;
        *at += *from;
    }
}

/* The list of tiles. */

struct tile_list *state_tile_list(struct state *state) {
    if (!state->tile_list) {
        state->tile_list = state_resize(state, NULL, 0, sizeof *state->tile_list);
        *state->tile_list =
            (struct tile_list){.sketches_due_us = INT64_MAX, .meeting_due_us = INT64_MAX};
    }
    return state->tile_list;
}

static void shift_tile_marks(struct state *state, const struct entity_plan *entity, int64_t from,
                             uint32_t removed, int64_t by) {
    for (size_t i = 0; state->windows && i < entity->border_count; i++) {
        int64_t tile = state->windows->marks[i].tile;
        if (tile > from)
            state->windows->marks[i].tile =
                (uint32_t)((tile - from < removed ? from + removed : tile) + by);
    }
}

static void make_room(struct state *state, const struct entity_plan *entity) {
    struct tile_list *list = state->tile_list;
    size_t size = tile_words(state, entity) * sizeof *list->words;
    uint32_t by = list->begin;
    if (by > list->capacity / 4) {
        memmove(list->words, tile_at(state, entity, by), (list->end - by) * size);
        list->begin = 0;
        list->end -= by;
        shift_tile_marks(state, entity, -1, 0, -(int64_t)by);
        return;
    }
    size_t before = list->capacity * size;
    list->capacity += list->capacity < 8 ? 4 : list->capacity / 2;
    list->tile_size = (uint32_t)size;
    list->words = state_resize(state, list->words, before, list->capacity * size);
}

uint32_t tiles_insert(struct state *state, const struct entity_plan *entity, uint32_t i) {
    struct tile_list *list = state->tile_list;
    uint32_t before = i - list->begin;
    if (list->end == list->capacity)
        make_room(state, entity);
    i = list->begin + before;
    memmove(tile_at(state, entity, i + 1), tile_at(state, entity, i),
            (list->end - i) * tile_words(state, entity) * sizeof *list->words);
    shift_tile_marks(state, entity, i, 0, 1);
    list->end++;
    return i;
}

void tiles_remove(struct state *state, const struct entity_plan *entity, uint32_t from,
                  uint32_t to) {
    struct tile_list *list = state->tile_list;
    if (from == to)
        return;
    shift_tile_marks(state, entity, from, to - from, -(int64_t)(to - from));
    memmove(tile_at(state, entity, from), tile_at(state, entity, to),
            (list->end - to) * tile_words(state, entity) * sizeof *list->words);
    list->end -= to - from;
}

uint32_t tiles_find(const struct state *state, const struct entity_plan *entity, int64_t time_us) {
    const struct tile_list *list = state->tile_list;
    uint32_t low = list ? list->begin : 0, high = list ? list->end : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tile_oldest(tile_at(state, entity, middle)) < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Layouts. */

#define ORIGIN_LEAD_US (INT64_C(1) << 46) /* what is older than the first row has room, too */

static bool has_room(const struct entity_plan *entity, const struct row_layout *layout,
                     const struct entry *entry, uint32_t present) {
    bool fits = true;
    for (uint32_t left = present; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);
        unsigned shift = layout->cell_shift[i];
        if (entity->text_columns >> i & 1)
            fits &= entry->texts[i].length < layout->text_size;
        else
            fits &= (int64_t)((uint64_t)entry->integers[i] << shift) >> shift == entry->integers[i];
    }
    return fits;
}

static bool time_fits(const struct row_layout *layout, int64_t origin_us, int64_t time_us) {
    return (((uint64_t)time_us - (uint64_t)origin_us) & ~layout->time_mask) == 0;
}

/* A tile in words of one width, in those of another that has room for its texts. */
static void put_tile(const struct entity_plan *entity, unsigned width, uint64_t *to,
                     unsigned from_width, const uint64_t *from) {
    memcpy(to, from, 3 * sizeof *to);
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        size_t old_words = words_in(entity, from_width, total);
        size_t new_words = words_in(entity, width, total);
        uint64_t *old_at = (uint64_t *)(uintptr_t)from + entity->total_at[from_width][i];
        uint64_t *new_at = to + entity->total_at[width][i];
        struct total_parts old = total_parts(total, old_at, old_words);
        struct total_parts new = total_parts(total, new_at, new_words);
        memcpy(new_at, old_at, (size_t)(old.first - old_at) * sizeof *new_at);
        if (!(total->needs & NEED_EDGES))
            continue;
        memcpy(new.first, old.first, 2 * sizeof *new_at);
        memcpy(new.last, old.last, 2 * sizeof *new_at);
        if (is_text(entity, total->column)) {
            cell_put_text(new.first + 2, new_words, cell_text(old.first + 2, old_words));
            cell_put_text(new.last + 2, new_words, cell_text(old.last + 2, old_words));
        } else {
            new.first[2] = old.first[2];
            new.last[2] = old.last[2];
        }
    }
}

void tile_copy(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
               const struct state *other, const uint64_t *from) {
    put_tile(entity, row_width(state), tile, row_width(other), from);
}

static void widen_tiles(struct state *state, const struct entity_plan *entity, unsigned width) {
    struct tile_list *list = state->tile_list;
    size_t words = entity->tile_words[width];
    if (!list || list->capacity == 0 || words == tile_words(state, entity))
        return;
    size_t size = words * sizeof(uint64_t);
    uint64_t *wider = state_resize(state, NULL, 0, list->capacity * size);
    for (uint32_t i = list->begin; i < list->end; i++)
        put_tile(entity, width, wider + i * words, row_width(state), tile_at(state, entity, i));
    state_free(state, list->words, (size_t)list->capacity * list->tile_size);
    list->words = wider;
    list->tile_size = (uint32_t)size;
}

/* Rows keep their indices. */
static void change_layout(struct state *state, const struct entity_plan *entity, uint8_t number,
                          int64_t origin_us) {
    struct state old = *state;
    widen_tiles(state, entity, number % ROW_WIDTHS);
    state->layout = number;
    state->row_size = entity->rows[number].size;
    state->origin_us = origin_us;
    if (old.capacity == 0)
        return;
    state->rows = state_resize(state, NULL, 0, rows_size(old.capacity, state->row_size));
    for (uint32_t i = old.begin; i < old.end; i++) {
        struct row row;
        row_get(&old, entity, i, &row);
        row_fill(state, entity, &row, row_at(state, i));
    }
    state_free(state, old.rows, rows_size(old.capacity, old.row_size));
}

/* The narrowest layout and an origin that all rows have room in, and this time. */
static void find_times(const struct state *state, const struct entity_plan *entity, int64_t time_us,
                       uint8_t *number, int64_t *ret_origin_us) {
    int64_t first_us = time_us, last_us = time_us;
    if (state->begin < state->end) {
        const struct row_layout *layout = row_layout(state, entity);
        int64_t oldest_us = row_time(state, layout, state->begin);
        int64_t newest_us = row_time(state, layout, state->end - 1);
        first_us = oldest_us < first_us ? oldest_us : first_us;
        last_us = newest_us > last_us ? newest_us : last_us;
    }
    *ret_origin_us = time_before(first_us, ORIGIN_LEAD_US);
    if (!time_fits(&entity->rows[*number], *ret_origin_us, last_us))
        ++*number; /* in all others there is room for any time */
}

void state_widen(struct state *state, const struct entity_plan *entity, unsigned width) {
    if (row_width(state) < width)
        change_layout(state, entity, (uint8_t)(state->layout - row_width(state) + width),
                      state->origin_us);
}

void state_fit_columns(struct state *state, const struct entity_plan *entity,
                       const struct entry *entry) {
    uint32_t present = entry_present(entity, entry);
    unsigned width = row_width(state);
    while (!has_room(entity, &entity->rows[width], entry, present))
        width++;
    state_widen(state, entity, width);
}

/* ROW_TALLY, ROW_TAKEN, or 0: neither is needed. */
static uint8_t tally_needed(const struct entity_plan *entity, const struct row *row) {
    if (row->tally.taken > 0)
        return ROW_TAKEN;
    return entry_is_single(entity, &row->entry, &row->tally) ? 0 : ROW_TALLY;
}

static void fit_slowly(struct state *state, const struct entity_plan *entity,
                       const struct entry *entry, uint32_t present, uint8_t tally) {
    uint8_t number = state->layout % ROW_WIDTHS, tally_now = (uint8_t)(state->layout - number);
    int64_t origin_us = state->origin_us;
    while (!has_room(entity, &entity->rows[number], entry, present))
        number++;
    if (state->capacity == 0 || !time_fits(&entity->rows[number], origin_us, entry->time_us))
        find_times(state, entity, entry->time_us, &number, &origin_us);
    number = (uint8_t)(number + (tally > tally_now ? tally : tally_now));
    if (number != state->layout || origin_us != state->origin_us || state->row_size == 0)
        change_layout(state, entity, number, origin_us);
}

void state_fit(struct state *state, const struct entity_plan *entity, const struct row *row) {
    const struct row_layout *layout = row_layout(state, entity);
    const struct entry *entry = &row->entry;
    uint32_t present = entry_present(entity, entry);
    uint8_t tally = tally_needed(entity, row);
    bool has_tally = tally == 0 || (tally == ROW_TALLY ? layout->tally_at : layout->taken_at) > 0;
    if (__builtin_expect(has_tally && state->capacity > 0 &&
                             time_fits(layout, state->origin_us, entry->time_us) &&
                             has_room(entity, layout, entry, present),
                         1))
        return;
    fit_slowly(state, entity, entry, present, tally);
}

void state_take_rows(struct state *state, const struct entity_plan *entity, struct state *other) {
    check(!other->is_in_heap);
    state_widen(other, entity, tile_count(state) > 0 ? row_width(state) : 0);
    widen_tiles(state, entity, row_width(other));
    if (state->rows)
        state_free(state, state->rows, rows_size(state->capacity, state->row_size));
    state->rows = other->rows;
    if (state->is_in_heap && other->rows) {
        size_t size = rows_size(other->capacity, other->row_size);
        state->rows = state_resize(state, NULL, 0, size);
        memcpy(state->rows, other->rows, size);
        free(other->rows);
    }
    state->begin = other->begin;
    state->end = other->end;
    state->capacity = other->capacity;
    state->row_size = other->row_size;
    state->layout = other->layout;
    state->origin_us = other->origin_us;
    *other = (struct state){0};
}
