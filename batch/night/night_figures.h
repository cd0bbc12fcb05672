/* The figures of a night: what the archive says about the reported day and the weeks before it.
 *
 * One pass over the records that were received since the first of these days, up to the position of
 * the night's tables. A transaction belongs to the day (UTC) of its event time. Its label is the
 * one known at that position; the days before the reported one show how outcomes mature. Figures
 * depend on the archive alone, so a first night compares as well as any other.
 *
 * Memory: four bytes a record of these days, for the precision of rules; with less than that, older
 * transactions do not count there. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/schema.h"
#include "core/store/archive/archive_place.h"
#include "night_day.h"

#include <stddef.h>
#include <stdint.h>

struct night_figures_options {
    const char *archive;
    struct archive_place until;
    int64_t day;    /* reported */
    int64_t now_us; /* no event may be later */
    uint64_t memory_bytes;
    const struct schema *schema; /* whose base currency amounts are in; NULL: no amounts */
};

/* Stage "figures", in records. ERROR_NOT_FOUND: no archive. ERROR_DAMAGED. ERROR_INTERRUPTED. */
int night_figures_make(const struct night_figures_options *options, struct progress *progress,
                       struct night_figures *ret_figures, struct error *ret_error);
void night_figures_deinit(struct night_figures *figures);

/* Frauds of the day that were known when it was at most so many days old. */
uint64_t night_day_frauds_at(const struct night_day *day, size_t age_days);
/* Anything but approve. */
uint64_t night_day_alerts(const struct night_day *day);

/* Frauds of days of an age, as outcomes mature. */
struct night_age_group {
    unsigned youngest, oldest; /* days before the reported one */
};
#define NIGHT_AGE_GROUPS 5
extern const struct night_age_group night_age_groups[NIGHT_AGE_GROUPS];
struct night_age_figures {
    uint64_t transactions, known, found, missed;
    night_sum amount_found, amount_missed;
};
struct night_age_figures night_age_figures(const struct night_figures *figures,
                                           const struct night_age_group *group);
