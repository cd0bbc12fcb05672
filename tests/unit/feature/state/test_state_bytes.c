/* The encoding: states whose bytes are kept in tests/golden/state_v3.txt, those of the version
 * before, and what state_check() says to bytes that are no state.
 *
 * usage: test_feature_state_bytes GOLDEN-FILE GOLDEN-FILE-OF-VERSION-2 | --print
 * --print writes what the golden file should hold. Old lines of that file never change: states are
 * stored, and a changed encoding is a new version with a file of its own. */
#include "core/base/buffer.h"
#include "core/feature/read/place.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <unistd.h>

#define LATENESS  (3600 * SECOND)
#define HEAD_SIZE 27 /* state.c's layout, restated on purpose */

static const char *golden_path, *golden_path_v2;

static void init_plan(struct scene *scene) {
    scene_init(scene, LATENESS);
    scene_add(scene, AGGREGATE_COUNT, -1, -1, -1, 86400 * SECOND, 0);
    scene_add(scene, AGGREGATE_MEAN, SCENE_AMOUNT, -1, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_SHARE, -1, -1, SCENE_IS_FRAUD, 86400 * SECOND, 3600 * SECOND);
    scene_add(scene, AGGREGATE_STDDEV, SCENE_ITEMS, SCENE_IS_ONLINE, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_MAX, SCENE_AMOUNT, -1, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_SECONDS_SINCE_LAST, -1, SCENE_IS_DEAR, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_DISTINCT, SCENE_AMOUNT, -1, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, SCENE_NOT_LEGIT, -1, 3600 * SECOND, 0)
        ->q_parts = 9500;
    scene_add(scene, AGGREGATE_SPEED, SCENE_PLACE, -1, -1, 3600 * SECOND, 0);
    scene_add(scene, AGGREGATE_BURST, -1, -1, -1, 86400 * SECOND, 0)->tick_us = 3600 * SECOND;
    scene_finish(scene);
}

static struct payment payment_at(int64_t time_us, uint64_t id_hash) {
    struct payment payment = {.time_us = time_us,
                              .id_hash = id_hash,
                              .present = (1 << SCENE_COLUMNS) - 1,
                              .merchant = "baker"};
    payment.integers[SCENE_AMOUNT] = 1250;
    payment.integers[SCENE_ITEMS] = -3;
    payment.integers[SCENE_ONLINE] = 1;
    payment.integers[SCENE_OPENED] = 1600000000 * SECOND;
    payment.integers[SCENE_PLACE] = place_pack(525200066, 134049540);
    return payment;
}

static void apply_transaction(const struct scene *scene, struct state *state,
                              const struct payment *payment) {
    struct entry entry = scene_transaction(payment);
    scene_apply(scene, state, &entry);
}

/* The states of the golden file, each of what its name says. */

static void make_one(const struct scene *scene, struct state *state) {
    struct payment payment = payment_at(INT64_C(1522540800) * SECOND, 0x0123456789abcdef);
    apply_transaction(scene, state, &payment);
}

static void make_several(const struct scene *scene, struct state *state) {
    make_one(scene, state);
    struct payment payment = payment_at(INT64_C(1522540805) * SECOND + 250, UINT64_MAX);
    payment.integers[SCENE_AMOUNT] = -1;
    payment.integers[SCENE_ONLINE] = 0;
    payment.merchant = "";
    apply_transaction(scene, state, &payment);
    payment.id_hash = 1; /* the same time, in front */
    payment.integers[SCENE_PLACE] = place_pack(-338688197, -1800000000);
    payment.integers[SCENE_AMOUNT] = INT64_C(9999999999999);
    apply_transaction(scene, state, &payment);
}

static void make_missing_columns(const struct scene *scene, struct state *state) {
    struct payment payment = payment_at(INT64_C(1522540800) * SECOND, 7);
    payment.present = 1 << SCENE_AMOUNT;
    apply_transaction(scene, state, &payment);
    payment.id_hash = 8;
    payment.present = 0;
    apply_transaction(scene, state, &payment);
}

static void make_outcome_after(const struct scene *scene, struct state *state) {
    make_one(scene, state);
    struct payment payment = payment_at(INT64_C(1522540800) * SECOND, 0x0123456789abcdef);
    struct entry entry = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
    scene_apply(scene, state, &entry);
}

static void make_outcome_alone(const struct scene *scene, struct state *state) {
    struct payment payment = payment_at(INT64_C(1522540800) * SECOND, 9);
    struct entry entry = scene_outcome(&payment, SCENE_FRAUD, SCENE_LEGIT);
    scene_apply(scene, state, &entry);
}

