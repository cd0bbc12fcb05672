#include "life.h"

#include "beside.h"
#include "disk.h"
#include "model.h"
#include "network.h"
#include "schedule.h"

#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "server/ops/metrics.h"
#include "server/ops/swap_state.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US   INT64_C(1000000)
#define PATIENCE_US (600 * SECOND_US) /* of the world's time, in which everything must be done */

static struct service *service;
static struct log server_log;
static struct metric_set *metrics;
static bool is_ending;
static int poller;

/* ---- the ends ---- */

void crash_now(void) {
    trace("%s", world->crash_as == LIFE_POWER ? "the power fails" : "kill -9");
    if (world->crash_as == LIFE_POWER)
        disk_lose_power();
    world->injected[world->crash_as == LIFE_POWER ? 0 : 1]++;
    life_end(world->crash_as);
}

static uint64_t promised_before;

void life_note_promise(void) {
    uint64_t promised = model_promised();
    if (promised <= promised_before)
        return;
    promised_before = promised;
    if (world->crash_promise > 0 && --world->crash_promise == 0)
        crash_now();
}

/* The server has failed, as it is to do when a sync fails: its process ends. */
static void end_failed(const char *what, const struct error *error) {
    if (!world->is_disturbed)
        broken("%s, with a disk that works: %s", what, error->text);
    trace("%s: %s", what, error->text);
    life_end(LIFE_REFUSED);
}

/* ---- the server ---- */

static int64_t wall_us(const struct clock *self) {
    (void)self;
    return world->monotonic_us + world->wall_offset_us;
}

static int64_t monotonic_us(const struct clock *self) {
    (void)self;
    return world->monotonic_us;
}

static const struct clock sim_clock = {.wall_us = wall_us, .monotonic_us = monotonic_us};

/* Segments are small, so that there are many. The linker gives the service this one. */
int __real_archive_open(const char *path, const struct archive_options *options,
                        struct archive **ret_archive, struct archive_recovery *ret_recovery,
                        struct error *ret_error);
int __wrap_archive_open(const char *path, const struct archive_options *options,
                        struct archive **ret_archive, struct archive_recovery *ret_recovery,
                        struct error *ret_error);
int __wrap_archive_open(const char *path, const struct archive_options *options,
                        struct archive **ret_archive, struct archive_recovery *ret_recovery,
                        struct error *ret_error) {
    struct archive_options small = options ? *options : (struct archive_options){0};
    small.segment_bytes = SEGMENT_BYTES;
    return __real_archive_open(path, &small, ret_archive, ret_recovery, ret_error);
}

static void *poll_service(void *user) {
    (void)user;
    while (!is_ending) {
        service_poll_recovery(service);
        service_poll(service);
        service_poll_tokens(service);
        schedule_sleep(20000 + (int64_t)chance_below(CHANCE_WORK, 80000));
    }
    return NULL;
}

static enum service_state state_of(void) {
    struct error error;
    if (service_failure(service, &error) < 0)
        end_failed("the server failed", &error);
    return service_state(service, NULL, 0);
}

static void await_ready(void) {
    int64_t until_us = world->monotonic_us + PATIENCE_US;
    while (state_of() != SERVICE_READY) {
        if (world->monotonic_us > until_us) {
            char reason[512];
            service_state(service, reason, sizeof reason);
            broken("the server is not ready after %lld s: %s", (long long)(PATIENCE_US / SECOND_US),
                   reason);
        }
        schedule_sleep(5000);
    }
}

/* A write that ends a segment and is withdrawn then has had a sync mark in between; tables that
 * were built of it belong to no archive. The server says what to do about them. */
static bool is_of_withdrawn(const struct error *error) {
    return world->was_full && strstr(error->text, "of another archive than");
}

static void remove_tables(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/current", world->generations);
    schedule_paused++;
    unlink(path);
    schedule_paused--;
    world->counts[COUNT_REMEDIES]++;
}

static int open_service(struct error *ret_error) {
    log_init(&server_log, world_is_verbose ? 2 : open("/dev/null", O_WRONLY | O_CLOEXEC),
             LOG_INFO); /* the same always: what is logged takes locks, which are steps */
    const struct service_settings settings = {
        .policy = world->policy,
        .archive = world->archive,
        .generations = world->generations,
        .synced = world->synced,
        .sync_interval_us = 1000,
        .lazy_sync_interval_us = LAZY_SYNC_US,
        .max_ahead_us = 60 * SECOND_US,
        .message_bytes_max = 1u << 20,
        .clock = &sim_clock,
        .log = &server_log,
        .metrics = metrics = server_metrics_new(),
    };
    return service_open(&settings, &service, ret_error);
}

