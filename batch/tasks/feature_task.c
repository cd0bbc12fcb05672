/* The description: "HFT1" and version, policy, shares, outputs (8 bytes each), parts. */
#include "feature_task.h"

#include "core/base/check.h"
#include "task_bytes.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC TEXT_LITERAL("HFT1")

void feature_task_describe(const struct archive_part_bounds *parts, size_t part_count,
                           const struct snapshot *policy, size_t shares, size_t outputs,
                           struct buffer *ret_bytes) {
    task_bytes_put_head(MAGIC, ret_bytes);
    task_bytes_put_policy(policy, ret_bytes);
    buffer_append_u64(ret_bytes, shares);
    buffer_append_u64(ret_bytes, outputs);
    task_bytes_put_parts(parts, part_count, ret_bytes);
}

static int read_description(struct feature_task *task, struct text description,
                            struct error *ret_error) {
    struct cursor cursor = cursor_of(description.data, description.length);
    int r = task_bytes_get_head(&cursor, MAGIC, ret_error);
    if (r == 0)
        r = task_bytes_get_policy(&cursor, &task->policy, ret_error);
    if (r < 0)
        return r;
    task->shares = (size_t)cursor_u64(&cursor);
    task->outputs = (size_t)cursor_u64(&cursor);
    task->parts = task_bytes_get_parts(&cursor, &task->part_count);
    if (cursor.failed || cursor_left(&cursor) > 0 || task->shares == 0 || task->outputs == 0 ||
        task->shares > TASK_SHARES_MAX || task->outputs > TASK_SHARES_MAX)
        return error_set(ret_error, ERROR_INVALID, "the description of the features is damaged");
    return 0;
}

int feature_task_open(struct text description, struct feature_task **ret_task,
                      struct error *ret_error) {
    struct feature_task *task = check_calloc(1, sizeof *task);
    int r = read_description(task, description, ret_error);
    if (r < 0) {
        feature_task_close(task);
        return r;
    }
    *ret_task = task;
    return 0;
}

void feature_task_close(struct feature_task *task) {
    if (!task)
        return;
    snapshot_unref(task->policy);
    free(task->parts);
    free(task);
}

/* ---------------------------------------------------------------------------------------------
 * Rare records: type (1 byte), position (8), length of the payload (8), payload */

static int read_rare(struct archive_part_reader *reader, struct buffer *block,
                     struct error *ret_error) {
    struct archive_part_record found;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        if (record_type_has_entities(found.type))
            continue;
        buffer_append_u8(block, (uint8_t)found.type);
        buffer_append_u64(block, found.position);
        task_bytes_put(block, found.payload);
    }
    return r;
}

/* Most sealed segments say that they have none. */
static bool may_have_rare(const struct archive_parts *parts) {
    return archive_parts_part(parts, 0).types & record_types_rare();
}

int feature_rare(const struct feature_task *task, const char *folder, size_t part,
                 struct arrow_blocks *blocks, struct error *ret_error) {
    struct archive_parts *parts;
    struct archive_part_reader *reader;
    struct buffer block;
    check(part < task->part_count);
    int r = archive_parts_open_one(folder, &task->parts[part], &parts, ret_error);
    if (r < 0)
        return r;
    buffer_init(&block);
    if (may_have_rare(parts)) {
        r = archive_part_open(parts, 0, 0, false, &reader, ret_error);
        if (r == 0) {
            archive_part_skim(reader); /* the entries verify all of it */
            r = read_rare(reader, &block, ret_error);
            archive_part_close(reader);
        }
    }
    if (r == 0 && block.length > 0) {
        const struct arrow_row row = {.stream = ARROW_STREAM_SUMMARY,
                                      .sequence = (int64_t)part,
                                      .block = buffer_text(&block)};
        arrow_blocks_add(blocks, &row);
    }
    buffer_deinit(&block);
    archive_parts_close(parts);
    return r;
}

bool feature_rare_next(struct cursor *cursor, struct rare_record *ret_record) {
    if (cursor_left(cursor) == 0)
        return false;
    ret_record->type = (enum record_type)cursor_u8(cursor);
    ret_record->position = cursor_u64(cursor);
    ret_record->payload = task_bytes_get(cursor);
    return !cursor->failed;
}

/* ---------------------------------------------------------------------------------------------
 * Items: position − base, number of the entity (varints), hash of the key (8 bytes), key (varint
 * length, bytes), flags (1 byte), zigzag time, hash of the id (8 bytes), weights (three
 * varints), columns that are there (varint), and their values: zigzag, or length and bytes */

enum { ITEM_READ = 1, ITEM_PUT_IN = 2, ITEM_TAKEN_OUT = 4 };