static void make_twice_the_same(const struct scene *scene, struct state *state) {
    make_one(scene, state);
    make_one(scene, state);
}

static void make_expired(const struct scene *scene, struct state *state) {
    make_several(scene, state);
    struct payment payment =
        payment_at(INT64_C(1522635600) * SECOND, 10); /* 26 h 20 min after the first */
    apply_transaction(scene, state, &payment);
}

static void make_extremes(const struct scene *scene, struct state *state) {
    struct payment payment = payment_at(INT64_MIN, 0);
    payment.integers[SCENE_AMOUNT] = INT64_MIN;
    payment.integers[SCENE_ITEMS] = INT64_MAX;
    apply_transaction(scene, state, &payment);
    payment.time_us += 5 * SECOND;
    payment.id_hash = UINT64_MAX;
    apply_transaction(scene, state, &payment);
}

/* A burst: 3 payments more than a raw tile holds, a second apart, and one an hour before. */
static void make_collapsed(const struct scene *scene, struct state *state) {
    make_one(scene, state);
    for (int i = 0; i < 19; i++) {
        struct payment payment = payment_at((INT64_C(1522544400) + i) * SECOND, (uint64_t)i << 32);
        payment.integers[SCENE_AMOUNT] = 100 * (i % 11 - 4);
        payment.merchant = i % 2 ? "a" : "baker";
        apply_transaction(scene, state, &payment);
    }
}

static void make_outcome_in_collapsed(const struct scene *scene, struct state *state) {
    make_collapsed(scene, state);
    struct payment payment = payment_at(INT64_C(1522544405) * SECOND, UINT64_C(5) << 32);
    payment.integers[SCENE_AMOUNT] = 100;
    payment.merchant = "a";
    struct entry entry = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
    scene_apply(scene, state, &entry);
}

/* More different amounts than a sketch keeps; the tiles before have become one. */
static void make_registers(const struct scene *scene, struct state *state) {
    make_collapsed(scene, state);
    for (int i = 0; i < 100; i++) {
        struct payment payment = payment_at(INT64_C(1522630800) * SECOND + i, (uint64_t)i);
        payment.integers[SCENE_AMOUNT] = i;
        apply_transaction(scene, state, &payment);
    }
}

static const struct golden {
    const char *name;
    void (*make)(const struct scene *scene, struct state *state);
} goldens[] = {
    {"one", make_one},
    {"several", make_several},
    {"missing_columns", make_missing_columns},
    {"outcome_after", make_outcome_after},
    {"outcome_alone", make_outcome_alone},
    {"twice_the_same", make_twice_the_same},
    {"expired", make_expired},
    {"extremes", make_extremes},
    {"collapsed", make_collapsed},
    {"outcome_in_collapsed", make_outcome_in_collapsed},
    {"registers", make_registers},
};
#define GOLDENS (sizeof goldens / sizeof *goldens)

/* The bytes of the state that `make` makes. */
static void encode(const struct scene *scene,
                   void (*make)(const struct scene *scene, struct state *state),
                   struct buffer *bytes) {
    struct state state;
    state_init(&state);
    make(scene, &state);
    buffer_clear(bytes);
    state_encode(&state, &scene->entity, bytes);
    state_deinit(&state);
}

static void print_goldens(void) {
    static struct scene scene;
    struct buffer state;
    buffer_init(&state);
    init_plan(&scene);
    for (size_t i = 0; i < GOLDENS; i++) {
        encode(&scene, goldens[i].make, &state);
        printf("%s ", goldens[i].name);
        for (size_t j = 0; j < state.length; j++)
            printf("%02x", state.bytes[j]);
        printf("\n");
    }
    buffer_deinit(&state);
}

static size_t parse_hex(const char *hex, uint8_t *ret_bytes, size_t size) {
    size_t count = 0;
    for (unsigned byte; count < size && sscanf(hex + 2 * count, "%2x", &byte) == 1; count++)
        ret_bytes[count] = (uint8_t)byte;
    return count;
}

