/* Target: what other machines send: of a cluster through its log, and of a distributed rebuild.
 *
 *   input  u8 what it is (`kinds`); its bytes. Of a description u8 bit 0: the head of this version
 *          is put before them
 *
 * Refused with a message, or what is read can be written and reads back the same; memory is
 * bounded by the bytes, and texts lie within them. */
#include "batch/distributed/part_summary.h"
#include "batch/distributed/rebuild_task.h"
#include "batch/tasks/arrow_blocks.h"
#include "batch/tasks/feature_task.h"
#include "batch/tasks/task_bytes.h"
#include "common/target.h"
#include "server/cluster/log_message.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 24
#define MEMORY   ((uint64_t)16 << 20)

static struct buffer bytes_again;
static struct snapshot *policy;

static const struct policy_file policy_files[] = {
    {TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("policy: {name: p, base_currency: EUR}\n")},
    {TEXT_LITERAL("features.yaml"),
     TEXT_LITERAL("entities: {card: {key: card}, shop: {key: [merchant, country]}}\n"
                  "features:\n"
                  "  card: [{name: n, aggregate: count, window: 1h, where: \"amount > 5.0\"},\n"
                  "    {name: m, aggregate: distinct, of: merchant, window: 1d}]\n"
                  "  shop: [{name: s, aggregate: sum, of: amount, window: 1h}]\n")},
    {TEXT_LITERAL("rules/a.yaml"),
     TEXT_LITERAL("rules:\n  - {name: a, when: card.n > 1, then: {score: 1}}\n")},
};
#define POLICY_FILES (sizeof policy_files / sizeof *policy_files)

void target_start(void) {
    struct buffer messages;
    struct error error;
    buffer_init(&bytes_again);
    buffer_init(&messages);
    property(snapshot_load(policy_files, POLICY_FILES, &policy, &messages, &error) == 0, "%s",
             error.text);
    buffer_deinit(&messages);
}

static bool refused(int r, const struct error *error) {
    property(r >= 0 || (error->text[0] && r == -(int)error->code), "refused without a message");
    return r < 0;
}

static void must_equal(struct text a, struct text b, const char *what) {
    property(text_equal(a, b), "%s reads back otherwise", what);
}

static void must_lie_in(struct text part, struct text whole) {
    property(part.length == 0 ||
                 (part.data >= whole.data && part.data + part.length <= whole.data + whole.length),
             "a text outside of its bytes");
}

/* ---- the log ---- */

static bool run_head(struct text text) {
    struct log_head head, back;
    struct error error;
    uint8_t encoded[LOG_HEADER_BYTES];
    if (refused(log_head_decode(text, &head, &error), &error))
        return false;
    log_head_encode(&head, encoded);
    property(log_head_decode((struct text){(char *)encoded, sizeof encoded}, &back, &error) == 0,
             "%s", error.text);
    property(back.kind == head.kind && back.type == head.type && back.part == head.part &&
                 back.part_count == head.part_count && back.place.position == head.place.position &&
                 back.place.chain == head.place.chain,
             "another head");
    return true;
}

static bool run_sign(struct text text) {
    struct log_sign sign, back;
    struct error error;
    if (refused(log_sign_decode(text, &sign, &error), &error))
        return false;
    must_lie_in(sign.node, text);
    must_lie_in(sign.address, text);
    log_sign_encode(&sign, &bytes_again);
    property(log_sign_decode(buffer_text(&bytes_again), &back, &error) == 0, "%s", error.text);
    property(back.nonce == sign.nonce, "another nonce");
    must_equal(back.node, sign.node, "a node");
    must_equal(back.address, sign.address, "an address");
    return true;
}

/* ---- a distributed rebuild ---- */

static bool run_summary(struct text text) {
    struct part_summary summary;
    struct error error;
    if (refused(part_summary_get(text, &summary, &error), &error))
        return false;
    must_lie_in(summary.list_changes, text);
    must_lie_in(summary.sources, text);
    must_lie_in(summary.policy, text);
    must_lie_in(summary.generation, text);
    property(part_summary_newest_us(text) == summary.sums.newest_event_time_us, "newest time");
    part_summary_put(&summary, &bytes_again);
    must_equal(buffer_text(&bytes_again), text, "a summary");
    return true;
}

/* The rest of a description behind this version's head. */
static struct text with_head(struct text text, const char *magic, struct buffer *out) {
    if (text.length == 0 || !(text.data[0] & 1))
        return text;
    task_bytes_put_head(text_of(magic), out);
    buffer_append(out, text.data + 1, text.length - 1);
    return buffer_text(out);
}

