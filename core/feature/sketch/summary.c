#include "summary.h"

#include "core/base/check.h"

struct summary *summary_new(const struct entity_plan *entity) {
    return check_malloc(sizeof(struct summary) + entity->total_count * sizeof(struct tallied));
}

void summary_clear(struct summary *summary, const struct entity_plan *entity) {
    *summary = (struct summary){.oldest_us = INT64_MAX, .newest_us = INT64_MIN};
    for (size_t i = 0; i < entity->total_count; i++)
        summary->tallied[i] = (struct tallied){0};
}

static void extend(int64_t *oldest_us, int64_t *newest_us, int64_t a_us, int64_t b_us) {
    *oldest_us = a_us < *oldest_us ? a_us : *oldest_us;
    *newest_us = b_us > *newest_us ? b_us : *newest_us;
}

static void count_transactions(struct summary *summary, uint64_t more) {
    if (__builtin_add_overflow(summary->transactions, more, &summary->transactions))
        summary->transactions = UINT64_MAX;
}

void summary_add_entry(struct summary *summary, const struct entity_plan *entity,
                       const struct run_entry *entry) {
    extend(&summary->oldest_us, &summary->newest_us, entry->time_us, entry->time_us);
    count_transactions(summary, entry->transactions);
    for (size_t i = 0; i < entity->total_count; i++)
        tallied_add_entry(&summary->tallied[i], entity, &entity->totals[i], entry);
}

void summary_add_tile(struct summary *summary, const struct entity_plan *entity,
                      struct tile *tile) {
    extend(&summary->oldest_us, &summary->newest_us, tile->oldest_us, tile->newest_us);
    count_transactions(summary, cursor_varint(&tile->body));
    for (size_t i = 0; i < entity->total_count; i++) {
        struct tallied other;
        tallied_decode(&tile->body, entity, &entity->totals[i], tile->oldest_us, tile->newest_us,
                       &other);
        if (tile->body.failed)
            return;
        tallied_add(&summary->tallied[i], &entity->totals[i], &other);
    }
    if (cursor_left(&tile->body) > 0)
        tile->body.failed = true;
}

static size_t begin_tile(struct buffer *bytes) {
    size_t start = bytes->length;
    buffer_reserve(bytes, TILE_HEAD_SIZE);
    bytes->length += TILE_HEAD_SIZE;
    return start;
}

static void end_tile(struct buffer *bytes, size_t start, int64_t oldest_us, int64_t newest_us) {
    tile_head_put(bytes->bytes + start, oldest_us, newest_us,
                  bytes->length - start - TILE_HEAD_SIZE);
}

void summary_encode(const struct summary *summary, const struct entity_plan *entity,
                    struct buffer *bytes) {
    size_t start = begin_tile(bytes);
    buffer_append_varint(bytes, summary->transactions);
    for (size_t i = 0; i < entity->total_count; i++)
        tallied_encode(&summary->tallied[i], entity, &entity->totals[i], summary->oldest_us,
                       summary->newest_us, bytes);
    end_tile(bytes, start, summary->oldest_us, summary->newest_us);
}

void summary_grow_tile(const struct tile *tile, const struct entity_plan *entity,
                       const struct run_entry *entry, struct buffer *bytes) {
    struct cursor body = tile->body;
    struct summary grown = {.oldest_us = tile->oldest_us, .newest_us = tile->newest_us};
    size_t start = begin_tile(bytes);
    extend(&grown.oldest_us, &grown.newest_us, entry->time_us, entry->time_us);
    grown.transactions = cursor_varint(&body);
    count_transactions(&grown, entry->transactions);
    buffer_append_varint(bytes, grown.transactions);
    for (size_t i = 0; i < entity->total_count; i++) {
        struct tallied tallied;
        tallied_decode(&body, entity, &entity->totals[i], tile->oldest_us, tile->newest_us,
                       &tallied);
        tallied_add_entry(&tallied, entity, &entity->totals[i], entry);
        tallied_encode(&tallied, entity, &entity->totals[i], grown.oldest_us, grown.newest_us,
                       bytes);
    }
    check(!body.failed && cursor_left(&body) == 0);
    end_tile(bytes, start, grown.oldest_us, grown.newest_us);
}

