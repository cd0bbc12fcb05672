/* Campaigns: one function a scenario, and a table of how much of each there is.
 *
 * A campaign is always made whole; purchases of other days than the one asked for are dropped at
 * the end. That costs a few campaigns made several times and makes every day stand alone.
 *
 * Not simulated: a card that is blocked or replaced once fraud is reported, and a fraudster who
 * learns from declines. The scorer's answers change nothing here. */
#include "simulate_fraud.h"
#include "simulate_habit.h"

#define HOUR_US (60 * MINUTE_US)

/* One fraud while it is made. Its random numbers are drawn whole, whatever day is asked for. */
struct campaign {
    const struct world *world;
    int32_t begins; /* day */
    int32_t wanted; /* day: purchases of others are left out */
    enum scenario scenario;
    struct random_stream stream;
    struct purchases *purchases;
};

struct victim {
    uint32_t number;
    const struct customer *customer;
    struct identity identity;
    uint64_t card;
};

struct tools { /* what a fraudster sits at */
    uint64_t device, ip;
};

/* ---- parts that campaigns are made of ---- */

/* The identity on the day the campaign begins, also for later days: numbers were stolen then. */
static struct victim victim_of(struct campaign *campaign, uint32_t number) {
    struct victim victim = {
        .number = number,
        .customer = &campaign->world->customers[number],
        .identity = world_identity(campaign->world, number, campaign->begins),
    };
    victim.card = victim.identity.cards[random_below(&campaign->stream, victim.customer->cards)];
    return victim;
}

/* Each customer is equally likely. */
static struct victim any_victim(struct campaign *campaign) {
    return victim_of(campaign, random_below(&campaign->stream, campaign->world->options.customers));
}

/* A device and an address that no customer has. */
static struct tools new_tools(struct campaign *campaign) {
    struct tools tools = {.device = token_of(&campaign->stream)};
    tools.ip = ip_of(&campaign->stream);
    return tools;
}

/* A moment of the day the campaign begins; fraudsters online keep late hours. */
static int64_t start_time(struct campaign *campaign, int32_t first_hour, int32_t last_hour) {
    return campaign->begins * DAY_US + first_hour * HOUR_US +
           random_between(&campaign->stream, 0, (last_hour - first_hour) * 3600000 - 1) * 1000;
}

/* Microseconds; the arguments are seconds. */
static int64_t pause(struct campaign *campaign, int64_t least_s, int64_t most_s) {
    return random_between(&campaign->stream, least_s * 1000, most_s * 1000) * 1000;
}

/* Sets who pays and the price, decides what will be reported, and keeps the purchase only if it
 * is of the wanted day. All random numbers are drawn in any case. */
static void add(struct campaign *campaign, struct purchase *purchase, const struct victim *victim,
                uint32_t percent) {
    struct random_stream *stream = &campaign->stream;
    purchase->card = victim->card;
    purchase->customer = victim->identity.customer;
    purchase->scenario = (uint8_t)campaign->scenario;
    if (purchase->amount_minor == 0)
        purchase->amount_minor =
            purchase_price(stream, purchase->channel,
                           world_amount(campaign->world, purchase->merchant, percent, stream));
    purchase_report(purchase, stream);
    if (purchase->time_us / DAY_US == campaign->wanted)
        purchases_add(campaign->purchases, purchase);
}

/* percent: of what is usual at the merchant. */
static void buy_online(struct campaign *campaign, const struct victim *victim,
                       const struct tools *tools, uint32_t merchant, int64_t time_us,
                       uint32_t percent) {
    struct purchase purchase = {.time_us = time_us,
                                .merchant = merchant,
                                .channel = CHANNEL_ECOM,
                                .device = tools->device,
                                .ip = tools->ip};
    add(campaign, &purchase, victim, percent);
}

/* A cash machine is a store, too. */
static void buy_in_store(struct campaign *campaign, const struct victim *victim, uint32_t number,
                         int64_t time_us, uint32_t percent) {
    const struct merchant *merchant = &campaign->world->merchants[number];
    struct purchase purchase = {
        .time_us = time_us,
        .merchant = number,
        .channel = merchant->category == CATEGORY_CASH ? CHANNEL_ATM : CHANNEL_POS,
        .terminal = (uint8_t)(1 + random_below(&campaign->stream, merchant->terminals))};
    add(campaign, &purchase, victim, percent);
}

