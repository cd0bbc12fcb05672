/* Adding, merging and encoding sums, and the figures computed from them. Floating point appears
 * only in report_detection(), on exact totals. */
#include "report_tally.h"

#include "batch/base/day.h"

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

/* The day's index, or where it must be inserted. */
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

/* The day's sums, inserted if they are missing. Rows come nearly in order of time, so the last day
 * used mostly fits, and insertions happen near the end. */
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

/* ---- encoding ---- */

void report_counts_encode(const uint64_t *counts, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++)
        buffer_append_varint(out, counts[i]);
}

void report_counts_decode(struct cursor *cursor, size_t count, uint64_t *ret_counts) {
    for (size_t i = 0; i < count; i++)
        ret_counts[i] = cursor_varint(cursor);
}

uint64_t report_number_decode(struct cursor *cursor, uint64_t bound) {
    uint64_t number = cursor_varint(cursor);
    if (number < bound)
        return number;
    cursor->failed = true;
    return 0;
}

void report_sum_encode(report_sum sum, struct buffer *out) {
    __extension__ unsigned __int128 bits = (unsigned __int128)sum;
    buffer_append_u64(out, (uint64_t)bits);
    buffer_append_u64(out, (uint64_t)(bits >> 64));
}

/* Refuses sums so large that adding rows could overflow. */
report_sum report_sum_decode(struct cursor *cursor) {
    static const report_sum most = (report_sum)1 << 126;
    uint64_t low = cursor_u64(cursor);
    __extension__ unsigned __int128 bits = (unsigned __int128)cursor_u64(cursor) << 64 | low;
    report_sum sum = (report_sum)bits;
    if (sum >= -most && sum <= most)
        return sum;
    cursor->failed = true;
    return 0;
}

int64_t report_day_decode(struct cursor *cursor) {
    static const int64_t most = INT64_MAX / DAY_US + 1;
    int64_t day = cursor_zigzag(cursor);
    if (day >= -most && day <= most)
        return day;
    cursor->failed = true;
    return 0;
}

static void encode_side(const struct report_side_tally *side, struct buffer *out) {
    for (size_t class = 0; class < REPORT_CLASSES; class ++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
            const struct report_cell *cell = &side->cells[class][verdict];
            buffer_append_varint(out, cell->rows);
            report_sum_encode(cell->amount, out);
            report_sum_encode(cell->squares, out);
        }
    report_counts_encode(side->scores.positive, REPORT_SCORES, out);
    report_counts_encode(side->scores.negative, REPORT_SCORES, out);
    report_counts_encode(side->unknown, REPORT_SCORES, out);
}

/* Amounts are at most 10^13, which bounds the sum of any number of rows. */
static struct report_cell decode_cell(struct cursor *cursor) {
    struct report_cell cell = {.rows = report_number_decode(cursor, UINT64_C(1) << 40)};
    report_sum most = (report_sum)cell.rows * INT64_C(10000000000000);
    cell.amount = report_sum_decode(cursor);
    cell.squares = report_sum_decode(cursor);
    if (cell.amount > most || cell.amount < -most || cell.squares < 0)
        cursor->failed = true;
    return cell;
}

