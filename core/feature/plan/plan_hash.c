/* Hashes are XXH3 over a run of bytes that spells out what is hashed: numbers as varints, texts
 * behind their length, so that no two things spell alike. They are stored in generations and
 * archives: the spelling changes only together with STATE_ENCODING_VERSION or DEFINITION_VERSION.
 */
#include "plan_hash.h"

#include "core/base/buffer.h"
#include "core/base/hash.h"

/* Rises when an aggregate's values change meaning: features built before are then other features.
 */
#define DEFINITION_VERSION 1

static void spell_text(struct buffer *spelling, struct text t) {
    buffer_append_varint(spelling, t.length);
    buffer_append(spelling, t.data, t.length);
}

static void spell_column(struct buffer *spelling, const struct column *column) {
    spell_text(spelling, column->source);
    buffer_append_varint(spelling, column->type);
    buffer_append_varint(spelling, column->value_type);
    buffer_append_varint(spelling, column->digits);
}

static void spell_filter(struct buffer *spelling, const struct entity_plan *entity, int filter) {
    buffer_append_u8(spelling, filter >= 0);
    if (filter >= 0)
        spell_text(spelling, entity->filters[filter].source);
}

static uint64_t spelling_hash(struct buffer *spelling) {
    uint64_t hash = hash64(spelling->bytes, spelling->length, 0);
    buffer_deinit(spelling);
    return hash;
}

uint64_t plan_definition_hash(const struct entity_plan *entity, const struct feature *feature) {
    struct buffer spelling;
    buffer_init(&spelling);
    buffer_append_varint(&spelling, DEFINITION_VERSION);
    spell_text(&spelling, entity->key);
    spell_text(&spelling, text_of(aggregate_name(feature->aggregate)));
    buffer_append_u8(&spelling, feature->column >= 0);
    if (feature->column >= 0)
        spell_column(&spelling, &entity->columns[feature->column]);
    spell_filter(&spelling, entity, feature->filter);
    spell_filter(&spelling, entity, feature->part);
    buffer_append_zigzag(&spelling, feature->window_us);
    buffer_append_zigzag(&spelling, feature->delay_us);
    buffer_append_u8(&spelling, feature->exclude_current);
    /* The others are spelled as they were before there were these. */
    if (feature->aggregate == AGGREGATE_QUANTILE)
        buffer_append_varint(&spelling, feature->q_parts);
    if (feature->aggregate == AGGREGATE_BURST)
        buffer_append_zigzag(&spelling, feature->tick_us);
    return spelling_hash(&spelling);
}

bool plan_reads_sketches(const struct entity_plan *entity, const struct span *span) {
    bool reads = false;
    for (size_t i = span->first; i < (size_t)span->first + span->count; i++)
        reads |= (entity->aggregations[i].needs & NEED_SKETCHED) != 0;
    return reads;
}

/* Windows decide where tiles begin and end. */
static void spell_spans(struct buffer *spelling, const struct entity_plan *entity) {
    buffer_append_varint(spelling, entity->span_count);
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        buffer_append_varint(spelling, span->delay_us);
        buffer_append_varint(spelling, span->end_us);
        buffer_append_u8(spelling, plan_reads_sketches(entity, span));
    }
}

static void spell_pools(struct buffer *spelling, const struct pool *pools, size_t count) {
    buffer_append_varint(spelling, count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_zigzag(spelling, pools[i].column);
        buffer_append_zigzag(spelling, pools[i].filter);
    }
}

static void spell_totals(struct buffer *spelling, const struct entity_plan *entity) {
    buffer_append_varint(spelling, entity->total_count);
    for (size_t i = 0; i < entity->total_count; i++) {
        buffer_append_u8(spelling, entity->totals[i].needs);
        buffer_append_zigzag(spelling, entity->totals[i].column);
        buffer_append_zigzag(spelling, entity->totals[i].filter);
    }
    spell_pools(spelling, entity->pools, entity->pool_count);
    spell_pools(spelling, entity->distributions, entity->distribution_count);
}

uint64_t plan_layout_hash(const struct entity_plan *entity) {
    struct buffer spelling;
    buffer_init(&spelling);
    buffer_append_varint(&spelling, STATE_ENCODING_VERSION);
    spell_text(&spelling, entity->key);
    buffer_append_zigzag(&spelling, entity->lateness_us);
    buffer_append_varint(&spelling, entity->column_count);
    for (size_t i = 0; i < entity->column_count; i++)
        spell_column(&spelling, &entity->columns[i]);
    buffer_append_varint(&spelling, entity->filter_count);
    for (size_t i = 0; i < entity->filter_count; i++) {
        spell_text(&spelling, entity->filters[i].source);
        buffer_append_u8(&spelling, entity->filters[i].outcome);
    }
    spell_spans(&spelling, entity);
    spell_totals(&spelling, entity);
    return spelling_hash(&spelling);
}

uint64_t plan_whole_hash(const struct plan *plan) {
    struct buffer spelling;
    buffer_init(&spelling);
    buffer_append_varint(&spelling, plan->entity_count);
    for (size_t i = 0; i < plan->entity_count; i++) {
        const struct entity_plan *entity = &plan->entities[i];
        spell_text(&spelling, entity->name);
        buffer_append_u64(&spelling, entity->layout);
        buffer_append_varint(&spelling, entity->feature_count);
        for (size_t j = 0; j < entity->feature_count; j++)
            buffer_append_u64(&spelling, entity->features[j].definition);
    }
    return spelling_hash(&spelling);
}
