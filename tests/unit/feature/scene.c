#include "scene.h"

#include "core/base/hash.h"
#include "core/feature/live/encoding.h"
#include "core/feature/read/place.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

static const struct column columns[SCENE_COLUMNS] = {
    [SCENE_AMOUNT] = {TEXT_LITERAL("amount"), COLUMN_INTEGER, VALUE_DOUBLE, 2},
    [SCENE_ITEMS] = {TEXT_LITERAL("attributes.items"), COLUMN_INTEGER, VALUE_INT, 0},
    [SCENE_MERCHANT] = {TEXT_LITERAL("merchant"), COLUMN_HASH, VALUE_TEXT, 0},
    [SCENE_MERCHANT_TEXT] = {TEXT_LITERAL("merchant"), COLUMN_TEXT, VALUE_TEXT, 0},
    [SCENE_ONLINE] = {TEXT_LITERAL("attributes.online"), COLUMN_INTEGER, VALUE_BOOL, 0},
    [SCENE_OPENED] = {TEXT_LITERAL("attributes.opened"), COLUMN_INTEGER, VALUE_TIMESTAMP, 0},
    [SCENE_PLACE] = {TEXT_LITERAL("location"), COLUMN_PLACE, VALUE_ABSENT, 0},
};

static const struct filter filters[SCENE_FILTERS] = {
    [SCENE_IS_ONLINE] = {TEXT_LITERAL("online"), false},
    [SCENE_IS_DEAR] = {TEXT_LITERAL("amount >= 5.0"), false},
    [SCENE_IS_FRAUD] = {TEXT_LITERAL("outcome == \"fraud\""), true},
    [SCENE_IS_ONLINE_FRAUD] = {TEXT_LITERAL("online && outcome == \"fraud\""), true},
    [SCENE_NOT_LEGIT] = {TEXT_LITERAL("outcome != \"legit\""), true},
};

void scene_init(struct scene *scene, int64_t lateness_us) {
    memset(scene, 0, sizeof *scene);
    memcpy(scene->columns, columns, sizeof columns);
    memcpy(scene->filters, filters, sizeof filters);
    scene->entity = (struct entity_plan){
        .name = TEXT_LITERAL("card"),
        .key = TEXT_LITERAL("card"),
        .columns = scene->columns,
        .column_count = SCENE_COLUMNS,
        .filters = scene->filters,
        .filter_count = SCENE_FILTERS,
        .features = scene->features,
    };
    scene->plan =
        (struct plan){.entities = &scene->entity, .entity_count = 1, .lateness_us = lateness_us};
}

struct feature *scene_add(struct scene *scene, enum aggregate aggregate, int column, int filter,
                          int part, int64_t window_us, int64_t delay_us) {
    size_t i = scene->entity.feature_count++;
    struct feature *feature = &scene->features[i];
    snprintf(scene->names[i], sizeof scene->names[i], "f%zu", i);
    *feature = (struct feature){
        .name = text_of(scene->names[i]),
        .aggregate = aggregate,
        .column = column,
        .filter = filter,
        .part = part,
        .window_us = window_us,
        .delay_us = delay_us,
    };
    return feature;
}

void scene_finish(struct scene *scene) {
    struct error error;
    if (plan_finish(&scene->plan, &error) < 0)
        fail_msg("%s", error.text);
}

bool scene_passes(int filter, const struct payment *payment, enum scene_label label) {
    bool online = (payment->present >> SCENE_ONLINE & 1) && payment->integers[SCENE_ONLINE];
    switch ((enum scene_filter)filter) {
    case SCENE_IS_ONLINE:
        return online;
    case SCENE_IS_DEAR:
        return (payment->present >> SCENE_AMOUNT & 1) && payment->integers[SCENE_AMOUNT] >= 500;
    case SCENE_IS_FRAUD:
        return label == SCENE_FRAUD;
    case SCENE_IS_ONLINE_FRAUD:
        return online && label == SCENE_FRAUD;
    case SCENE_NOT_LEGIT:
        return label != SCENE_LEGIT;
    case SCENE_FILTERS:
        break;
    }
    fail_msg("no filter %d", filter);
    return false;
}

