/* The simulator: the same bytes everywhere, days that stand alone, rows that `harrier score` takes,
 * and fraud that looks like what it is called. The shipped policy is measured in
 * test_card_payments.c. */
#include "clients/cli/commands/simulate.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/io/mapping.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/rows/rows.h"
#include "clients/cli/simulate/simulate_habit.h"
#include "clients/cli/simulate/simulate_random.h"
#include "clients/cli/terminal/exit_status.h"
#include "core/base/hash.h"
#include "tests/unit/cli/memory_source.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <unistd.h>

#define FROM 20454 /* 2026-01-01 */

static const struct world_options small = {.seed = 1,
                                           .customers = 800,
                                           .merchants = 400,
                                           .transactions_per_day = 3200,
                                           .fraud_per_million = 10000};

/* ---- random numbers ---- */

static void random_follows_splitmix64(void **state) {
    (void)state;
    /* The reference implementation's first numbers for the seed 0. */
    struct random_stream stream = {.state = 0};
    assert_true(random_next(&stream) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random_next(&stream) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(random_next(&stream) == UINT64_C(0x06c45d188009454f));
}

static void random_streams_differ(void **state) {
    (void)state;
    struct random_stream a = random_stream(1, RANDOM_DAY, 2, 3);
    struct random_stream others[] = {
        random_stream(2, RANDOM_DAY, 2, 3), random_stream(1, RANDOM_TRIP, 2, 3),
        random_stream(1, RANDOM_DAY, 3, 2), random_stream(1, RANDOM_DAY, 2, 4)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(a.state != others[i].state);
    struct random_stream again = random_stream(1, RANDOM_DAY, 2, 3);
    assert_true(a.state == again.state);
}

static int64_t within(const char *what, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most)
        fail_msg("%s: %" PRId64 ", expected %" PRId64 " to %" PRId64, what, value, least, most);
    return value;
}

static int compare_numbers(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void random_distributions_have_their_shape(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    struct random_stream stream = random_stream(7, RANDOM_DAY, 0, 0);
    int64_t sum = 0, squares = 0, counts = 0, chances = 0, picks[3] = {0};
    uint64_t *amounts = malloc(DRAWS * sizeof *amounts);
    assert_non_null(amounts);
    const uint64_t weights[3] = {1, 1, 4}; /* the second is never picked */
    for (size_t i = 0; i < DRAWS; i++) {
        int64_t normal = random_normal(&stream) / 64; /* thousandths, roughly */
        sum += normal;
        squares += normal * normal;
        amounts[i] = random_lognormal(&stream, 1000, 100);
        counts += random_poisson(&stream, 11500000);
        chances += random_chance(&stream, 250000);
        picks[random_pick(&stream, weights, 3)]++;
        assert_in_range(random_between(&stream, 5, 9), 5, 9);
    }
    within("mean of the normal", sum / DRAWS, -12, 12);
    within("its variance", squares / DRAWS, 1024 * 1024 * 98 / 100, 1024 * 1024 * 102 / 100);
    qsort(amounts, DRAWS, sizeof *amounts, compare_numbers);
    within("median of the lognormal", (int64_t)amounts[DRAWS / 2], 980, 1020);
    /* e^1.2816 = 3.602 */
    within("its ninth decile", (int64_t)amounts[DRAWS * 9 / 10], 3500, 3710);
    within("mean of the poisson", counts * 100 / DRAWS, 1140, 1160);
    within("one chance in four", chances * 1000 / DRAWS, 245, 255);
    within("a weight of a quarter", picks[0] * 1000 / DRAWS, 245, 255);
    assert_int_equal(picks[1], 0);
    free(amounts);
}

static void dates_go_there_and_back(void **state) {
    (void)state;
    assert_int_equal(date_of(1970, 1, 1), 0);
    assert_int_equal(date_of(2000, 2, 29), 11016);
    assert_int_equal(date_of(2026, 1, 1), FROM);
    for (int32_t day = 0; day < 60000; day++) {
        struct date date = date_from(day);
        assert_int_equal(date_of(date.year, date.month, date.day), day);
    }
}

/* ---- bytes ---- */

static void append_day(struct buffer *buffer, enum purchase_format format,
                       const struct world *world, int32_t day) {
    struct purchases purchases = {0};
    simulate_day(world, day, &purchases);
    for (size_t i = 0; i < purchases.count; i++)
        purchase_append_row(buffer, format, world, &purchases.rows[i], (uint32_t)i + 1);
    purchases_deinit(&purchases);
}

static uint64_t hash_of_days(const struct world_options *options, enum purchase_format format) {
    struct world *world = world_new(options);
    struct buffer buffer;
    buffer_init(&buffer);
    purchase_append_header(&buffer, format);
    for (int32_t day = FROM; day < FROM + 6; day++)
        append_day(&buffer, format, world, day);
    uint64_t hash = hash64(buffer.bytes, buffer.length, 0);
    buffer_deinit(&buffer);
    world_free(world);
    return hash;
}

/* A change of these numbers changes what every seed means: say so in the changelog. */
static void bytes_are_the_same_everywhere(void **state) {
    (void)state;
    struct world_options much_fraud = small;
    much_fraud.fraud_per_million = 50000;
    uint64_t csv = hash_of_days(&much_fraud, PURCHASE_CSV);
    uint64_t jsonl = hash_of_days(&much_fraud, PURCHASE_JSONL);
    if (csv != UINT64_C(0xfd902ba417250650) || jsonl != UINT64_C(0xa66fb3f0c4e45b3c))
        fail_msg("csv 0x%016" PRIx64 ", jsonl 0x%016" PRIx64, csv, jsonl);
}

static void options_change_the_bytes(void **state) {
    (void)state;
    uint64_t first = hash_of_days(&small, PURCHASE_CSV);
    struct world_options other = small;
    other.seed = 2;
    assert_true(hash_of_days(&other, PURCHASE_CSV) != first);
    other = small;
    other.fraud_per_million = 0;
    assert_true(hash_of_days(&other, PURCHASE_CSV) != first);
}

static int run_command(char **arguments) {
    char *argv[16] = {"harrier simulate", "--seed=5", "--customers=300", "--merchants=300",
                      "--transactions-per-day=900"};
    int argc = 5;
    for (; *arguments; arguments++)
        argv[argc++] = *arguments;
    return command_simulate(argc, argv);
}

/* The output of `harrier simulate` in a buffer of its own. */
static struct buffer output_of(char **arguments) {
    char path[] = "/tmp/harrier-simulate-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    char option[64];
    snprintf(option, sizeof option, "--out=%s", path);
    char *all[12] = {option};
    for (size_t i = 0; arguments[i]; i++)
        all[i + 1] = arguments[i];
    assert_int_equal(run_command(all), EXIT_STATUS_OK);
    struct buffer buffer;
    buffer_init(&buffer);
    ssize_t length;
    while ((length = read(file, buffer_reserve(&buffer, 65536), 65536)) > 0)
        buffer.length += (size_t)length;
    close(file);
    unlink(path);
    return buffer;
}

static void a_day_alone_is_the_day_of_a_longer_run(void **state) {
    (void)state;
    struct buffer both = output_of((char *[]){"--from=2026-03-01", "--days=2", NULL});
    struct buffer first = output_of((char *[]){"--from=2026-03-01", NULL});
    struct buffer second =
        output_of((char *[]){"--from=2026-03-01", "--days=2", "--day-of=2", NULL});
    struct buffer later = output_of((char *[]){"--from=2026-03-02", NULL});
    assert_int_equal(second.length, later.length);
    assert_memory_equal(second.bytes, later.bytes, second.length);
    size_t header =
        (size_t)((uint8_t *)memchr(second.bytes, '\n', second.length) - second.bytes) + 1;
    assert_true(second.length > header && first.length > header);
    assert_int_equal(both.length, first.length + second.length - header);
    assert_memory_equal(both.bytes, first.bytes, first.length);
    assert_memory_equal(both.bytes + first.length, second.bytes + header, second.length - header);
    buffer_deinit(&both);
    buffer_deinit(&first);
    buffer_deinit(&second);
    buffer_deinit(&later);
}

static void a_file_that_cannot_be_written_is_an_error(void **state) {
    (void)state;
    assert_int_equal(run_command((char *[]){"--out=/nonexistent/file", NULL}), EXIT_STATUS_IO);
    if (access("/dev/full", W_OK) == 0)
        assert_int_equal(run_command((char *[]){"--out=/dev/full", NULL}), EXIT_STATUS_IO);
}

/* ---- rows ---- */

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void check_transaction(const struct transaction *transaction,
                              const struct purchase *purchase) {
    assert_true(transaction->event_time_us == purchase->time_us);
    assert_true(transaction->amount_minor == purchase->amount_minor);
    assert_true(transaction->amount_minor > 0);
    bool store = purchase->channel == CHANNEL_POS || purchase->channel == CHANNEL_ATM;
    assert_true(transaction->has_location == store);
    assert_true((transaction->fields[FIELD_TERMINAL].length > 0) == store);
    bool net = purchase->channel == CHANNEL_ECOM || purchase->channel == CHANNEL_APP;
    assert_true((transaction->fields[FIELD_DEVICE].length > 0) == net);
    assert_true((transaction->fields[FIELD_IP].length > 0) == net);
    for (int field = 0; field < FIELD_COUNT; field++)
        assert_false(text_is_card_number(transaction->fields[field]));
    assert_false(text_is_card_number(transaction->id));
    assert_true(transaction->fields[FIELD_CARD].length == 18);
    assert_true(transaction->fields[FIELD_MCC].length == 4);
    assert_int_equal(transaction->attribute_count, 0); /* nothing of the truth gets through */
}

/* Reads the rows as `harrier score` does and compares them with what they were made from. */
static void check_rows(enum purchase_format format) {
    struct world *world = world_new(&small);
    struct purchases purchases = {0};
    simulate_day(world, FROM, &purchases);
    struct buffer buffer;
    buffer_init(&buffer);
    purchase_append_header(&buffer, format);
    append_day(&buffer, format, world, FROM);
    struct memory_source memory = {.source = {.read = memory_source_read},
                                   .left = {(const char *)buffer.bytes, buffer.length},
                                   .chunk = 1000};
    struct error error = {0};
    struct rows *rows;
    struct mapping *mapping;
    assert_int_equal(rows_open(&memory.source, ROW_FORMAT_GUESS, &rows, &error), 0);
    assert_int_equal(mapping_of_rows(rows, &mapping, &error), 0);
    assert_int_equal(rows_want(rows, mapping->columns, mapping->column_count, &error), 0);
    char **ids = calloc(purchases.count, sizeof *ids);
    assert_non_null(ids);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct row row;
    size_t count = 0;
    for (int r; (r = rows_next(rows, &row, &error)) != ROWS_END; count++) {
        assert_int_equal(r, ROWS_ROW);
        assert_true(count < purchases.count);
        struct transaction transaction;
        enum label label;
        if (row_transaction(mapping, &row, &arena, &transaction, NULL, &error) < 0 ||
            row_label(mapping, &row, &label, NULL, &error) < 0)
            fail_msg("line %" PRIu64 ": %s", row.line, error.text);
        const struct purchase *purchase = &purchases.rows[count];
        check_transaction(&transaction, purchase);
        assert_int_equal(label, purchase->reported == REPORTED_FRAUD   ? LABEL_FRAUD
                                : purchase->reported == REPORTED_LEGIT ? LABEL_LEGIT
                                                                       : LABEL_NONE);
        ids[count] = text_copy(transaction.id);
        arena_reset(&arena);
    }
    assert_int_equal(count, purchases.count);
    qsort(ids, count, sizeof *ids, compare_texts);
    for (size_t i = 1; i < count; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    for (size_t i = 0; i < count; i++)
        free(ids[i]);
    free(ids);
    arena_deinit(&arena);
    mapping_free(mapping);
    rows_close(rows);
    buffer_deinit(&buffer);
    purchases_deinit(&purchases);
    world_free(world);
}

static void csv_rows_are_transactions(void **state) {
    (void)state;
    check_rows(PURCHASE_CSV);
}

static void json_rows_are_transactions(void **state) {
    (void)state;
    check_rows(PURCHASE_JSONL);
}

/* ---- traffic ---- */

enum { DAYS = 14 };

struct traffic {
    struct world *world;
    struct purchases days[DAYS];
};

static int make_traffic(void **state) {
    struct traffic *traffic = calloc(1, sizeof *traffic);
    traffic->world = world_new(&small);
    for (int32_t day = 0; day < DAYS; day++)
        simulate_day(traffic->world, FROM + day, &traffic->days[day]);
    *state = traffic;
    return 0;
}

static int free_traffic(void **state) {
    struct traffic *traffic = *state;
    for (int day = 0; day < DAYS; day++)
        purchases_deinit(&traffic->days[day]);
    world_free(traffic->world);
    free(traffic);
    return 0;
}

static void days_are_ordered_and_whole(void **state) {
    struct traffic *traffic = *state;
    for (int day = 0; day < DAYS; day++) {
        const struct purchases *purchases = &traffic->days[day];
        for (size_t i = 0; i < purchases->count; i++) {
            const struct purchase *purchase = &purchases->rows[i];
            assert_true(purchase->time_us / DAY_US == FROM + day);
            assert_true(purchase->time_us % 1000 == 0);
            assert_true(i == 0 || purchase[-1].time_us <= purchase->time_us);
            if (purchase->reported != REPORTED_NEVER)
                assert_true(purchase->reported_us > purchase->time_us);
            else
                assert_true(purchase->reported_us == 0);
        }
    }
}

static void volumes_are_as_asked(void **state) {
    struct traffic *traffic = *state;
    int64_t all = 0, fraud = 0, reported = 0, scenarios[SCENARIO_COUNT] = {0};
    for (int day = 0; day < DAYS; day++) {
        const struct purchases *purchases = &traffic->days[day];
        within("a day", (int64_t)purchases->count, 1800, 4700);
        for (size_t i = 0; i < purchases->count; i++) {
            const struct purchase *purchase = &purchases->rows[i];
            scenarios[purchase->scenario]++;
            all++;
            if (!scenario_is_fraud(purchase->scenario)) {
                assert_true(purchase->reported != REPORTED_FRAUD);
                continue;
            }
            fraud++;
            assert_true(purchase->reported != REPORTED_LEGIT);
            reported += purchase->reported == REPORTED_FRAUD;
        }
    }
    within("purchases of a day", all / DAYS, 2900, 3500);
    within("fraud, in 10,000", fraud * 10000 / all, 60, 150);
    within("reported fraud, percent", reported * 100 / fraud, 70, 95);
    for (int scenario = 0; scenario < SCENARIO_COUNT; scenario++)
        if (scenarios[scenario] < 5)
            fail_msg("%s: only %" PRId64 " purchases", scenario_name(scenario),
                     scenarios[scenario]);
}

static void nights_are_quiet(void **state) {
    struct traffic *traffic = *state;
    size_t hours[HOURS] = {0};
    for (int day = 0; day < DAYS; day++)
        for (size_t i = 0; i < traffic->days[day].count; i++)
            hours[traffic->days[day].rows[i].time_us % DAY_US / (60 * MINUTE_US)]++;
    assert_true(hours[2] * 5 < hours[12]);
    assert_true(hours[12] < hours[16]);
}

static void customers_stay_who_they_are(void **state) {
    struct traffic *traffic = *state;
    size_t same = 0;
    for (uint32_t customer = 0; customer < small.customers; customer++) {
        struct identity before = world_identity(traffic->world, customer, FROM);
        struct identity after = world_identity(traffic->world, customer, FROM + 30);
        same += before.customer == after.customer;
    }
    /* Some leave and others come, one in twenty within a month at most. */
    within("customers that stayed", (int64_t)same, small.customers * 95 / 100, small.customers - 1);
}

/* Is there a purchase with this card in a store far from that one, less than an hour away? */
static const struct purchase *far_witness(const struct traffic *traffic,
                                          const struct purchases *purchases, size_t i) {
    const struct purchase *one = &purchases->rows[i];
    if (one->channel != CHANNEL_POS && one->channel != CHANNEL_ATM)
        return NULL;
    const struct place *here = &places[traffic->world->merchants[one->merchant].place];
    for (size_t k = 0; k < purchases->count; k++) {
        const struct purchase *other = &purchases->rows[k];
        int64_t apart = one->time_us - other->time_us;
        if (other->card != one->card || apart >= 60 * MINUTE_US || apart <= -60 * MINUTE_US ||
            (other->channel != CHANNEL_POS && other->channel != CHANNEL_ATM))
            continue;
        const struct place *there = &places[traffic->world->merchants[other->merchant].place];
        if (place_distance_km(here, there) >= 1000)
            return other;
    }
    return NULL;
}

static void only_copies_travel_impossibly(void **state) {
    struct traffic *traffic = *state;
    size_t copies = 0, seen = 0;
    for (int day = 0; day < DAYS; day++) {
        const struct purchases *purchases = &traffic->days[day];
        for (size_t i = 0; i < purchases->count; i++) {
            const struct purchase *purchase = &purchases->rows[i];
            bool copy = purchase->scenario == SCENARIO_IMPOSSIBLE_TRAVEL;
            const struct purchase *witness = far_witness(traffic, purchases, i);
            if (witness && !scenario_is_fraud(purchase->scenario))
                assert_true(scenario_is_fraud(witness->scenario));
            copies += copy;
            seen += copy && witness;
        }
    }
    assert_true(copies > 0);
    assert_true(seen * 2 > copies); /* the first of each; later ones may be an hour on */
}

typedef uint64_t (*key_of)(const struct purchase *purchase);

static uint64_t card_of(const struct purchase *purchase) {
    return purchase->card;
}
static uint64_t device_of(const struct purchase *purchase) {
    return purchase->device;
}

/* The largest number of purchases of the scenario that share the key within the time. */
static size_t largest_group(const struct traffic *traffic, enum scenario scenario, key_of key,
                            int64_t span_us) {
    size_t largest = 0;
    for (int day = 0; day < DAYS; day++) {
        const struct purchases *purchases = &traffic->days[day];
        for (size_t i = 0; i < purchases->count; i++) {
            const struct purchase *first = &purchases->rows[i];
            if (first->scenario != scenario)
                continue;
            size_t group = 0;
            for (size_t k = i;
                 k < purchases->count && purchases->rows[k].time_us - first->time_us <= span_us;
                 k++)
                group += purchases->rows[k].scenario == scenario &&
                         key(&purchases->rows[k]) == key(first);
            largest = group > largest ? group : largest;
        }
    }
    return largest;
}

static void scenarios_have_their_shape(void **state) {
    struct traffic *traffic = *state;
    assert_true(largest_group(traffic, SCENARIO_CARD_TESTING, card_of, 10 * MINUTE_US) >= 5);
    assert_true(largest_group(traffic, SCENARIO_GAMING_BURST, card_of, 60 * MINUTE_US) >= 4);
    assert_true(largest_group(traffic, SCENARIO_DEVICE_RING, device_of, DAY_US) >= 5);
    assert_true(largest_group(traffic, SCENARIO_STOLEN_CARD, card_of, DAY_US) >= 3);
    assert_true(largest_group(traffic, SCENARIO_ACCOUNT_TAKEOVER, device_of, DAY_US) >= 2);
}

/* Did the card pay honestly at the merchant, one to eleven days before that time? */
static bool paid_before(const struct purchases *all, uint64_t card, uint32_t merchant,
                        int64_t time_us) {
    for (size_t i = 0; i < all->count; i++) {
        const struct purchase *purchase = &all->rows[i];
        if (purchase->card == card && purchase->merchant == merchant &&
            !scenario_is_fraud(purchase->scenario) && purchase->time_us > time_us - 11 * DAY_US &&
            purchase->time_us < time_us - DAY_US)
            return true;
    }
    return false;
}

static bool uses_leaked_cards(const struct purchase *purchase, uint64_t device) {
    return purchase->scenario == SCENARIO_COMPROMISED_MERCHANT && purchase->device == device;
}

/* Is there one merchant at which all cards of the buyer's device paid? */
static bool cards_met(const struct traffic *traffic, const struct purchases *all, uint64_t device) {
    for (uint32_t merchant = 0; merchant < small.merchants; merchant++) {
        bool met = traffic->world->merchants[merchant].online;
        for (size_t i = 0; i < all->count && met; i++)
            if (uses_leaked_cards(&all->rows[i], device))
                met = paid_before(all, all->rows[i].card, merchant, all->rows[i].time_us);
        if (met)
            return true;
    }
    return false;
}

static void compromised_cards_met_at_a_merchant(void **state) {
    struct traffic *traffic = *state;
    struct purchases all = {0};
    for (int32_t day = -12; day < 0; day++) /* the leak may lie before the first day */
        for (uint32_t customer = 0; customer < small.customers; customer++)
            habit_append_day(traffic->world, customer, FROM + day, &all);
    for (int day = 0; day < DAYS; day++)
        for (size_t i = 0; i < traffic->days[day].count; i++)
            purchases_add(&all, &traffic->days[day].rows[i]);
    size_t buyers = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < all.count && buyers < 20; i++) {
        uint64_t device = all.rows[i].device;
        if (device == last || !uses_leaked_cards(&all.rows[i], device))
            continue;
        last = device;
        buyers++;
        assert_true(cards_met(traffic, &all, device));
    }
    assert_true(buyers >= 5);
    purchases_deinit(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_follows_splitmix64),
        cmocka_unit_test(random_streams_differ),
        cmocka_unit_test(random_distributions_have_their_shape),
        cmocka_unit_test(dates_go_there_and_back),
        cmocka_unit_test(bytes_are_the_same_everywhere),
        cmocka_unit_test(options_change_the_bytes),
        cmocka_unit_test(a_day_alone_is_the_day_of_a_longer_run),
        cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
        cmocka_unit_test(csv_rows_are_transactions),
        cmocka_unit_test(json_rows_are_transactions),
        cmocka_unit_test_setup_teardown(days_are_ordered_and_whole, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(volumes_are_as_asked, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(nights_are_quiet, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(customers_stay_who_they_are, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(only_copies_travel_impossibly, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(scenarios_have_their_shape, make_traffic, free_traffic),
        cmocka_unit_test_setup_teardown(compromised_cards_met_at_a_merchant, make_traffic,
                                        free_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
