/* What people did with reviews, and what is at stake in those that are open. */
#pragma once

#include "sql.h"

#include "core/base/buffer.h"

/* Appends "history": each time a person gave the review a label, with the note, the first first. */
int review_history_list(struct sql *sql, uint64_t position, struct buffer *out,
                        struct error *ret_error);
/* In the transaction that decides it. */
int review_history_add(struct sql *sql, uint64_t position, const char *person, const char *label,
                       const char *note, int64_t now_us, struct error *ret_error);

/* Appends "at_risk": for each currency the sum of the amounts of open reviews, and their number. */
int reviews_at_risk(struct sql *sql, struct buffer *out, struct error *ret_error);

/* Whose work, and when. */
struct review_work {
    const char *person; /* ""; everybody's */
    int64_t from_us;
    int64_t ahead_us; /* of UTC: where a day begins */
};
/* Appends "work": for each day and person the labels given, the median and the longest time from
 * receipt to label, in seconds; the last day first. */
int review_work_list(struct sql *sql, const struct review_work *work, struct buffer *out,
                     struct error *ret_error);