uint64_t tile_transactions(const struct tile *tile) {
    struct cursor cursor = tile->body;
    return cursor_varint(&cursor);
}

struct sketches *sketches_new(const struct entity_plan *entity) {
    _Static_assert(sizeof(struct sketch) % _Alignof(struct distribution) == 0,
                   "one behind the other");
    size_t size = sizeof(struct sketches) + entity->pool_count * sizeof(struct sketch);
    struct sketches *sketches =
        check_malloc(size + entity->distribution_count * sizeof(struct distribution));
    sketches->distributions = (struct distribution *)(void *)&sketches->sketch[entity->pool_count];
    return sketches;
}

void sketches_clear(struct sketches *sketches, const struct entity_plan *entity) {
    sketches->oldest_us = INT64_MAX;
    sketches->newest_us = INT64_MIN;
    sketches->any = false;
    for (size_t i = 0; i < entity->pool_count; i++)
        sketch_clear(&sketches->sketch[i]);
    for (size_t i = 0; i < entity->distribution_count; i++)
        distribution_clear(&sketches->distributions[i]);
}

void sketches_extend(struct sketches *sketches, int64_t oldest_us, int64_t newest_us) {
    extend(&sketches->oldest_us, &sketches->newest_us, oldest_us, newest_us);
    sketches->any = true;
}

void sketches_add_entry(struct sketches *sketches, const struct entity_plan *entity,
                        const struct run_entry *entry) {
    for (size_t i = 0; i < entity->pool_count; i++) {
        const struct pool *pool = &entity->pools[i];
        if (has_column(entry->present, pool->column) && entry_weight(entry, pool->filter) != 0)
            sketch_add(&sketches->sketch[i], (uint64_t)entry->integers[pool->column]);
    }
    for (size_t i = 0; i < entity->distribution_count; i++) {
        const struct pool *pool = &entity->distributions[i];
        if (has_column(entry->present, pool->column))
            distribution_add(&sketches->distributions[i],
                             distribution_bucket(entry->integers[pool->column]),
                             entry_weight(entry, pool->filter));
    }
}

void sketches_add_tile(struct sketches *sketches, const struct entity_plan *entity,
                       struct tile *tile) {
    for (size_t i = 0; i < entity->pool_count; i++) {
        struct sketch_view view = sketch_take(&tile->body);
        if (tile->body.failed)
            return;
        sketch_add_view(&sketches->sketch[i], &view);
    }
    for (size_t i = 0; i < entity->distribution_count && !tile->body.failed; i++) {
        struct distribution_view view = distribution_take(&tile->body);
        if (!tile->body.failed && !distribution_add_view(&sketches->distributions[i], &view))
            tile->body.failed = true;
    }
}

uint64_t sketches_exact(const struct tile *tile, const struct entity_plan *entity) {
    struct cursor cursor = tile->body;
    uint64_t exact = 0;
    for (size_t i = 0; i < entity->pool_count; i++) {
        bool is_exact = sketch_take(&cursor).is_exact;
        exact |= i < 64 ? (uint64_t)is_exact << i : 0;
    }
    check(!cursor.failed);
    return exact;
}

void sketches_encode(const struct sketches *sketches, const struct entity_plan *entity,
                     struct buffer *bytes) {
    size_t start = begin_tile(bytes);
    for (size_t i = 0; i < entity->pool_count; i++)
        sketch_encode(&sketches->sketch[i], bytes);
    for (size_t i = 0; i < entity->distribution_count; i++)
        distribution_encode(&sketches->distributions[i], bytes);
    end_tile(bytes, start, sketches->oldest_us, sketches->newest_us);
}
