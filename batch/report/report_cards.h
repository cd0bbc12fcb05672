/* Card precision at k: somebody can call the holders of k cards a day; which share of them had
 * fraud? As the Fraud Detection Handbook defines it (Le Borgne, Siblini, Lebichot, Bontempi, 2022,
 * "Card Precision top-k"): a day's cards by their greatest score that day, the k foremost, those of
 * equal scores in the order in which they were first seen that day; found are those with a positive
 * that day, divided by k; a card that was found on an earlier day is blocked by now, and not looked
 * at again.
 *
 * Beyond a day, cards can be blocked for good: so long after a fraud, as if somebody had found out
 * by then, whatever the scores were. Rows of blocked cards are left out, of the ranking of scores,
 * too; a block may rest on frauds of a time before the rows that are told.
 *
 * Rows come in order, in one thread. A day is closed when rows have reached the second day behind
 * it, so that memory holds the cards of three days. Rows of a closed day are counted and left out.
 * Private to the report. */
#pragma once

#include "report_tally.h"

struct report_cards;

#define REPORT_NEVER_BLOCKED INT64_C(-1)

struct report_card_row {
    int64_t day;
    bool has_card, positive;
    bool is_history;               /* only its fraud is of interest */
    uint64_t card;                 /* a hash of it */
    uint32_t scores[REPORT_SIDES]; /* parallel to enum report_side */
};

struct report_card_day {
    int64_t day;
    uint64_t found[REPORT_SIDES]; /* of k */
};

/* blocked_after_days: on days more than that after the day of its first fraud, of those in the rows
 * so far, a card is blocked; REPORT_NEVER_BLOCKED. */
struct report_cards *report_cards_new(uint64_t k, int64_t blocked_after_days);
void report_cards_free(struct report_cards *cards); /* NULL is allowed */

void report_cards_add(struct report_cards *cards, const struct report_card_row *row);

/* As report_tally.h has it; before they are finished, and into new ones of the same k and days. */
void report_cards_encode(struct report_cards *cards, struct buffer *out);
void report_cards_decode(struct report_cards *cards, struct cursor *cursor);

/* Closes all days. They live as long as the cards. */
const struct report_card_day *report_cards_finish(struct report_cards *cards, size_t *ret_count);
/* Rows that came too late for their day, and rows of blocked cards. */
uint64_t report_cards_late(const struct report_cards *cards);
uint64_t report_cards_blocked(const struct report_cards *cards);
/* Scores of the rows whose cards were not blocked; NULL: none ever is. */
const struct report_scores *report_cards_scores(const struct report_cards *cards,
                                                enum report_side side);
