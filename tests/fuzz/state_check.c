/* Target: any bytes as an entity's state.
 *
 *   input  u8 plan, u8 seed for the times, reads and entries below, then the state's bytes
 *
 * state_check() must refuse the bytes as damaged, or they must behave like any other state: reading
 * is safe and gives the same values twice; adding an entry and merging a state of that entry give
 * the same bytes in either order; and the results pass state_check() again. */
#include "plans.h"

#include "core/feature/plan/fold.h"
#include "core/feature/state/tile.h"

#define ENTRIES_MAX 64
#define SEED_BYTES  900

static struct state_scratch *scratch;
static struct state applied, merged, merged_back, single;
static struct made_entry entries[ENTRIES_MAX];

void target_start(void) {
    plans_start();
    scratch = state_scratch_new();
}

static void must_be_state(const struct state *state, const struct entity_plan *entity,
                          const char *what) {
    struct error error;
    property(state_check(state->bytes, state->length, entity, &error) == 0, "%s: %s", what,
             error.text);
}

static bool same_bytes(const struct state *a, const struct state *b) {
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static void merge_into(struct state *state, const struct entity_plan *entity, const struct state *a,
                       const struct state *b) {
    state_assign(state, a->bytes, a->length);
    state_merge(state, entity, entity->lateness_us, b->bytes, b->length);
}

/* Reading. */

static void check_values(const struct value *values, const struct entity_plan *entity) {
    for (size_t i = 0; i < entity->feature_count; i++)
        property(values[i].type == VALUE_ABSENT ||
                     values[i].type == feature_value_type(entity, &entity->features[i]),
                 "feature %zu, a %s, is %s", i, aggregate_name(entity->features[i].aggregate),
                 value_type_name(values[i].type));
}

static void read_at(const uint8_t *bytes, size_t length, const struct entity_plan *entity,
                    int64_t at_us, const struct entry *current) {
    static struct value values[PLAN_FEATURES_MAX], again[PLAN_FEATURES_MAX];
    int r = state_read(bytes, length, entity, entity->lateness_us, at_us, current, scratch, values);
    property(r == 0 || r == 1, "state_read() returned %d", r);
    check_values(values, entity);
    state_read(bytes, length, entity, entity->lateness_us, at_us, current, scratch, again);
    for (size_t i = 0; i < entity->feature_count; i++)
        property(value_equal(values[i], again[i]), "feature %zu has another value the second time",
                 i);
}

/* Times where errors are likely: near the newest entry and the edges of windows; also any time. */
static int64_t time_near(int64_t newest_us, const struct entity_plan *entity,
                         struct chance *chance) {
    uint64_t at = (uint64_t)newest_us;
    uint64_t steps[] = {0,
                        1,
                        (uint64_t)entity->lateness_us,
                        (uint64_t)entity->reach_us,
                        (uint64_t)entity->reach_us / 2,
                        chance_next(chance) >> chance_below(chance, 64)};
    uint64_t step = steps[chance_below(chance, sizeof steps / sizeof *steps)];
    at = chance_below(chance, 2) ? at + step : at - step;
    return (int64_t)at;
}

static void read_all(const uint8_t *bytes, size_t length, const struct entity_plan *entity,
                     const struct entry *current, struct chance *chance) {
    int64_t newest_us = 0;
    uint64_t held = 0;
    property(state_extent(bytes, length, &newest_us, &held) == (length > 0), "its extent");
    property(length == 0 || held > 0, "a state without entries is not empty");
    read_at(bytes, length, entity, newest_us, NULL);
    int64_t at_us = time_near(newest_us, entity, chance);
    read_at(bytes, length, entity, at_us, NULL);
    struct entry now = *current;
    now.time_us = at_us;
    read_at(bytes, length, entity, at_us, &now);
    for (size_t i = 0; i < entity->feature_count; i++) {
        struct effective_window window = state_effective_window(bytes, length, entity, i, at_us);
        property(window.after_us <= window.until_us,
                 "feature %zu has a window that ends before it begins", i);
    }
    bool idle = state_is_idle(bytes, length, entity, entity->lateness_us, at_us);
    property(length > 0 || idle, "an empty state is not idle");
}

/* Adding entries. */

static void add_entry(const uint8_t *bytes, size_t length, const struct entity_plan *entity,
                      const struct entry *entry) {
    state_assign(&applied, bytes, length);
    state_apply(&applied, entity, entity->lateness_us, entry);
    must_be_state(&applied, entity, "an entry added");
    state_assign(&single, NULL, 0);
    state_apply(&single, entity, entity->lateness_us, entry);
    state_assign(&merged, bytes, length);
    state_merge(&merged, entity, entity->lateness_us, single.bytes, single.length);
    property(same_bytes(&applied, &merged), "adding an entry differs from merging it");
    state_assign(&merged_back, single.bytes, single.length);
    state_merge(&merged_back, entity, entity->lateness_us, bytes, length);
    property(same_bytes(&merged, &merged_back), "merging the other way round gives other bytes");
    /* Apply again: the index that the first call left in the state must still be right. */
    state_apply(&applied, entity, entity->lateness_us, entry);
    merge_into(&merged_back, entity, &merged, &single);
    property(same_bytes(&applied, &merged_back),
             "adding an entry twice differs from merging it twice");
    must_be_state(&applied, entity, "an entry added twice");
}

static void fold_again(const uint8_t *bytes, size_t length, const struct entity_plan *entity) {
    struct buffer folded;
    buffer_init(&folded);
    fold_states(entity, NULL, 0, bytes, length, &folded);
    property(folded.length == length && (length == 0 || memcmp(folded.bytes, bytes, length) == 0),
             "folding the state with nothing gives other bytes");
    buffer_deinit(&folded);
}

/* Raw entries have one canonical encoding. Folding and merging copy their bytes, so another
 * encoding would go unnoticed there. */
static void encode_again(const uint8_t *bytes, size_t length, const struct entity_plan *entity) {
    struct parts parts = parts_of(bytes, length);
    struct run run = parts_run(&parts, entity);
    struct run_entry stored;
    struct entry entry;
    uint8_t encoded[RUN_ENTRY_SIZE_MAX];
    while (run_next(&run, &stored)) {
        entry.id_hash = 0;
        for (int i = 0; i < 8; i++)
            entry.id_hash = entry.id_hash << 8 | stored.identity[i];
        entry.present = stored.present;
        memcpy(entry.integers, stored.integers, sizeof entry.integers);
        memcpy(entry.texts, stored.texts, sizeof entry.texts);
        uint8_t *end = run_put_identity(entity, &entry, encoded);
        end = run_put_tally(entity, stored.transactions, stored.weights, end);
        property(end - encoded == stored.end - stored.identity &&
                     memcmp(encoded, stored.identity, (size_t)(end - encoded)) == 0,
                 "an entry is not in its canonical encoding");
    }
    property(!run.cursor.failed, "a run that cannot be read");
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct error error;
    if (size < 2)
        return false;
    const struct entity_plan *entity = plans_at(bytes[0]);
    struct chance chance = {.state = bytes[1]};
    const uint8_t *state = bytes + 2;
    size_t length = size - 2;
    if (state_check(state, length, entity, &error) < 0) {
        property(error.code == ERROR_DAMAGED && error.text[0], "refused as %s: %s",
                 error_code_name(error.code), error.text);
        return false;
    }
    property(length == 0 || entity->reach_us > 0, "a state of a plan that keeps nothing");
    int64_t newest_us = 0;
    uint64_t held;
    state_extent(state, length, &newest_us, &held);
    struct buffer script;
    buffer_init(&script);
    plans_random_script(&chance, 80, &script);
    struct cursor cursor = cursor_of(script.bytes, script.length);
    int64_t at_us = time_near(newest_us, entity, &chance);
    plans_make_entries(entity, &cursor, at_us, 1, 1, entries);
    if (length > 0) {
        encode_again(state, length, entity);
        fold_again(state, length, entity);
    }
    read_all(state, length, entity, &entries[0].entry, &chance);
    add_entry(state, length, entity, &entries[0].entry);
    buffer_deinit(&script);
    return true;
}

/* States of all plans, from few entries to so many that tiles are compacted. */
void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct chance chance = {.state = 1};
    struct buffer script, seed;
    buffer_init(&script);
    buffer_init(&seed);
    for (unsigned i = 0; i < 12 * PLANS_COUNT; i++) {
        const struct entity_plan *entity = plans_at(i);
        buffer_clear(&script);
        plans_random_script(&chance, 8u << chance_below(&chance, 6), &script);
        struct cursor cursor = cursor_of(script.bytes, script.length);
        size_t count = plans_make_entries(entity, &cursor, 0, entity->reach_us / 200 + 1,
                                          ENTRIES_MAX, entries);
        struct state state;
        state_init(&state);
        for (size_t j = 0; j < count && state.length < SEED_BYTES; j++)
            state_apply(&state, entity, entity->lateness_us, &entries[j].entry);
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)(i % PLANS_COUNT));
        buffer_append_u8(&seed, (uint8_t)i);
        buffer_append(&seed, state.bytes, state.length);
        seeds->add(seeds, seed.bytes, seed.length);
        state_deinit(&state);
    }
    buffer_deinit(&script);
    buffer_deinit(&seed);
}
