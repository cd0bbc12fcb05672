/* The tiles that there can be at once, each as large as it can be. A tile has its greatest number
 * of entries while it is raw; its greatest size may be either way. */
#include "cost.h"

#include "core/feature/live/encoding.h"

/* Sizes of varints: of 32 bits and one for the sign, of 64 bits, and of sums over 2^32 values. */
#define COUNT_SIZE        5
#define NUMBER_SIZE       BUFFER_VARINT_MAX
#define SUM_SIZE          14 /* |sum| < 2^95 */
#define SQUARES_HIGH_SIZE 14 /* squares < 2^158, without their low 64 bits */
#define TEXT_SIZE         (2 + COLUMN_TEXT_MAX)

static uint64_t sum_of(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t product_of(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* How many tiles lie in their zones at once when blocks of this level are kept so long.
 *
 * By the age of its last instant, a tile of a level begins where the level does. It ends before the
 * next level's begin plus its own width, for then the tile of the next level that it is a half of
 * would be old enough; at the last level, where its block is dropped. Of the narrowest level there
 * is one more: the one of the newest time, whose last instant lies ahead. */
static uint64_t count_tiles(const struct partition *tiles, uint64_t kept_us, unsigned block_level) {
    uint64_t count = 1;
    for (unsigned level = tiles->least; level <= tiles->most; level++) {
        uint64_t width_us = UINT64_C(1) << level;
        uint64_t begin_us = level == tiles->least ? 0 : tiles->begin_us[level];
        uint64_t end_us = level == tiles->most ? kept_us + (UINT64_C(1) << block_level) - width_us
                                               : tiles->begin_us[level + 1] + width_us;
        count += (end_us - begin_us + width_us - 1) / width_us;
    }
    return count;
}

static uint64_t value_size(const struct column *column) {
    switch (column->type) {
    case COLUMN_INTEGER:
        return column->value_type == VALUE_BOOL ? 1 : NUMBER_SIZE;
    case COLUMN_HASH:
    case COLUMN_PLACE:
        return 8;
    case COLUMN_TEXT:
        return TEXT_SIZE;
    }
    return 0;
}

/* A transaction's share of a raw tile. Few enough are in it for each weight to take one byte, and
 * for each filter's number of those that were taken out again. The number of transactions, which
 * says that some were (entry_codec.c), takes five then. */
static uint64_t entry_size(const struct entity_plan *entity) {
    uint64_t step_us = sum_of(entity->kept_us, UINT64_C(1) << entity->block_level);
    uint64_t size = varint_size(step_us) + 8;
    size += varint_size((UINT64_C(1) << entity->column_count) - 1);
    for (size_t i = 0; i < entity->column_count; i++)
        size += value_size(&entity->columns[i]);
    size_t short_tally = varint_size((UINT64_C(1) << entity->filter_count << 1) - 1);
    size_t long_tally = COUNT_SIZE + entity->filter_count + 1 + entity->filter_count;
    return size + (short_tally > long_tally ? short_tally : long_tally);
}

static uint64_t total_size(const struct entity_plan *entity, const struct total *total) {
    const struct column *column = total->column < 0 ? NULL : &entity->columns[total->column];
    uint64_t size = COUNT_SIZE;
    if (total->needs & NEED_SUM)
        size += SUM_SIZE;
    if (total->needs & NEED_SQUARES)
        size += NUMBER_SIZE + SQUARES_HIGH_SIZE;
    if (total->needs & NEED_EXTREMES)
        size += 2 * NUMBER_SIZE;
    if (total->needs & (NEED_EXTREMES | NEED_EDGES))
        size += COUNT_SIZE; /* of those taken out */
    if (total->needs & NEED_EDGES) {
        uint64_t time_size = varint_size((UINT64_C(1) << entity->tiles.most) - 1);
        uint64_t cell_size = !column                       ? 0
                             : column->type == COLUMN_TEXT ? 8 + TEXT_SIZE
                                                           : 8 + NUMBER_SIZE;
        size += 2 * (time_size + cell_size);
    }
    return size;
}

static uint64_t tile_size(const struct entity_plan *entity) {
    uint64_t size = TILE_HEAD_SIZE + 1 /* the mark that some were taken out */ + COUNT_SIZE;
    for (size_t i = 0; i < entity->total_count; i++)
        size += total_size(entity, &entity->totals[i]);
    return size;
}

/* The dense form; the sparse one is taken where it is shorter. Counts of k bytes and one more are
 * at least 2^(7k − 1), so that 2^32 values make only so many of them. */
static uint64_t distribution_size(const struct column *column) {
    uint64_t buckets = column->value_type == VALUE_BOOL ? 2 : DISTRIBUTION_BUCKETS;
    uint64_t size = 3 + 1 + 2 + 2 + buckets;
    for (unsigned bytes = 1; bytes < COUNT_SIZE; bytes++) {
        uint64_t longer = UINT64_C(1) << (32 - (7 * bytes - 1));
        size += longer < buckets ? longer : buckets;
    }
    return size;
}

static uint64_t sketch_tile_size(const struct entity_plan *entity) {
    uint64_t values_size = 8 * SKETCH_VALUES_MAX;
    uint64_t pool_size =
        1 + (values_size > SKETCH_REGISTERS_BYTES ? values_size : SKETCH_REGISTERS_BYTES);
    uint64_t size = TILE_HEAD_SIZE + entity->pool_count * pool_size;
    for (size_t i = 0; i < entity->distribution_count; i++)
        size += distribution_size(&entity->columns[entity->distributions[i].column]);
    return size;
}

struct plan_cost entity_plan_cost(const struct entity_plan *entity) {
    struct plan_cost cost = {0};
    if (entity->reach_us == 0)
        return cost;
    uint64_t tiles = count_tiles(&entity->tiles, entity->kept_us, entity->block_level);
    uint64_t raw = product_of(TILE_RAW_MAX, entry_size(entity)), collapsed = tile_size(entity);
    uint64_t largest = raw > collapsed ? raw : collapsed;
    uint64_t sketches =
        entity->has_sketches
            ? count_tiles(&entity->sketch_tiles, entity->pools_kept_us, entity->block_level)
            : 0;
    sketches = sketches < tiles ? sketches : tiles;
    /* A sketch tile takes a collapsed tile in it: either all tiles are raw, or there is one of
     * those in each sketch tile. */
    uint64_t with_sketches = product_of(sketches, sum_of(collapsed, sketch_tile_size(entity)));
    with_sketches = sum_of(with_sketches, product_of(tiles - sketches, largest));
    uint64_t without = product_of(tiles, entity->has_sketches ? raw : largest);
    cost.bytes = sum_of(HEAD_SIZE + DENSE_SIZE, with_sketches > without ? with_sketches : without);
    cost.entries = product_of(tiles, TILE_RAW_MAX);
    return cost;
}