static void assert_golden(const struct scene *scene, const char *name, const uint8_t *bytes,
                          size_t length) {
    const struct golden *golden = NULL;
    for (size_t i = 0; i < GOLDENS; i++)
        if (strcmp(goldens[i].name, name) == 0)
            golden = &goldens[i];
    assert_non_null(golden);
    struct error error;
    if (state_check(bytes, length, &scene->entity, &error) < 0)
        fail_msg("%s: %s", name, error.text);
    if (!scene_is_canonical(scene, bytes, length))
        fail_msg("%s: decoded and encoded again it is different", name);
    struct text golden_bytes = {.data = (const char *)bytes, .length = length};
    struct state state;
    state_init(&state);
    golden->make(scene, &state);
    if (!text_equal(scene_encode(&scene->entity, &state), golden_bytes))
        fail_msg("%s: the same records give other bytes now", name);
    state_assign(&state, &scene->entity, bytes, length);
    if (!text_equal(scene_encode(&scene->entity, &state), golden_bytes))
        fail_msg("%s: decoded and encoded again it is different", name);
    state_deinit(&state);
}

/* Calls for each state of a golden file; returns how many there are. */
static size_t read_goldens(const char *path, const struct scene *scene,
                           void (*look)(const struct scene *scene, const char *name,
                                        const uint8_t *bytes, size_t length)) {
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open %s", path);
    static char line[16384], hex[sizeof line];
    char name[64];
    uint8_t bytes[sizeof line / 2];
    size_t seen = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        assert_int_equal(sscanf(line, "%63s %16383s", name, hex), 2);
        look(scene, name, bytes, parse_hex(hex, bytes, sizeof bytes));
        seen++;
    }
    fclose(file);
    return seen;
}

static void golden_bytes_stay_as_they_are(void **unused) {
    (void)unused;
    static struct scene scene;
    init_plan(&scene);
    assert_int_equal(read_goldens(golden_path, &scene, assert_golden), GOLDENS);
}

static void assert_version_2(const struct scene *scene, const char *name, const uint8_t *bytes,
                             size_t length) {
    (void)name;
    struct error error;
    assert_int_equal(state_check(bytes, length, &scene->entity, &error), -ERROR_UNSUPPORTED);
    assert_string_equal(
        error.text, "state of entity card: state encoding 2, which this version (" HARRIER_VERSION
                    ") does not read; it reads 3");
}

/* Generations of that version are rebuilt from the archive: a state is never converted. */
static void states_of_version_2_are_refused(void **unused) {
    (void)unused;
    static struct scene scene;
    init_plan(&scene);
    assert_true(read_goldens(golden_path_v2, &scene, assert_version_2) > 5);
}

/* Bytes that end where readable memory ends: reading one further is the end of the test. */
struct fence {
    uint8_t *pages;
    size_t size;
};

static void fence_open(struct fence *fence) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    fence->size = 2 * page;
    fence->pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(fence->pages != MAP_FAILED);
    assert_int_equal(mprotect(fence->pages + 2 * page, page, PROT_NONE), 0);
}

static void fence_close(struct fence *fence) {
    munmap(fence->pages, fence->size + fence->size / 2);
}

/* The state_check() of a copy at the fence. What passes must be canonical, and all that reads
 * states must take it. */
static bool passes_check(struct fence *fence, const struct scene *scene, const uint8_t *bytes,
                         size_t length) {
    assert_true(length <= fence->size);
    uint8_t *copy = fence->pages + fence->size - length;
    if (length > 0)
        memcpy(copy, bytes, length);
    struct error error;
    if (state_check(copy, length, &scene->entity, &error) < 0) {
        assert_int_equal(error.code, length > 0 && bytes[0] != STATE_ENCODING_VERSION
                                         ? ERROR_UNSUPPORTED
                                         : ERROR_DAMAGED);
        assert_true(strncmp(error.text, "state of entity card: ", 22) == 0);
        return false;
    }
    assert_true(scene_is_canonical(scene, copy, length));
    struct value values[16];
    assert_true(scene->entity.feature_count <= 16);
    struct state_scratch *scratch = state_scratch_new();
    state_read(copy, length, &scene->entity, scene->plan.lateness_us, INT64_C(1522540900) * SECOND,
               NULL, scratch, values);
    state_scratch_free(scratch);
    struct state merged;
    state_init(&merged);
    make_one(scene, &merged);
    state_merge(&merged, &scene->entity, scene->plan.lateness_us, copy, length);
    assert_int_equal(scene_check(&scene->entity, &merged, &error), 0);
    state_deinit(&merged);
    return true;
}

/* Everything is kept, so that whatever passes the check can be built again from its entries. */
static void init_wide_plan(struct scene *scene) {
    init_plan(scene);
    scene->features[0].window_us = PLAN_WINDOW_US_MAX;
    scene->plan.lateness_us = PLAN_LATENESS_US_MAX;
    scene_finish(scene);
}

