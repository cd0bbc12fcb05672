/* The folder of the nights (core/store/nights), read for the page. Whoever can write it may put
 * anything there: files are bounded, and checked before anything of them is shown. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"

#include "core/store/nights/night_summary.h"

#include <jansson.h>
#include <stdint.h>

#define NIGHTS_SHOWN     100               /* days before today */
#define NIGHT_REPORT_MAX ((size_t)4 << 20) /* bytes */

/* The folder given, or else that beside the archive (ARCHIVE, or the data folder around it). Heap:
 * free() it. */
char *nights_folder(const char *reports, const char *archive);
/* ERROR_NOT_FOUND: the message says what to do. */
int nights_open(const char *path, int *ret_folder, struct error *ret_error);

/* How the newest night ended. 1: there was none. Errors as above. */
int nights_summary(const char *path, struct night_summary *ret_summary, struct error *ret_error);

/* Appends "nights": an array, the newest first, an element for each day from the first night of the
 * last NIGHTS_SHOWN days on. One whose journal cannot be read has "problem"; a day without a night
 * has "missing". */
void nights_write(int folder, int64_t today, struct buffer *out);

/* A checked file of a night, "report.json" or "thresholds.json"; date NULL: that beside all nights.
 * The caller gives it back. ERROR_NOT_FOUND, ERROR_TOO_LARGE, ERROR_DAMAGED. */
int nights_load(int folder, const char *date, const char *name, const char *const *shape,
                json_t **ret_object, struct error *ret_error);

/* Appends "nights": an array, the oldest first, of how far scores and features had drifted in each
 * night that has a report, at most `most` of them. */
void nights_write_drift(int folder, int64_t today, size_t most, struct buffer *out);