static void put_short(struct buffer *block, struct text text) {
    buffer_append_varint(block, text.length);
    buffer_append(block, text.data, text.length);
}

void feature_item_put(struct buffer *block, uint64_t base, const struct entity_plan *plan,
                      const struct feature_item *item) {
    const struct entry *entry = &item->entry;
    buffer_append_varint(block, item->position - base);
    buffer_append_varint(block, item->entity);
    buffer_append_u64(block, item->key_hash);
    put_short(block, item->key);
    unsigned flags = (item->is_read ? ITEM_READ : 0) | (entry->transaction ? ITEM_PUT_IN : 0) |
                     (entry->is_taken_out ? ITEM_TAKEN_OUT : 0);
    buffer_append_u8(block, (uint8_t)flags);
    buffer_append_zigzag(block, entry->time_us);
    buffer_append_u64(block, entry->id_hash);
    buffer_append_varint(block, item->read);
    buffer_append_varint(block, item->plus);
    buffer_append_varint(block, item->minus);
    buffer_append_varint(block, entry->present);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (!(entry->present >> i & 1))
            continue;
        if (plan->columns[i].type == COLUMN_TEXT)
            put_short(block, entry->texts[i]);
        else
            buffer_append_zigzag(block, entry->integers[i]);
    }
}

static void get_columns(struct cursor *cursor, const struct entity_plan *plan,
                        struct entry *entry) {
    for (size_t i = 0; i < plan->column_count; i++) {
        bool is_there = entry->present >> i & 1;
        if (plan->columns[i].type == COLUMN_TEXT)
            entry->texts[i] =
                is_there ? cursor_text(cursor, (size_t)cursor_varint(cursor)) : (struct text){0};
        else
            entry->integers[i] = is_there ? cursor_zigzag(cursor) : 0;
    }
}

int feature_item_get(struct cursor *cursor, uint64_t base, const struct plan *plan,
                     struct feature_item *ret_item, struct error *ret_error) {
    struct entry *entry = &ret_item->entry;
    ret_item->position = base + cursor_varint(cursor);
    ret_item->entity = (size_t)cursor_varint(cursor);
    ret_item->key_hash = cursor_u64(cursor);
    ret_item->key = cursor_text(cursor, (size_t)cursor_varint(cursor));
    unsigned flags = cursor_u8(cursor);
    ret_item->is_read = flags & ITEM_READ;
    entry->transaction = flags & ITEM_PUT_IN;
    entry->is_taken_out = flags & ITEM_TAKEN_OUT;
    entry->time_us = cursor_zigzag(cursor);
    entry->id_hash = cursor_u64(cursor);
    ret_item->read = (uint32_t)cursor_varint(cursor);
    ret_item->plus = (uint32_t)cursor_varint(cursor);
    ret_item->minus = (uint32_t)cursor_varint(cursor);
    entry->present = (uint32_t)cursor_varint(cursor);
    if (!cursor->failed && ret_item->entity < plan->entity_count)
        get_columns(cursor, &plan->entities[ret_item->entity], entry);
    if (cursor->failed || ret_item->entity >= plan->entity_count)
        return error_set(ret_error, ERROR_DAMAGED, "a block of items is damaged");
    return 0;
}

/* ---- values: type (1 byte), then nothing, 1 byte, 8 bytes, or length and bytes ---- */

void feature_value_put(struct buffer *block, struct value value) {
    buffer_append_u8(block, (uint8_t)value.type);
    switch (value.type) {
    case VALUE_BOOL:
        buffer_append_u8(block, value.boolean);
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        buffer_append_u64(block, (uint64_t)value.integer);
        break;
    case VALUE_DOUBLE:
        buffer_append(block, &value.number, sizeof value.number);
        break;
    case VALUE_TEXT:
        put_short(block, value.text);
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        check(value.type == VALUE_ABSENT); /* features are nothing else */
        break;
    }
}

struct value feature_value_get(struct cursor *cursor) {
    struct value value = {.type = (enum value_type)cursor_u8(cursor)};
    uint64_t bits;
    switch (value.type) {
    case VALUE_BOOL:
        value.boolean = cursor_u8(cursor);
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        value.integer = (int64_t)cursor_u64(cursor);
        break;
    case VALUE_DOUBLE:
        bits = cursor_u64(cursor);
        memcpy(&value.number, &bits, sizeof bits);
        break;
    case VALUE_TEXT:
        value.text = cursor_text(cursor, (size_t)cursor_varint(cursor));
        break;
    case VALUE_ABSENT:
        break;
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
    default:
        cursor->failed = true;
        return value_absent();
    }
    return value;
}
