/* The folder of the nights: DATA/nights, with a folder for each date and what all of them share.
 *
 *   lock                     held by the run in progress
 *   latest.json              the summary that servers read (night_summary.h)
 *   thresholds.json          what the newest rebuild of a night made of thresholds and cut-offs
 *   accept.json              what the next night is to take of it (night_acceptance.h)
 *   drift/YYYY-MM-DD         histograms of a day's feature values (batch/night/night_drift.h)
 *   YYYY-MM-DD/night.json    the journal (night_journal.h)
 *   YYYY-MM-DD/thresholds.json, report.json, report.html
 *
 * Every file appears under its name when it is whole and on disk, and not before. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDER_NIGHTS         "nights"
#define NIGHT_DATE_SIZE       sizeof "2026-01-31"
#define NIGHT_FILE_MAX        ((size_t)16 << 20) /* bytes of a journal or summary */
#define NIGHT_FOLDER_DRIFT    "drift"
#define NIGHT_DRAFT_NAME      ".draft"
#define NIGHT_THRESHOLDS_NAME "thresholds.json"

/* Days since 1970-01-01 ↔ "2026-01-31". Years 1970 to 9999. */
const char *night_date_format(int64_t day, char ret_date[NIGHT_DATE_SIZE]);
bool night_date_parse(const char *date, int64_t *ret_day);

/* Opens DATA/nights, and makes it unless it is there. */
int night_folder_open(const char *data, int *ret_folder, struct error *ret_error);
/* Writes the file beside its place, syncs it and renames it. */
int night_file_write(int folder, const char *name, const void *bytes, size_t length,
                     struct error *ret_error);
/* The same for a file that another user reads: whoever may enter the folder may, whatever the umask
 * is. */
int night_file_write_open(int folder, const char *name, const void *bytes, size_t length,
                          struct error *ret_error);
/* Removes the folder of a night with all files in it. */
int night_folder_remove(int folder, const char *date, struct error *ret_error);
