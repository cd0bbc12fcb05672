/* Making the world: merchants, then customers, then what changes with the date.
 *
 * Each thing has a random stream of its own, named by what it is and its number. So the first 5,000
 * customers are the same whether there are more or not, though they choose among the merchants
 * there are. */
#include "simulate_world.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Extra purchases that special habits add to a customer's day, in millionths (simulate_habit.c). */
#define COMMUTER_EXTRA 2000000
#define GAMER_EXTRA    800000
#define PAYDAY_EXTRA   60000

/* For random_pick(): weights as cumulative sums. */
static uint64_t running_sum(uint64_t *cumulative, size_t i, uint64_t weight) {
    cumulative[i] = (i > 0 ? cumulative[i - 1] : 0) + weight;
    return cumulative[i];
}

/* ---- merchants ---- */

/* By weight, among stores or among sites. */
static uint8_t pick_category(struct random_stream *stream, bool online) {
    uint64_t sums[CATEGORY_COUNT];
    for (size_t i = 0; i < CATEGORY_COUNT; i++)
        running_sum(sums, i, online ? categories[i].online : categories[i].stores);
    return (uint8_t)random_pick(stream, sums, CATEGORY_COUNT);
}

static uint8_t pick_merchant_place(const struct world *world, struct random_stream *stream) {
    if (random_chance(stream, 200000)) /* where people travel there are shops too */
        return (uint8_t)random_pick(stream, world->visits, PLACE_COUNT);
    return (uint8_t)random_pick(stream, world->homes, PLACE_COUNT);
}

/* Every place has the essential kinds of shops, every kind of site exists; the rest is by weight.
 */
static void place_merchant(const struct world *world, uint32_t number, struct merchant *merchant,
                           struct random_stream *stream) {
    const uint32_t stores = PLACE_COUNT * CATEGORY_NEEDED_COUNT;
    merchant->online = false;
    if (number < stores) {
        merchant->place = (uint8_t)(number / CATEGORY_NEEDED_COUNT);
        merchant->category = (uint8_t)(number % CATEGORY_NEEDED_COUNT);
        return;
    }
    if (number < stores + CATEGORY_COUNT && categories[number - stores].online > 0) {
        merchant->online = true;
        merchant->category = (uint8_t)(number - stores);
    } else {
        merchant->online = random_chance(stream, 300000);
        merchant->category = pick_category(stream, merchant->online);
    }
    merchant->place = pick_merchant_place(world, stream);
}

/* The first stores are those that every place needs; see place_merchant(). */
static void make_merchant(struct world *world, uint32_t number) {
    struct random_stream stream = random_stream(world->options.seed, RANDOM_MERCHANT, number, 0);
    struct merchant *merchant = &world->merchants[number];
    merchant->token = token_of(&stream);
    place_merchant(world, number, merchant, &stream);
    merchant->terminals = merchant->online ? 1 : (uint8_t)(1 + random_below(&stream, 6));
    merchant->price_percent = (uint16_t)random_lognormal(&stream, 100, 25);
    const struct place *place = &places[merchant->place];
    merchant->latitude_e4 = place->latitude_e4 + (int32_t)random_between(&stream, -700, 700);
    merchant->longitude_e4 = place->longitude_e4 + (int32_t)random_between(&stream, -900, 900);
}

/* Room for `most` merchants. */
static void choice_init(struct choice *choice, uint32_t most) {
    choice->merchants = check_reallocarray(NULL, most, sizeof *choice->merchants);
    choice->cumulative = check_reallocarray(NULL, most, sizeof *choice->cumulative);
    choice->count = 0;
}

static void choice_deinit(struct choice *choice) {
    free(choice->merchants);
    free(choice->cumulative);
}

static void choice_add(struct choice *choice, uint32_t merchant, uint64_t weight) {
    choice->merchants[choice->count] = merchant;
    running_sum(choice->cumulative, choice->count++, weight);
}

uint32_t choice_pick(const struct choice *choice, struct random_stream *stream) {
    return choice->merchants[random_pick(stream, choice->cumulative, choice->count)];
}

/* Popularity falls with the rank as Zipf has it; ranks are dealt at random. */
static void rank_merchants(struct world *world) {
    uint32_t count = world->options.merchants;
    uint32_t *ranks = check_reallocarray(NULL, count, sizeof *ranks);
    struct random_stream stream = random_stream(world->options.seed, RANDOM_MERCHANT_RANK, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = random_below(&stream, i + 1);
        ranks[i] = ranks[j];
        ranks[j] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct merchant *merchant = &world->merchants[i];
        uint64_t weight = (UINT64_C(1) << 22) / (8 + ranks[i]);
        if (!merchant->online) {
            choice_add(&world->stores[merchant->place], i, weight);
            continue;
        }
        choice_add(&world->sites, i, weight);
        choice_add(&world->sites_of[merchant->category], i, weight);
    }
    free(ranks);
}

