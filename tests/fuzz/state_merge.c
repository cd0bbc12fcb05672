/* Target: states of any entries, folded and merged in different ways.
 *
 *   input  u8 plan
 *          u8 bits 0–5: unit of time steps, 2^n µs (n modulo 48)
 *             bits 6–7: 0 fold backwards, 1 merge parts in turn, 2 merge parts as a tree, 3 merge a
 *                       damaged part
 *          u8 XOR mask and u16 offset of the damage, then entries (plans.h)
 *
 * Folding the entries in order, folding them backwards, and folding them in up to four parts that
 * are then merged must give the same bytes, which pass state_check(). A part with a changed byte
 * must be refused by state_check(), or merge in both directions to the same valid state. */
#include "common/plans.h"

#define ENTRIES_MAX 48 /* enough to compact a tile */
#define PARTS       4

static struct state_scratch *scratch;
static struct state together, merged, parts[PARTS];
static struct buffer bytes_of_other, damaged;
static struct made_entry entries[ENTRIES_MAX];

void target_start(void) {
    plans_start();
    scratch = state_scratch_new();
    buffer_init(&bytes_of_other);
    buffer_init(&damaged);
}

static void apply(struct state *state, const struct entity_plan *entity,
                  const struct entry *entry) {
    state_apply(state, entity, entity->lateness_us, entry);
}

static void merge(struct state *state, const struct entity_plan *entity,
                  const struct state *other) {
    struct text encoded = plans_encode(entity, other, &bytes_of_other);
    state_merge(state, entity, entity->lateness_us, encoded.data, encoded.length);
}

static void must_be_same(const struct entity_plan *entity, const struct state *a,
                         const struct state *b, const char *what) {
    property(plans_same(entity, a, b), "%s: other bytes than expected", what);
}

static void read_newest(const struct state *state, const struct entity_plan *entity) {
    static struct value values[PLAN_FEATURES_MAX];
    int64_t newest_us = 0;
    uint64_t held;
    struct text encoded = plans_encode(entity, state, &bytes_of_other);
    state_extent(state, entity, &newest_us, &held);
    int r = state_read(encoded.data, encoded.length, entity, entity->lateness_us, newest_us, NULL,
                       scratch, values);
    property(r == 0, "a read at the newest time is late");
}

static void fold_backwards(const struct entity_plan *entity, size_t count) {
    state_deinit(&merged);
    for (size_t i = count; i-- > 0;)
        apply(&merged, entity, &entries[i].entry);
    must_be_same(entity, &together, &merged, "the opposite order");
}

static void fold_apart(const struct entity_plan *entity, size_t count) {
    for (size_t i = 0; i < PARTS; i++)
        state_deinit(&parts[i]);
    for (size_t i = 0; i < count; i++)
        apply(&parts[entries[i].part], entity, &entries[i].entry);
}

static void merge_in_turn(const struct entity_plan *entity) {
    state_deinit(&merged);
    for (size_t i = 0; i < PARTS; i++)
        merge(&merged, entity, &parts[i]);
    must_be_same(entity, &together, &merged, "parts merged");
}

static void merge_as_tree(const struct entity_plan *entity) {
    merge(&parts[3], entity, &parts[2]);
    merge(&parts[1], entity, &parts[0]);
    merge(&parts[3], entity, &parts[1]);
    must_be_same(entity, &together, &parts[3], "parts merged as a tree");
}

/* A changed byte may give another valid state, which must then behave like one. */
static void merge_damaged(const struct entity_plan *entity, uint8_t change, uint16_t where) {
    struct error error;
    size_t i = 0;
    while (i < PARTS && state_is_empty(&parts[i]))
        i++;
    if (i == PARTS || change == 0)
        return;
    size_t length = plans_encode(entity, &parts[i], &damaged).length;
    damaged.bytes[where % length] ^= change;
    if (state_check(damaged.bytes, length, entity, &error) < 0) {
        property((error.code == ERROR_DAMAGED || error.code == ERROR_UNSUPPORTED) && error.text[0],
                 "refused as %s: %s", error_code_name(error.code), error.text);
        return;
    }
    const struct state *other = &parts[(i + 1) % PARTS];
    state_assign(&merged, entity, damaged.bytes, length);
    merge(&merged, entity, other);
    plans_must_be_state(entity, &merged, "changed and merged");
    read_newest(&merged, entity);
    struct text encoded = plans_encode(entity, other, &bytes_of_other);
    state_assign(&together, entity, encoded.data, encoded.length);
    state_merge(&together, entity, entity->lateness_us, damaged.bytes, length);
    must_be_same(entity, &merged, &together, "changed and merged the other way round");
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct cursor cursor = cursor_of(bytes, size);
    const struct entity_plan *entity = plans_at(cursor_u8(&cursor));
    uint8_t how = cursor_u8(&cursor), change = cursor_u8(&cursor);
    uint16_t where = cursor_u8(&cursor);
    where = (uint16_t)(where | cursor_u8(&cursor) << 8);
    size_t count =
        plans_make_entries(entity, &cursor, 0, INT64_C(1) << (how & 63) % 48, ENTRIES_MAX, entries);
    state_deinit(&together);
    for (size_t i = 0; i < count; i++)
        apply(&together, entity, &entries[i].entry);
    plans_must_be_state(entity, &together, "entries folded");
    if (!state_is_empty(&together))
        read_newest(&together, entity);
    if (how >> 6 == 0) {
        fold_backwards(entity, count);
        return count > 0;
    }
    fold_apart(entity, count);
    if (how >> 6 == 1)
        merge_in_turn(entity);
    else if (how >> 6 == 2)
        merge_as_tree(entity);
    else
        merge_damaged(entity, change, where);
    return count > 0;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct chance chance = {.state = 2};
    struct buffer seed;
    buffer_init(&seed);
    for (unsigned i = 0; i < 12 * PLANS_COUNT; i++) {
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)(i % PLANS_COUNT));
        buffer_append_u8(&seed, (uint8_t)(chance_below(&chance, 32) | (i / PLANS_COUNT) << 6));
        plans_random_script(&chance, 3 + (8u << chance_below(&chance, 6)), &seed);
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}
