/* Tiles: what is left of the entries of a collapsed tile, as words of 8 bytes:
 *
 *   oldest and newest time, transactions (they stop at their greatest number)
 *   of each of the plan's totals, from plan->total_at on:
 *     count      1 word   sum of the weights
 *     taken      1 word   how many that counted were taken out again; only with extremes or edges
 *     sum        2 words  of weight × value; the low one first
 *     squares    3 words  of weight × value²; the lowest first
 *     extremes   2 words  the smallest and the greatest value
 *     edges      twice    time, id_hash, cell: the first entry and the last one. Of equal times
 *                         and ids, the cell decides
 *
 * Extremes and edges are those of all that was ever put in: what is taken out does not say what the
 * next one is. They mean something when count and taken are not both 0. A cell is a number, or a
 * text as wide as in the state's rows. All sums wrap around, so that even absurd bytes add up the
 * same in any order. Internal to core/feature. */
#pragma once

#include "row.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

enum { TILE_OLDEST, TILE_NEWEST, TILE_TRANSACTIONS };

static inline unsigned row_width(const struct state *state) {
    return state->layout % ROW_WIDTHS;
}
static inline size_t tile_words(const struct state *state, const struct entity_plan *entity) {
    return entity->tile_words[row_width(state)];
}
static inline uint64_t *tile_at(const struct state *state, const struct entity_plan *entity,
                                size_t i) {
    return state->tile_list->words + i * tile_words(state, entity);
}
static inline int64_t tile_oldest(const uint64_t *tile) {
    return (int64_t)tile[TILE_OLDEST];
}
static inline int64_t tile_newest(const uint64_t *tile) {
    return (int64_t)tile[TILE_NEWEST];
}
static inline uint64_t *total_of(const struct state *state, const struct entity_plan *entity,
                                 uint64_t *tile, size_t total) {
    return tile + entity->total_at[row_width(state)][total];
}

/* Numbers of 128 and 192 bits in words. */

static inline int128 wide_get(const uint64_t *at) {
    return (int128)((uint128)at[1] << 64 | at[0]);
}
/* Limb by limb: compilers take sums of 128 bits that are in memory through more memory. */
static inline void wide_add(uint64_t *at, int128 more) {
    uint64_t low = (uint64_t)more, high = (uint64_t)((uint128)more >> 64);
    at[0] += low;
    at[1] += high + (at[0] < low);
}
static inline int128 wrapping_sum(int128 a, int128 b) {
    return (int128)((uint128)a + (uint128)b);
}
/* Adds weight × value² to low + high × 2^64. */
static inline void add_square(uint64_t *low, int128 *high, int64_t value, int64_t weight) {
    if (__builtin_expect(value == (int32_t)value && weight == (int32_t)weight, 1)) {
        int128 all = (int128)*low + (int128)weight * (value * value);
        *low = (uint64_t)all;
        *high = wrapping_sum(*high, all >> 64);
        return;
    }
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint128 square = (uint128)magnitude * magnitude;
    int128 sum = (int128)*low + (int128)weight * (uint64_t)square;
    *low = (uint64_t)sum;
    *high = wrapping_sum(*high, (sum >> 64) + (int128)weight * (uint64_t)(square >> 64));
}
/* The same of three words; and three more words, times 1 or -1. */
static inline void squares_add_value(uint64_t *at, int64_t value, int64_t weight) {
    int128 high = wide_get(at + 1);
    add_square(at, &high, value, weight);
    at[1] = (uint64_t)high;
    at[2] = (uint64_t)((uint128)high >> 64);
}
static inline void squares_add(uint64_t *at, const uint64_t *more, int sign) {
    uint64_t before = at[0];
    at[0] = sign > 0 ? before + more[0] : before - more[0];
    int carry = sign > 0 ? at[0] < before : -(at[0] > before);
    int128 high = wide_get(more + 1);
    wide_add(at + 1, wrapping_sum(sign > 0 ? high : (int128)(0 - (uint128)high), carry));
}

/* The words of one total behind its count. */
struct total_parts {
    uint64_t *taken, *sum, *squares, *extremes, *first, *last;
};
static inline bool total_has_taken(const struct total *total) {
    return total->needs & (NEED_EXTREMES | NEED_EDGES);
}
static inline struct total_parts total_parts(const struct total *total, uint64_t *at,
                                             size_t cell_words) {
    struct total_parts parts;
    parts.taken = at + 1;
    parts.sum = parts.taken + (total_has_taken(total) ? 1 : 0);
    parts.squares = parts.sum + (total->needs & NEED_SUM ? 2 : 0);
    parts.extremes = parts.squares + (total->needs & NEED_SQUARES ? 3 : 0);
    parts.first = parts.extremes + (total->needs & NEED_EXTREMES ? 2 : 0);
    parts.last = parts.first + 2 + cell_words;
    return parts;
}
/* How many were ever put in: of totals with extremes or edges, what those are of. */
static inline uint64_t total_put_in(const struct total *total, const uint64_t *at) {
    return at[0] + (total_has_taken(total) ? at[1] : 0);
}
/* Words of a cell of this total. */
size_t cell_words(const struct state *state, const struct entity_plan *entity,
                  const struct total *total);
struct text cell_text(const uint64_t *cell, size_t words);
void cell_put_text(uint64_t *cell, size_t words, struct text text);

bool edges_are_in_order(const struct state *state, const struct entity_plan *entity,
                        const struct total *total, const struct total_parts *parts);

/* Was anything taken out of it? Only of totals with extremes or edges it is known. */
bool tile_has_taken(const struct state *state, const struct entity_plan *entity,
                    const uint64_t *tile);

/* Memory for the words of one tile, with nothing in it yet. */
void tile_clear(const struct state *state, const struct entity_plan *entity, uint64_t *tile);
/* A row in the state's layout. */
void tile_add_row(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
                  const uint8_t *row, int64_t time_us);
void tile_add_tile(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
                   const uint64_t *other);

struct tile_list *state_tile_list(struct state *state); /* made if there is none */
/* Room for one more tile in front of tile i, with the marks of the windows moved: what is in it is
 * the caller's to fill. Returns its index: other tiles may move as well. */
uint32_t tiles_insert(struct state *state, const struct entity_plan *entity, uint32_t i);
void tiles_remove(struct state *state, const struct entity_plan *entity, uint32_t from,
                  uint32_t to);
/* Puts a tile of another state, whose texts have room. */
void tile_copy(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
               const struct state *other, const uint64_t *from);
/* The first tile whose oldest entry is not before this time. */
uint32_t tiles_find(const struct state *state, const struct entity_plan *entity, int64_t time_us);

/* Makes rows and tiles at least as wide. */
void state_widen(struct state *state, const struct entity_plan *entity, unsigned width);
/* Rows of another state, that is in no heap, in the place of its own; the layout is the wider one
 * of both. The other has none left. */
void state_take_rows(struct state *state, const struct entity_plan *entity, struct state *other);
/* Changes the layout of rows and tiles if the row has no room in it.
 * Rows and tiles keep their indices, and lie somewhere else then. */
void state_fit(struct state *state, const struct entity_plan *entity, const struct row *row);
/* The same for the entry's columns alone, as of an entry that goes into a tile. */
void state_fit_columns(struct state *state, const struct entity_plan *entity,
                       const struct entry *entry);