static void decode_side(struct report_side_tally *side, struct cursor *cursor) {
    for (size_t class = 0; class < REPORT_CLASSES; class ++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            side->cells[class][verdict] = decode_cell(cursor);
    report_counts_decode(cursor, REPORT_SCORES, side->scores.positive);
    report_counts_decode(cursor, REPORT_SCORES, side->scores.negative);
    report_counts_decode(cursor, REPORT_SCORES, side->unknown);
}

static void encode_day(const struct report_day_tally *day, struct buffer *out) {
    buffer_append_zigzag(out, day->day);
    buffer_append_varint(out, day->transactions);
    buffer_append_varint(out, day->positive);
    buffer_append_varint(out, day->without_outcome);
    for (size_t i = 0; i < REPORT_SIDES; i++) {
        report_counts_encode(day->sides[i].verdicts, VERDICT_COUNT, out);
        buffer_append_varint(out, day->sides[i].caught);
    }
}

static struct report_day_tally decode_day(struct cursor *cursor) {
    struct report_day_tally day = {.day = report_day_decode(cursor)};
    day.transactions = cursor_varint(cursor);
    day.positive = cursor_varint(cursor);
    day.without_outcome = cursor_varint(cursor);
    for (size_t i = 0; i < REPORT_SIDES; i++) {
        report_counts_decode(cursor, VERDICT_COUNT, day.sides[i].verdicts);
        day.sides[i].caught = cursor_varint(cursor);
    }
    return day;
}

void report_tally_encode(const struct report_tally *tally, struct buffer *out) {
    for (size_t i = 0; i < REPORT_SIDES; i++)
        encode_side(&tally->sides[i], out);
    for (size_t against = 0; against < VERDICT_COUNT; against++)
        report_counts_encode(tally->matrix[against], VERDICT_COUNT, out);
    buffer_append_varint(out, tally->other_scores);
    buffer_append_varint(out, tally->without_amount);
    buffer_append_varint(out, tally->day_count);
    for (size_t i = 0; i < tally->day_count; i++)
        encode_day(&tally->days[i], out);
}

void report_tally_decode(struct report_tally *tally, struct cursor *cursor) {
    for (size_t i = 0; i < REPORT_SIDES; i++)
        decode_side(&tally->sides[i], cursor);
    for (size_t against = 0; against < VERDICT_COUNT; against++)
        report_counts_decode(cursor, VERDICT_COUNT, tally->matrix[against]);
    tally->other_scores = cursor_varint(cursor);
    tally->without_amount = cursor_varint(cursor);
    uint64_t days = cursor_varint(cursor);
    for (uint64_t i = 0; i < days && !cursor->failed; i++) {
        struct report_day_tally day = decode_day(cursor);
        if (i > 0 && day.day <= tally->days[i - 1].day)
            cursor->failed = true;
        else
            merge_day(day_of(tally, day.day), &day);
    }
}

/* ---- figures ---- */

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

/* Moments of the rows' net values x: n, Σx, Σx². */
struct moments {
    uint64_t rows;
    report_sum sum, squares;
};

/* In one cell, every transaction has the net value sign · amount − price. */
static void add_cell(struct moments *to, const struct report_cell *cell, int sign, int64_t price) {
    report_sum rows = (report_sum)cell->rows;
    to->rows += cell->rows;
    to->sum += sign * cell->amount - price * rows;
    to->squares += (sign != 0 ? cell->squares : 0) - 2 * sign * price * cell->amount +
                   (report_sum)price * price * rows;
}

/* Σ(x − x̄)². Shifted by the integer part of the mean first, in integers: only the last subtraction
 * is inexact, and it has little left to cancel. */
static double scatter(const struct moments *moments) {
    if (moments->rows == 0)
        return 0;
    report_sum n = (report_sum)moments->rows, mean = moments->sum / n, rest = moments->sum % n;
    report_sum shifted = moments->squares - 2 * mean * moments->sum + n * mean * mean;
    double left = (double)shifted - (double)rest * (double)rest / (double)n;
    return left > 0 ? left : 0;
}

double report_sum_half(uint64_t rows, report_sum sum, report_sum squares) {
    const struct moments moments = {.rows = rows, .sum = sum, .squares = squares};
    return REPORT_Z * sqrt(scatter(&moments));
}

/* Adds one cell to the confusion matrix and to the amounts. */
static void add_detection(struct report_detection *detection, const struct report_cell *cell,
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
            add_detection(&detection, cell, positive, verdict);
            detection.review_cost += price * (report_sum)cell->rows;
            add_cell(&moments, cell, sign, price);
        }
    detection.net = moments.sum;
    detection.net_half = REPORT_Z * sqrt(scatter(&moments));
    return detection;
}
