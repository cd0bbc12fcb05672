/* A customer's day: everyday purchases in Poisson numbers at waking hours, then special habits.
 * Each purchase has a moment, a place (which the moment decides, on journeys) and a merchant whose
 * hours suit. */
#include "simulate_habit.h"

/* One customer's day while it is made. */
struct habit {
    const struct world *world;
    const struct customer *customer;
    int32_t day;
    bool weekend;
    struct identity identity;
    struct journey journey;
    struct random_stream stream;
    struct purchases *purchases;
};

static int weekday(int32_t day) {
    return (day + 4) % 7; /* 0 is Sunday; 1970-01-01 was a Thursday */
}

/* How busy a day is, in percent of the mean; Sunday first. */
static const uint8_t busy_percent[7] = {82, 90, 94, 97, 100, 120, 117};

/* ---- where and when ---- */

enum whereabouts { AT_HOME, UNDER_WAY, AWAY };

/* By minutes of the UTC day; see struct journey. */
static enum whereabouts whereabouts(const struct journey *journey, int32_t minute) {
    if (!journey->away || minute < journey->departs || minute >= journey->back)
        return AT_HOME;
    if (minute < journey->arrives || minute >= journey->returns)
        return UNDER_WAY;
    return AWAY;
}

/* Never negative, unlike %. */
static int32_t modulo(int32_t value, int32_t by) {
    int32_t rest = value % by;
    return rest < 0 ? rest + by : rest;
}

struct moment {
    int32_t minute; /* of the UTC day */
    uint8_t hour;   /* local */
    enum whereabouts where;
    uint8_t place; /* home or the destination */
};

/* Local minute of the day → moment. Clocks are taken from where most of the day is spent. */
static struct moment moment_at(const struct habit *habit, int32_t local_minute) {
    const struct journey *journey = &habit->journey;
    bool abroad = journey->away && journey->departs < 0 && journey->returns >= MINUTES_PER_DAY;
    uint8_t clock = abroad ? journey->place : habit->customer->place;
    local_minute = modulo(local_minute, MINUTES_PER_DAY);
    struct moment moment = {
        .minute = modulo(local_minute - places[clock].offset_minutes, MINUTES_PER_DAY),
        .hour = (uint8_t)(local_minute / 60),
    };
    moment.where = whereabouts(journey, moment.minute);
    moment.place = moment.where == AWAY ? journey->place : habit->customer->place;
    return moment;
}

/* Weekends and late risers shift the hours. */
static struct moment waking_moment(struct habit *habit) {
    int32_t hour =
        (int32_t)random_pick(&habit->stream, habit->world->waking[habit->weekend], HOURS);
    int32_t minute = (hour + habit->customer->late_hours) * 60;
    return moment_at(habit, minute + (int32_t)random_below(&habit->stream, 60));
}

/* Whole milliseconds. */
static int64_t time_of(struct habit *habit, struct moment moment) {
    return habit->day * DAY_US + moment.minute * MINUTE_US +
           (int64_t)random_below(&habit->stream, 60000) * 1000;
}

/* ---- who pays, and with what ---- */

/* percent: of what is usual at the merchant; what the customer spends comes on top. */
static void add(struct habit *habit, struct purchase *purchase, uint32_t percent) {
    struct random_stream *stream = &habit->stream;
    const struct customer *customer = habit->customer;
    purchase->customer = habit->identity.customer;
    if (purchase->card == 0)
        purchase->card =
            habit->identity.cards[customer->cards > 1 && random_chance(stream, 250000)];
    if (purchase->amount_minor == 0) {
        uint32_t spending = percent * customer->spending_percent / 100;
        purchase->amount_minor =
            purchase_price(stream, purchase->channel,
                           world_amount(habit->world, purchase->merchant, spending, stream));
    }
    purchase_report(purchase, stream);
    purchases_add(habit->purchases, purchase);
}

/* Merchant, channel and terminal. */
static void go_to_store(struct habit *habit, uint32_t number, struct purchase *purchase) {
    const struct merchant *merchant = &habit->world->merchants[number];
    purchase->merchant = number;
    purchase->channel = merchant->category == CATEGORY_CASH ? CHANNEL_ATM : CHANNEL_POS;
    purchase->terminal = (uint8_t)(1 + random_below(&habit->stream, merchant->terminals));
    if (merchant->category == CATEGORY_RESTAURANT && random_chance(&habit->stream, 20000))
        purchase->channel = CHANNEL_MOTO; /* ordered by telephone */
}