static struct entry entry_of(const struct payment *payment) {
    struct entry entry = {
        .time_us = payment->time_us, .id_hash = payment->id_hash, .present = payment->present};
    memcpy(entry.integers, payment->integers, sizeof payment->integers);
    entry.integers[SCENE_MERCHANT] = (int64_t)hash_text(text_of(payment->merchant));
    entry.texts[SCENE_MERCHANT_TEXT] = text_of(payment->merchant);
    return entry;
}

struct entry scene_transaction(const struct payment *payment) {
    return scene_put_in(payment, SCENE_UNKNOWN);
}

struct entry scene_outcome(const struct payment *payment, enum scene_label previous,
                           enum scene_label label) {
    struct entry entry = entry_of(payment);
    for (int i = 0; i < SCENE_FILTERS; i++)
        if (filters[i].outcome)
            entry.weights[i] = scene_passes(i, payment, label) - scene_passes(i, payment, previous);
    return entry;
}

struct entry scene_put_in(const struct payment *payment, enum scene_label label) {
    struct entry entry = entry_of(payment);
    entry.transaction = true;
    for (int i = 0; i < SCENE_FILTERS; i++)
        entry.weights[i] = scene_passes(i, payment, label);
    return entry;
}

struct entry scene_taken_out(const struct payment *payment, enum scene_label label) {
    struct entry entry = scene_put_in(payment, label);
    entry.transaction = false;
    entry.is_taken_out = true;
    for (int i = 0; i < SCENE_FILTERS; i++)
        if (filters[i].outcome)
            entry.weights[i] = -entry.weights[i];
    return entry;
}

void scene_apply(const struct scene *scene, struct state *state, const struct entry *entry) {
    state_apply(state, &scene->entity, scene->plan.lateness_us, entry);
}

uint64_t chance_next(struct chance *chance) {
    return split_mix(&chance->state);
}

int64_t chance_below(struct chance *chance, int64_t limit) {
    return (int64_t)(chance_next(chance) % (uint64_t)limit);
}

