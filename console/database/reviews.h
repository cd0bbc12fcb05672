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
#define REVIEW_SOURCE   "console:"         /* before a person's name: the source, in the archive */

struct review {
    uint64_t position; /* of the transaction's record */
    const char *transaction_id;
    int64_t event_us, receive_us, amount_minor;
    const char *currency, *reasons; /* reasons: a JSON array */
    uint32_t score;
};

/* One that is there already stays. */
int reviews_add(struct sql *sql, const struct review *review, struct error *ret_error);
/* The archive has a label. A review that is open or unsure is closed with it. One whose own label
 * has not been reported yet is settled: either this is that label (its source is REVIEW_SOURCE and
 * the person), or it is another source's, which stays: ours is not sent any more, and its problem
 * says so. label "none": the label was withdrawn; nothing changes. */
int reviews_close(struct sql *sql, uint64_t position, const char *label, const char *source,
                  int64_t at_us, struct error *ret_error);

enum review_order { REVIEW_BY_SCORE, REVIEW_BY_AMOUNT, REVIEW_BY_AGE };

struct review_page {
    enum review_order order;
    bool decided; /* those, the last decided first, in place of the open ones */
    bool unsure;  /* those that a person was unsure about, the first first */
    int64_t limit, offset;
    int64_t now_us;
};

/* Appends "reviews": a JSON array. */
int reviews_list(struct sql *sql, const struct review_page *page, struct buffer *out,
                 struct error *ret_error);
/* Appends "open", "unsure", "claimed" and "unreported": numbers. */
int reviews_count(struct sql *sql, int64_t now_us, struct buffer *out, struct error *ret_error);
/* How many transactions for review were received since then. */
int reviews_since(struct sql *sql, int64_t received_us, int64_t *ret_count,
                  struct error *ret_error);
/* Appends "review": what is known of it, or null. */
int reviews_find(struct sql *sql, uint64_t position, struct buffer *out, struct error *ret_error);

/* Who claims one, or gives it back, and from where. */
struct review_claim {
    uint64_t position;
    const char *person, *address;
    int64_t now_us;
};
/* Claims it, or prolongs the claim, until now_us + REVIEW_LEASE_US. ERROR_EXISTS: another person
 * has it, or it is decided: the message says who. ERROR_NOT_FOUND. A new claim, and its end, are in
 * the audit log. */
int review_claim(struct sql *sql, const struct review_claim *claim, struct error *ret_error);
/* Does nothing if the person has no claim. */
int review_release(struct sql *sql, const struct review_claim *claim, struct error *ret_error);
/* With its entry in the audit log, in one transaction. The person needs no claim, but no one else
 * may have one. One that is REVIEW_UNSURE can be decided again. Errors as of review_claim(). */
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
