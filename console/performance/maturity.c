#include "maturity.h"

#include "batch/report/report_tally.h"

#define BASIS_DAYS 400 /* the newest ones: habits change */

struct measure {
    int32_t horizon;
    int64_t by_age[MATURITY_AGE_MAX + 1];
};

static int take(void *user, const struct sql_row *row, struct error *ret_error) {
    struct measure *measure = user;
    int64_t age = sql_integer(row, 1) - sql_integer(row, 0);
    (void)ret_error;
    if (age <= measure->horizon)
        measure->by_age[age > 0 ? age : 0] += sql_integer(row, 2);
    return 0;
}

static void set_shares(struct maturity *maturity, const struct measure *measure) {
    int64_t known = 0;
    maturity->days = maturity->horizon;
    for (int32_t age = 0; age <= maturity->horizon; age++) {
        known += measure->by_age[age];
        maturity->shares[age] = (double)known / (double)maturity->frauds;
    }
    while (maturity->days > 0 && maturity->shares[maturity->days - 1] >= MATURITY_SHARE)
        maturity->days--;
}

int maturity_measure(struct sql *sql, int32_t first, int32_t known, struct maturity *ret_maturity,
                     struct error *ret_error) {
    struct maturity maturity = {.days = MATURITY_FALLBACK};
    int32_t horizon = (known - first) / 2;
    maturity.horizon = horizon < MATURITY_AGE_MAX ? horizon : MATURITY_AGE_MAX;
    if (maturity.horizon < 0)
        maturity.horizon = 0;
    maturity.basis_until = known - maturity.horizon;
    struct measure measure = {.horizon = maturity.horizon};
    int r = sql_each(sql, ret_error, take, &measure,
                     "SELECT c.day, c.known, c.rows FROM subjects s CROSS JOIN cells c ON"
                     " c.subject = s.id WHERE s.kind = 0 AND c.class = ?"
                     " AND c.day BETWEEN ? AND ? AND c.known <= ?",
                     "iiii", (int64_t)REPORT_POSITIVE, (int64_t)maturity.basis_until - BASIS_DAYS,
                     (int64_t)maturity.basis_until, (int64_t)known);
    if (r < 0)
        return r;
    for (int32_t age = 0; age <= maturity.horizon; age++)
        maturity.frauds += measure.by_age[age];
    maturity.is_measured = maturity.horizon > 0 && maturity.frauds >= MATURITY_FRAUDS;
    if (maturity.is_measured)
        set_shares(&maturity, &measure);
    *ret_maturity = maturity;
    return 0;
}

double maturity_share(const struct maturity *maturity, int32_t age) {
    if (age < 0)
        return 0;
    return age > maturity->horizon ? 1 : maturity->shares[age];
}
