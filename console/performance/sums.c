#include "sums.h"

#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */

static void add_cell(struct report_cell *to, int64_t rows, report_sum amount, report_sum squares) {
    to->rows += (uint64_t)rows;
    to->amount += amount;
    to->squares += squares;
}

void sums_add(struct sums *to, const struct sums *sums) {
    for (int class = 0; class < REPORT_CLASSES; class ++)
        for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
            const struct report_cell *cell = &sums->cells[class][verdict];
            add_cell(&to->cells[class][verdict], (int64_t)cell->rows, cell->amount, cell->squares);
        }
}

struct sums sums_plain(const struct joint_sums *joint) {
    struct sums sums;
    for (int class = 0; class < REPORT_CLASSES; class ++)
        memcpy(sums.cells[class], joint->cells[class], sizeof sums.cells[class]);
    return sums;
}

/* ---- rows ---- */

struct row {
    int64_t subject, day, class, verdict, rows;
    report_sum amount, squares; /* 0 in another currency */
};

/* The columns of a row: subject, day, class, verdict, currency, rows, amount, high, low. */
#define COLUMNS "c.subject, c.day, c.class, c.verdict, c.currency, c.rows, c.amount, c.high, c.low"

/* false: the table has what nothing of ours writes. */
static bool read_row(const struct sql_row *from, const char *currency, struct row *ret_row) {
    struct row row = {.subject = sql_integer(from, 0),
                      .day = sql_integer(from, 1),
                      .class = sql_integer(from, 2),
                      .verdict = sql_integer(from, 3),
                      .rows = sql_integer(from, 5)};
    if (strcmp(sql_text(from, 4), currency) == 0) {
        row.amount = sql_integer(from, 6);
        row.squares = (report_sum)sql_integer(from, 7) * ((report_sum)1 << SQUARE_BITS) +
                      sql_integer(from, 8);
    }
    *ret_row = row;
    return row.class >= 0 && row.class < REPORT_CLASSES && row.verdict >= 0 &&
           row.verdict < (int64_t)JOINT_VERDICTS;
}

/* Each class is looked up by itself, so that the days within it are one range of the key. */
static int each_row(struct sql *sql, const struct sums_range *range, enum subject_kind kind,
                    sql_take *take, void *user, struct error *ret_error) {
    int64_t known = range->known;
    int r =
        range->known == KNOWN_NOW
            ? sql_each(sql, ret_error, take, user,
                       "SELECT " COLUMNS " FROM subjects s CROSS JOIN totals c ON"
                       " c.subject = s.id WHERE s.kind = ? AND c.class IN (0, 1, 2, 3, 4)"
                       " AND c.day BETWEEN ? AND ? ORDER BY s.id",
                       "iii", (int64_t)kind, (int64_t)range->from, (int64_t)range->until)
            : sql_each(sql, ret_error, take, user,
                       "SELECT " COLUMNS " FROM subjects s CROSS JOIN cells c ON"
                       " c.subject = s.id WHERE s.kind = ? AND c.class IN (0, 1, 2, 3, 4)"
                       " AND c.day BETWEEN ? AND ? AND c.known <= ? ORDER BY s.id",
                       "iiii", (int64_t)kind, (int64_t)range->from, (int64_t)range->until, known);
    return r < 0 ? r : 0;
}

/* ---- by day ---- */

struct by_day {
    const struct sums_range *range;
    struct sums *days;
};

static int take_day(void *user, const struct sql_row *from, struct error *ret_error) {
    struct by_day *by_day = user;
    struct row row;
    (void)ret_error;
    if (read_row(from, by_day->range->currency, &row) && row.verdict < VERDICT_COUNT)
        add_cell(&by_day->days[row.day - by_day->range->from].cells[row.class][row.verdict],
                 row.rows, row.amount, row.squares);
    return 0;
}