static void every_truncation_is_rejected(void **unused) {
    (void)unused;
    static struct scene scene;
    init_wide_plan(&scene);
    struct fence fence;
    fence_open(&fence);
    struct buffer state;
    buffer_init(&state);
    for (size_t i = 0; i < GOLDENS; i++) {
        encode(&scene, goldens[i].make, &state);
        assert_true(passes_check(&fence, &scene, state.bytes, state.length));
        assert_true(passes_check(&fence, &scene, state.bytes, 0)); /* the empty state */
        for (size_t length = 1; length < state.length; length++)
            assert_false(passes_check(&fence, &scene, state.bytes, length));
        buffer_append_u8(&state, 0);
        assert_false(passes_check(&fence, &scene, state.bytes, state.length));
    }
    buffer_deinit(&state);
    fence_close(&fence);
}

static void every_single_byte_mutation_is_rejected_or_canonical(void **unused) {
    (void)unused;
    static struct scene scene;
    init_wide_plan(&scene);
    struct fence fence;
    fence_open(&fence);
    size_t rejected = 0, accepted = 0;
    struct buffer state;
    buffer_init(&state);
    for (size_t i = 0; i < GOLDENS; i++) {
        encode(&scene, goldens[i].make, &state);
        for (size_t at = 0; at < state.length; at++) {
            uint8_t kept = state.bytes[at];
            for (int byte = 0; byte < 256; byte++) {
                int flipped = byte ^ kept;
                if (state.length > 400 && (flipped & (flipped - 1)) != 0)
                    continue; /* only single bits of the long ones, to save time */
                state.bytes[at] = (uint8_t)byte;
                bool passed = passes_check(&fence, &scene, state.bytes, state.length);
                assert_true(passed || byte != kept);
                *(passed ? &accepted : &rejected) += byte != kept;
            }
            state.bytes[at] = kept;
        }
    }
    buffer_deinit(&state);
    /* Ids, amounts and texts may be anything; heads, orders and sizes may not. */
    assert_true(rejected > 10000 && accepted > 10000);
    fence_close(&fence);
}

static void random_bytes_are_rejected(void **unused) {
    (void)unused;
    static struct scene scene;
    init_wide_plan(&scene);
    struct fence fence;
    fence_open(&fence);
    struct chance chance = {.state = chance_seed()};
    struct buffer state;
    buffer_init(&state);
    for (int64_t i = chance_steps(20000); i > 0; i--) {
        encode(&scene, chance_below(&chance, 2) ? make_several : make_outcome_in_collapsed, &state);
        /* Several mutations at once, mostly behind the head. */
        for (int64_t j = 1 + chance_below(&chance, 5); j > 0; j--)
            state.bytes[chance_below(&chance, 4)
                            ? HEAD_SIZE + chance_below(&chance, (int64_t)state.length - HEAD_SIZE)
                            : chance_below(&chance, HEAD_SIZE)] = (uint8_t)chance_next(&chance);
        passes_check(&fence, &scene, state.bytes,
                     chance_below(&chance, 3)
                         ? state.length
                         : (size_t)chance_below(&chance, (int64_t)state.length));
    }
    buffer_deinit(&state);
    fence_close(&fence);
}

struct fault {
    uint32_t at;
    uint8_t flip;
    const char *text;
};

static void assert_faults(const struct scene *scene,
                          void (*make)(const struct scene *scene, struct state *state),
                          const struct fault *faults, size_t count) {
    struct buffer state;
    struct error error;
    buffer_init(&state);
    encode(scene, make, &state);
    for (size_t i = 0; i < count; i++) {
        state.bytes[faults[i].at] ^= faults[i].flip;
        int expected = faults[i].at == 0 ? -ERROR_UNSUPPORTED : -ERROR_DAMAGED;
        if (state_check(state.bytes, state.length, &scene->entity, &error) != expected)
            fail_msg("a flip of byte %u passes", faults[i].at);
        assert_string_equal(error.text, faults[i].text);
        state.bytes[faults[i].at] ^= faults[i].flip;
    }
    buffer_deinit(&state);
}