static bool run_rebuild_task(struct text text) {
    struct buffer whole;
    struct rebuild_task *task;
    struct error error;
    buffer_init(&whole);
    text = with_head(text, "HRT2", &whole);
    bool is_read = !refused(rebuild_task_open(text, "/", MEMORY, &task, &error), &error);
    if (is_read) {
        property(task->shares > 0 && task->shares <= TASK_SHARES_MAX, "%zu shares", task->shares);
        rebuild_task_close(task);
    }
    buffer_deinit(&whole);
    return is_read;
}

static bool run_feature_task(struct text text) {
    struct buffer whole;
    struct feature_task *task;
    struct error error;
    buffer_init(&whole);
    text = with_head(text, "HFT1", &whole);
    bool is_read = !refused(feature_task_open(text, &task, &error), &error);
    if (is_read) {
        property(feature_share(task, 1, 77) < task->shares, "a share");
        feature_task_describe(task->parts, task->part_count, task->policy, task->shares,
                              task->outputs, &bytes_again);
        struct feature_task *back;
        property(feature_task_open(buffer_text(&bytes_again), &back, &error) == 0, "%s",
                 error.text);
        property(back->part_count == task->part_count && back->shares == task->shares &&
                     back->outputs == task->outputs,
                 "another task");
        feature_task_close(back);
        feature_task_close(task);
    }
    buffer_deinit(&whole);
    return is_read;
}

/* A block of items, behind the position that they are counted from. */
static bool run_items(struct text text) {
    struct cursor cursor = cursor_of(text.data, text.length);
    uint64_t base = cursor_u64(&cursor);
    struct entry_room {
        struct feature_item item;
    } room;
    struct error error;
    bool is_read = false;
    while (cursor_left(&cursor) > 0) {
        memset(&room, 0, sizeof room);
        if (refused(feature_item_get(&cursor, base, &policy->plan, &room.item, &error), &error))
            return is_read;
        const struct entity_plan *plan = &policy->plan.entities[room.item.entity];
        must_lie_in(room.item.key, text);
        for (size_t i = 0; i < plan->column_count; i++)
            if (plan->columns[i].type == COLUMN_TEXT)
                must_lie_in(room.item.entry.texts[i], text);
        buffer_clear(&bytes_again);
        feature_item_put(&bytes_again, base, plan, &room.item);
        struct cursor again = cursor_of(bytes_again.bytes, bytes_again.length);
        struct feature_item back;
        memset(&back, 0, sizeof back);
        property(feature_item_get(&again, base, &policy->plan, &back, &error) == 0, "%s",
                 error.text);
        property(back.position == room.item.position && back.key_hash == room.item.key_hash &&
                     back.entry.time_us == room.item.entry.time_us && back.read == room.item.read &&
                     back.plus == room.item.plus,
                 "another item");
        is_read = true;
    }
    return is_read;
}

static bool run_values(struct text text) {
    struct cursor cursor = cursor_of(text.data, text.length);
    bool is_read = false;
    while (cursor_left(&cursor) > 0) {
        const uint8_t *from = cursor.at;
        struct value value = feature_value_get(&cursor);
        if (cursor.failed)
            return is_read;
        if (value.type == VALUE_TEXT)
            must_lie_in(value.text, text);
        buffer_clear(&bytes_again);
        feature_value_put(&bytes_again, value);
        struct text taken = {(const char *)from, (size_t)(cursor.at - from)};
        if (value.type != VALUE_BOOL) /* any byte but 0 is true */
            must_equal(buffer_text(&bytes_again), taken, "a value");
        is_read = true;
    }
    return is_read;
}

static bool run_rare(struct text text) {
    struct cursor cursor = cursor_of(text.data, text.length);
    struct rare_record rare;
    bool is_read = false;
    while (feature_rare_next(&cursor, &rare)) {
        must_lie_in(rare.payload, text);
        is_read = true;
    }
    return is_read;
}

/* A batch as Arrow's C data interface hands it over: addresses are its producer's, the rest is of
 * the input: formats, numbers of children, nulls, offsets, values. */
