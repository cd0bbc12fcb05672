/* What a night's report is made from. */
#pragma once

#include "batch/night/night_findings.h"
#include "core/base/buffer.h"

struct night_document {
    struct night_evidence evidence;
    struct night_findings findings;
    int64_t day; /* reported */
};

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

/* report.json: docs/schema/night-report.json */
void night_json_format(const struct night_document *document, struct buffer *json);
/* report.html: the same figures to look at, one file that asks the network for nothing. */
void night_page_format(const struct night_document *document, struct buffer *page);
