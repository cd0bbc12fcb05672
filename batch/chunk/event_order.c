/* Payloads held in memory lie in one buffer in the order in which they were put; an array indexes
 * them. The array is sorted lazily: by the first event_order_next() after a put.
 *
 * A record in a run of the file: i64 time, u64 position, u32 length, payload; in native byte order,
 * since only this process reads it. */
#include "event_order.h"

#include "batch/base/radix_sort.h"
#include "batch/base/run_window.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_WINDOW ((size_t)256 << 10)
#define RUN_HEAD   20

struct held {
    int64_t time_us;
    uint64_t position;
    size_t offset; /* in the bytes */
    uint32_t length;
};

/* A sorted run in the file, and what was read of it. */
struct run {
    struct run_window window; /* ->at is behind the head */
    bool has_head;
    struct event_item head; /* its payload lies in the window */
};

struct event_order {
    struct event_order_options options;
    int64_t floor_us;
    struct held *held;
    size_t count, room, taken;
    bool is_sorted;
    struct buffer bytes, spare;
    int file; /* −1: none */
    uint64_t file_bytes;
    struct run *runs;
    size_t run_count;
};

struct event_order *event_order_new(const struct event_order_options *options) {
    struct event_order *order = check_calloc(1, sizeof *order);
    order->options = *options;
    order->floor_us = INT64_MIN;
    order->is_sorted = true;
    order->file = -1;
    buffer_init(&order->bytes);
    buffer_init(&order->spare);
    return order;
}

void event_order_free(struct event_order *order) {
    if (!order)
        return;
    for (size_t i = 0; i < order->run_count; i++)
        buffer_deinit(&order->runs[i].window.bytes);
    free(order->runs);
    free(order->held);
    buffer_deinit(&order->bytes);
    buffer_deinit(&order->spare);
    if (order->file >= 0)
        close(order->file);
    free(order);
}

uint64_t event_order_file_bytes(const struct event_order *order) {
    return order->file_bytes;
}

void event_order_floor(struct event_order *order, int64_t floor_us) {
    check(floor_us >= order->floor_us);
    order->floor_us = floor_us;
}

/* ---- what is held in memory ---- */

/* Drops what was taken and sorts the rest, the index and the payloads, which are then read front to
 * back. The sort by time is stable, and items came in the order of positions, so equal times stay
 * in that order. */
static void arrange(struct event_order *order) {
    size_t count = order->count - order->taken;
    struct held *old = order->held + order->taken;
    struct radix_item *numbers = check_calloc(2 * count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (struct radix_item){(uint64_t)old[i].time_us ^ (UINT64_C(1) << 63), i};
    radix_sort(numbers, numbers + count, count);
    struct held *held = check_calloc(count, sizeof *held);
    buffer_clear(&order->spare);
    for (size_t i = 0; i < count; i++) {
        held[i] = old[numbers[i].item];
        const uint8_t *from = order->bytes.bytes + held[i].offset;
        held[i].offset = order->spare.length;
        buffer_append(&order->spare, from, held[i].length);
    }
    free(numbers);
    free(order->held);
    order->held = held;
    order->count = order->room = count;
    order->taken = 0;
    order->is_sorted = true;
    struct buffer bytes = order->bytes;
    order->bytes = order->spare;
    order->spare = bytes;
}

static struct event_item held_item(const struct event_order *order, size_t index) {
    const struct held *held = &order->held[index];
    return (struct event_item){
        .time_us = held->time_us,
        .position = held->position,
        .payload = {(const char *)order->bytes.bytes + held->offset, held->length}};
}

/* ---- runs in the file ---- */

static int write_waiting(struct event_order *order, struct buffer *waiting,
                         struct error *ret_error) {
    if (file_write_at(order->file, waiting->bytes, waiting->length, order->file_bytes) < 0)
        return error_set_errno(ret_error, errno, "cannot write a temporary file");
    order->file_bytes += waiting->length;
    buffer_clear(waiting);
    return 0;
}

static int write_held(struct event_order *order, struct buffer *waiting, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < order->count && r == 0; i++) {
        struct event_item item = held_item(order, i);
        uint32_t length = (uint32_t)item.payload.length;
        buffer_append(waiting, &item.time_us, sizeof item.time_us);
        buffer_append(waiting, &item.position, sizeof item.position);
        buffer_append(waiting, &length, sizeof length);
        buffer_append(waiting, item.payload.data, item.payload.length);
        if (waiting->length >= RUN_WINDOW)
            r = write_waiting(order, waiting, ret_error);
    }
    return r < 0 ? r : write_waiting(order, waiting, ret_error);
}