static void open_server(void) {
    struct error error;
    int r = open_service(&error);
    if (r == -ERROR_NOT_FOUND && is_of_withdrawn(&error)) {
        remove_tables();
        r = open_service(&error);
    }
    if (r < 0)
        end_failed("the server does not open", &error);
    poller = schedule_start(poll_service, NULL, PROCESS_SERVER);
    await_ready();
}

static void close_server(void) {
    struct error error;
    is_ending = true;
    schedule_join(poller);
    network_close();
    if (service_close(service, &error) < 0)
        end_failed("the server could not be closed", &error);
}

/* ---- checks ---- */

static void await_quiet(void) {
    int64_t until_us = world->monotonic_us + PATIENCE_US;
    while (network_waiting() > 0) {
        state_of();
        if (world->monotonic_us > until_us)
            broken("%u requests got no answer within %lld s", network_waiting(),
                   (long long)(PATIENCE_US / SECOND_US));
        schedule_sleep(3000);
    }
}

static void check_cards(bool may_differ) {
    for (unsigned card = 0; card < CARDS; card++) {
        const struct text key = text_of(model_card(card));
        const struct request request = {
            .call = CALL_GET_ENTITY,
            .entity = {.entity = TEXT_LITERAL("card"), .key = &key, .key_count = 1}};
        struct response response = network_ask(&request);
        if (response.error.code == ERROR_UNAVAILABLE)
            return;
        if (response.error.code == 0)
            model_compare_card(card, &response.entity, may_differ);
        else if (response.error.code == ERROR_NOT_FOUND)
            model_expect_unknown(card, may_differ);
        else
            broken("GetEntity: %.*s", TEXT_ARGS(response.error.message));
    }
}

static void check_totals(void) {
    struct response response = network_ask(&(struct request){.call = CALL_STATUS});
    if (response.error.code != 0)
        broken("Status: %.*s", TEXT_ARGS(response.error.message));
    if (text_is(response.status.state, "ready"))
        model_compare_status(&response.status);
}

/* Tables that were built beside it are adopted, and equal to the states that decide. An erasure may
 * remove some while the server opens them. */
static void check_swaps(void) {
    if (metric_value(metrics, SWAPS, SWAP_RESULT_REFUSED) > 0 && !world->is_disturbed &&
        !world->was_full && !model_has_erasures())
        broken("tables were refused, with a disk that works");
    if (metric_value(metrics, COMPARISONS, COMPARISON_DIFFERENT) > 0 && !model_has_erasures())
        broken("adopted tables have other states than the server had");
}

static void check_all(void) {
    await_quiet();
    await_ready();
    model_check();
    check_cards(false);
    check_totals();
    check_swaps();
}

/* ---- after rot ---- */

int life_open_server(struct error *ret_error) {
    int r = open_service(ret_error);
    while (r == 0 && service_state(service, NULL, 0) == SERVICE_STARTING)
        schedule_sleep(5000);
    return r < 0 ? r : service_failure(service, ret_error);
}

void life_check_rotten(bool may_be_short) {
    network_open(service);
    if (model_is_whole(may_be_short))
        check_cards(!may_be_short);
}

void life_without_faults(void) {
    world->crash_at = UINT64_MAX;
    world->crash_call = world->crash_turn = world->crash_promise = 0;
    world->slow_in = world->full_in = world->error_in = world->read_in = UINT64_MAX;
    world->memory_fails = 0;
}

/* ---- what happens in it ---- */

static void set_clock(void) {
    static const int64_t steps[] = {-3600, -5, 1, 60, 86400};
    world->wall_offset_us += SECOND_US * steps[chance_below(CHANCE_FAULT, 5)];
    trace("the clock is set");
}

static void reload(void) {
    unsigned number = (unsigned)chance_below(CHANCE_WORK, POLICIES);
    schedule_paused++; /* the operator's editor, which has memory */
    model_write_policy(world->policy, number);
    schedule_paused--;
    model_wants_policy(number);
    service_reload_again(service);
    world->counts[COUNT_RELOADS]++;
    while (service_is_reloading(service))
        schedule_sleep(1000);
}

/* The two change the same things, and meet by chance too seldom. */
static bool is_swapping(void) {
    return metric_value(metrics, SWAP_STATE, SWAP_OPENING) ||
           metric_value(metrics, SWAP_STATE, SWAP_CATCHING_UP) ||
           metric_value(metrics, SWAP_STATE, SWAP_SWITCHING);
}

static void act(void) {
    if (chance_once(CHANCE_WORK, is_swapping() ? 4 : 60))
        reload();
    else
        network_act();
    if (chance_once(CHANCE_WORK, 8))
        network_repeat();
    if (fault_happens(FAULT_CLOCK, 100))
        set_clock();
    if (fault_happens(FAULT_NIGHT, 60)) {
        beside_kill();
        beside_start();
    }
    if (chance_once(CHANCE_WORK, 30))
        check_all();
    if (chance_once(CHANCE_WORK, 3))
        schedule_sleep((int64_t)chance_below(CHANCE_WORK, 4000));
    else
        schedule_step();
}

