/* How far a long command is, on stderr: a line that is redrawn on a terminal, a plain line every
 * ten seconds elsewhere, nothing when quiet.
 *
 *   score  [#########---------]  52 %   912,345 rows   31,200 rows/s   0:28 left   3 failed
 *
 * With --progress json, for programs: a line at the beginning of each phase, then every second:
 *
 *   {"phase":"replay","done":912345,"total":1754155,"phase_ms":1204,"per_second":757760,
 *    "left_ms":1111}
 *
 * The last two only when something is done already. */
#pragma once

#include "core/base/progress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_style { PROGRESS_QUIET, PROGRESS_LINES, PROGRESS_TERMINAL, PROGRESS_JSON };

/* What --progress asks for (progress_option.h). */
enum progress_choice {
    PROGRESS_CHOICE_AUTO,
    PROGRESS_CHOICE_PLAIN,
    PROGRESS_CHOICE_JSON,
    PROGRESS_CHOICE_NONE
};

/* AUTO is TERMINAL if stderr is a terminal and stdout, if written to, is not one; else LINES.
 * `quiet` gives QUIET, except for JSON. */
enum progress_style progress_style_of(enum progress_choice choice, bool quiet, bool writes_stdout);

struct progress_bar {
    enum progress_style style;
    const char *unit;            /* "rows"; NULL: only the share is shown */
    uint64_t begun_us, drawn_us; /* of a monotonic clock */
    const char *stage;           /* begun_us is when it began, for work that has several */
    bool on_screen;              /* a line that has to be wiped before anything else is printed */
    struct progress progress;    /* for work that reports through core/base/progress.h */
    const volatile int *stop;    /* set: progress.update asks the work to stop; may be NULL */
};

void progress_bar_init(struct progress_bar *bar, enum progress_style style, const char *unit);

/* Cheap to call often: draws when it is time. done and total measure the way (bytes of the input;
 * total 0: unknown), count is what people want to read. note may be NULL. */
void progress_bar_update(struct progress_bar *bar, const char *stage, uint64_t done, uint64_t total,
                         uint64_t count, const char *note);

/* Wipes the line, so that a message can be printed; the next update draws it again. */
void progress_bar_clear(struct progress_bar *bar);

/* Seconds since init, or since the stage began that progress.update() named last. */
double progress_bar_elapsed(const struct progress_bar *bar);

/* The line without its control characters: what progress_bar_update() prints. Returns the length.
 */
int progress_bar_format(char *ret_line, size_t size, const char *unit, const char *stage,
                        uint64_t done, uint64_t total, uint64_t count, const char *note,
                        double seconds);
