/* Target: any bytes as an entity's state.
 *
 *   input  u8 plan, u8 seed for the times, reads and entries below, then the state's bytes
 *
 * state_check() must refuse the bytes as damaged, or they must behave like any other state: reading
 * is safe and gives the same values twice, also of the state in memory; adding an entry and merging
 * a state of that entry give the same bytes in either order; and the results pass state_check()
 * again. */
#include "common/plans.h"

#include "core/feature/state/bulk.h"

#define ENTRIES_MAX 64
#define SEED_BYTES  900

static struct state_scratch *scratch, *other_scratch;
static struct bulk *bulk;
static struct state applied, merged, merged_back, single;
static struct buffer single_bytes;
static struct made_entry entries[ENTRIES_MAX];

void target_start(void) {
    plans_start();
    scratch = state_scratch_new();
    other_scratch = state_scratch_new();
    bulk = bulk_new();
    buffer_init(&single_bytes);
}

/* Reading. */

static void check_values(const struct value *values, const struct entity_plan *entity) {
    for (size_t i = 0; i < entity->feature_count; i++)
        property(values[i].type == VALUE_ABSENT ||
                     values[i].type == feature_value_type(entity, &entity->features[i]),
                 "feature %zu, a %s, is %s", i, aggregate_name(entity->features[i].aggregate),
                 value_type_name(values[i].type));
}

/* The second time from the state in memory, `applied`, whose windows are kept from read to read. */
static void read_at(const uint8_t *bytes, size_t length, const struct entity_plan *entity,
                    int64_t at_us, const struct entry *current) {
    static struct value values[PLAN_FEATURES_MAX], again[PLAN_FEATURES_MAX];
    int r = state_read(bytes, length, entity, entity->lateness_us, at_us, current, scratch, values);
    property(r == 0 || r == 1, "state_read() returned %d", r);
    check_values(values, entity);
    property(state_evaluate(&applied, entity, entity->lateness_us, at_us, current, other_scratch,
                            again) == r,
             "state_evaluate() does not return %d", r);
    for (size_t i = 0; i < entity->feature_count; i++)
        property(value_equal(values[i], again[i]), "feature %zu has another value in memory", i);
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
    property(encoded_extent(bytes, length, &newest_us, &held) == (length > 0), "its extent");
    int64_t applied_newest_us = 0;
    uint64_t applied_held = 0;
    state_assign(&applied, entity, bytes, length);
    state_extent(&applied, entity, &applied_newest_us, &applied_held);
    property(applied_newest_us == newest_us && applied_held == held, "its extent in memory");
    property(length == 0 || held > 0, "a state without entries is not empty");
    read_at(bytes, length, entity, newest_us, NULL);
    int64_t at_us = time_near(newest_us, entity, chance);
    read_at(bytes, length, entity, at_us, NULL);
    struct entry now = *current;
    now.time_us = at_us;
    read_at(bytes, length, entity, at_us, &now);
    for (size_t i = 0; i < entity->feature_count; i++) {
        struct effective_window window = state_effective_window(&applied, entity, i, at_us);
        property(window.after_us <= window.until_us,
                 "feature %zu has a window that ends before it begins", i);
    }
    bool idle = encoded_is_idle(bytes, length, entity, entity->lateness_us, at_us);
    property(state_is_idle(&applied, entity, entity->lateness_us, at_us) == idle,
             "idle in memory, or as bytes");
    property(length > 0 || idle, "an empty state is not idle");
}

/* Adding entries. */

static void add_entry(const uint8_t *bytes, size_t length, const struct entity_plan *entity,
                      const struct entry *entry) {
    int64_t lateness_us = entity->lateness_us;
    state_assign(&applied, entity, bytes, length);
    state_apply(&applied, entity, lateness_us, entry);
    plans_must_be_state(entity, &applied, "an entry added");
    state_deinit(&single);
    state_apply(&single, entity, lateness_us, entry);
    struct text one = plans_encode(entity, &single, &single_bytes);
    state_assign(&merged, entity, bytes, length);
    state_merge(&merged, entity, lateness_us, one.data, one.length);
    property(plans_same(entity, &applied, &merged), "adding an entry differs from merging it");
    state_assign(&merged_back, entity, one.data, one.length);
    state_merge(&merged_back, entity, lateness_us, bytes, length);
    property(plans_same(entity, &merged, &merged_back),
             "merging the other way round gives other bytes");
    /* Apply again: the windows and what else the first call left in memory must still be right. */
    state_apply(&applied, entity, lateness_us, entry);
    state_merge(&merged, entity, lateness_us, one.data, one.length);
    property(plans_same(entity, &applied, &merged),
             "adding an entry twice differs from merging it twice");
    plans_must_be_state(entity, &applied, "an entry added twice");
}

/* Neither decoding nor folding with nothing changes anything. */
static void stays_as_it_is(const uint8_t *bytes, size_t length, const struct entity_plan *entity) {
    struct text state = {.data = (const char *)bytes, .length = length};
    state_assign(&applied, entity, bytes, length);
    property(text_equal(plans_encode(entity, &applied, &single_bytes), state),
             "decoded and encoded again, the state has other bytes");
    struct text folded = bulk_fold(bulk, entity, entity->lateness_us, state, NULL, 0);
    property(text_equal(folded, state), "folding the state with nothing gives other bytes");
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
        property((error.code == ERROR_DAMAGED || error.code == ERROR_UNSUPPORTED) && error.text[0],
                 "refused as %s: %s", error_code_name(error.code), error.text);
        return false;
    }
    property(length == 0 || entity->reach_us > 0, "a state of a plan that keeps nothing");
    int64_t newest_us = 0;
    uint64_t held;
    encoded_extent(state, length, &newest_us, &held);
    struct buffer script;
    buffer_init(&script);
    plans_random_script(&chance, 80, &script);
    struct cursor cursor = cursor_of(script.bytes, script.length);
    int64_t at_us = time_near(newest_us, entity, &chance);
    plans_make_entries(entity, &cursor, at_us, 1, 1, entries);
    stays_as_it_is(state, length, entity);
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
        struct text encoded = {0};
        state_deinit(&applied);
        for (size_t j = 0; j < count && encoded.length < SEED_BYTES; j++) {
            state_apply(&applied, entity, entity->lateness_us, &entries[j].entry);
            encoded = plans_encode(entity, &applied, &single_bytes);
        }
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)(i % PLANS_COUNT));
        buffer_append_u8(&seed, (uint8_t)i);
        buffer_append(&seed, encoded.data, encoded.length);
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&script);
    buffer_deinit(&seed);
}