/* A site that sells what turns into money. */
static uint32_t resale_site(struct campaign *campaign) {
    static const uint8_t kinds[] = {CATEGORY_ELECTRONICS, CATEGORY_ELECTRONICS, CATEGORY_JEWELLERY,
                                    CATEGORY_GIFT_CARDS,  CATEGORY_QUASI_CASH,  CATEGORY_TRAVEL};
    const struct world *world = campaign->world;
    if (random_chance(&campaign->stream, 250000)) /* or anything */
        return choice_pick(&world->sites, &campaign->stream);
    uint8_t kind = kinds[random_below(&campaign->stream, sizeof kinds)];
    return choice_pick(&world->sites_of[kind], &campaign->stream);
}

/* Most go for more than is usual; some stay low on purpose. */
static uint32_t greed(struct campaign *campaign, int64_t least_percent, int64_t most_percent) {
    if (random_chance(&campaign->stream, 200000))
        return (uint32_t)random_between(&campaign->stream, 60, 130);
    return (uint32_t)random_between(&campaign->stream, least_percent, most_percent);
}

/* ---- the campaigns ---- */

/* A lifted wallet goes from store to store, far above what its owner pays. */
static void use_wallet(struct campaign *campaign, const struct victim *victim, uint8_t place,
                       uint32_t count) {
    const struct choice *stores = &campaign->world->stores[place];
    int64_t at = start_time(campaign, 9, 20);
    for (uint32_t i = 0; i < count; i++) {
        buy_in_store(campaign, victim, choice_pick(stores, &campaign->stream), at,
                     greed(campaign, 180, 500));
        at += pause(campaign, 180, 2700);
    }
}

/* Sold numbers buy on the net for a day or two, with rests between. */
static void use_numbers(struct campaign *campaign, const struct victim *victim, uint32_t count) {
    struct tools tools = new_tools(campaign);
    int64_t at = start_time(campaign, 0, 24);
    for (uint32_t i = 0; i < count; i++) {
        buy_online(campaign, victim, &tools, resale_site(campaign), at, greed(campaign, 120, 400));
        bool rests = random_chance(&campaign->stream, 250000);
        at += rests ? pause(campaign, 4 * 3600, 16 * 3600) : pause(campaign, 120, 2400);
    }
}

/* In stores where the owner is, or on the net. */
static void stolen_card(struct campaign *campaign) {
    struct random_stream *stream = &campaign->stream;
    struct victim victim = any_victim(campaign);
    uint32_t count = (uint32_t)random_between(stream, 3, 9);
    struct journey journey = world_journey(campaign->world, victim.number, campaign->begins);
    bool under_way = journey.away && (journey.arrives >= 0 || journey.returns < MINUTES_PER_DAY);
    if (random_chance(stream, 400000) && !under_way)
        use_wallet(campaign, &victim, journey.place, count); /* it is where its owner is */
    else
        use_numbers(campaign, &victim, count);
}

/* Minor units; often exactly one unit of the currency. */
static int64_t tiny_amount(struct campaign *campaign) {
    return random_chance(&campaign->stream, 400000) ? 100
                                                    : random_between(&campaign->stream, 30, 300);
}

/* Merchants with small amounts and few checks. */
static uint32_t testing_site(struct campaign *campaign) {
    static const uint8_t kinds[] = {CATEGORY_CHARITY, CATEGORY_DIGITAL, CATEGORY_GIFT_CARDS};
    uint8_t kind = kinds[random_below(&campaign->stream, sizeof kinds)];
    return choice_pick(&campaign->world->sites_of[kind], &campaign->stream);
}

/* Returns when the last attempt was followed by its pause. */
static int64_t test_card(struct campaign *campaign, const struct victim *victim,
                         const struct tools *tools, uint32_t site, uint32_t times, int64_t at) {
    for (uint32_t i = 0; i < times; i++) {
        struct purchase purchase = {.time_us = at,
                                    .merchant = site,
                                    .channel = CHANNEL_ECOM,
                                    .amount_minor = tiny_amount(campaign),
                                    .device = tools->device,
                                    .ip = tools->ip};
        add(campaign, &purchase, victim, 100);
        at += pause(campaign, 4, 40);
    }
    return at;
}

/* Does the card work? Tiny amounts within minutes, one card often or many cards once, at a site
 * that does not look; what works buys something dear soon after. */
