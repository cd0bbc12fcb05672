/* Test transactions that get another verdict: all of them into a file, the first ones kept for the
 * report. */
#pragma once

#include "batch/replay/replay.h"
#include "core/base/buffer.h"

#include <stdio.h>

struct tune_flips {
    const char *path; /* NULL: no file is wanted, or it is done */
    FILE *file;
    uint64_t count, listed;
    struct buffer lines; /* the first `listed`: CSV, without the header */
};

extern const char tune_flips_header[]; /* with its line feed */

/* path NULL: no file. One that exists is never written over. ERROR_INVALID: it does; ERROR_SYSTEM.
 */
int tune_flips_open(struct tune_flips *flips, const char *path, uint64_t listed,
                    struct error *ret_error);
/* Appends a row's line. Any thread. */
void tune_flips_format(const struct replay_row *row, struct buffer *line);
int tune_flips_add(struct tune_flips *flips, struct text line, struct error *ret_error);
/* The file is complete. */
int tune_flips_finish(struct tune_flips *flips, struct error *ret_error);
/* Removes a file that is not. */
void tune_flips_close(struct tune_flips *flips);