static void make_merchants(struct world *world) {
    uint32_t count = world->options.merchants;
    world->merchants = check_calloc(count, sizeof *world->merchants);
    for (uint32_t i = 0; i < count; i++)
        make_merchant(world, i);
    uint32_t stores[PLACE_COUNT] = {0}, sites[CATEGORY_COUNT] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct merchant *merchant = &world->merchants[i];
        if (merchant->online)
            sites[merchant->category]++;
        else
            stores[merchant->place]++;
    }
    for (size_t i = 0; i < PLACE_COUNT; i++)
        choice_init(&world->stores[i], stores[i]);
    for (size_t i = 0; i < CATEGORY_COUNT; i++)
        choice_init(&world->sites_of[i], sites[i] > 0 ? sites[i] : 1);
    choice_init(&world->sites, count);
    rank_merchants(world);
}

/* ---- customers ---- */

/* People near a border shop on both sides. */
static void choose_favourites(const struct world *world, struct customer *customer,
                              struct random_stream *stream) {
    int neighbour = places[customer->place].neighbour;
    for (size_t i = 0; i < FAVOURITE_STORES; i++) {
        bool across = neighbour >= 0 && random_chance(stream, 250000);
        const struct choice *stores = &world->stores[across ? neighbour : customer->place];
        customer->favourites[i] = choice_pick(stores, stream);
    }
    for (size_t i = 0; i < FAVOURITE_SITES; i++)
        customer->favourites[FAVOURITE_STORES + i] = choice_pick(&world->sites, stream);
}

/* A family shares its place; everything else is each one's own. */
static void make_customer(struct world *world, uint32_t number) {
    static const uint8_t paydays[] = {1, 15, 25, 26, 27, 28};
    uint64_t seed = world->options.seed;
    struct random_stream stream = random_stream(seed, RANDOM_CUSTOMER, number, 0);
    struct random_stream family = random_stream(seed, RANDOM_FAMILY, number / FAMILY_SIZE, 0);
    struct customer *customer = &world->customers[number];
    customer->family = random_chance(&family, 200000);
    struct random_stream *home = customer->family ? &family : &stream;
    customer->place = (uint8_t)random_pick(home, world->homes, PLACE_COUNT);
    customer->cards = random_chance(&stream, 250000) ? 2 : 1;
    customer->devices = random_chance(&stream, 450000) ? 2 : 1;
    customer->late_hours = (int8_t)random_between(&stream, -2, 3);
    customer->online_percent = (uint8_t)random_between(&stream, 10, 60);
    customer->payday = paydays[random_below(&stream, sizeof paydays)];
    customer->commuter = random_chance(&stream, 250000);
    customer->gamer = random_chance(&stream, 30000);
    customer->spending_percent = (uint16_t)random_lognormal(&stream, 100, 40);
    customer->activity = 50 + (uint32_t)random_lognormal(&stream, 1000, 65);
    choose_favourites(world, customer, &stream);
}

/* A counting sort by merchant, in two passes over the customers. */
static void find_regulars(struct world *world) {
    uint32_t merchants = world->options.merchants, customers = world->options.customers;
    const size_t each = FAVOURITE_STORES + FAVOURITE_SITES;
    world->regular_starts = check_calloc((size_t)merchants + 1, sizeof *world->regular_starts);
    world->regulars = check_reallocarray(NULL, customers * each, sizeof *world->regulars);
    uint32_t *starts = world->regular_starts;
    for (uint32_t c = 0; c < customers; c++)
        for (size_t i = 0; i < each; i++)
            starts[world->customers[c].favourites[i]]++;
    uint32_t sum = 0;
    for (uint32_t m = 0; m <= merchants; m++) {
        sum += starts[m];
        starts[m] = sum; /* the end of m's run; filling it backwards leaves its start */
    }
    for (uint32_t c = customers; c-- > 0;)
        for (size_t i = 0; i < each; i++)
            world->regulars[--starts[world->customers[c].favourites[i]]] = c;
}