static void card_testing(struct campaign *campaign) {
    struct random_stream *stream = &campaign->stream;
    struct tools tools = new_tools(campaign);
    uint32_t site = testing_site(campaign);
    int64_t at = start_time(campaign, 0, 24);
    bool many_cards = random_chance(stream, 350000);
    uint32_t cards = many_cards ? (uint32_t)random_between(stream, 6, 18) : 1;
    for (uint32_t i = 0; i < cards; i++) {
        struct victim victim = any_victim(campaign);
        uint32_t times =
            many_cards ? 1 + random_below(stream, 2) : (uint32_t)random_between(stream, 5, 14);
        at = test_card(campaign, &victim, &tools, site, times, at);
        if (random_chance(stream, many_cards ? 250000 : 750000))
            buy_online(campaign, &victim, &tools, resale_site(campaign),
                       at + pause(campaign, 300, 5400), greed(campaign, 200, 500));
    }
}

/* Did the customer pay with the card at the merchant in the days before the campaign? */
#define LEAK_FIRST_DAY 6
#define LEAK_LAST_DAY  2
static bool paid_at(struct campaign *campaign, uint32_t customer, uint32_t merchant,
                    struct purchases *history, uint64_t *ret_card) {
    history->count = 0;
    for (int32_t before = LEAK_FIRST_DAY; before >= LEAK_LAST_DAY; before--)
        habit_append_day(campaign->world, customer, campaign->begins - before, history);
    for (size_t i = 0; i < history->count; i++) {
        if (history->rows[i].merchant != merchant)
            continue;
        *ret_card = history->rows[i].card;
        return true;
    }
    return false;
}

/* A merchant lost the numbers of the cards used there in a few days; days later they are used by
 * several buyers, each for some of the cards. */
static void compromised_merchant(struct campaign *campaign) {
    const struct world *world = campaign->world;
    struct random_stream *stream = &campaign->stream;
    uint32_t merchant = choice_pick(&world->sites, stream);
    const uint32_t *regulars = world->regulars + world->regular_starts[merchant];
    uint32_t count = world->regular_starts[merchant + 1] - world->regular_starts[merchant];
    uint32_t sold = (uint32_t)random_between(stream, 6, 16);
    uint32_t most = count < 60 ? count : 60, first = count > 0 ? random_below(stream, count) : 0;
    struct purchases history = {0};
    struct tools tools = {0};
    uint32_t used = 0;
    for (uint32_t i = 0; i < most && used < sold; i++) {
        uint32_t at_merchant = (first + i) % count;
        if (at_merchant > 0 && regulars[at_merchant] == regulars[at_merchant - 1])
            continue; /* whose favourite it is twice */
        struct victim victim = victim_of(campaign, regulars[at_merchant]);
        if (!paid_at(campaign, victim.number, merchant, &history, &victim.card))
            continue;
        if (used++ % 3 == 0)
            tools = new_tools(campaign);
        int64_t at = start_time(campaign, 0, 24) + random_below(stream, 4) * DAY_US;
        uint32_t times = 1 + random_below(stream, 3);
        for (uint32_t k = 0; k < times; k++) {
            buy_online(campaign, &victim, &tools, resale_site(campaign), at,
                       greed(campaign, 120, 350));
            at += pause(campaign, 60, 3600);
        }
    }
    purchases_deinit(&history);
}

/* One device, one address, card after card. */
static void device_ring(struct campaign *campaign) {
    struct random_stream *stream = &campaign->stream;
    struct tools tools = new_tools(campaign);
    uint32_t sites[3];
    for (size_t i = 0; i < 3; i++)
        sites[i] = choice_pick(&campaign->world->sites, stream);
    uint32_t cards = (uint32_t)random_between(stream, 5, 14);
    int64_t at = start_time(campaign, 0, 24);
    for (uint32_t i = 0; i < cards; i++) {
        struct victim victim = any_victim(campaign);
        uint32_t times = 1 + random_below(stream, 2);
        for (uint32_t k = 0; k < times; k++) {
            buy_online(campaign, &victim, &tools, sites[random_below(stream, 3)], at,
                       greed(campaign, 80, 250));
            at += pause(campaign, 60, 600);
        }
        at += pause(campaign, 300, 5400);
    }
}

#define FAR_KM 1500

/* A place that cannot be reached within the hour. */
static bool far_place(struct campaign *campaign, const struct place *from, uint8_t *ret_place) {
    for (int attempt = 0; attempt < 8; attempt++) {
        uint32_t place = random_pick(&campaign->stream, campaign->world->visits, PLACE_COUNT);
        if (place_distance_km(from, &places[place]) >= FAR_KM) {
            *ret_place = (uint8_t)place;
            return true;
        }
    }
    return false;
}

