#include "plain.h"

#include "core/base/check.h"
#include "core/feature/state/run_decode.h"
#include "core/feature/state/state_memory.h"
#include "core/feature/state/survey.h"
#include "core/feature/state/tile.h"
#include "standing.h"

#define PLAIN_BYTES_MAX 16

/* The lowest bytes of a number, as they lie in memory. */
struct plain_bytes {
    unsigned __int128 bytes;
    unsigned size; /* 0: they do not fit */
    unsigned step_size;
};

static struct plain_bytes plain_bytes_of(uint64_t step_us, int64_t value, bool has_column) {
    struct plain_bytes plain = {.size = 0};
    uint64_t step = 0, number = 0;
    size_t step_size = run_spread_varint(step_us, &step), number_size = 0;
    if (has_column) {
        number_size = run_spread_varint(zigzag(value), &number);
        if (number_size == 0)
            return plain;
    }
    size_t size = step_size + 1 + number_size + 1;
    if (step_size == 0 || size > PLAIN_BYTES_MAX)
        return plain;
    plain.bytes = step | (unsigned __int128)number << 8 * (step_size + 1);
    plain.size = (unsigned)size;
    plain.step_size = (unsigned)step_size;
    return plain;
}

/* From registers: gathered in memory first and then copied, the processor would have to wait for
 * all writes before. room: bytes that may be written, at least as many as there are. */
static void put_plain(uint8_t *at, const struct plain_bytes *plain, size_t room) {
    uint64_t low = (uint64_t)plain->bytes;
    if (__builtin_expect(room >= PLAIN_BYTES_MAX, 1)) {
        store_u64(at, low);
        store_u64(at + 8, (uint64_t)(plain->bytes >> 64));
    } else if (plain->size >= 8) {
        store_u64(at, low);
        store_u64(at + plain->size - 8, (uint64_t)(plain->bytes >> 8 * (plain->size - 8)));
    } else {
        for (unsigned i = 0; i < plain->size; i++, low >>= 8)
            at[i] = (uint8_t)low;
    }
}

/* What a standing wants to know of it. */
static void note_appended(struct state *state, const struct entity_plan *entity,
                          const struct entry *entry, const struct plain_bytes *plain) {
    const uint8_t *end = state->bytes + state->length;
    struct run_entry added;
    added.start = end - plain->size;
    added.identity = added.start + plain->step_size;
    added.tally = end - 1;
    added.end = end;
    added.time_us = entry->time_us;
    added.present = (1u << entity->column_count) - 1;
    added.transactions = 1;
    added.passed = 0;
    added.is_short = true;
    added.integers[0] = entity->column_count > 0 ? entry->integers[0] : 0;
    standing_note_appended(state, entity, &added);
}

bool plain_append(struct state *state, const struct entity_plan *entity,
                  const struct entry *entry) {
    const bool has_column = entity->column_count > 0;
    const int64_t time_us = entry->time_us;
    if (entity->id_size > 0 || !entry->transaction || (has_column && !(entry->present & 1)) ||
        time_us >= state->quiet_us || state->length == 0)
        return false;
    const struct parts parts = parts_of(state->bytes, state->length);
    struct head head = parts.head;
    if (head.dense_size > 0 || head.entries == 0 || time_us <= head.last_us)
        return false;
    const struct plain_bytes plain =
        plain_bytes_of((uint64_t)time_us - (uint64_t)head.last_us,
                       has_column ? entry->integers[0] : 0, has_column);
    if (plain.size == 0)
        return false;
    size_t length = state->length;
    state_reserve(state, length + plain.size);
    put_plain(state->bytes + length, &plain, state_room(state) - length);
    state->length = (uint32_t)(length + plain.size);
    check(head.entries < UINT32_MAX);
    head.entries++;
    head.last_us = time_us;
    head.last_size = (uint16_t)plain.size;
    head_put(state->bytes, &head);
    survey_append(state, entity, &parts, time_us, 1);
    if (state->front > 0)
        note_appended(state, entity, entry, &plain);
    return true;
}
