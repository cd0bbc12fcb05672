#include "ranking_days.h"

#include "batch/base/double_order.h"
#include "batch/base/radix_sort.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define NO_CARD UINT32_MAX

/* ---- days and cards ---- */

/* Signed days as numbers in the same order. */
static uint64_t day_order(int64_t day) {
    return (uint64_t)day ^ UINT64_C(1) << 63;
}

static struct radix_item *items_new(size_t count, struct radix_item **ret_scratch) {
    *ret_scratch = check_calloc(count + 1, sizeof **ret_scratch);
    return check_calloc(count + 1, sizeof(struct radix_item));
}

static void sort_by_day(struct ranking_calendar *calendar, const struct ranking_row *rows,
                        size_t count) {
    struct radix_item *scratch, *items = items_new(count, &scratch);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct radix_item){.number = day_order(rows[i].day), .item = i};
    radix_sort(items, scratch, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || items[i].number != items[i - 1].number)
            calendar->day_count++;
        calendar->by_day[i] = (uint32_t)items[i].item;
    }
    calendar->day_begin = check_calloc(calendar->day_count + 1, sizeof *calendar->day_begin);
    for (size_t i = 0, day = 0; i < count; i++)
        if (i == 0 || items[i].number != items[i - 1].number)
            calendar->day_begin[day++] = i;
    calendar->day_begin[calendar->day_count] = count;
    free(items);
    free(scratch);
}

static void number_cards(struct ranking_calendar *calendar, const struct ranking_row *rows,
                         size_t count) {
    struct radix_item *scratch, *items = items_new(count, &scratch);
    size_t with_card = 0;
    for (size_t i = 0; i < count; i++) {
        calendar->cards[i] = NO_CARD;
        if (rows[i].has_card)
            items[with_card++] = (struct radix_item){.number = rows[i].card, .item = i};
    }
    radix_sort(items, scratch, with_card);
    for (size_t i = 0; i < with_card; i++) {
        calendar->card_count += i == 0 || items[i].number != items[i - 1].number;
        calendar->cards[items[i].item] = (uint32_t)(calendar->card_count - 1);
    }
    free(items);
    free(scratch);
}

void ranking_calendar_init(struct ranking_calendar *calendar, const struct ranking_row *rows,
                           size_t count) {
    check(count <= RANKING_ROWS_MAX);
    *calendar = (struct ranking_calendar){
        .by_day = check_calloc(count + 1, sizeof *calendar->by_day),
        .cards = check_calloc(count + 1, sizeof *calendar->cards),
    };
    sort_by_day(calendar, rows, count);
    number_cards(calendar, rows, count);
}

void ranking_calendar_deinit(struct ranking_calendar *calendar) {
    free(calendar->by_day);
    free(calendar->day_begin);
    free(calendar->cards);
    *calendar = (struct ranking_calendar){0};
}

/* ---- cells ---- */

static void add_row(struct ranking_cell *cell, const struct ranking_row *row) {
    if (row->positive) {
        cell->positive++;
        cell->money += (double)row->amount_minor;
    } else {
        cell->negative++;
    }
}

struct ranking_cell *ranking_cells_new(const struct ranking_calendar *calendar,
                                       const struct ranking_row *rows, size_t side,
                                       size_t *ret_count) {
    size_t count = calendar->day_begin[calendar->day_count], cells = 0, room = 0;
    struct radix_item *scratch, *items = items_new(count, &scratch);
    struct ranking_cell *list = NULL;
    for (size_t day = 0; day < calendar->day_count; day++)
        for (size_t i = calendar->day_begin[day]; i < calendar->day_begin[day + 1]; i++)
            items[i] = (struct radix_item){
                .number = ~double_to_order(rows[calendar->by_day[i]].scores[side]),
                .item = (uint64_t)day << 32 | calendar->by_day[i]};
    radix_sort(items, scratch, count); /* stable: days stay in order within a score */
    free(scratch);
    for (size_t i = 0; i < count; i++) {
        const struct ranking_row *row = &rows[(uint32_t)items[i].item];
        uint32_t day = (uint32_t)(items[i].item >> 32);
        bool is_new = i == 0 || items[i].number != items[i - 1].number ||
                      day != (uint32_t)(items[i - 1].item >> 32);
        if (is_new && cells == room) {
            room = room ? 2 * room : 1024;
            list = check_reallocarray(list, room, sizeof *list);
        }
        if (is_new)
            list[cells++] = (struct ranking_cell){.score = row->scores[side] + 0.0, .day = day};
        add_row(&list[cells - 1], row);
    }
    free(items);
    *ret_count = cells;
    return list;
}

