/* One side's scores, sorted and summed by score and day, and what each day comes to. Private to
 * ranking_metrics.h. */
#pragma once

#include "ranking_row.h"

#include <stddef.h>

/* The rows of one score and one day. */
struct ranking_cell {
    double score;
    double money; /* of the positive rows, minor units */
    uint32_t day; /* an index into the days */
    uint32_t positive, negative;
};

/* One day of one side. */
struct ranking_day {
    double caught, money; /* rows and amount found by the reviews; parts of rows where scores tie */
    uint64_t reviewed;    /* rows */
    uint64_t cards;       /* found with card precision's k */
};

/* What the sides share. The indices of rows are into the array that the calendar was made from. */
struct ranking_calendar {
    size_t day_count;
    uint32_t *by_day;  /* indices of rows, by day; in order within a day */
    size_t *day_begin; /* of each day in by_day, and the end of the last one */
    uint32_t *cards;   /* of each row, numbered from 0; UINT32_MAX: none */
    size_t card_count;
};

void ranking_calendar_init(struct ranking_calendar *calendar, const struct ranking_row *rows,
                           size_t count);
void ranking_calendar_deinit(struct ranking_calendar *calendar);

/* From the greatest score down, by day within a score. The caller frees the cells. */
struct ranking_cell *ranking_cells_new(const struct ranking_calendar *calendar,
                                       const struct ranking_row *rows, size_t side,
                                       size_t *ret_count);

/* Fills `days`, which has room for the calendar's. reviews: rows a day; k: of card precision. */
void ranking_days_fill(const struct ranking_calendar *calendar, const struct ranking_row *rows,
                       size_t side, const struct ranking_cell *cells, size_t cell_count,
                       uint64_t reviews, uint64_t k, struct ranking_day *days);
