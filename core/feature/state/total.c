#include "total.h"

static bool is_text(const struct entity_plan *entity, int column) {
    return column >= 0 && entity->columns[column].type == COLUMN_TEXT;
}

/* Counts that only rise, so that 0 means that there is no entry. */
static bool has_entries(const struct tallied *tallied) {
    return tallied->count != 0;
}

static int compare_cells(const struct cell *a, const struct cell *b) {
    if (a->integer != b->integer)
        return a->integer < b->integer ? -1 : 1;
    if (a->text.length != b->text.length)
        return a->text.length < b->text.length ? -1 : 1;
    return a->text.length == 0 ? 0 : memcmp(a->text.data, b->text.data, a->text.length);
}

static int compare_edges(const struct edge *a, const struct edge *b) {
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    if (a->id_hash != b->id_hash)
        return a->id_hash < b->id_hash ? -1 : 1;
    return compare_cells(&a->cell, &b->cell);
}

static void add_edges(struct tallied *tallied, const struct edge *first, const struct edge *last) {
    if (!has_entries(tallied) || compare_edges(first, &tallied->first) < 0)
        tallied->first = *first;
    if (!has_entries(tallied) || compare_edges(last, &tallied->last) > 0)
        tallied->last = *last;
}

static void add_extremes(struct tallied *tallied, int64_t min, int64_t max) {
    if (!has_entries(tallied) || min < tallied->min)
        tallied->min = min;
    if (!has_entries(tallied) || max > tallied->max)
        tallied->max = max;
}

static struct edge edge_of(const struct entity_plan *entity, int column,
                           const struct run_entry *entry) {
    struct edge edge = {.time_us = entry->time_us};
    if (column < 0)
        return edge; /* only the time is asked for */
    for (int i = 0; i < 8; i++)
        edge.id_hash = edge.id_hash << 8 | entry->identity[i];
    if (is_text(entity, column))
        edge.cell.text = entry->texts[column];
    else
        edge.cell.integer = entry->integers[column];
    return edge;
}

void tallied_add_entry(struct tallied *tallied, const struct entity_plan *entity,
                       const struct total *total, const struct run_entry *entry) {
    int column = total->column;
    int64_t weight = entry_weight(entry, total->filter);
    if (weight == 0 || !has_column(entry->present, column))
        return;
    if (total->needs & GATHERING_SUM)
        tallied->sum = wrapping_sum(tallied->sum, (int128)weight * (int128)entry->integers[column]);
    if (total->needs & GATHERING_SQUARES)
        add_square(&tallied->squares_low, &tallied->squares_high, entry->integers[column], weight);
    if (total->needs & GATHERING_EXTREMES)
        add_extremes(tallied, entry->integers[column], entry->integers[column]);
    if (total->needs & GATHERING_EDGES) {
        struct edge edge = edge_of(entity, column, entry);
        add_edges(tallied, &edge, &edge);
    }
    tallied->count = (int64_t)((uint64_t)tallied->count + (uint64_t)weight);
}

void tallied_add(struct tallied *tallied, const struct total *total, const struct tallied *other) {
    tallied->sum = wrapping_sum(tallied->sum, other->sum);
    uint128 low = (uint128)tallied->squares_low + other->squares_low;
    tallied->squares_low = (uint64_t)low;
    tallied->squares_high =
        wrapping_sum(wrapping_sum(tallied->squares_high, other->squares_high), (int128)(low >> 64));
    if (has_entries(other) && (total->needs & GATHERING_EXTREMES))
        add_extremes(tallied, other->min, other->max);
    if (has_entries(other) && (total->needs & GATHERING_EDGES))
        add_edges(tallied, &other->first, &other->last);
    tallied->count = (int64_t)((uint64_t)tallied->count + (uint64_t)other->count);
}

/* Bytes. A number of 128 bits is a zigzag varint of up to 19 bytes. */

static void put_wide(struct buffer *bytes, int128 number) {
    uint128 left = (uint128)number << 1 ^ (number < 0 ? ~(uint128)0 : 0);
    while (left >= 0x80) {
        buffer_append_u8(bytes, (uint8_t)(left | 0x80));
        left >>= 7;
    }
    buffer_append_u8(bytes, (uint8_t)left);
}

