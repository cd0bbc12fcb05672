#include "report_tally.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_FIRST 64

void report_tally_init(struct report_tally *tally) {
    *tally = (struct report_tally){0};
}

void report_tally_deinit(struct report_tally *tally) {
    free(tally->days);
    *tally = (struct report_tally){0};
}

/* ---- days ---- */

/* Where the day is, or has to be put. */
static size_t find_day(const struct report_tally *tally, int64_t day) {
    size_t low = 0, high = tally->day_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tally->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct report_day_tally *day_of(struct report_tally *tally, int64_t day) {
    if (tally->last_day < tally->day_count && tally->days[tally->last_day].day == day)
        return &tally->days[tally->last_day];
    size_t at = tally->last_day = find_day(tally, day);
    if (at < tally->day_count && tally->days[at].day == day)
        return &tally->days[at];
    if (tally->day_count == tally->day_room) {
        tally->day_room = tally->day_room ? 2 * tally->day_room : DAYS_FIRST;
        tally->days = check_reallocarray(tally->days, tally->day_room, sizeof *tally->days);
    }
    memmove(&tally->days[at + 1], &tally->days[at], (tally->day_count - at) * sizeof *tally->days);
    tally->day_count++;
    tally->days[at] = (struct report_day_tally){.day = day};
    return &tally->days[at];
}

static void add_to_day(struct report_day_tally *day, const struct report_fact *fact) {
    day->transactions++;
    day->positive += fact->class == REPORT_POSITIVE;
    day->without_outcome += !fact->has_outcome;
    for (size_t i = 0; i < REPORT_SIDES; i++) {
        enum verdict verdict = fact->verdicts[i];
        day->sides[i].verdicts[verdict]++;
        day->sides[i].caught += fact->class == REPORT_POSITIVE && report_is_alert(verdict);
    }
}

static void merge_day(struct report_day_tally *to, const struct report_day_tally *from) {
    to->transactions += from->transactions;
    to->positive += from->positive;
    to->without_outcome += from->without_outcome;
    for (size_t i = 0; i < REPORT_SIDES; i++) {
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            to->sides[i].verdicts[verdict] += from->sides[i].verdicts[verdict];
        to->sides[i].caught += from->sides[i].caught;
    }
}

/* ---- sides ---- */

static void add_to_side(struct report_side_tally *side, const struct report_fact *fact,
                        enum verdict verdict, uint32_t score) {
    struct report_cell *cell = &side->cells[fact->class][verdict];
    cell->rows++;
    cell->amount += fact->amount_minor;
    cell->squares += (report_sum)fact->amount_minor * fact->amount_minor;
    check(score < REPORT_SCORES);
    if (fact->class == REPORT_POSITIVE)
        side->scores.positive[score]++;
    else if (report_class_counts(fact->class))
        side->scores.negative[score]++;
    side->unknown[score] += fact->class == REPORT_UNKNOWN;
}

static void merge_side(struct report_side_tally *to, const struct report_side_tally *from) {
    for (size_t class = 0; class < REPORT_CLASSES; class ++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
            to->cells[class][verdict].rows += from->cells[class][verdict].rows;
            to->cells[class][verdict].amount += from->cells[class][verdict].amount;
            to->cells[class][verdict].squares += from->cells[class][verdict].squares;
        }
    for (size_t score = 0; score < REPORT_SCORES; score++) {
        to->scores.positive[score] += from->scores.positive[score];
        to->scores.negative[score] += from->scores.negative[score];
        to->unknown[score] += from->unknown[score];
    }
}

void report_tally_add(struct report_tally *tally, const struct report_fact *fact) {
    const enum verdict *verdicts = fact->verdicts;
    for (size_t i = 0; i < REPORT_SIDES; i++)
        add_to_side(&tally->sides[i], fact, verdicts[i], fact->scores[i]);
    tally->matrix[verdicts[REPORT_AGAINST]][verdicts[REPORT_REPLAYED]]++;
    tally->other_scores += verdicts[REPORT_REPLAYED] == verdicts[REPORT_AGAINST] &&
                           fact->scores[REPORT_REPLAYED] != fact->scores[REPORT_AGAINST];
    tally->without_amount += !fact->has_amount;
    add_to_day(day_of(tally, fact->day), fact);
}

void report_tally_merge(struct report_tally *to, const struct report_tally *from) {
    for (size_t i = 0; i < REPORT_SIDES; i++)
        merge_side(&to->sides[i], &from->sides[i]);
    for (size_t a = 0; a < VERDICT_COUNT; a++)
        for (size_t b = 0; b < VERDICT_COUNT; b++)
            to->matrix[a][b] += from->matrix[a][b];
    to->other_scores += from->other_scores;
    to->without_amount += from->without_amount;
    for (size_t i = 0; i < from->day_count; i++)
        merge_day(day_of(to, from->days[i].day), &from->days[i]);
}

/* ---- what follows ---- */

uint64_t report_class_rows(const struct report_tally *tally, enum report_class class) {
    uint64_t rows = 0;
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
        rows += tally->sides[REPORT_REPLAYED].cells[class][verdict].rows;
    return rows;
}

uint64_t report_verdict_rows(const struct report_side_tally *side, enum verdict verdict) {
    uint64_t rows = 0;
    for (size_t class = 0; class < REPORT_CLASSES; class ++)
        rows += side->cells[class][verdict].rows;
    return rows;
}

uint64_t report_rows(const struct report_tally *tally) {
    uint64_t rows = 0;
    for (enum report_class class = 0; class < REPORT_CLASSES; class ++)
        rows += report_class_rows(tally, class);
    return rows;
}

/* Rows and their net worth x: n, Σx, Σx². */
struct moments {
    uint64_t rows;
    report_sum sum, squares;
};

/* Of one cell every transaction is worth sign · amount − price. */
static void add_cell(struct moments *to, const struct report_cell *cell, int sign, int64_t price) {
    report_sum rows = (report_sum)cell->rows;
    to->rows += cell->rows;
    to->sum += sign * cell->amount - price * rows;
    to->squares += (sign != 0 ? cell->squares : 0) - 2 * sign * price * cell->amount +
                   (report_sum)price * price * rows;
}

/* Σ(x − x̄)². Shifted by the whole part of the mean first: exact but for the last subtraction,
 * which has little left to cancel. */
static double scatter(const struct moments *moments) {
    if (moments->rows == 0)
        return 0;
    report_sum n = (report_sum)moments->rows, mean = moments->sum / n, rest = moments->sum % n;
    report_sum shifted = moments->squares - 2 * mean * moments->sum + n * mean * mean;
    double left = (double)shifted - (double)rest * (double)rest / (double)n;
    return left > 0 ? left : 0;
}

static void judge_cell(struct report_detection *detection, const struct report_cell *cell,
                       bool positive, enum verdict verdict) {
    bool alert = report_is_alert(verdict);
    if (positive)
        *(alert ? &detection->true_positive : &detection->false_negative) += cell->rows;
    else
        *(alert ? &detection->false_positive : &detection->true_negative) += cell->rows;
    if (positive)
        *(alert ? &detection->caught : &detection->missed) += cell->amount;
    else if (verdict == VERDICT_DECLINE)
        detection->declined_wrongly += cell->amount;
}

struct report_detection report_detection(const struct report_side_tally *side,
                                         int64_t review_price_minor) {
    struct report_detection detection = {0};
    struct moments moments = {0};
    for (enum report_class class = 0; report_class_counts(class); class ++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++) {
            const struct report_cell *cell = &side->cells[class][verdict];
            bool positive = class == REPORT_POSITIVE;
            int64_t price = verdict == VERDICT_REVIEW ? review_price_minor : 0;
            int sign = positive && report_is_alert(verdict)      ? 1
                       : !positive && verdict == VERDICT_DECLINE ? -1
                                                                 : 0;
            judge_cell(&detection, cell, positive, verdict);
            detection.review_cost += price * (report_sum)cell->rows;
            add_cell(&moments, cell, sign, price);
        }
    detection.net = moments.sum;
    detection.net_half = REPORT_Z * sqrt(scatter(&moments));
    return detection;
}