uint64_t chance_seed(void) {
    uint64_t seed = asked_seed(1);
    print_message("HARRIER_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

int64_t chance_steps(int64_t normal) {
    return (int64_t)asked_steps((uint64_t)normal);
}

/* Degrees × 10^7: the poles, the date line, neighbours, the other side of the Earth. */
static const int32_t places[][2] = {
    {0, 0},
    {900000000, 0},
    {-900000000, 1234567890},
    {525200066, 134049540},
    {525200067, 134049540},
    {-525200066, -1665950460},
    {1, 1800000000},
    {0, -1799999999},
    {407127753, -740059728},
    {-337999999, 1512093000},
};

struct payment scene_random_payment(struct chance *chance, int64_t time_us) {
    static const char *const merchants[] = {"", "a", "baker", "Café", "supermarket no. 17"};
    struct payment payment = {
        .time_us = time_us,
        .id_hash = chance_next(chance),
        .present =
            (uint32_t)(chance_next(chance) | chance_next(chance)) & ((1 << SCENE_COLUMNS) - 1),
        .merchant = merchants[chance_below(chance, sizeof merchants / sizeof *merchants)],
    };
    payment.integers[SCENE_AMOUNT] = chance_below(chance, 2000) - 500;
    if (chance_below(chance, 6) == 0) /* of any size that an amount has */
        payment.integers[SCENE_AMOUNT] =
            (int64_t)(chance_next(chance) >> 24) >> chance_below(chance, 40);
    payment.integers[SCENE_ITEMS] = chance_below(chance, 9) - 4;
    payment.integers[SCENE_ONLINE] = chance_below(chance, 2);
    payment.integers[SCENE_OPENED] = chance_below(chance, 5) * SECOND;
    const int32_t *place = places[chance_below(chance, sizeof places / sizeof *places)];
    payment.integers[SCENE_PLACE] = place_pack(place[0], place[1]);
    return payment;
}

/* Any number, of which many are beside a power of two. */
static int64_t wild_number(struct chance *chance, int64_t size) {
    static const unsigned bits[SCENE_SIZES] = {7, 31, 40, 63};
    if (chance_below(chance, 20) == 0 && size == SCENE_SIZES - 1)
        return chance_below(chance, 2) ? INT64_MAX : INT64_MIN;
    uint64_t power = UINT64_C(1) << chance_below(chance, bits[size] + 1);
    uint64_t number = chance_below(chance, 2) ? power - 2 + (chance_next(chance) & 3)
                                              : chance_next(chance) & (power - 1);
    return (int64_t)(chance_below(chance, 2) ? number : 0 - number);
}

/* Of the texts of one length there are two. */
static const char *wild_text(struct chance *chance, int64_t size) {
    static const size_t lengths[] = {0, 1, 3, 4, 7, 8, 31, 32, 127, 128, 129};
    static const int64_t counts[SCENE_SIZES] = {3, 5, 7, 11}; /* lengths in each size */
    static char texts[2][11][COLUMN_TEXT_MAX + 2];
    int64_t i = chance_below(chance, counts[size]), which = chance_below(chance, 2);
    memset(texts[which][i], which ? 'z' : 'a', lengths[i]);
    return texts[which][i];
}

struct payment scene_wild_payment(struct chance *chance, int64_t time_us, int64_t size) {
    struct payment payment = scene_random_payment(chance, time_us);
    payment.integers[SCENE_AMOUNT] = wild_number(chance, size);
    payment.integers[SCENE_ITEMS] = wild_number(chance, size);
    payment.integers[SCENE_OPENED] = wild_number(chance, size);
    payment.merchant = wild_text(chance, size);
    return payment;
}

static int random_column(struct chance *chance, enum aggregate aggregate) {
    static const int numbers[] = {SCENE_AMOUNT, SCENE_ITEMS, SCENE_ONLINE};
    static const int ordered[] = {SCENE_AMOUNT, SCENE_ITEMS, SCENE_ONLINE, SCENE_OPENED};
    static const int compared[] = {SCENE_AMOUNT, SCENE_ITEMS, SCENE_MERCHANT, SCENE_OPENED};
    static const int shown[] = {SCENE_AMOUNT, SCENE_MERCHANT_TEXT, SCENE_ONLINE, SCENE_OPENED};
    switch (aggregate_column_use(aggregate)) {
    case COLUMN_NUMBER:
        return numbers[chance_below(chance, 3)];
    case COLUMN_ORDERED:
        return ordered[chance_below(chance, 4)];
    case COLUMN_COMPARED:
        return compared[chance_below(chance, 4)];
    case COLUMN_SHOWN:
        return shown[chance_below(chance, 4)];
    case COLUMN_PLACED:
        return SCENE_PLACE;
    case COLUMN_NONE:
        break;
    }
    return -1;
}

static int64_t random_q(struct chance *chance) {
    static const int64_t often[] = {1, 500, 5000, 9500, 9999};
    return chance_below(chance, 2) ? often[chance_below(chance, 5)]
                                   : 1 + chance_below(chance, PLAN_Q_PARTS - 1);
}

void scene_add_random_features(struct scene *scene, struct chance *chance, size_t count) {
    for (size_t i = 0; i < count; i++) {
        enum aggregate aggregate = (enum aggregate)chance_below(chance, AGGREGATE_TYPE_COUNT);
        int filters_allowed = aggregate_takes_outcomes(aggregate) ? SCENE_FILTERS : SCENE_IS_FRAUD;
        int filter = (int)chance_below(chance, filters_allowed + 1) - 1;
        int part = -1;
        if (aggregate == AGGREGATE_SHARE) { /* the part implies the filter */
            filter = chance_below(chance, 2) ? SCENE_IS_ONLINE : -1;
            part = filter < 0 ? (int)chance_below(chance, SCENE_FILTERS) : SCENE_IS_ONLINE_FRAUD;
        }
        int64_t window_us = (1 + chance_below(chance, 30)) * SECOND;
        if (chance_below(chance, 4) == 0)
            window_us *= 1 + chance_below(chance, 60);
        if (chance_below(chance, 20) == 0)
            window_us = 2 + chance_below(chance, 200);
        int64_t delay_us = chance_below(chance, 3) == 0 ? chance_below(chance, 20) * SECOND : 0;
        struct feature *feature = scene_add(scene, aggregate, random_column(chance, aggregate),
                                            filter, part, window_us, delay_us);
        feature->exclude_current = chance_below(chance, 3) == 0;
        if (aggregate == AGGREGATE_QUANTILE)
            feature->q_parts = (uint16_t)random_q(chance);
        if (aggregate == AGGREGATE_BURST)
            feature->tick_us =
                1 + chance_below(chance, chance_below(chance, 2) && window_us > 20 ? window_us / 20
                                                                                   : window_us - 1);
        if (feature_value_type(&scene->entity, feature) == VALUE_DOUBLE &&
            chance_below(chance, 4) == 0)
            feature->default_value = value_double(-1);
    }
}

struct text scene_encode(const struct entity_plan *entity, const struct state *state) {
    static struct buffer buffers[16];
    static size_t calls;
    struct buffer *buffer = &buffers[calls++ % (sizeof buffers / sizeof *buffers)];
    buffer_clear(buffer);
    state_encode(state, entity, buffer);
    return (struct text){.data = (const char *)buffer->bytes, .length = buffer->length};
}

int scene_check(const struct entity_plan *entity, const struct state *state,
                struct error *ret_error) {
    struct text bytes = scene_encode(entity, state);
    return state_check(bytes.data, bytes.length, entity, ret_error);
}

bool scene_equal(const struct entity_plan *entity, const struct state *a, const struct state *b) {
    return text_equal(scene_encode(entity, a), scene_encode(entity, b));
}

/* Takes it out as often as it says, each plain filter with the first ones. */
static void take_out_decoded(const struct scene *scene, const struct row *decoded,
                             struct state *state) {
    struct entry entry = decoded->entry;
    entry.transaction = false;
    entry.is_taken_out = true;
    for (uint32_t i = 0; i < decoded->tally.taken && i < 100; i++) {
        for (int j = 0; j < SCENE_FILTERS; j++)
            entry.weights[j] = !filters[j].outcome && decoded->tally.taken_weights[j] > i;
        scene_apply(scene, state, &entry);
    }
}

/* Applies a decoded entry as many times as it holds transactions, the weights with the last. */
static void apply_decoded(const struct scene *scene, const struct row *decoded,
                          struct state *state) {
    struct entry entry = decoded->entry;
    entry.transaction = true;
    entry.is_taken_out = false;
    memset(entry.weights, 0, sizeof entry.weights);
    for (uint32_t i = 1; i < decoded->tally.transactions && i < 100; i++)
        scene_apply(scene, state, &entry);
    entry.transaction = decoded->tally.transactions > 0;
    memcpy(entry.weights, decoded->entry.weights, SCENE_FILTERS * sizeof *entry.weights);
    scene_apply(scene, state, &entry);
    take_out_decoded(scene, decoded, state);
}

bool scene_is_canonical(const struct scene *scene, const void *bytes, size_t length) {
    if (length == 0)
        return true;
    /* Where the head ends and the first time lies: state.c's layout, restated on purpose. */
    const uint8_t *at = bytes, *end = at + length;
    uint64_t time_us = 0;
    for (int i = 7; i >= 0; i--)
        time_us = time_us << 8 | at[11 + i];
    if (at[7] | at[8] | at[9] | at[10]) /* bytes of collapsed tiles: no entries to build from */
        return true;
    struct state rebuilt;
    state_init(&rebuilt);
    bool too_many = false, same;
    for (at += 27; at != end;) {
        struct row row;
        struct cursor cursor = cursor_of(at, (size_t)(end - at));
        time_us += cursor_varint(&cursor);
        at = body_take(cursor.at, end, &scene->entity, &row);
        assert_non_null(at);
        row.entry.time_us = (int64_t)time_us;
        too_many |= row.tally.transactions > 100 || row.tally.taken > 100;
        apply_decoded(scene, &row, &rebuilt);
    }
    struct text again = scene_encode(&scene->entity, &rebuilt);
    /* Mutations may make a count of transactions that is canonical but too long to repeat. */
    same = too_many || text_equal(again, (struct text){.data = bytes, .length = length});
    state_deinit(&rebuilt);
    return same;
}