static bool run_arrow(struct text text) {
    static const char *const formats[] = {"i", "l", "z", "Z", "u", "+s", "", NULL};
    static const char *const own[] = {"i", "i", "l", "z"};
    struct cursor cursor = cursor_of(text.data, text.length);
    unsigned how = cursor_u8(&cursor), nulls = cursor_u8(&cursor);
    size_t count = cursor_u8(&cursor) % ROWS_MAX, skipped = how >> 4 & 3, before = how >> 6;
    size_t all = count + skipped + before;
    int32_t numbers[2][ROWS_MAX + 8], offsets[ROWS_MAX + 9] = {0};
    int64_t sequences[ROWS_MAX + 8], wide[ROWS_MAX + 9] = {0};
    uint8_t presence[8];
    const void *buffers[4][3];
    struct ArrowSchema columns[4] = {{0}}, *schemas[4], schema = {.format = "+s", .n_children = 4};
    struct ArrowArray values[4] = {{0}}, *arrays[4], array = {.n_children = 4};
    bool is_large = how & 1;
    for (size_t i = 0; i < all; i++) {
        numbers[0][i] = (int8_t)cursor_u8(&cursor);
        numbers[1][i] = (int8_t)cursor_u8(&cursor);
        sequences[i] = (int8_t)cursor_u8(&cursor);
        offsets[i + 1] = offsets[i] + cursor_u8(&cursor) % 8;
        wide[i + 1] = offsets[i + 1];
    }
    char *block = check_calloc((size_t)offsets[all] + 1, 1); /* its exact size */
    memset(presence, nulls & 1 ? 0xff : (int)nulls, sizeof presence);
    for (size_t i = 0; i < 4; i++) {
        unsigned odd = cursor_u8(&cursor);
        columns[i].format = odd < 8 ? formats[odd] : i == 3 && is_large ? "Z" : own[i];
        schemas[i] = &columns[i];
        arrays[i] = &values[i];
        values[i] = (struct ArrowArray){
            .length = (int64_t)count + (int64_t)before,
            .offset = (int64_t)skipped,
            .n_buffers = i == 3 ? 3 : 2,
            .buffers = buffers[i],
            .null_count = nulls & 2 ? -1 : (nulls >> 2) % 3 == 1 && i == (nulls >> 4) % 4,
        };
        buffers[i][0] = nulls & 4 ? presence : NULL;
        /* The offsets are as wide as the format says, which is the producer's promise. */
        const bool is_wide = columns[i].format && strcmp(columns[i].format, "Z") == 0;
        buffers[i][1] = i == 2    ? (const void *)sequences
                        : i < 3   ? (const void *)numbers[i]
                        : is_wide ? (const void *)wide
                                  : (const void *)offsets;
        buffers[i][2] = i == 3 ? block : NULL;
    }
    schema.children = schemas;
    if (how & 2)
        schema.format = formats[cursor_u8(&cursor) % 8];
    if (how & 4)
        schema.n_children = cursor_u8(&cursor) % 4;
    if (how & 8)
        array.n_children = cursor_u8(&cursor) % 4;
    array.children = arrays;
    array.length = (int64_t)count;
    array.offset = (int64_t)before;
    struct arrow_rows rows;
    struct arrow_order order = {0};
    struct error error;
    bool is_read = !refused(arrow_rows_of(&schema, &array, &rows, &error), &error);
    property(!is_read || rows.count == count, "%zu rows", rows.count);
    for (size_t i = 0; is_read && i < count; i++) {
        struct arrow_row row = arrow_rows_at(&rows, i);
        property(row.share == numbers[0][i + skipped + before] &&
                     row.sequence == sequences[i + skipped + before],
                 "another row");
        must_lie_in(row.block, (struct text){block, (size_t)offsets[all]});
        if (refused(arrow_order_next(&order, &row, &error), &error))
            break;
    }
    free(block);
    return is_read;
}

static bool (*const kinds[])(struct text text) = {run_head,         run_sign,         run_summary,
                                                  run_rebuild_task, run_feature_task, run_items,
                                                  run_values,       run_rare,         run_arrow};
#define KINDS (sizeof kinds / sizeof *kinds)

bool target_run(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return false;
    buffer_clear(&bytes_again);
    return kinds[bytes[0] % KINDS]((struct text){(const char *)bytes + 1, size - 1});
}

/* ---- seeds ---- */

