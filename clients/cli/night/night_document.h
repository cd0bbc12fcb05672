/* What a night's report is made from. */
#pragma once

#include "batch/night/night_findings.h"
#include "core/base/buffer.h"

struct night_document {
    struct night_evidence evidence;
    struct night_findings findings;
    int64_t day; /* reported */
    /* Of the step compare: candidate.json, an object, and candidate.txt; empty: there was none. */
    struct text comparison_json, comparison_text;
};

/* report.json: docs/schema/night-report.json */
void night_json_format(const struct night_document *document, struct buffer *json);
/* report.html: the same figures to look at, one file that asks the network for nothing. */
void night_page_format(const struct night_document *document, struct buffer *page);
