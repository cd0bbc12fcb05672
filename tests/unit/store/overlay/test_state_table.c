/* Held states: each one that was added is found and no other, while the table grows, with probing
 * paths that wrap around the end of a leaf, and with hashes that all map to the same slots or the
 * same leaf. */
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/plan/finish.h"
#include "core/store/overlay/state_table.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT    20000u
#define ENTITIES 3

/* With it the lower half of what it is multiplied by says which slot is wanted, where the upper
 * half is zeros. */
#define PLAIN_FACTOR (UINT64_C(1) << 32 | 1)

/* Slots that are wanted, whatever the table's size: the lower half. */
typedef uint64_t wanted_slot(uint64_t number);

static uint64_t anywhere(uint64_t number) {
    return hash64(&number, sizeof number, 3);
}

/* The last ones of every table, so that runs go around its end. */
static uint64_t at_the_end(uint64_t number) {
    return UINT64_MAX - anywhere(number) % 40;
}

static uint64_t around_the_end(uint64_t number) {
    return anywhere(number) % 64 - 32;
}

/* Few slots for many, and the same ones after every doubling but for one bit. */
static uint64_t crowded(uint64_t number) {
    return anywhere(number) & UINT64_C(0xfffffffffffff00f);
}

/* All of them in one leaf, however many bits of the hash lead to one: it grows by itself. */
static uint64_t one_leaf(uint64_t number) {
    return anywhere(number) & 0x3fff;
}

struct crowd {
    wanted_slot *wanted;
    uint32_t count;
};

/* What states in the table.c makes a slot of is the hash and the entity; here it comes out as
 * wanted. */
