/* A sample of the transactions that the two sides decide differently: those whose ids have the
 * smallest hashes (bottom-k sampling). So the sample is the same for any number of threads, a
 * larger sample contains a smaller one, and a longer archive mostly keeps it. Private to the
 * report. */
#pragma once

#include "report_tally.h"

#include "core/base/text.h"

/* Reasons kept for each side of a change; `harrier explain` shows all. */
#define REPORT_REASONS_MAX 32

struct report_reason {
    struct text rule, text;
    bool shadow, suppressed;
};

struct report_decision {
    enum verdict verdict;
    uint32_t score;
    struct report_reason *reasons;
    size_t reason_count;
};

struct report_change {
    uint64_t hash; /* of the id */
    uint64_t position;
    struct text id;
    int64_t event_time_us, amount_minor; /* as sent, in minor units of: */
    char currency[4];                    /* "": none */
    enum label label;
    struct report_decision sides[REPORT_SIDES];
};

struct report_changes {
    size_t most;
    struct report_change *of; /* a heap, the greatest hash first; once finished, by position */
    size_t count;
};

void report_changes_init(struct report_changes *changes, size_t most);
void report_changes_deinit(struct report_changes *changes);

/* Would it be kept? */
bool report_changes_wants(const struct report_changes *changes, uint64_t hash, uint64_t position);
/* Takes over the change with its texts and reasons, which are heap memory; frees it if it does not
 * belong to the sample. */
void report_changes_put(struct report_changes *changes, struct report_change change);
/* Empties `from`. */
void report_changes_merge(struct report_changes *to, struct report_changes *from);
/* Sorts them by position; nothing can be put after that. */
void report_changes_finish(struct report_changes *changes);

/* See report_tally.h. Encode before report_changes_finish(); decode into an empty sample of the
 * same size. */
void report_changes_encode(const struct report_changes *changes, struct buffer *out);
void report_changes_decode(struct report_changes *changes, struct cursor *cursor);

/* Copies the first REPORT_REASONS_MAX. */
void report_decision_fill(struct report_decision *reported, const struct decision *decision);