/* What is left for everyday purchases once special habits and fraud have their part. */
static void share_out_purchases(struct world *world) {
    const struct world_options *options = &world->options;
    uint64_t extras = 0;
    for (uint32_t c = 0; c < options->customers; c++) {
        const struct customer *customer = &world->customers[c];
        extras += PAYDAY_EXTRA + (customer->commuter ? COMMUTER_EXTRA : 0) +
                  (customer->gamer ? GAMER_EXTRA : 0);
        world->activity_total += customer->activity;
    }
    uint64_t each = (uint64_t)options->transactions_per_day * 1000000 / options->customers;
    world->habits_per_million = each >= 4000000 ? 1000000 : (uint32_t)(each / 4);
    uint64_t legit =
        (uint64_t)options->transactions_per_day * (1000000 - options->fraud_per_million);
    world->purchases_millionths = legit - extras / 1000000 * world->habits_per_million;
}

static void make_customers(struct world *world) {
    uint32_t count = world->options.customers;
    world->customers = check_calloc(count, sizeof *world->customers);
    for (uint32_t i = 0; i < count; i++)
        make_customer(world, i);
    find_regulars(world);
    share_out_purchases(world);
}

/* ---- the world ---- */

/* Two runs share transaction ids only when they have the same options, and then they have the same
 * transactions: a server takes the second for a repetition and never for a conflict. */
static uint32_t prefix_of(const struct world_options *options) {
    struct random_stream stream = random_stream(
        options->seed, RANDOM_TOKEN, ((uint64_t)options->customers << 32) | options->merchants,
        ((uint64_t)options->transactions_per_day << 32) | options->fraud_per_million);
    return (uint32_t)random_next(&stream);
}

struct world *world_new(const struct world_options *options) {
    struct world *world = check_calloc(1, sizeof *world);
    world->options = *options;
    world->id_prefix = prefix_of(options);
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        running_sum(world->homes, i, places[i].homes);
        running_sum(world->visits, i, places[i].visits);
    }
    for (size_t kind = 0; kind < 2; kind++)
        for (size_t hour = 0; hour < HOURS; hour++)
            running_sum(world->waking[kind], hour, waking_hours[kind][hour]);
    make_merchants(world);
    make_customers(world);
    return world;
}

void world_free(struct world *world) {
    if (!world)
        return;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        choice_deinit(&world->stores[i]);
    for (size_t i = 0; i < CATEGORY_COUNT; i++)
        choice_deinit(&world->sites_of[i]);
    choice_deinit(&world->sites);
    free(world->merchants);
    free(world->customers);
    free(world->regulars);
    free(world->regular_starts);
    free(world);
}

uint32_t world_needed_store(uint8_t place, enum category_name category) {
    check(category < CATEGORY_NEEDED_COUNT);
    return (uint32_t)place * CATEGORY_NEEDED_COUNT + category;
}

uint64_t world_amount(const struct world *world, uint32_t number, uint32_t percent,
                      struct random_stream *stream) {
    const struct merchant *merchant = &world->merchants[number];
    const struct category *category = &categories[merchant->category];
    uint64_t median = (uint64_t)category->median_minor * merchant->price_percent * percent / 10000;
    return random_lognormal(stream, median, category->sigma_hundredths);
}

uint64_t token_of(struct random_stream *stream) {
    uint64_t token = random_next(stream);
    return token > 0 ? token : 1;
}

uint64_t ip_of(struct random_stream *stream) {
    uint64_t bits = random_next(stream);
    if (bits >> 62 == 0) /* one in four */
        return IP_IS_V6 | (bits & IP_V6_MASK);
    return IP_IS_V4 | (bits & IP_V4_MASK);
}

/* ---- what changes with the date ---- */

/* Things that are replaced every so often, each at its own time. Which of a customer's things: */
enum lasting { LASTING_CUSTOMER, LASTING_CARD, LASTING_DEVICE = 4, LASTING_TABLET = 7, LASTING_IP };

struct tenure {
    uint64_t generation;
    int32_t age_days;
    struct random_stream stream; /* of its current holder */
};

/* Which generation of a thing is in use on a day, and a stream for what it looks like. Depends on
 * owner and thing only, so any day can be asked for. */
static struct tenure tenure_at(uint64_t seed, uint64_t owner, uint64_t thing, int32_t day,
                               int32_t least_days, int32_t most_days) {
    struct random_stream stream = random_stream(seed, RANDOM_IDENTITY, owner, thing);
    int32_t length = (int32_t)random_between(&stream, least_days, most_days);
    int32_t since = day + (int32_t)random_below(&stream, (uint32_t)length);
    struct tenure tenure = {.generation = (uint64_t)(since / length), .age_days = since % length};
    tenure.stream = random_stream(random_next(&stream), RANDOM_TOKEN, owner, tenure.generation);
    return tenure;
}

