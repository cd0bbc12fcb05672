/* Eight plans: a single count, a typical one, all aggregates over windows of seconds, of
 * microseconds and of years, late labels, the widest possible, and one without features. All are
 * static, because targets use them until the process ends. */
#include "plans.h"

#include "core/base/check.h"
#include "core/feature/plan/finish.h"
#include "core/feature/read/place.h"

#include <stdio.h>

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

/* A plan and everything it points to. */
struct made_plan {
    struct plan plan;
    struct entity_plan entity;
    struct column columns[PLAN_COLUMNS_MAX];
    struct filter filters[PLAN_FILTERS_MAX];
    struct feature features[PLAN_FEATURES_MAX];
    char sources[PLAN_COLUMNS_MAX + PLAN_FILTERS_MAX][16];
    char names[PLAN_FEATURES_MAX][16];
};

static struct made_plan plans[PLANS_COUNT];

/* Making plans. */

static const struct column kinds[] = {
    {.type = COLUMN_INTEGER, .value_type = VALUE_DOUBLE, .digits = 2},
    {.type = COLUMN_INTEGER, .value_type = VALUE_INT},
    {.type = COLUMN_HASH, .value_type = VALUE_TEXT},
    {.type = COLUMN_TEXT, .value_type = VALUE_TEXT},
    {.type = COLUMN_INTEGER, .value_type = VALUE_BOOL},
    {.type = COLUMN_INTEGER, .value_type = VALUE_TIMESTAMP},
    {.type = COLUMN_PLACE},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct text source(struct made_plan *it, size_t number) {
    snprintf(it->sources[number], sizeof it->sources[number], "source%zu", number);
    return text_of(it->sources[number]);
}

/* Columns cycle through all kinds; every second filter reads the outcome. */
static void begin(struct made_plan *it, size_t columns, size_t filters, int64_t lateness_us) {
    for (size_t i = 0; i < columns; i++) {
        it->columns[i] = kinds[i % KINDS];
        it->columns[i].source = source(it, i);
    }
    for (size_t i = 0; i < filters; i++)
        it->filters[i] = (struct filter){.source = source(it, columns + i), .outcome = i % 2};
    it->entity = (struct entity_plan){.name = TEXT_LITERAL("card"),
                                      .key = TEXT_LITERAL("card"),
                                      .columns = it->columns,
                                      .column_count = columns,
                                      .filters = it->filters,
                                      .filter_count = filters,
                                      .features = it->features};
    it->plan =
        (struct plan){.entities = &it->entity, .entity_count = 1, .lateness_us = lateness_us};
}

static bool finish(struct made_plan *it) {
    struct error error;
    return plan_finish(&it->plan, &error) == 0;
}

/* Adds a feature unless plan_finish() refuses the combination. Leaving that to plan_finish() means
 * that new aggregates are covered without a change here. */
static bool add(struct made_plan *it, enum aggregate aggregate, int column, int filter, int part,
                int64_t window_us, int64_t delay_us) {
    size_t i = it->entity.feature_count;
    if (i == PLAN_FEATURES_MAX)
        return false;
    snprintf(it->names[i], sizeof it->names[i], "f%zu", i);
    it->features[i] = (struct feature){.name = text_of(it->names[i]),
                                       .aggregate = aggregate,
                                       .column = column,
                                       .filter = filter,
                                       .part = part,
                                       .window_us = window_us,
                                       .delay_us = delay_us,
                                       .exclude_current = i % 3 == 2};
    if (aggregate == AGGREGATE_QUANTILE)
        it->features[i].q_parts = (uint16_t)(1 + i * 997 % (PLAN_Q_PARTS - 1));
    if (aggregate == AGGREGATE_BURST) {
        it->features[i].window_us = window_us > 1 ? window_us : 2;
        it->features[i].tick_us = window_us > 20 ? window_us / 20 : 1;
    }
    it->entity.feature_count++;
    if (finish(it))
        return true;
    it->entity.feature_count--;
    return false;
}

static void must_add(struct made_plan *it, enum aggregate aggregate, int column, int filter,
                     int64_t window_us) {
    check(add(it, aggregate, column, filter, -1, window_us, 0));
}

/* Adds every aggregate over every column that it accepts, cycling through windows, delays and
 * filters. */
static void add_all(struct made_plan *it, const int64_t *windows_us, size_t window_count,
                    int64_t delay_us) {
    int columns = (int)it->entity.column_count, filters = (int)it->entity.filter_count;
    for (int aggregate = 0; aggregate < AGGREGATE_TYPE_COUNT; aggregate++) {
        bool any = false;
        /* One quantile is enough: clearing its large distribution would slow down every input. */
        for (int column = -1; column < columns && !(any && aggregate == AGGREGATE_QUANTILE);
             column++) {
            size_t turn = it->entity.feature_count;
            int64_t window_us = windows_us[turn % window_count];
            int64_t delayed_us = turn % 5 == 4 ? delay_us : 0;
            int filter = filters > 0 ? (int)(turn % (size_t)(filters + 1)) - 1 : -1;
            int part = filters > 0 ? (int)(turn % (size_t)filters) : -1;
            if (add(it, (enum aggregate)aggregate, column, filter, -1, window_us, delayed_us) ||
                add(it, (enum aggregate)aggregate, column, -1, -1, window_us, delayed_us) ||
                add(it, (enum aggregate)aggregate, column, -1, part, window_us, delayed_us))
                any = true;
        }
        /* Otherwise the aggregate needs parameters that add() does not set yet. */
        property(any || filters == 0 || columns < (int)KINDS, "no feature of aggregate %s",
                 aggregate_name((enum aggregate)aggregate));
    }
}

/* Adds one feature for each column; used with the maximum number of columns. */
static void add_one_a_column(struct made_plan *it, const int64_t *windows_us, size_t window_count) {
    for (size_t i = 0; i < it->entity.column_count; i++) {
        int64_t window_us = windows_us[i % window_count];
        /* Even filters do not read outcomes, which some aggregates refuse. */
        int filter = (int)(i % it->entity.filter_count) & ~1;
        bool added = false;
        for (size_t j = 0; j < AGGREGATE_TYPE_COUNT && !added; j++)
            added = add(it, (enum aggregate)((i + j) % AGGREGATE_TYPE_COUNT), (int)i, filter, -1,
                        window_us, 0);
        check(added);
    }
}

void plans_start(void) {
    static const int64_t hours_us[] = {600 * SECOND, 3600 * SECOND, DAY, 30 * DAY};
    static const int64_t seconds_us[] = {20 * SECOND, SECOND, 3 * SECOND, 1700};
    static const int64_t instants_us[] = {1, 200, 64, 7};
    static const int64_t years_us[] = {PLAN_WINDOW_US_MAX - DAY, 1, 365 * DAY};

    begin(&plans[0], 0, 0, 0);
    must_add(&plans[0], AGGREGATE_COUNT, -1, -1, 3600 * SECOND);

    begin(&plans[1], 4, 2, 3600 * SECOND); /* a typical policy */
    for (size_t i = 0; i < 4; i++)
        must_add(&plans[1], AGGREGATE_COUNT, -1, -1, hours_us[i]);
    must_add(&plans[1], AGGREGATE_SUM, 0, -1, DAY);
    must_add(&plans[1], AGGREGATE_MEAN, 0, 0, 30 * DAY);
    must_add(&plans[1], AGGREGATE_STDDEV, 0, -1, 30 * DAY);
    must_add(&plans[1], AGGREGATE_DISTINCT, 2, -1, DAY);
    must_add(&plans[1], AGGREGATE_IS_NEW, 2, -1, 30 * DAY);
    must_add(&plans[1], AGGREGATE_LAST, 3, -1, DAY);
    must_add(&plans[1], AGGREGATE_SECONDS_SINCE_LAST, -1, -1, DAY);

    begin(&plans[2], 7, 4, 2 * SECOND);
    add_all(&plans[2], seconds_us, 4, 5 * SECOND);
    begin(&plans[3], 7, 2, 0);
    add_all(&plans[3], instants_us, 4, 3);

    begin(&plans[4], 1, 4, DAY); /* shares and sums over late labels */
    check(add(&plans[4], AGGREGATE_SHARE, -1, -1, 1, 28 * DAY, 7 * DAY));
    check(add(&plans[4], AGGREGATE_SHARE, -1, 1, 3, DAY, DAY));
    check(add(&plans[4], AGGREGATE_SUM, 0, 3, -1, 7 * DAY, 7 * DAY));

    begin(&plans[5], PLAN_COLUMNS_MAX, PLAN_FILTERS_MAX, SECOND);
    add_one_a_column(&plans[5], seconds_us, 4);
    begin(&plans[6], 7, 2, PLAN_LATENESS_US_MAX);
    add_all(&plans[6], years_us, 3, DAY);

    begin(&plans[7], 1, 1, SECOND); /* no features: keeps no state */
    check(finish(&plans[7]));
}

const struct entity_plan *plans_at(unsigned number) {
    return &plans[number % PLANS_COUNT].entity;
}

/* Making entries. */

static void take_column(struct cursor *cursor, const struct column *column, size_t i,
                        struct entry *entry) {
    uint8_t byte = cursor_u8(cursor);
    if (column->type == COLUMN_TEXT) {
        size_t length = byte % (COLUMN_TEXT_MAX + 3);
        if (length > cursor_left(cursor))
            length = cursor_left(cursor);
        entry->texts[i] = cursor_text(cursor, length);
    } else if (column->type == COLUMN_PLACE) {
        /* Clamped, to reach the poles and the date line often. */
        int8_t north = (int8_t)byte, east = (int8_t)cursor_u8(cursor);
        entry->integers[i] = place_pack((north < -125  ? -125
                                         : north > 125 ? 125
                                                       : north) *
                                            7200000,
                                        (east < -125  ? -125
                                         : east > 125 ? 125
                                                      : east) *
                                            14400000);
    } else if (byte == 0x80) { /* any value */
        entry->integers[i] = (int64_t)cursor_u64(cursor);
    } else {
        entry->integers[i] = (int8_t)byte;
    }
}

/* Bit i of a byte that repeats, because plans have more than 8 columns and filters. */
static bool bit_of(uint8_t byte, size_t i) {
    return byte >> (i % 8) & 1;
}

static void take_transaction(struct cursor *cursor, const struct entity_plan *entity,
                             struct entry *entry) {
    uint8_t present = (uint8_t)~cursor_u8(cursor);
    entry->transaction = true;
    entry->is_taken_out = false;
    entry->present = 0;
    for (size_t i = 0; i < entity->column_count; i++) {
        if (!bit_of(present, i))
            continue;
        entry->present |= UINT32_C(1) << i;
        take_column(cursor, &entity->columns[i], i, entry);
    }
    uint8_t passes = entity->filter_count > 0 ? cursor_u8(cursor) : 0;
    for (size_t i = 0; i < entity->filter_count; i++)
        entry->weights[i] = bit_of(passes, i);
}

static void take_outcome(struct cursor *cursor, const struct entity_plan *entity,
                         struct entry *entry) {
    uint8_t gains = cursor_u8(cursor), losses = cursor_u8(cursor);
    entry->transaction = false;
    entry->is_taken_out = false;
    for (size_t i = 0; i < entity->filter_count; i++)
        entry->weights[i] = entity->filters[i].outcome ? bit_of(gains, i) - bit_of(losses, i) : 0;
}

/* Of what was put in; outcome filters are differences. */
static void take_out(const struct entity_plan *entity, struct entry *entry) {
    entry->transaction = false;
    entry->is_taken_out = true;
    for (size_t i = 0; i < entity->filter_count; i++)
        if (entity->filters[i].outcome)
            entry->weights[i] = -entry->weights[i];
}

static int64_t take_time(struct cursor *cursor, unsigned form, int64_t time_us, int64_t unit_us) {
    uint64_t step_us;
    if (form == 0)
        return time_us;
    uint8_t byte = cursor_u8(cursor);
    step_us = form == 3 ? UINT64_C(1) << (byte & 63) : byte * (uint64_t)unit_us;
    bool earlier = form == 3 ? byte >> 7 : form == 2;
    /* Stays where it is instead of overflowing. */
    int64_t moved_us;
    if (step_us > INT64_MAX ||
        (earlier ? __builtin_sub_overflow(time_us, (int64_t)step_us, &moved_us)
                 : __builtin_add_overflow(time_us, (int64_t)step_us, &moved_us)))
        return time_us;
    return moved_us;
}

static uint64_t take_id(struct cursor *cursor, unsigned form, uint64_t id_hash) {
    if (form == 0)
        return id_hash;
    struct chance chance = {.state = form == 1 ? cursor_u8(cursor) : id_hash};
    return chance_next(&chance);
}

size_t plans_make_entries(const struct entity_plan *entity, struct cursor *cursor, int64_t start_us,
                          int64_t unit_us, size_t max, struct made_entry *ret_entries) {
    static const struct made_entry nothing;
    size_t count = 0;
    struct made_entry made = nothing, last = nothing;
    bool is_in = false; /* the last transaction was not taken out */
    made.entry.time_us = start_us;
    while (count < max && cursor_left(cursor) > 0) {
        uint8_t head = cursor_u8(cursor);
        unsigned kind = head & 3;
        if (kind == 2 && is_in && head >> 4 == 15) {
            last.part = head >> 2 & 3;
            ret_entries[count] = last;
            take_out(entity, &ret_entries[count++].entry);
            is_in = false;
            continue;
        }
        if (kind == 2 && count > 0) {
            take_outcome(cursor, entity, &made.entry);
            for (size_t i = 0; i < entity->filter_count; i++)
                last.entry.weights[i] += made.entry.weights[i];
            made.part = head >> 2 & 3;
            ret_entries[count++] = made;
            continue;
        }
        unsigned times = kind == 3 ? 1u + cursor_u8(cursor) % 32 : 1;
        unsigned time_form = head >> 4 & 3, id_form = kind == 3 ? 2 : head >> 6;
        struct cursor step = *cursor, end = *cursor;
        for (unsigned i = 0; i < times && count < max; i++) {
            *cursor = step;
            made.entry.time_us = take_time(cursor, time_form, made.entry.time_us, unit_us);
            made.entry.id_hash = take_id(cursor, id_form, made.entry.id_hash);
            made.part = ((head >> 2) + i) & 3;
            if (i == 0) {
                take_transaction(cursor, entity, &made.entry);
                end = *cursor;
            }
            ret_entries[count++] = last = made;
            is_in = true;
        }
        *cursor = end;
    }
    return count;
}

void plans_random_script(struct chance *chance, size_t length, struct buffer *bytes) {
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)chance_next(chance);
        /* Favours small steps forward and few distinct values, which collide more often. */
        if (chance_below(chance, 3) == 0)
            byte &= 0x17;
        else if (chance_below(chance, 32) == 0)
            byte |= 0xf2; /* takes out, where an entry begins */
        buffer_append_u8(bytes, byte);
    }
}

struct text plans_encode(const struct entity_plan *entity, const struct state *state,
                         struct buffer *bytes) {
    buffer_clear(bytes);
    state_encode(state, entity, bytes);
    return buffer_text(bytes);
}

bool plans_same(const struct entity_plan *entity, const struct state *a, const struct state *b) {
    struct buffer of_a, of_b;
    buffer_init(&of_a);
    buffer_init(&of_b);
    bool are_same = text_equal(plans_encode(entity, a, &of_a), plans_encode(entity, b, &of_b));
    buffer_deinit(&of_a);
    buffer_deinit(&of_b);
    return are_same;
}

void plans_must_be_state(const struct entity_plan *entity, const struct state *state,
                         const char *what) {
    struct error error;
    struct buffer bytes;
    buffer_init(&bytes);
    struct text encoded = plans_encode(entity, state, &bytes);
    property(state_check(encoded.data, encoded.length, entity, &error) == 0, "%s: %s", what,
             error.text);
    buffer_deinit(&bytes);
}
