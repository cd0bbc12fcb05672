/* Everything that a report of `harrier tune` is made from. Its two forms are tune_text.h, for a
 * terminal, and tune_json.h, for programs. All pointers are the caller's. */
#pragma once

#include "core/base/buffer.h"
#include "tune_flips.h"
#include "tune_options.h"

struct tune_change {
    const struct tune_knob *knob;
    struct value value;
};

struct tune_document {
    const struct tune_command *command;
    const struct tune_aim *aim;
    const struct tune *tune;
    const struct snapshot *policy, *tuned; /* tuned: the same where nothing is better */
    const struct tune_change *changes;
    size_t change_count;
    struct tune_confirmed confirmed;
    struct tune_flips *flips;
    struct text diff;                          /* "" where nothing is better */
    size_t cases, failed_cases, failed_before; /* of the tuned policy; of the present one */
};

/* Of the test range, from the replay: the tuned policy (REPORT_REPLAYED) or the present one. */
void tune_side_figures(const struct tune_document *document, enum report_side side,
                       struct tune_figures *ret_figures, struct tune_totals *ret_totals);
/* Does the tuned policy reach the aim on the test range, too? */
bool tune_reaches_aim(const struct tune_document *document);
/* The aim in words. */
void tune_aim_words(const struct tune_document *document, struct buffer *out);
