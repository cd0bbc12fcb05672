/* How long outcomes take. Frauds become known over weeks, so the newest days look better than they
 * are. From earlier days, of which nearly all is known, this measures which share of a day's frauds
 * is known at which age. */
#pragma once

#include "console/database/sql.h"

#include <stdbool.h>
#include <stdint.h>

#define MATURITY_AGE_MAX  120  /* days */
#define MATURITY_SHARE    0.95 /* of frauds: a day is mature at the age that has so many */
#define MATURITY_FRAUDS   20   /* fewer measure nothing */
#define MATURITY_FALLBACK 30   /* days, then */

struct maturity {
    bool is_measured;
    int32_t days;    /* a day is mature from this age on */
    int32_t horizon; /* frauds that came later are not in the measure */
    int64_t frauds;  /* that it was measured with, and the last of their days */
    int32_t basis_until;
    double shares[MATURITY_AGE_MAX + 1]; /* known at this age; to `horizon` */
};

/* As known at the end of the day `known`; first: the first day that has decisions. The days used
 * are at least `horizon` old, which is half of the history, and at most MATURITY_AGE_MAX. */
int maturity_measure(struct sql *sql, int32_t first, int32_t known, struct maturity *ret_maturity,
                     struct error *ret_error);
/* The share of frauds that is known at this age; 1 beyond the horizon. */
double maturity_share(const struct maturity *maturity, int32_t age);