/* A copied stripe: while its owner pays in one country, the card pays in another. */
static void impossible_travel(struct campaign *campaign) {
    const struct world *world = campaign->world;
    struct random_stream *stream = &campaign->stream;
    struct purchases history = {0};
    for (int attempt = 0; attempt < 8; attempt++) {
        struct victim victim = any_victim(campaign);
        history.count = 0;
        habit_append_day(world, victim.number, campaign->begins, &history);
        const struct purchase *witness = NULL;
        for (size_t i = 0; i < history.count && !witness; i++)
            if (history.rows[i].channel == CHANNEL_POS)
                witness = &history.rows[i];
        uint8_t place;
        if (!witness ||
            !far_place(campaign, &places[world->merchants[witness->merchant].place], &place))
            continue;
        victim.card = witness->card;
        int64_t at = witness->time_us + pause(campaign, 600, 3000);
        uint32_t times = 1 + random_below(stream, 3);
        for (uint32_t k = 0; k < times; k++) {
            buy_in_store(campaign, &victim, choice_pick(&world->stores[place], stream), at,
                         greed(campaign, 150, 400));
            at += pause(campaign, 240, 1500);
        }
        break;
    }
    purchases_deinit(&history);
}

/* Somebody has the password: another phone, other hours, other goods. */
static void account_takeover(struct campaign *campaign) {
    struct random_stream *stream = &campaign->stream;
    struct victim victim = any_victim(campaign);
    struct tools tools = new_tools(campaign);
    int64_t at =
        random_chance(stream, 600000) ? start_time(campaign, 0, 6) : start_time(campaign, 6, 24);
    uint32_t times = (uint32_t)random_between(stream, 2, 6);
    for (uint32_t i = 0; i < times; i++) {
        struct purchase purchase = {.time_us = at,
                                    .merchant = resale_site(campaign),
                                    .channel =
                                        random_chance(stream, 500000) ? CHANNEL_APP : CHANNEL_ECOM,
                                    .device = tools.device,
                                    .ip = tools.ip};
        add(campaign, &purchase, &victim, greed(campaign, 200, 500));
        at += pause(campaign, 120, 2400);
    }
}

/* ---- how many of each ---- */

/* How often a kind of campaign begins, and how large it is. */
struct scheme {
    enum scenario scenario;
    void (*run)(struct campaign *campaign);
    uint32_t share_per_million; /* of all fraudulent purchases */
    uint32_t size_hundredths;   /* purchases of one campaign, on average */
    int32_t days;               /* on how many days it can go on, the first included */
};

static const struct scheme schemes[] = {
    {SCENARIO_STOLEN_CARD, stolen_card, 300000, 600, 8},
    {SCENARIO_CARD_TESTING, card_testing, 230000, 1320, 2},
    {SCENARIO_COMPROMISED_MERCHANT, compromised_merchant, 190000, 1500, 6},
    {SCENARIO_DEVICE_RING, device_ring, 120000, 1425, 3},
    {SCENARIO_IMPOSSIBLE_TRAVEL, impossible_travel, 70000, 195, 2},
    {SCENARIO_ACCOUNT_TAKEOVER, account_takeover, 90000, 400, 2},
};

/* The number of campaigns of a day has a stream of its own, so that changing one campaign does
 * not change how many there are. */
static void run_campaigns(const struct world *world, const struct scheme *scheme, int32_t begins,
                          int32_t wanted, struct purchases *purchases) {
    const struct world_options *options = &world->options;
    /* millionths of purchases a day → millionths of campaigns */
    uint64_t purchases_a_day = (uint64_t)options->transactions_per_day * options->fraud_per_million;
    uint64_t mean = purchases_a_day * scheme->share_per_million / 10000 / scheme->size_hundredths;
    struct random_stream counting =
        random_stream(options->seed, RANDOM_CAMPAIGN_COUNT, scheme->scenario, (uint64_t)begins);
    uint32_t count = random_poisson(&counting, mean);
    for (uint32_t i = 0; i < count; i++) {
        struct campaign campaign = {
            .world = world,
            .begins = begins,
            .wanted = wanted,
            .scenario = scheme->scenario,
            .stream = random_stream(options->seed, RANDOM_CAMPAIGN,
                                    ((uint64_t)scheme->scenario << 32) | i, (uint64_t)begins),
            .purchases = purchases,
        };
        scheme->run(&campaign);
    }
}

void fraud_append_day(const struct world *world, int32_t day, struct purchases *purchases) {
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        for (int32_t begins = day - schemes[i].days + 1; begins <= day; begins++)
            run_campaigns(world, &schemes[i], begins, day, purchases);
}
