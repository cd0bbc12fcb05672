/* The bytes, an item for each transaction:
 *
 *   varint  index + 1 of the name among those before; 0: a name follows, the varint of its length
 *           and its bytes. It is the next one, unless there are SOURCES_MAX already
 *   zigzag  sequence - 1 - the last one of this name; of a name that is not kept, sequence
 *   zigzag  receive time - that of the item before */
#include "source_tape.h"

#include "core/base/check.h"

#include <stdlib.h>

void source_tape_init(struct source_tape *tape) {
    buffer_init(&tape->bytes);
    tape->names = NULL;
}

static void free_names(struct source_tape_names *names) {
    for (size_t i = 0; names && i < names->count; i++)
        free((void *)(uintptr_t)names->of[i].data);
    free(names);
}

void source_tape_deinit(struct source_tape *tape) {
    buffer_deinit(&tape->bytes);
    free_names(tape->names);
    tape->names = NULL;
}

static void keep_name(struct source_tape_names *names, struct text name) {
    if (names->count < SOURCES_MAX)
        names->of[names->count++] = (struct text){.data = text_copy(name), .length = name.length};
}

/* SOURCES_MAX: it is not among them. */
static size_t find(const struct source_tape_names *names, struct text name) {
    for (size_t i = 0; i < names->count; i++)
        if (text_equal(names->of[i], name))
            return i;
    return SOURCES_MAX;
}

void source_tape_put(struct source_tape *tape, const struct transaction *transaction,
                     int64_t receive_time_us) {
    struct text name = transaction->source;
    if (!tape->names)
        tape->names = check_calloc(1, sizeof *tape->names);
    struct source_tape_names *names = tape->names;
    size_t index = find(names, name);
    if (index < SOURCES_MAX) {
        buffer_append_varint(&tape->bytes, index + 1);
    } else {
        buffer_append_varint(&tape->bytes, 0);
        buffer_append_varint(&tape->bytes, name.length);
        buffer_append(&tape->bytes, name.data, name.length);
        index = names->count;
        keep_name(names, name);
    }
    uint64_t before = index < SOURCES_MAX ? names->last[index] + 1 : 0;
    buffer_append_zigzag(&tape->bytes, (int64_t)(transaction->sequence - before));
    buffer_append_zigzag(&tape->bytes,
                         (int64_t)((uint64_t)receive_time_us - (uint64_t)names->receive_us));
    if (index < SOURCES_MAX)
        names->last[index] = transaction->sequence;
    names->receive_us = receive_time_us;
}

/* The name's index, or SOURCES_MAX where it is not kept. */
static struct text take_name(struct cursor *cursor, struct source_tape_names *names,
                             size_t *ret_index) {
    uint64_t index = cursor_varint(cursor);
    if (index > 0 && index <= names->count) {
        *ret_index = (size_t)index - 1;
        return names->of[*ret_index];
    }
    uint64_t length = cursor_varint(cursor);
    cursor->failed |= index > 0 || length == 0 || length > TRANSACTION_SOURCE_MAX;
    struct text name = cursor->failed ? (struct text){0} : cursor_text(cursor, (size_t)length);
    *ret_index = names->count;
    if (!cursor->failed)
        keep_name(names, name);
    return name;
}

int source_tape_apply(struct text bytes, struct source_table *table, struct error *ret_error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.length);
    struct source_tape_names *names = check_calloc(1, sizeof *names);
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        size_t index;
        struct transaction transaction = {.source = take_name(&cursor, names, &index)};
        uint64_t before = index < SOURCES_MAX ? names->last[index] + 1 : 0;
        transaction.sequence = before + (uint64_t)cursor_zigzag(&cursor);
        names->receive_us =
            (int64_t)((uint64_t)names->receive_us + (uint64_t)cursor_zigzag(&cursor));
        if (cursor.failed)
            break;
        if (index < SOURCES_MAX)
            names->last[index] = transaction.sequence;
        source_table_add(table, &transaction, names->receive_us);
    }
    free_names(names);
    return cursor.failed ? error_set(ret_error, ERROR_DAMAGED, "the numbers of sources are damaged")
                         : 0;
}