/* Hotels and cafés: all visitors of a town may have the same address. */
static uint64_t visitor_ip(struct habit *habit, uint8_t place) {
    struct random_stream network = random_stream(habit->world->options.seed, RANDOM_TOKEN,
                                                 1000 + place, random_below(&habit->stream, 40));
    return ip_of(&network);
}

/* Device and address follow from each other: an app is on the first device, a phone may be on the
 * road. */
static void go_online(struct habit *habit, uint32_t number, struct moment moment,
                      struct purchase *purchase) {
    struct random_stream *stream = &habit->stream;
    const struct identity *identity = &habit->identity;
    const struct merchant *merchant = &habit->world->merchants[number];
    purchase->merchant = number;
    bool app = categories[merchant->category].has_app && random_chance(stream, 450000);
    purchase->channel = app ? CHANNEL_APP : CHANNEL_ECOM;
    size_t device = app || habit->customer->devices == 1 ? 0 : random_below(stream, 2);
    if (identity->devices[2] && !app && random_chance(stream, 300000))
        device = 2;
    purchase->device = identity->devices[device];
    bool roaming = device == 0 && random_chance(stream, 450000);
    purchase->ip = roaming ? identity->mobile_ip : identity->home_ip;
    if (moment.where != AT_HOME && !roaming)
        purchase->ip = visitor_ip(habit, moment.place);
    if (device == 2)
        purchase->scenario = SCENARIO_SHARED_DEVICE;
    else if (device == 0 && identity->device_is_new)
        purchase->scenario = SCENARIO_NEW_DEVICE;
}

/* ---- everyday life ---- */

/* At home mostly one of the favourites. */
static uint32_t choose_store(struct habit *habit, struct moment moment) {
    if (moment.where == AT_HOME && random_chance(&habit->stream, 700000))
        return habit->customer->favourites[random_below(&habit->stream, FAVOURITE_STORES)];
    return choice_pick(&habit->world->stores[moment.place], &habit->stream);
}

/* Favourites whatever the place. */
static uint32_t choose_site(struct habit *habit) {
    if (random_chance(&habit->stream, 650000))
        return habit->customer
            ->favourites[FAVOURITE_STORES + random_below(&habit->stream, FAVOURITE_SITES)];
    return choice_pick(&habit->world->sites, &habit->stream);
}

/* A merchant whose hours suit; after a few closed doors any. */
static uint32_t choose_merchant(struct habit *habit, struct moment moment, bool online) {
    uint32_t number = 0;
    for (int attempt = 0; attempt < 4; attempt++) {
        number = online ? choose_site(habit) : choose_store(habit, moment);
        enum rhythm rhythm = categories[habit->world->merchants[number].category].rhythm;
        if (random_below(&habit->stream, 100) < rhythm_hours[rhythm][moment.hour])
            break;
    }
    return number;
}

/* Whoever is under way can only buy online. */
static void everyday_purchase(struct habit *habit) {
    struct moment moment = waking_moment(habit);
    struct purchase purchase = {.time_us = time_of(habit, moment)};
    bool online = random_below(&habit->stream, 100) < habit->customer->online_percent ||
                  moment.where == UNDER_WAY;
    uint32_t number = choose_merchant(habit, moment, online);
    if (online)
        go_online(habit, number, moment, &purchase);
    else
        go_to_store(habit, number, &purchase);
    if (moment.where != AT_HOME)
        purchase.scenario = SCENARIO_TRAVELLER;
    add(habit, &purchase, moment.where == AWAY ? 125 : 100);
}

/* Poisson, with the weekday's weight. */
static void everyday(struct habit *habit) {
    const struct world *world = habit->world;
    uint64_t mean = world->purchases_millionths * habit->customer->activity / world->activity_total;
    uint32_t count = random_poisson(&habit->stream, mean * busy_percent[weekday(habit->day)] / 100);
    for (uint32_t i = 0; i < count; i++)
        everyday_purchase(habit);
}

/* ---- what is easily taken for fraud ---- */

/* Once in a while something dear: five to fourteen times what is usual there. */
static void big_purchase(struct habit *habit) {
    static const uint8_t kinds[] = {CATEGORY_ELECTRONICS, CATEGORY_FURNITURE, CATEGORY_JEWELLERY,
                                    CATEGORY_TRAVEL};
    struct moment moment = waking_moment(habit);
    struct purchase purchase = {.time_us = time_of(habit, moment)};
    uint8_t kind = kinds[random_below(&habit->stream, sizeof kinds)];
    go_online(habit, choice_pick(&habit->world->sites_of[kind], &habit->stream), moment, &purchase);
    purchase.scenario = SCENARIO_BIG_PURCHASE;
    add(habit, &purchase, (uint32_t)random_between(&habit->stream, 250, 900));
}