static void the_check_says_what_is_wrong(void **unused) {
    (void)unused;
    static struct scene scene;
    init_plan(&scene);
#define CARD "state of entity card: "
    static const struct fault raw[] = {
        {0, 1,
         CARD "state encoding 2, which this version (" HARRIER_VERSION
              ") does not read; it reads 3"},
        {1, 1, CARD "the last entry's size is not the head's"},
        {3, 1, CARD "the number of entries is not the head's"},
        {7, 1, CARD "it is cut off"},
        {10, 1, CARD "it is cut off"},
        {19, 1, CARD "the last entry's time is not the head's"},
        {27, 1, CARD "the first entry's time is not the head's"},
        {36, 128, CARD "entry 0 of 3 is cut off or not canonical"},
    };
    /* The collapsed part begins at 27, its tile at 47, the totals at 67, its sketch tile at 161. */
    static const struct fault collapsed[] = {
        {27, 3, CARD "the number of collapsed tiles is not the head's"},
        {31, 3, CARD "the number of sketch tiles is not the head's"},
        {39, 1, CARD "tiles are not as wide, as full or as old as they should be"},
        {54, 128,
         CARD "collapsed tile 0 of 1 is out of order or not canonical"}, /* 500 years ago */
        {63, 2, CARD "collapsed tile 0 of 1 is out of order or not canonical"},
        {67, 0x13 ^ 0x10, CARD "collapsed tile 0 of 1 is out of order or not canonical"},
        {68, 128, CARD "collapsed tile 0 of 1 is out of order or not canonical"},
        {161, 1, CARD "tiles are not as wide, as full or as old as they should be"},
        {169, 1, CARD "tiles are not as wide, as full or as old as they should be"},
        {181, 64, CARD "sketch tile 0 of 1 is out of order or not canonical"},
        /* The distribution: its size, form, buckets, and a sum that becomes 0. */
        {270, 1, CARD "sketch tile 0 of 1 is out of order or not canonical"},
        {271, 1, CARD "sketch tile 0 of 1 is out of order or not canonical"},
        {272, 1, CARD "sketch tile 0 of 1 is out of order or not canonical"},
        {275, 4, CARD "sketch tile 0 of 1 is out of order or not canonical"},
    };
    assert_faults(&scene, make_several, raw, sizeof raw / sizeof *raw);
    assert_faults(&scene, make_collapsed, collapsed, sizeof collapsed / sizeof *collapsed);
}

/* Bytes that no mutation above arrives at, each with one fault. An entity with an int and a text,
 * and one filter. */
struct forgery {
    struct buffer run;
    int64_t first_us, newest_us;
    uint32_t entries;
    size_t last_start;
};

static void forge_entry(struct forgery *forgery, uint64_t step_us, uint64_t id_hash,
                        size_t text_length) {
    static const char text[COLUMN_TEXT_MAX + 1];
    forgery->last_start = forgery->run.length;
    buffer_append_varint(&forgery->run, step_us);
    buffer_append_u64(&forgery->run, id_hash << 56);
    buffer_append_varint(&forgery->run, 0);
    buffer_append_zigzag(&forgery->run, 5);
    buffer_append_varint(&forgery->run, text_length);
    buffer_append(&forgery->run, text, text_length);
    forgery->newest_us = (int64_t)((uint64_t)forgery->newest_us + step_us);
    forgery->entries++;
}

static void forge_long_tally(struct forgery *forgery, uint64_t transactions, int64_t weight) {
    buffer_append_varint(&forgery->run, transactions << 1 | 1);
    buffer_append_zigzag(&forgery->run, weight);
}

static void forge_sound(struct forgery *f) {
    forge_entry(f, 0, 1, COLUMN_TEXT_MAX);
    buffer_append_varint(&f->run, 2);
    forge_entry(f, 7, 1, 0);
    forge_long_tally(f, 7, INT32_MIN);
    forge_entry(f, 0, 2, 0);
    forge_long_tally(f, 0, INT32_MAX);
}
static void forge_crowd(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 17, 0);
}
static void forge_what_is_dropped(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    buffer_append_varint(&f->run, 2);
    forge_entry(f, 3700 * SECOND, 1, 0);
    buffer_append_varint(&f->run, 2);
}
static void forge_same_twice(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    buffer_append_varint(&f->run, 2);
    forge_entry(f, 0, 1, 0);
    buffer_append_varint(&f->run, 2);
}
static void forge_long_text(struct forgery *f) {
    forge_entry(f, 0, 1, COLUMN_TEXT_MAX + 1);
    buffer_append_varint(&f->run, 2);
}
static void forge_many_transactions(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, UINT64_C(1) << 32, 0);
}
static void forge_high_weight(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 1, INT64_C(1) << 31);
}
static void forge_needlessly_long_tally(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 1, 1);
}
static void forge_weight_of_no_filter(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    buffer_append_varint(&f->run, 4);
}
static void forge_time_beyond_the_end(struct forgery *f) {
    f->first_us = f->newest_us = INT64_MAX - 1;
    forge_entry(f, 0, 1, 0);
    buffer_append_varint(&f->run, 2);
    forge_entry(f, 2, 1, 0);
    buffer_append_varint(&f->run, 2);
}
static void forge_long_varint(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    buffer_append(&f->run, "\x82", 2); /* 2 in two bytes */
}
static void forge_no_entry(struct forgery *f) {
    (void)f;
}