static void live(void) {
    if (world->life > 1 && world->end == LIFE_POWER)
        model_after_power();
    open_server();
    model_forget_erased();
    network_open(service);
    await_quiet();
    model_check_again();
    check_cards(false);
    check_totals();
    beside_start();
    uint64_t actions = 20 + chance_below(CHANCE_WORK, 150);
    for (uint64_t i = 0; i < actions && world->steps < world->steps_max; i++)
        act();
    check_all();
    beside_stop();
    check_all();
    close_server();
    disk_expect_files();
    life_end(LIFE_CLOSED);
}

/* How and when this life ends, if nothing else ends it. Often it is young. Of steps there are ten
 * times as many as of calls of the disk, and of these many more than of promises, and of syncs that
 * come once in a segment. */
static void plan_end(void) {
    enum { BY_STEP, BY_CALL, BY_PROMISE, BY_TURN, BY_COUNT = BY_TURN + 2 /* twice as often */ };
    bool is_young = chance_once(CHANCE_FAULT, 3);
    uint64_t kind = chance_below(CHANCE_FAULT, 10), by = chance_below(CHANCE_FAULT, BY_COUNT);
    uint64_t after = 1 + chance_below(CHANCE_FAULT, is_young ? 300 : 2000);
    /* What a process that was killed had not synced, the next one must have synced before it
     * promises more: that shows if the power fails behind one of its first promises, before it has
     * synced the same for itself. */
    if (world->end == LIFE_KILLED && !chance_once(CHANCE_FAULT, 3)) {
        kind = 0;
        by = BY_PROMISE;
        after = 1 + chance_below(CHANCE_FAULT, 100);
    }
    world->crash_at = UINT64_MAX;
    world->crash_as = kind < 5 ? LIFE_POWER : LIFE_KILLED;
    world->crash_call = world->crash_turn = world->crash_promise = 0;
    promised_before = model_promised();
    if (kind >= 8 || !(world->faults & (kind < 5 ? FAULT_POWER : FAULT_KILL)))
        return;
    if (by == BY_STEP)
        world->crash_at = world->steps + after;
    else if (by == BY_CALL)
        world->crash_call = 1 + after / 10;
    else if (by == BY_PROMISE)
        world->crash_promise = 1 + after / 30;
    else
        world->crash_turn = 1 + after / 200;
}

/* Most disks work most of the time. */
static void plan_disk(void) {
    static const uint64_t rates[] = {UINT64_MAX, UINT64_MAX, 2000, 300, 40};
    static const uint64_t read_rates[] = {UINT64_MAX, UINT64_MAX, 5000, 1000,
                                          150}; /* there are more */
    world->slow_in = rates[chance_below(CHANCE_FAULT, 5)];
    world->full_in = rates[chance_below(CHANCE_FAULT, 5)];
    world->error_in = rates[chance_below(CHANCE_FAULT, 5)];
    world->read_in = read_rates[chance_below(CHANCE_FAULT, 5)];
}

static void plan_memory(void) {
    uint64_t most = UINT64_C(1) << (4 + chance_below(CHANCE_FAULT, 12));
    world->memory_at = 1 + chance_below(CHANCE_FAULT, most);
    world->memory_fails = chance_once(CHANCE_FAULT, 8) && (world->faults & FAULT_MEMORY)
                              ? 1 + chance_below(CHANCE_FAULT, 3)
                              : 0;
}

static void on_signal(int signal) {
    void *calls[64];
    if (signal == SIGBUS &&
        world->has_rotten_tables) /* harrierd's handler says which: mapped_tables.h */
        life_end(LIFE_REFUSED);
    /* The note that such a process leaves has the next start read the tables against their hashes.
     */
    if ((signal == SIGABRT || signal == SIGSEGV) && world->has_rotten_tables) {
        world->counts[COUNT_UNNOTICED]++;
        life_end(LIFE_REFUSED);
    }
    if (signal == SIGABRT && world->is_short_of_memory)
        life_end(LIFE_MEMORY); /* a library's object could not be made */
    backtrace_symbols_fd(calls, backtrace(calls, 64), 2);
    snprintf(world->report, sizeof world->report, "signal %d", signal);
    world->end = LIFE_BROKEN;
    _exit(0);
}

void life_catch_signals(void) {
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGABRT, on_signal);
}

void life_live(void) {
    life_catch_signals();
    world->had_quick_disk = !world->is_disturbed && !world->is_slowed;
    world->is_slowed = false;
    world->is_disturbed = world->is_short_of_memory = world->has_rotten_tables = false;
    plan_end();
    plan_disk();
    plan_memory();
    schedule_run(live);
    abort();
}
