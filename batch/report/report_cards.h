/* Card precision at k: if investigators can check k cards a day, what share of those had fraud? As
 * defined by the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi, 2022, "Card
 * Precision top-k"): a day's cards are ranked by their greatest score that day, ties in the order
 * in which cards were first seen; of the top k, those with a positive that day are found, and their
 * number is divided by k. A card found on an earlier day is blocked since and not ranked again.
 *
 * Optionally, cards are blocked for good some days after a fraud, whatever their scores, as if it
 * had been discovered by then. Rows of blocked cards are left out, of the ranking of scores as
 * well; a block may come from a fraud before the reported range.
 *
 * Rows come in order, in one thread. A day is closed when a row of the second day after it arrives,
 * so the cards of three days are in memory. Later rows of a closed day are counted and left out.
 * Private to the report. */
#pragma once

#include "report_tally.h"

struct report_cards;

#define REPORT_NEVER_BLOCKED INT64_C(-1)

struct report_card_row {
    int64_t day;
    bool has_card, positive;
    bool is_history;               /* before the reported range: only its fraud counts */
    uint64_t card;                 /* a hash of it */
    uint32_t scores[REPORT_SIDES]; /* parallel to enum report_side */
};

struct report_card_day {
    int64_t day;
    uint64_t found[REPORT_SIDES]; /* cards, out of k */
};

/* blocked_after_days: a card is blocked on days later than this many days after the day of its
 * first fraud among the rows so far; or REPORT_NEVER_BLOCKED. */
struct report_cards *report_cards_new(uint64_t k, int64_t blocked_after_days);
void report_cards_free(struct report_cards *cards); /* NULL is allowed */

void report_cards_add(struct report_cards *cards, const struct report_card_row *row);

/* See report_tally.h. Encode before report_cards_finish(); decode into new ones with the same k and
 * days. */
void report_cards_encode(struct report_cards *cards, struct buffer *out);
void report_cards_decode(struct report_cards *cards, struct cursor *cursor);

/* Closes all days and returns them in ascending order. They live as long as the cards. */
const struct report_card_day *report_cards_finish(struct report_cards *cards, size_t *ret_count);
/* Rows that came too late for their day, and rows of blocked cards. */
uint64_t report_cards_late(const struct report_cards *cards);
uint64_t report_cards_blocked(const struct report_cards *cards);
/* Scores of the rows whose cards were not blocked; NULL if blocking is off. */
const struct report_scores *report_cards_scores(const struct report_cards *cards,
                                                enum report_side side);