int sums_by_day(struct sql *sql, const struct sums_range *range, struct sums **ret_days,
                struct error *ret_error) {
    struct by_day by_day = {
        .range = range,
        .days = check_calloc((size_t)(range->until - range->from) + 1, sizeof(struct sums))};
    int r = each_row(sql, range, SUBJECT_ALL, take_day, &by_day, ret_error);
    if (r < 0)
        free(by_day.days);
    else
        *ret_days = by_day.days;
    return r;
}

/* ---- by subject ---- */

struct by_subject {
    const struct sums_range *range;
    int32_t mature_until;
    struct subjects found;
};

static struct subject_sums *subject_of(struct subjects *subjects, int64_t id) {
    if (subjects->count > 0 && subjects->of[subjects->count - 1].id == id)
        return &subjects->of[subjects->count - 1];
    if ((subjects->count & (subjects->count - 1)) == 0)
        subjects->of = check_reallocarray(subjects->of, subjects->count ? 2 * subjects->count : 1,
                                          sizeof *subjects->of);
    subjects->of[subjects->count] = (struct subject_sums){.id = id};
    return &subjects->of[subjects->count++];
}

static int take_subject(void *user, const struct sql_row *from, struct error *ret_error) {
    struct by_subject *by = user;
    struct row row;
    (void)ret_error;
    if (!read_row(from, by->range->currency, &row))
        return 0;
    struct subject_sums *subject = subject_of(&by->found, row.subject);
    struct joint_sums *sums = row.day <= by->mature_until ? &subject->mature : &subject->young;
    add_cell(&sums->cells[row.class][row.verdict], row.rows, row.amount, row.squares);
    return 0;
}

struct naming {
    struct subjects *subjects;
    size_t at; /* both are in the order of ids */
};

static int take_name(void *user, const struct sql_row *row, struct error *ret_error) {
    struct naming *naming = user;
    const struct subjects *subjects = naming->subjects;
    (void)ret_error;
    if (naming->at < subjects->count && subjects->of[naming->at].id == sql_integer(row, 0))
        subjects->of[naming->at++].name = text_copy(text_of(sql_text(row, 1)));
    return 0;
}

int sums_by_subject(struct sql *sql, const struct sums_range *range, enum subject_kind kind,
                    int32_t mature_until, struct subjects *ret_subjects, struct error *ret_error) {
    struct by_subject by = {.range = range, .mature_until = mature_until};
    struct naming naming = {.subjects = &by.found};
    int r = each_row(sql, range, kind, take_subject, &by, ret_error);
    if (r == 0)
        r = sql_each(sql, ret_error, take_name, &naming,
                     "SELECT id, name FROM subjects WHERE kind = ? ORDER BY id", "i",
                     (int64_t)kind);
    if (r < 0) {
        subjects_free(&by.found);
        return r;
    }
    *ret_subjects = by.found;
    return 0;
}

void subjects_free(struct subjects *subjects) {
    for (size_t i = 0; i < subjects->count; i++)
        free(subjects->of[i].name);
    free(subjects->of);
    *subjects = (struct subjects){0};
}

/* ---- rules in all currencies ---- */

struct rule_rows {
    sums_take_rule *take;
    void *user;
};

/* Two sums for the amounts: SQLite refuses a sum beyond 64 bits, and no amount is beyond it. */
static int take_rule_row(void *user, const struct sql_row *from, struct error *ret_error) {
    const struct rule_rows *rows = user;
    (void)ret_error;
    struct rule_row row = {
        .kind = (enum subject_kind)sql_integer(from, 0),
        .rule = sql_text(from, 1),
        .currency = sql_text(from, 2),
        .class = (enum report_class)sql_integer(from, 3),
        .verdict = (enum verdict)sql_integer(from, 4),
        .rows = (uint64_t)sql_integer(from, 5),
        .amount = (report_sum)sql_integer(from, 6) * ((report_sum)1 << 32) + sql_integer(from, 7),
    };
    rows->take(rows->user, &row);
    return 0;
}