static uint64_t key_hash_of(wanted_slot *wanted, size_t entity, uint64_t number) {
    return (wanted(number) & UINT32_MAX) ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct text key_of(uint64_t number, char bytes[24]) {
    int length = snprintf(bytes, 24, "k%" PRIu64, number);
    return (struct text){.data = bytes, .length = (size_t)length};
}

static struct held_state *find(const struct state_table *state_table, wanted_slot *wanted,
                               uint64_t number) {
    char bytes[24];
    size_t entity = number % ENTITIES;
    return state_table_find(state_table, entity, key_of(number, bytes),
                            key_hash_of(wanted, entity, number));
}

static struct held_state *add(struct state_table *state_table, wanted_slot *wanted,
                              uint64_t number) {
    char bytes[24];
    size_t entity = number % ENTITIES;
    return state_table_add(state_table, entity, key_of(number, bytes),
                           key_hash_of(wanted, entity, number));
}

static void check_all(const struct state_table *state_table, wanted_slot *wanted,
                      struct held_state *const *added, uint64_t count) {
    assert_int_equal(state_table->count, count);
    for (uint64_t i = 0; i < count; i++)
        assert_ptr_equal(find(state_table, wanted, i), added[i]);
    for (uint64_t i = count; i < count + 50; i++)
        assert_null(find(state_table, wanted, i));
}

/* Each once, in order. */
static void check_sorted(const struct state_table *state_table) {
    struct held_state **sorted = state_table_sorted(state_table);
    for (size_t i = 1; i < state_table->count; i++) {
        assert_true(sorted[i - 1]->entity <= sorted[i]->entity);
        if (sorted[i - 1]->entity == sorted[i]->entity)
            assert_true(text_compare(held_state_key(sorted[i - 1]), held_state_key(sorted[i])) < 0);
    }
    free(sorted);
}

static void test_grows(void **state) {
    const struct crowd *crowd = *state;
    struct state_table state_table = {.factor = PLAIN_FACTOR};
    struct held_state **added = calloc(crowd->count, sizeof(struct held_state *));
    assert_non_null(added);
    assert_null(find(&state_table, crowd->wanted, 0));
    for (uint64_t i = 0; i < crowd->count; i++) {
        size_t capacity = state_table.hash_leaves.capacity;
        added[i] = add(&state_table, crowd->wanted, i);
        if (state_table.hash_leaves.capacity != capacity) /* it has just grown */
            check_all(&state_table, crowd->wanted, added, i + 1);
        assert_true(4 * state_table.count <= 3 * state_table.hash_leaves.capacity);
    }
    check_all(&state_table, crowd->wanted, added, crowd->count);
    check_sorted(&state_table);
    assert_true(state_table.hash_leaves.capacity > 1024);
    free(added);
    state_table_deinit(&state_table);
}

/* Keys that fill a block, or do not fit one, the first of all among them. */
static void test_long_keys(void **state) {
    static const size_t lengths[] = {300000, 1, 262000, 0, 128, 262144, 5, 70000, 524288, 17};
    enum { LENGTHS = sizeof lengths / sizeof *lengths, KEYS = 60 };
    struct state_table state_table = {0};
    struct held_state *added[KEYS];
    char *bytes = check_malloc(524288);
    (void)state;
    memset(bytes, 'x', 524288);
    for (uint32_t i = 0; i < 2 * KEYS; i++) { /* all are added, then all are found */
        uint32_t number = i % KEYS;
        struct text key = {.data = bytes, .length = lengths[number % LENGTHS]};
        for (size_t at = 0; at < key.length && at < sizeof number; at++)
            bytes[at] = (char)(number >> (8 * at));
        size_t entity = number; /* short keys may be equal */
        if (i < KEYS)
            added[number] = state_table_add(&state_table, entity, key, hash_text(key));
        else
            assert_ptr_equal(state_table_find(&state_table, entity, key, hash_text(key)),
                             added[number]);
        struct text kept = held_state_key(added[number]);
        assert_int_equal(kept.length, key.length);
        assert_memory_equal(kept.data ? kept.data : "", key.data, key.length);
    }
    free(bytes);
    state_table_deinit(&state_table);
}

/* Blocks of 256 KiB; the rest of 32 GiB is only counted here. */
static void test_room(void **state) {
    (void)state;
    struct state_table state_table = {.factor = PLAIN_FACTOR};
    assert_int_equal(state_table_percent(&state_table), 0);
    for (uint64_t i = 0; i < COUNT; i++)
        add(&state_table, anywhere, i);
    assert_in_range(state_table.block_count, 2, 50);
    assert_int_equal(state_table_percent(&state_table), 0);
    size_t blocks = state_table.block_count;
    state_table.block_count = ((size_t)24 << 30) / (256 << 10);
    assert_int_equal(state_table_percent(&state_table), 75);
    state_table.block_count = ((size_t)32 << 30) / (256 << 10);
    assert_int_equal(state_table_percent(&state_table), 100);
    state_table.block_count = blocks;
    state_table_deinit(&state_table);
}

enum { CHOSEN = 2000, CHOSEN_SLOTS = 4096 };

/* The longest row of taken slots, of as many as were chosen, in one leaf. */
static size_t longest_row(const struct state_table *state_table) {
    assert_int_equal(state_table->count, CHOSEN);
    assert_int_equal(state_table->hash_leaves.capacity, CHOSEN_SLOTS);
    const struct held_state_slot *slots = state_table->hash_leaves.list[0].slots;
    size_t run = 0, longest = 0;
    for (size_t i = 0; i < CHOSEN_SLOTS; i++) {
        run = slots[i].place ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Keys that a client could choose do not end up side by side: in almost none of many tables, each
 * with a secret of its own. For each chosen key there are some secrets that suit it, 3 of 1,000 for
 * those that are chosen worst; they are the same in every run, so this test's are. */
static void assert_spread(void (*choose)(struct state_table *state_table)) {
    enum { TABLES = 200 };
    size_t clustered = 0;
    for (uint64_t secret = 1; secret <= TABLES; secret++) {
        struct state_table state_table = {.factor = hash64(&secret, sizeof secret, 0) | 1};
        choose(&state_table);
        clustered += longest_row(&state_table) >= CHOSEN / 10;
        state_table_deinit(&state_table);
    }
    assert_in_range(clustered, 0, TABLES / 50);
}

/* Their hashes have equal lower bits. */
static void choose_keys(struct state_table *state_table) {
    char bytes[24];
    static uint64_t found[CHOSEN];
    for (uint64_t number = 0, count = 0; found[CHOSEN - 1] == 0; number++)
        if (((hash_text(key_of(number, bytes)) ^ UINT64_C(0x9e3779b97f4a7c15)) &
             (CHOSEN_SLOTS - 1)) == 0)
            found[count++] = number;
    for (size_t i = 0; i < CHOSEN; i++) {
        struct text key = key_of(found[i], bytes);
        state_table_add(state_table, 0, key, hash_text(key));
    }
}

static void test_chosen_keys(void **state) {
    (void)state;
    assert_spread(choose_keys);
}

/* Their hashes end alike in more bits than a product hands down, of which there are many however
 * large the table is. */
static void choose_hashes(struct state_table *state_table) {
    char bytes[24];
    for (uint64_t number = 0; number < CHOSEN; number++)
        state_table_add(state_table, 0, key_of(number, bytes),
                        number << 45 ^ UINT64_C(0x9e3779b97f4a7c15));
}

static void test_chosen_hashes(void **state) {
    (void)state;
    assert_spread(choose_hashes);
}

/* A table that is given no secret takes one of its own, from where it lies. */
static void test_own_secret(void **state) {
    (void)state;
    struct state_table one = {0}, other = {0};
    add(&one, anywhere, 1);
    add(&other, anywhere, 1);
    assert_int_equal(one.factor & other.factor & 1, 1);
    assert_int_not_equal(one.factor, other.factor);
    state_table_deinit(&one);
    state_table_deinit(&other);
}

/* However many there are, adding one deals out one leaf at most: answers wait for it. Seen by what
 * is added to the slots. */
static void test_adds_in_bounded_work(void **state) {
    (void)state;
    enum { MANY = 400000 };
    struct state_table state_table = {.factor = PLAIN_FACTOR};
    size_t most = 0, grown = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        size_t capacity = state_table.hash_leaves.capacity,
               hash_leaves = state_table.hash_leaves.leaf_count;
        add(&state_table, anywhere, i);
        size_t more = state_table.hash_leaves.capacity - capacity;
        most = more > most ? more : most;
        grown += hash_leaves != state_table.hash_leaves.leaf_count;
        assert_true(state_table.hash_leaves.leaf_count - hash_leaves <= 1);
    }
    assert_int_equal(most, LEAF_BYTES / sizeof(struct held_state_slot));
    assert_in_range(grown, 50, 200);
    state_table_deinit(&state_table);
}

/* A cursor passes everyone once, in the order they were added, also who comes while it is under
 * way. */
static void test_cursor(void **state) {
    (void)state;
    struct state_table state_table = {.factor = PLAIN_FACTOR};
    struct state_table_cursor cursor = {0};
    struct held_state **added = calloc(COUNT, sizeof(struct held_state *));
    assert_non_null(added);
    assert_null(state_table_next(&state_table, &cursor));
    for (uint64_t i = 0, passed = 0; i < COUNT; i++) {
        added[i] = add(&state_table, anywhere, i);
        while (passed <= i && (i % 1000 == 0 || i == COUNT - 1))
            assert_ptr_equal(state_table_next(&state_table, &cursor), added[passed++]);
        if (passed == i + 1) {
            assert_null(state_table_next(&state_table, &cursor));
            assert_null(state_table_next(&state_table, &cursor));
        }
    }
    free(added);
    state_table_deinit(&state_table);
}

/* ---- in a heap ---- */

struct extents {
    struct heap_source source; /* first */
    void *extents[2000];
    size_t count;
};

static void *give_extent(struct heap_source *self) {
    struct extents *extents = (struct extents *)self;
    check(extents->count < 2000);
    void *extent = aligned_alloc(HEAP_EXTENT_SIZE, HEAP_EXTENT_SIZE);
    check(extent);
    return extents->extents[extents->count++] = extent;
}

/* The last of a text within so long that hundreds of entries stay as they are. */
static void make_plan(struct plan *plan, struct entity_plan *entity) {
    static struct column columns[] = {{TEXT_LITERAL("text"), COLUMN_TEXT, VALUE_TEXT, 0}};
    static struct feature features[] = {{.name = TEXT_LITERAL("last"),
                                         .aggregate = AGGREGATE_LAST,
                                         .column = 0,
                                         .filter = -1,
                                         .part = -1,
                                         .window_us = INT64_C(1) << 42}};
    struct error error;
    *entity = (struct entity_plan){.name = TEXT_LITERAL("card"),
                                   .key = TEXT_LITERAL("card"),
                                   .columns = columns,
                                   .column_count = 1,
                                   .features = features,
                                   .feature_count = 1};
    *plan = (struct plan){.entities = entity, .entity_count = 1};
    if (plan_finish(plan, &error) < 0)
        fail_msg("%s", error.text);
}

/* As many entries as the round and the number say; some states are longer than a heap's blocks. */
static void fill_state(struct state *state, const struct entity_plan *entity, uint64_t number,
                       uint64_t round) {
    static const char text[COLUMN_TEXT_MAX] = "Zaragoza, Calle de Alfonso";
    uint64_t bits = number * UINT64_C(0x9e3779b97f4a7c15) + round * UINT64_C(0xbf58476d1ce4e5b9);
    uint64_t count = number % 1000 == 0 ? bits >> 40 & 0x3ff : bits >> 40 & 7;
    for (uint64_t i = 0; i < count; i++) {
        const struct entry entry = {.time_us = (int64_t)i << 32,
                                    .id_hash = bits + i,
                                    .transaction = true,
                                    .present = 1,
                                    .texts = {{.data = text, .length = bits >> 50 & 63}}};
        state_apply(state, entity, entity->lateness_us, &entry);
    }
}

static void fill_states(const struct state_table *state_table, const struct entity_plan *entity,
                        uint64_t count, uint64_t round) {
    for (uint64_t i = 0; i < count; i++) {
        struct state *state = &find(state_table, anywhere, i)->state;
        state_deinit(state);
        fill_state(state, entity, i, round);
    }
}

static bool are_same(const struct state *a, const struct state *b, const struct entity_plan *entity,
                     struct buffer *scratch) {
    buffer_clear(scratch);
    state_encode(a, entity, scratch);
    size_t length = scratch->length;
    state_encode(b, entity, scratch);
    return scratch->length == 2 * length &&
           (length == 0 || memcmp(scratch->bytes, scratch->bytes + length, length) == 0);
}

/* Each is what it is outside a heap. Returns the memory of the largest. */
static size_t check_states(const struct state_table *state_table, const struct entity_plan *entity,
                           uint64_t count, uint64_t round) {
    size_t most = 0;
    struct buffer scratch;
    buffer_init(&scratch);
    for (uint64_t i = 0; i < count; i++) {
        const struct state *state = &find(state_table, anywhere, i)->state;
        struct state expected = {0};
        fill_state(&expected, entity, i, round);
        if (!are_same(state, &expected, entity, &scratch))
            fail_msg("state %" PRIu64 " of round %" PRIu64, i, round);
        most = state_memory(state) > most ? state_memory(state) : most;
        state_deinit(&expected);
    }
    buffer_deinit(&scratch);
    return most;
}

/* So many that their slots are leaves in the heap; their states grow and shrink. */
static void test_in_a_heap(void **state) {
    (void)state;
    enum { MANY = 230000, ROUNDS = 3 };
    struct plan plan;
    struct entity_plan entity;
    make_plan(&plan, &entity);
    struct extents extents = {.source = {.extent = give_extent}};
    struct heap heap;
    heap_init(&heap, &extents.source);
    struct state_table state_table = {.hash_leaves.heap = &heap, .factor = PLAIN_FACTOR};
    for (uint64_t i = 0; i < MANY; i++)
        add(&state_table, anywhere, i);
    assert_in_range(state_table.hash_leaves.leaf_count, MANY * 4 / 3 / 8192, MANY * 4 / 8192);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        fill_states(&state_table, &entity, MANY, round);
        assert_true(check_states(&state_table, &entity, MANY, round) > HEAP_BLOCK_MAX);
    }
    static char key[HEAP_EXTENT_SIZE]; /* longer than an extent's room: beside the heap */
    struct text text = {.data = key, .length = sizeof key};
    struct held_state *long_one = state_table_add(&state_table, 0, text, 7);
    fill_state(&long_one->state, &entity, 7, 0);
    assert_ptr_equal(state_table_find(&state_table, 0, text, 7), long_one);
    check_states(&state_table, &entity, MANY, ROUNDS - 1);
    state_table_deinit(&state_table);
    for (size_t i = 0; i < extents.count; i++)
        free(extents.extents[i]);
}

int main(void) {
    static const struct crowd uniform = {anywhere, COUNT}, end = {at_the_end, 4000},
                              around = {around_the_end, 4000}, few = {crowded, COUNT / 4},
                              together = {one_leaf, 30000}, alike = {at_the_end, 7000};
    const struct CMUnitTest tests[] = {
        {"grows", test_grows, NULL, NULL, (void *)&uniform},
        {"grows, slots at the end", test_grows, NULL, NULL, (void *)&end},
        {"grows, slots around the end", test_grows, NULL, NULL, (void *)&around},
        {"grows, few slots", test_grows, NULL, NULL, (void *)&few},
        {"grows, one leaf", test_grows, NULL, NULL, (void *)&together},
        {"grows, more in 40 slots than a leaf takes", test_grows, NULL, NULL, (void *)&alike},
        cmocka_unit_test(test_adds_in_bounded_work),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_chosen_keys),
        cmocka_unit_test(test_chosen_hashes),
        cmocka_unit_test(test_own_secret),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_in_a_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