/* Phones share their carrier's few addresses: hundreds of customers behind each. */
static uint64_t carrier_ip(const struct world *world, const struct customer *customer,
                           struct random_stream *stream) {
    uint32_t exits = world->options.customers / 400 + 4;
    uint32_t number = random_below(stream, exits) * PLACE_COUNT + customer->place;
    struct random_stream carrier =
        random_stream(world->options.seed, RANDOM_TOKEN, 0x6361727269657273, number);
    return ip_of(&carrier);
}

/* A day's view of one customer; nothing is stored. */
struct identity world_identity(const struct world *world, uint32_t number, int32_t day) {
    uint64_t seed = world->options.seed;
    const struct customer *customer = &world->customers[number];
    struct identity identity = {0};
    struct tenure holder = tenure_at(seed, number, LASTING_CUSTOMER, day, 400, 2000);
    identity.customer = token_of(&holder.stream);
    for (uint64_t i = 0; i < customer->cards; i++) {
        struct tenure card = tenure_at(seed, number, LASTING_CARD + i, day, 700, 1400);
        identity.cards[i] = token_of(&card.stream);
    }
    for (uint64_t i = 0; i < customer->devices; i++) {
        struct tenure device = tenure_at(seed, number, LASTING_DEVICE + i, day, 300, 900);
        identity.devices[i] = token_of(&device.stream);
        if (i == 0)
            identity.device_is_new = device.age_days < 2;
    }
    uint64_t household = number;
    if (customer->family) {
        household = (UINT64_C(1) << 32) | number / FAMILY_SIZE;
        struct tenure tablet = tenure_at(seed, household, LASTING_TABLET, day, 500, 1500);
        identity.devices[2] = token_of(&tablet.stream);
    }
    struct tenure home = tenure_at(seed, household, LASTING_IP, day, 20, 120);
    identity.home_ip = ip_of(&home.stream);
    struct random_stream mobile =
        random_stream(seed, RANDOM_IDENTITY, number, 0x10000 + (uint64_t)day);
    identity.mobile_ip = carrier_ip(world, customer, &mobile);
    return identity;
}

/* Journeys are drawn per block of days, so that any day can tell whether it is part of one. */
#define JOURNEY_BLOCK_DAYS 24
#define JOURNEY_CHANCE     180000
#define JOURNEY_DAYS_MAX   10

/* Minutes under way: about 700 km/h, and two hours around it; less than a day. */
static int32_t journey_minutes(uint8_t from, uint8_t to) {
    int32_t minutes = 120 + (int32_t)(place_distance_km(&places[from], &places[to]) * 60 / 700);
    return minutes < 1380 ? minutes : 1380;
}

/* So early that one arrives on the same UTC day. */
static int32_t early_enough(int32_t minute, int32_t minutes) {
    return minute + minutes < MINUTES_PER_DAY ? minute : MINUTES_PER_DAY - 1 - minutes;
}

struct journey world_journey(const struct world *world, uint32_t number, int32_t day) {
    const struct customer *customer = &world->customers[number];
    struct journey journey = {.place = customer->place,
                              .departs = MINUTES_PER_DAY,
                              .arrives = MINUTES_PER_DAY,
                              .returns = MINUTES_PER_DAY,
                              .back = MINUTES_PER_DAY};
    int32_t shifted = day + (int32_t)(number % JOURNEY_BLOCK_DAYS);
    int32_t within = shifted % JOURNEY_BLOCK_DAYS;
    struct random_stream stream = random_stream(world->options.seed, RANDOM_TRIP, number,
                                                (uint64_t)(shifted / JOURNEY_BLOCK_DAYS));
    if (!random_chance(&stream, JOURNEY_CHANCE))
        return journey;
    int32_t first = (int32_t)random_below(&stream, JOURNEY_BLOCK_DAYS - JOURNEY_DAYS_MAX);
    int32_t last = first + (int32_t)random_between(&stream, 1, JOURNEY_DAYS_MAX);
    uint8_t place = (uint8_t)random_pick(&stream, world->visits, PLACE_COUNT);
    int32_t departs = (int32_t)random_between(&stream, 300, 900);
    int32_t returns = (int32_t)random_between(&stream, 360, 900);
    if (place == customer->place || within < first || within > last)
        return journey;
    int32_t minutes = journey_minutes(customer->place, place);
    journey.away = true;
    journey.place = place;
    journey.departs = journey.arrives = -1; /* since another day */
    if (within == first) {
        journey.departs = early_enough(departs, minutes);
        journey.arrives = journey.departs + minutes;
    }
    if (within == last) {
        journey.returns = early_enough(returns, minutes);
        journey.back = journey.returns + minutes;
    }
    return journey;
}