int sums_each_rule(struct sql *sql, int32_t from, int32_t until, sums_take_rule *take, void *user,
                   struct error *ret_error) {
    struct rule_rows rows = {.take = take, .user = user};
    int r = sql_each(sql, ret_error, take_rule_row, &rows,
                     "SELECT s.kind, s.name, c.currency, c.class, c.verdict, sum(c.rows) AS n,"
                     " sum(c.amount >> 32), sum(c.amount & 4294967295)"
                     " FROM subjects s CROSS JOIN totals c ON c.subject = s.id"
                     " WHERE s.kind IN (?, ?, ?) AND c.class IN (0, 1, 2, 3, 4)"
                     " AND c.verdict < ? AND c.day BETWEEN ? AND ?"
                     " GROUP BY s.id, c.currency, c.class, c.verdict HAVING n <> 0"
                     " ORDER BY s.name, s.kind, c.currency",
                     "iiiiii", (int64_t)SUBJECT_RULE, (int64_t)SUBJECT_SHADOW_RULE,
                     (int64_t)SUBJECT_SUPPRESSED_RULE, (int64_t)VERDICT_COUNT, (int64_t)from,
                     (int64_t)until);
    return r < 0 ? r : 0;
}

/* ---- what there is ---- */

struct extent {
    bool is_known;
    int64_t first, last;
};

static int take_extent(void *user, const struct sql_row *row, struct error *ret_error) {
    struct extent *extent = user;
    int64_t first = sql_integer(row, 0), last = sql_integer(row, 1);
    (void)ret_error;
    if (!extent->is_known || first < extent->first)
        extent->first = first;
    if (!extent->is_known || last > extent->last)
        extent->last = last;
    extent->is_known = true;
    return 0;
}

/* 1: there are days; 0: there are none. */
int sums_extent(struct sql *sql, int32_t *ret_first, int32_t *ret_last, struct error *ret_error) {
    struct extent extent = {0};
    for (int64_t class = 0; class < REPORT_CLASSES; class ++) {
        int r = sql_each(sql, ret_error, take_extent, &extent,
                         "SELECT low, high FROM (SELECT"
                         " (SELECT min(day) FROM totals WHERE subject = s.id AND class = ?) AS low,"
                         " (SELECT max(day) FROM totals WHERE subject = s.id AND class = ?) AS high"
                         " FROM subjects s WHERE s.kind = 0) WHERE low IS NOT NULL",
                         "ii", class, class);
        if (r < 0)
            return r;
    }
    *ret_first = (int32_t)extent.first;
    *ret_last = (int32_t)extent.last;
    return extent.is_known;
}

struct currencies {
    struct sums_currency *of;
    size_t count;
};

static int take_currency(void *user, const struct sql_row *row, struct error *ret_error) {
    struct currencies *currencies = user;
    (void)ret_error;
    struct sums_currency *currency = &currencies->of[currencies->count++];
    snprintf(currency->code, sizeof currency->code, "%s", sql_text(row, 0));
    currency->rows = sql_integer(row, 1);
    return 0;
}

/* Returns their number. */
int sums_currencies(struct sql *sql, int32_t from, int32_t until,
                    struct sums_currency currencies[CURRENCIES_SHOWN], struct error *ret_error) {
    struct currencies found = {.of = currencies};
    int r = sql_each(sql, ret_error, take_currency, &found,
                     "SELECT c.currency, sum(c.rows) AS n FROM subjects s CROSS JOIN totals c ON"
                     " c.subject = s.id WHERE s.kind = 0 AND c.class IN (0, 1, 2, 3, 4)"
                     " AND c.day BETWEEN ? AND ? GROUP BY c.currency HAVING n > 0"
                     " ORDER BY n DESC, c.currency LIMIT 32",
                     "ii", (int64_t)from, (int64_t)until);
    return r < 0 ? r : (int)found.count;
}
