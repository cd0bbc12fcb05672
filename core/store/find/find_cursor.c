/* 16 hex digits of the position, 16 of the hash of all filters. Neither limit nor cursor is a
 * filter: pages may have different lengths. */
#include "find_cursor.h"

#include "core/base/buffer.h"
#include "core/base/hash.h"

static void add_text(struct buffer *filters, struct text text) {
    buffer_append_varint(filters, text.length);
    buffer_append(filters, text.data, text.length);
}

static uint64_t hash_filters(const struct find_query *query) {
    struct buffer filters = {0};
    buffer_append_u64(&filters, (uint64_t)query->from_us);
    buffer_append_u64(&filters, (uint64_t)query->until_us);
    buffer_append_u64(&filters, (uint64_t)query->received_from_us);
    buffer_append_u64(&filters, (uint64_t)query->received_until_us);
    buffer_append_u32(&filters, query->verdicts);
    buffer_append_u8(&filters, query->has_score);
    buffer_append_u32(&filters, query->has_score ? query->score_min : 0);
    buffer_append_u32(&filters, query->has_score ? query->score_max : 0);
    buffer_append_u8(&filters, query->has_amount);
    buffer_append_u64(&filters, query->has_amount ? (uint64_t)query->amount_min : 0);
    buffer_append_u64(&filters, query->has_amount ? (uint64_t)query->amount_max : 0);
    add_text(&filters, query->currency);
    add_text(&filters, query->rule);
    buffer_append_u8(&filters, query->shadow);
    buffer_append_u32(&filters, query->labels);
    add_text(&filters, query->id);
    for (size_t i = 0; i < query->key_count; i++) {
        buffer_append_u8(&filters, (uint8_t)query->keys[i].field);
        add_text(&filters, query->keys[i].value);
    }
    uint64_t hash = hash_text(buffer_text(&filters));
    buffer_deinit(&filters);
    return hash;
}

void find_cursor_format(const struct find_query *query, uint64_t before,
                        char ret_cursor[FIND_CURSOR_SIZE]) {
    hash_hex(before, ret_cursor);
    hash_hex(hash_filters(query), ret_cursor + 16);
}

int find_cursor_parse(const struct find_query *query, uint64_t *ret_before,
                      struct error *ret_error) {
    struct text cursor = query->cursor;
    uint64_t before, hash;
    if (cursor.length == 0) {
        *ret_before = UINT64_MAX;
        return 0;
    }
    if (cursor.length != FIND_CURSOR_SIZE - 1 ||
        hash_parse_hex((struct text){cursor.data, 16}, &before) < 0 ||
        hash_parse_hex((struct text){cursor.data + 16, 16}, &hash) < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "cursor is not one that a search has returned; expected 32 hex digits");
    if (hash != hash_filters(query))
        return error_set(
            ret_error, ERROR_INVALID,
            "cursor belongs to a search with other filters; expected the same ones, or "
            "no cursor");
    *ret_before = before;
    return 0;
}