static void add(struct seeds *seeds, uint8_t kind, const struct buffer *content) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, kind);
    buffer_append(&seed, content->bytes, content->length);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void add_descriptions(struct seeds *seeds, struct buffer *made) {
    static const struct archive_part_bounds parts[] = {
        {.day = 20000, .first = 1, .until = {.position = 7, .chain = 8}},
        {.day = 20001, .first = 8, .until = {.position = 9, .chain = 4}, .is_open = true}};
    buffer_clear(made);
    buffer_append_u8(made, 1); /* with a head */
    task_bytes_put_policy(policy, made);
    size_t behind_policy = made->length;
    buffer_append_u64(made, 3);
    buffer_append_u64(made, 2);
    task_bytes_put_parts(parts, 2, made);
    add(seeds, 4, made);
    made->length = behind_policy;
    const uint64_t numbers[] = {0, 1, 4, 4096};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buffer_append_u64(made, numbers[i]);
    for (size_t i = 0; i < policy->plan.entity_count; i++) {
        task_bytes_put(made, TEXT_LITERAL("c"));
        buffer_append_u64(made, 2);
        buffer_append_u64(made, 100);
        buffer_append_u64(made, UINT64_MAX / 2);
    }
    buffer_append_u64(made, 3);
    task_bytes_put_parts(parts, 2, made);
    add(seeds, 3, made);
    buffer_clear(made); /* without a policy, and with all of it */
    feature_task_describe(parts, 1, NULL, 1, 1, made);
    add(seeds, 4, &(struct buffer){made->bytes, made->length, 0});
}

static void add_blocks(struct seeds *seeds, struct buffer *made) {
    struct feature_item item = {.position = 9, .key_hash = 5, .key = TEXT_LITERAL("card-1")};
    static const struct value values[] = {{.type = VALUE_ABSENT},
                                          {.type = VALUE_BOOL, .boolean = true},
                                          {.type = VALUE_INT, .integer = -3},
                                          {.type = VALUE_TIMESTAMP, .integer = 5},
                                          {.type = VALUE_DOUBLE, .number = 0.5},
                                          {.type = VALUE_TEXT, .text = TEXT_LITERAL("abc")}};
    buffer_clear(made);
    buffer_append_u64(made, 3);
    for (size_t i = 0; i < policy->plan.entity_count; i++) {
        const struct entity_plan *plan = &policy->plan.entities[i];
        item.entity = i;
        item.is_read = i == 0;
        item.entry.time_us = 1767225600000000;
        item.entry.present = (1u << plan->column_count) - 1;
        for (size_t j = 0; j < plan->column_count; j++)
            if (plan->columns[j].type == COLUMN_TEXT)
                item.entry.texts[j] = TEXT_LITERAL("shop");
            else
                item.entry.integers[j] = 1999;
        feature_item_put(made, 3, plan, &item);
    }
    add(seeds, 5, made);
    buffer_clear(made);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        feature_value_put(made, values[i]);
    add(seeds, 6, made);
    buffer_clear(made);
    buffer_append_u8(made, RECORD_SNAPSHOT);
    buffer_append_u64(made, 7);
    task_bytes_put(made, TEXT_LITERAL("payload"));
    add(seeds, 7, made);
}

static void add_batches(struct seeds *seeds) {
    for (unsigned how = 0; how < 256; how += 17)
        for (unsigned nulls = 0; nulls < 32; nulls += 5) {
            uint8_t seed[64] = {8, (uint8_t)(how & ~14u), (uint8_t)nulls, 4};
            for (unsigned i = 4; i < sizeof seed; i++)
                seed[i] = (uint8_t)(i / 4 + 8);
            seeds->add_any(seeds, seed, sizeof seed);
            seed[1] = (uint8_t)how;
            seed[63] = 7;
            seeds->add_any(seeds, seed, sizeof seed);
        }
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct buffer made;
    uint8_t encoded[LOG_HEADER_BYTES];
    const struct log_sign sign = {5, TEXT_LITERAL("node-1"), TEXT_LITERAL("tcp://127.0.0.1:7")};
    const struct part_summary summary = {.sums = {.records = 5, .transactions = 3},
                                         .list_changes = TEXT_LITERAL("changes"),
                                         .policy = TEXT_LITERAL("policy")};
    (void)root;
    buffer_init(&made);
    for (int kind = LOG_KIND_RECORD; kind <= LOG_KIND_SIGN; kind++) {
        const struct log_head head = {.kind = (enum log_kind)kind,
                                      .type = 1,
                                      .part_count = 2,
                                      .place = {.position = 7, .chain = 8}};
        log_head_encode(&head, encoded);
        buffer_clear(&made);
        buffer_append(&made, encoded, sizeof encoded);
        add(seeds, 0, &made);
    }
    buffer_clear(&made);
    log_sign_encode(&sign, &made);
    add(seeds, 1, &made);
    buffer_clear(&made);
    part_summary_put(&summary, &made);
    add(seeds, 2, &made);
    add_descriptions(seeds, &made);
    add_blocks(seeds, &made);
    add_batches(seeds);
    buffer_deinit(&made);
}
