/* The bytes, an item for each transaction:
 *
 *   varint  index + 1 of the name among those before; 0: a name follows, the varint of its length
 *           and its bytes. It is the next one, unless there are SOURCES_MAX already
 *   zigzag  sequence - 1 - the last one of this name; of a name that is not kept, sequence
 *   zigzag  only of a name that is not kept: receive time
 *
 * and at the end one for each name, with the time when its last transaction was received:
 *
 *   varint  SOURCES_MAX + 1 + index
 *   zigzag  receive time */
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
    if (index == SOURCES_MAX) {
        buffer_append_zigzag(&tape->bytes, receive_time_us);
        return;
    }
    names->last[index] = transaction->sequence;
    names->receive_us[index] = receive_time_us;
}

void source_tape_end(struct source_tape *tape) {
    for (size_t i = 0; tape->names && i < tape->names->count; i++) {
        buffer_append_varint(&tape->bytes, SOURCES_MAX + 1 + i);
        buffer_append_zigzag(&tape->bytes, tape->names->receive_us[i]);
    }
}

/* Of an item that begins with this number: its name, and the name's index, or SOURCES_MAX where it
 * is not kept. */
static struct text take_name(struct cursor *cursor, uint64_t number,
                             struct source_tape_names *names, size_t *ret_index) {
    if (number > 0 && number <= names->count) {
        *ret_index = (size_t)number - 1;
        return names->of[*ret_index];
    }
    uint64_t length = cursor_varint(cursor);
    cursor->failed |= number > 0 || length == 0 || length > TRANSACTION_SOURCE_MAX;
    struct text name = cursor->failed ? (struct text){0} : cursor_text(cursor, (size_t)length);
    *ret_index = names->count;
    if (!cursor->failed)
        keep_name(names, name);
    return name;
}

static void take_item(struct cursor *cursor, uint64_t number, struct source_tape_names *names,
                      struct source_table *table) {
    size_t index;
    struct transaction transaction = {.source = take_name(cursor, number, names, &index)};
    uint64_t before = index < SOURCES_MAX ? names->last[index] + 1 : 0;
    transaction.sequence = before + (uint64_t)cursor_zigzag(cursor);
    int64_t receive_us = index < SOURCES_MAX ? 0 : cursor_zigzag(cursor);
    if (cursor->failed)
        return;
    if (index < SOURCES_MAX)
        names->last[index] = transaction.sequence;
    source_table_add(table, &transaction, receive_us);
}

int source_tape_apply(struct text bytes, struct source_table *table, struct error *ret_error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.length);
    struct source_tape_names *names = check_calloc(1, sizeof *names);
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        uint64_t number = cursor_varint(&cursor);
        if (number <= SOURCES_MAX)
            take_item(&cursor, number, names, table);
        else if (number - SOURCES_MAX - 1 < names->count)
            source_table_touch(table, names->of[number - SOURCES_MAX - 1], cursor_zigzag(&cursor));
        else
            cursor.failed = true;
    }
    free_names(names);
    return cursor.failed ? error_set(ret_error, ERROR_DAMAGED, "the numbers of sources are damaged")
                         : 0;
}
