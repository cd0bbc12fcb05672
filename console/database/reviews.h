/* Transactions that wait for a person: those whose verdict is review. A person claims one for some
 * minutes, so that no two work on the same, and decides it. The label is kept here first, and then
 * reported to the server, as often as it takes: a label that the server has already changes
 * nothing there. */
#pragma once

#include "sql.h"

#include "core/base/buffer.h"

#define REVIEW_LEASE_US INT64_C(300000000) /* 5 minutes */
#define REVIEW_NOTE_MAX 2000               /* bytes */
#define REVIEW_UNSURE   "unsure"           /* a label that only the console knows */

struct review {
    uint64_t position; /* of the transaction's record */
    const char *transaction_id;
    int64_t event_us, receive_us, amount_minor;
    const char *currency, *reasons; /* reasons: a JSON array */
    uint32_t score;
};

/* One that is there already stays. */
int reviews_add(struct sql *sql, const struct review *review, struct error *ret_error);
/* Another source reported a label, and the review is still open: it is closed. label "none": the
 * label was withdrawn; nothing changes. */
int reviews_close(struct sql *sql, uint64_t position, const char *label, const char *source,
                  int64_t at_us, struct error *ret_error);

enum review_order { REVIEW_BY_SCORE, REVIEW_BY_AMOUNT, REVIEW_BY_AGE };

struct review_page {
    enum review_order order;
    bool decided; /* those, the last decided first, in place of the open ones */
    int64_t limit, offset;
    int64_t now_us;
};

/* Appends "reviews": a JSON array. */
int reviews_list(struct sql *sql, const struct review_page *page, struct buffer *out,
                 struct error *ret_error);
/* Appends "open", "claimed" and "unreported": numbers. */
int reviews_count(struct sql *sql, int64_t now_us, struct buffer *out, struct error *ret_error);
/* Appends "review": what is known of it, or null. */
int reviews_find(struct sql *sql, uint64_t position, struct buffer *out, struct error *ret_error);

/* Claims it, or prolongs the claim. ERROR_EXISTS: another person has it, or it is decided: the
 * message says who. ERROR_NOT_FOUND. */
int review_claim(struct sql *sql, uint64_t position, const char *person, int64_t now_us,
                 struct error *ret_error);
int review_release(struct sql *sql, uint64_t position, const char *person, struct error *ret_error);
/* With its entry in the audit log, in one transaction. The person needs no claim, but no one else
 * may have one. Errors as of review_claim(). */
struct review_decision {
    uint64_t position;
    const char *label; /* "fraud", "legit" or REVIEW_UNSURE */
    const char *note, *person, *address;
    int64_t now_us;
};
int review_decide(struct sql *sql, const struct review_decision *decision, struct error *ret_error);

/* Decided reviews whose label has not reached the server, the oldest first. */
struct review_report {
    uint64_t position;
    char transaction_id[129], label[16], person[65];
    int64_t decided_us;
};
/* Fills at most `most` and returns their number. */
int reviews_unreported(struct sql *sql, struct review_report *reports, int most,
                       struct error *ret_error);
/* problem: "", or why the server refuses it for good. */
int review_reported(struct sql *sql, uint64_t position, const char *problem,
                    struct error *ret_error);