static int128 take_wide(struct cursor *cursor) {
    uint128 number = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
        uint8_t byte = cursor_u8(cursor);
        uint8_t bits = byte & 0x7f;
        bool last = byte < 0x80;
        if ((last && bits == 0 && shift > 0) || (shift == 126 && (bits > 3 || !last)))
            break;
        number |= (uint128)bits << shift;
        if (last)
            return (int128)(number >> 1 ^ (~(number & 1) + 1));
    }
    cursor->failed = true;
    return 0;
}

static void put_cell(struct buffer *bytes, const struct entity_plan *entity, int column,
                     const struct edge *edge) {
    if (column < 0)
        return;
    buffer_append_u64(bytes, edge->id_hash);
    if (is_text(entity, column)) {
        buffer_append_varint(bytes, edge->cell.text.length);
        buffer_append(bytes, edge->cell.text.data, edge->cell.text.length);
    } else {
        buffer_append_zigzag(bytes, edge->cell.integer);
    }
}

static void take_cell(struct cursor *cursor, const struct entity_plan *entity, int column,
                      struct edge *edge) {
    if (column < 0)
        return;
    edge->id_hash = cursor_u64(cursor);
    if (is_text(entity, column)) {
        uint64_t length = cursor_varint(cursor);
        if (length > COLUMN_TEXT_MAX)
            cursor->failed = true;
        else
            edge->cell.text = cursor_text(cursor, length);
    } else {
        edge->cell.integer = cursor_zigzag(cursor);
    }
}

void tallied_encode(const struct tallied *tallied, const struct entity_plan *entity,
                    const struct total *total, int64_t oldest_us, int64_t newest_us,
                    struct buffer *bytes) {
    buffer_append_zigzag(bytes, tallied->count);
    if (total->needs & GATHERING_SUM)
        put_wide(bytes, tallied->sum);
    if (total->needs & GATHERING_SQUARES) {
        buffer_append_varint(bytes, tallied->squares_low);
        put_wide(bytes, tallied->squares_high);
    }
    if (!has_entries(tallied))
        return;
    if (total->needs & GATHERING_EXTREMES) {
        buffer_append_zigzag(bytes, tallied->min);
        buffer_append_zigzag(bytes, tallied->max);
    }
    if (total->needs & GATHERING_EDGES) {
        buffer_append_varint(bytes, (uint64_t)tallied->first.time_us - (uint64_t)oldest_us);
        put_cell(bytes, entity, total->column, &tallied->first);
        buffer_append_varint(bytes, (uint64_t)newest_us - (uint64_t)tallied->last.time_us);
        put_cell(bytes, entity, total->column, &tallied->last);
    }
}

static void take_edges(struct cursor *cursor, const struct entity_plan *entity, int column,
                       int64_t oldest_us, int64_t newest_us, struct tallied *tallied) {
    uint64_t span_us = (uint64_t)newest_us - (uint64_t)oldest_us;
    uint64_t first_us = cursor_varint(cursor);
    take_cell(cursor, entity, column, &tallied->first);
    uint64_t last_us = cursor_varint(cursor);
    take_cell(cursor, entity, column, &tallied->last);
    if (first_us > span_us || last_us > span_us) {
        cursor->failed = true;
        return;
    }
    tallied->first.time_us = (int64_t)((uint64_t)oldest_us + first_us);
    tallied->last.time_us = (int64_t)((uint64_t)newest_us - last_us);
    if (!cursor->failed && compare_edges(&tallied->first, &tallied->last) > 0)
        cursor->failed = true;
}

void tallied_decode(struct cursor *cursor, const struct entity_plan *entity,
                    const struct total *total, int64_t oldest_us, int64_t newest_us,
                    struct tallied *ret_tallied) {
    struct tallied *tallied = ret_tallied;
    *tallied = (struct tallied){.count = cursor_zigzag(cursor)};
    if (total->needs & GATHERING_SUM)
        tallied->sum = take_wide(cursor);
    if (total->needs & GATHERING_SQUARES) {
        tallied->squares_low = cursor_varint(cursor);
        tallied->squares_high = take_wide(cursor);
    }
    if (!has_entries(tallied))
        return;
    if (total->needs & GATHERING_EXTREMES) {
        tallied->min = cursor_zigzag(cursor);
        tallied->max = cursor_zigzag(cursor);
        if (tallied->min > tallied->max)
            cursor->failed = true;
    }
    if (total->needs & GATHERING_EDGES)
        take_edges(cursor, entity, total->column, oldest_us, newest_us, tallied);
}