/* Writes everything held to the file as one sorted run. */
static int spill(struct event_order *order, struct error *ret_error) {
    if (order->file < 0)
        order->file = order->options.make_file(order->options.user, ret_error);
    if (order->file < 0)
        return order->file;
    arrange(order);
    struct run run = {.window.offset = order->file_bytes};
    buffer_clear(&order->spare);
    int r = write_held(order, &order->spare, ret_error);
    if (r < 0)
        return r;
    run.window.end = order->file_bytes;
    order->runs = check_reallocarray(order->runs, order->run_count + 1, sizeof *order->runs);
    order->runs[order->run_count++] = run;
    order->count = 0;
    buffer_clear(&order->bytes);
    return 0;
}

/* Reads the run's next record as its head, unless it has one. */
static int bring_head(struct event_order *order, struct run *run, struct error *ret_error) {
    uint32_t length;
    struct run_window *window = &run->window;
    if (run->has_head || run_window_is_at_end(window))
        return 0;
    int r = run_window_fill(window, order->file, RUN_HEAD, RUN_WINDOW, ret_error);
    if (r < 0)
        return r;
    memcpy(&length, run_window_bytes(window) + 16, sizeof length);
    r = run_window_fill(window, order->file, RUN_HEAD + (size_t)length, RUN_WINDOW, ret_error);
    if (r < 0)
        return r;
    const uint8_t *at = run_window_bytes(window);
    memcpy(&run->head.time_us, at, 8);
    memcpy(&run->head.position, at + 8, 8);
    run->head.payload = (struct text){(const char *)at + RUN_HEAD, length};
    window->at += RUN_HEAD + (size_t)length;
    run->has_head = true;
    return 0;
}

/* ---- in and out ---- */

int event_order_put(struct event_order *order, const struct event_item *item,
                    struct error *ret_error) {
    check(item->time_us >= order->floor_us || order->floor_us == INT64_MIN);
    check(item->payload.length <= UINT32_MAX);
    if (order->count == order->room) {
        order->room = order->room ? 2 * order->room : 1024;
        order->held = check_reallocarray(order->held, order->room, sizeof *order->held);
    }
    order->held[order->count++] = (struct held){.time_us = item->time_us,
                                                .position = item->position,
                                                .offset = order->bytes.length,
                                                .length = (uint32_t)item->payload.length};
    buffer_append(&order->bytes, item->payload.data, item->payload.length);
    order->is_sorted = false;
    size_t held = order->bytes.length + order->count * sizeof *order->held;
    /* arrange() copies everything once more, hence half of the limit. */
    return held > order->options.limit_bytes / 2 ? spill(order, ret_error) : 0;
}

static bool comes_before(const struct event_item *a, const struct event_item *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->position < b->position;
}

/* The run with the least head; NULL: all are exhausted. Linear in the number of runs, of which a
 * replay has a handful. */
static int least_run(struct event_order *order, struct run **ret_run, struct error *ret_error) {
    *ret_run = NULL;
    for (size_t i = 0; i < order->run_count; i++) {
        struct run *run = &order->runs[i];
        int r = bring_head(order, run, ret_error);
        if (r < 0)
            return r;
        if (run->has_head && (!*ret_run || comes_before(&run->head, &(*ret_run)->head)))
            *ret_run = run;
    }
    return 0;
}

int event_order_next(struct event_order *order, struct event_item *ret_item,
                     struct error *ret_error) {
    struct run *run;
    if (!order->is_sorted)
        arrange(order);
    int r = least_run(order, &run, ret_error);
    if (r < 0)
        return r;
    bool has_held = order->taken < order->count;
    if (!run && !has_held)
        return 0;
    struct event_item held = has_held ? held_item(order, order->taken) : (struct event_item){0};
    bool is_held = has_held && (!run || comes_before(&held, &run->head));
    struct event_item item = is_held ? held : run->head;
    if (item.time_us > order->floor_us)
        return 0;
    if (is_held)
        order->taken++;
    else
        run->has_head = false;
    *ret_item = item;
    return 1;
}