/* ---- what a day comes to ---- */

static void review(const struct ranking_cell *cells, size_t cell_count, uint64_t reviews,
                   struct ranking_day *days) {
    for (size_t i = 0; i < cell_count; i++) {
        const struct ranking_cell *cell = &cells[i];
        struct ranking_day *day = &days[cell->day];
        uint64_t rows = (uint64_t)cell->positive + cell->negative;
        uint64_t taken = rows < reviews - day->reviewed ? rows : reviews - day->reviewed;
        day->caught += (double)cell->positive * (double)taken / (double)rows;
        day->money += cell->money * (double)taken / (double)rows;
        day->reviewed += taken;
    }
}

/* A card on the day that is being ranked. */
struct ranked_card {
    double score;    /* the greatest of the day */
    size_t last_day; /* that it was seen on, from 1; 0: none */
    bool positive;   /* on that day */
    bool is_found;   /* on an earlier one */
};

/* The day's cards in the order in which they were first seen. Returns their number. */
static size_t collect_cards(const struct ranking_calendar *calendar, const struct ranking_row *rows,
                            size_t side, size_t day, struct ranked_card *cards,
                            struct radix_item *ret_items) {
    size_t count = 0;
    for (size_t i = calendar->day_begin[day]; i < calendar->day_begin[day + 1]; i++) {
        const struct ranking_row *row = &rows[calendar->by_day[i]];
        uint32_t number = calendar->cards[calendar->by_day[i]];
        if (number == NO_CARD || cards[number].is_found)
            continue;
        struct ranked_card *card = &cards[number];
        if (card->last_day != day + 1) {
            card->last_day = day + 1;
            card->score = row->scores[side];
            card->positive = false;
            ret_items[count++].item = number;
        }
        if (row->scores[side] > card->score)
            card->score = row->scores[side];
        card->positive |= row->positive;
    }
    return count;
}

static void find_cards(const struct ranking_calendar *calendar, const struct ranking_row *rows,
                       size_t side, uint64_t k, struct ranking_day *days) {
    struct ranked_card *cards = check_calloc(calendar->card_count + 1, sizeof *cards);
    struct radix_item *scratch, *items = items_new(calendar->card_count, &scratch);
    for (size_t day = 0; day < calendar->day_count; day++) {
        size_t count = collect_cards(calendar, rows, side, day, cards, items);
        for (size_t i = 0; i < count; i++)
            items[i].number = ~double_to_order(cards[items[i].item].score);
        radix_sort(items, scratch, count);
        for (size_t i = 0; i < count && i < k; i++) {
            struct ranked_card *card = &cards[items[i].item];
            card->is_found = card->positive;
            days[day].cards += card->positive;
        }
    }
    free(cards);
    free(items);
    free(scratch);
}

void ranking_days_fill(const struct ranking_calendar *calendar, const struct ranking_row *rows,
                       size_t side, const struct ranking_cell *cells, size_t cell_count,
                       uint64_t reviews, uint64_t k, struct ranking_day *days) {
    memset(days, 0, calendar->day_count * sizeof *days);
    review(cells, cell_count, reviews, days);
    find_cards(calendar, rows, side, k, days);
}