static void forge_negative_weight(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 1, -1);
}
static void forge_weight_without_transaction(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 0, 1);
}
static void forge_several_at_once(struct forgery *f) {
    forge_entry(f, 0, 1, 0);
    forge_long_tally(f, 3, 3);
}

static const struct {
    void (*forge)(struct forgery *forgery);
    const char *fault; /* NULL: none */
    bool is_plain;     /* the filter does not read the outcome */
} forgeries[] = {
    {forge_several_at_once, NULL, true},
    {forge_negative_weight, NULL, false},
    {forge_negative_weight, "an entry counts for more than it is", true},
    {forge_weight_without_transaction, "an entry counts for more than it is", true},
    {forge_sound, NULL},
    {forge_crowd, "tiles are not as wide, as full or as old as they should be"},
    {forge_what_is_dropped, "tiles are not as wide, as full or as old as they should be"},
    {forge_same_twice, "entries are not in order"},
    {forge_long_text, "entry 0 of 1 is cut off or not canonical"},
    {forge_many_transactions, "entry 0 of 1 is cut off or not canonical"},
    {forge_high_weight, "entry 0 of 1 is cut off or not canonical"},
    {forge_needlessly_long_tally, "entry 0 of 1 is cut off or not canonical"},
    {forge_weight_of_no_filter, "entry 0 of 1 is cut off or not canonical"},
    {forge_time_beyond_the_end, "entry 1 of 2 is cut off or not canonical"},
    {forge_long_varint, "entry 0 of 1 is cut off or not canonical"},
    {forge_no_entry, "there is nothing in it"},
};

static void forgeries_are_found_out(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 60 * SECOND, 0);
    scene.columns[0] = scene.columns[SCENE_ITEMS];
    scene.columns[1] = scene.columns[SCENE_MERCHANT_TEXT];
    scene.entity.column_count = 2;
    scene.entity.filter_count = 1;
    scene_finish(&scene);
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        struct forgery forgery = {0};
        forgeries[i].forge(&forgery);
        struct buffer bytes;
        buffer_init(&bytes);
        buffer_append_u8(&bytes, STATE_ENCODING_VERSION);
        size_t last_size = forgery.run.length - forgery.last_start;
        buffer_append_u8(&bytes, (uint8_t)last_size);
        buffer_append_u8(&bytes, (uint8_t)(last_size >> 8));
        buffer_append_u32(&bytes, forgery.entries);
        buffer_append_u32(&bytes, 0); /* nothing collapsed */
        buffer_append_u64(&bytes, (uint64_t)forgery.first_us);
        buffer_append_u64(&bytes, (uint64_t)forgery.newest_us);
        buffer_append(&bytes, forgery.run.bytes, forgery.run.length);
        struct error error = {0};
        scene.filters[0].outcome = !forgeries[i].is_plain;
        int r = state_check(bytes.bytes, bytes.length, &scene.entity, &error);
        char expected[128];
        snprintf(expected, sizeof expected, "state of entity card: %s", forgeries[i].fault);
        assert_string_equal(error.text, forgeries[i].fault ? expected : "");
        assert_int_equal(r, forgeries[i].fault ? -ERROR_DAMAGED : 0);
        buffer_deinit(&bytes);
        buffer_deinit(&forgery.run);
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        print_goldens();
        return 0;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s GOLDEN-FILE GOLDEN-FILE-OF-VERSION-2 | --print\n", argv[0]);
        return 2;
    }
    golden_path = argv[1];
    golden_path_v2 = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_bytes_stay_as_they_are),
        cmocka_unit_test(states_of_version_2_are_refused),
        cmocka_unit_test(every_truncation_is_rejected),
        cmocka_unit_test(every_single_byte_mutation_is_rejected_or_canonical),
        cmocka_unit_test(random_bytes_are_rejected),
        cmocka_unit_test(the_check_says_what_is_wrong),
        cmocka_unit_test(forgeries_are_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
