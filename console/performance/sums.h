/* Reads the tables: rows and amounts of subjects over a range of days, as they are known now or
 * were known at the end of a day. */
#pragma once

#include "batch/report/report_tally.h"
#include "console/database/sql.h"
#include "daily_tables.h"

#define KNOWN_NOW INT32_MAX

struct sums_range {
    int32_t from, until;  /* days of the events, both included */
    int32_t known;        /* the day at whose end it was known, or KNOWN_NOW */
    const char *currency; /* of amounts; rows are of all currencies */
};

/* By class and verdict. */
struct sums {
    struct report_cell cells[REPORT_CLASSES][VERDICT_COUNT];
};
struct joint_sums {
    struct report_cell cells[REPORT_CLASSES][JOINT_VERDICTS];
};
void sums_add(struct sums *to, const struct sums *sums);

/* The decisions as a whole, day by day: until − from + 1 of them. The caller frees it. */
int sums_by_day(struct sql *sql, const struct sums_range *range, struct sums **ret_days,
                struct error *ret_error);

/* Subjects of one kind over the range: the days up to mature_until, and those after it. */
struct subject_sums {
    int64_t id;
    char *name;
    struct joint_sums mature, young; /* of all kinds but SHADOW_POLICY: the live verdict alone */
};
struct subjects {
    struct subject_sums *of; /* that have rows, by id */
    size_t count;
};
int sums_by_subject(struct sql *sql, const struct sums_range *range, enum subject_kind kind,
                    int32_t mature_until, struct subjects *ret_subjects, struct error *ret_error);
void subjects_free(struct subjects *subjects);
struct sums sums_plain(const struct joint_sums *joint); /* of a kind without joint verdicts */

/* What a rule did in a mode, one row for each class, verdict and currency. */
struct rule_row {
    enum subject_kind kind; /* RULE, SHADOW_RULE or SUPPRESSED_RULE */
    const char *rule;
    enum report_class class;
    enum verdict verdict; /* of the decision in which it fired */
    const char *currency;
    uint64_t rows;
    report_sum amount; /* minor units */
};
typedef void sums_take_rule(void *user, const struct rule_row *row);
/* Over days of events, both included, as it is known now. Rows of one rule and mode come together,
 * by name, then by currency. Texts are valid during the call. */
int sums_each_rule(struct sql *sql, int32_t from, int32_t until, sums_take_rule *take, void *user,
                   struct error *ret_error);

/* The first and last day that have decisions. false: there are none. */
int sums_extent(struct sql *sql, int32_t *ret_first, int32_t *ret_last, struct error *ret_error);

/* The currencies of the range, the most frequent first. */
struct sums_currency {
    char code[4];
    int64_t rows;
};
#define CURRENCIES_SHOWN 32
int sums_currencies(struct sql *sql, int32_t from, int32_t until,
                    struct sums_currency currencies[CURRENCIES_SHOWN], struct error *ret_error);