/* Payday: an evening in town, one store after the other. */
static void payday_burst(struct habit *habit) {
    int32_t minute = (int32_t)random_between(&habit->stream, 16 * 60, 18 * 60 + 30);
    uint32_t count = (uint32_t)random_between(&habit->stream, 3, 8);
    for (uint32_t i = 0; i < count; i++) {
        struct moment moment = moment_at(habit, minute);
        struct purchase purchase = {.time_us = time_of(habit, moment),
                                    .scenario = SCENARIO_PAYDAY_BURST};
        purchase.card = habit->identity.cards[0];
        go_to_store(habit, choice_pick(&habit->world->stores[moment.place], &habit->stream),
                    &purchase);
        add(habit, &purchase, 160);
        minute += (int32_t)random_between(&habit->stream, 6, 28);
    }
}

/* Coins, lives and hats in a game: many tiny purchases at one merchant within minutes. */
static void gaming_burst(struct habit *habit) {
    static const int16_t prices[] = {99, 199, 199, 299, 499, 999};
    struct random_stream *stream = &habit->stream;
    struct moment moment = moment_at(habit, (int32_t)random_between(stream, 17 * 60, 23 * 60));
    const struct choice *games = &habit->world->sites_of[CATEGORY_DIGITAL];
    struct purchase purchase = {.time_us = time_of(habit, moment)};
    go_online(habit, choice_pick(games, stream), moment, &purchase);
    purchase.card = habit->identity.cards[0];
    purchase.scenario = SCENARIO_GAMING_BURST;
    uint32_t count = (uint32_t)random_between(stream, 4, 12);
    for (uint32_t i = 0; i < count; i++) {
        purchase.amount_minor = prices[random_below(stream, sizeof prices / sizeof *prices)];
        purchase.reported = REPORTED_NEVER;
        purchase.reported_us = 0;
        if (purchase.time_us < (habit->day + 1) * DAY_US)
            add(habit, &purchase, 100);
        purchase.time_us += random_between(stream, 20000, 180000) * 1000;
    }
}

/* A ride at the turnstile, sometimes with a change: several small amounts with one card. */
static void commute(struct habit *habit, int32_t local_minute) {
    uint32_t stop = world_needed_store(habit->customer->place, CATEGORY_TRANSIT);
    uint32_t rides = 1 + random_below(&habit->stream, 2);
    for (uint32_t i = 0; i < rides; i++) {
        struct moment moment = moment_at(habit, local_minute);
        struct purchase purchase = {.time_us = time_of(habit, moment),
                                    .scenario = SCENARIO_COMMUTER};
        purchase.card = habit->identity.cards[0];
        go_to_store(habit, stop, &purchase);
        add(habit, &purchase, 100);
        local_minute += (int32_t)random_between(&habit->stream, 8, 30);
    }
}

/* The chance is scaled to the traffic, so that a small world is not all habits. */
static bool does(struct habit *habit, uint32_t per_million) {
    return random_chance(&habit->stream, (uint32_t)((uint64_t)per_million *
                                                    habit->world->habits_per_million / 1000000));
}

/* Chances are per million and day. */
static void special_habits(struct habit *habit) {
    const struct customer *customer = habit->customer;
    if (does(habit, 12000))
        big_purchase(habit);
    if (customer->gamer && does(habit, 100000))
        gaming_burst(habit);
    if (habit->journey.away)
        return;
    if (date_from(habit->day).day == customer->payday && does(habit, 350000))
        payday_burst(habit);
    if (customer->commuter && !habit->weekend && does(habit, 930000)) {
        commute(habit, (int32_t)random_between(&habit->stream, 6 * 60, 9 * 60 + 30));
        commute(habit, (int32_t)random_between(&habit->stream, 15 * 60 + 30, 19 * 60));
    }
}

void habit_append_day(const struct world *world, uint32_t customer, int32_t day,
                      struct purchases *purchases) {
    struct habit habit = {
        .world = world,
        .customer = &world->customers[customer],
        .day = day,
        .weekend = weekday(day) == 0 || weekday(day) == 6,
        .identity = world_identity(world, customer, day),
        .journey = world_journey(world, customer, day),
        .stream = random_stream(world->options.seed, RANDOM_DAY, customer, (uint64_t)day),
        .purchases = purchases,
    };
    everyday(&habit);
    special_habits(&habit);
}
