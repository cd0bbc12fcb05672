/* The values that earlier nights read for thresholds, kept in files beside the generations, so that
 * a night reads only what is new.
 *
 *   GENERATIONS/samples/s-<last position, 20 digits>      sample_file.h has the layout
 *
 * Files whose places follow one another are a series; it is complete if its first file starts at
 * position 0. A value depends only on the records up to its transaction and on the policy's files
 * other than rules and cases, so it never changes; values that are too old for their thresholds are
 * left out when files are merged.
 *
 * batch/rebuild/score_recall.h keeps scores there, too, in files of another kind than 's'.
 *
 * The folder may be deleted at any time: the next night reads the archive again. A file that is
 * torn, damaged, of another version, policy or archive is not used. Private to batch/. */
#pragma once

#include "sample_file.h"

#include "core/policy/load/snapshot.h"

/* Identifies what values depend on beside the archive: the policy's files that are neither rules
 * nor cases, and the format of these files. */
uint64_t sample_inputs(const struct snapshot *snapshot);

/* ---- a series ---- */

struct sample_series {
    struct sample_file **files; /* the oldest first */
    size_t count;
};

/* Opens the complete series that ends at this place. ERROR_NOT_FOUND, ERROR_UNSUPPORTED,
 * ERROR_DAMAGED: there is none, and *ret_error says which file it fails at. */
int sample_series_open(const char *generations, uint64_t inputs, struct archive_place end,
                       struct sample_series *ret_series, struct error *ret_error);
void sample_series_close(struct sample_series *series);
/* Closes the files from this one on. */
void sample_series_cut(struct sample_series *series, size_t first);
void sample_series_add(struct sample_series *series, struct sample_file *file);
/* The first of the files that a new one with so many values takes in: those that are not much
 * larger than what comes behind them, so that a value is written a few times only and the series
 * stays short. files_max: the most that may be left, the new one counted. */
size_t sample_series_first_merged(const struct sample_series *series, uint64_t values,
                                  size_t files_max);

/* ---- the folder ---- */

/* Creates the folder if it is missing, and an empty file in it that has no final name yet. Returns
 * its descriptor. The lock of the generations is held. */
int sample_draft_open(const char *generations, struct error *ret_error);
/* Syncs and renames: the file is there wholly or not at all. kind: the first letter of its name. */
int sample_draft_keep(const char *generations, int draft, char kind, uint64_t position,
                      struct error *ret_error);
/* Opens the file of this kind that ends at this place. ERROR_NOT_FOUND, ERROR_UNSUPPORTED,
 * ERROR_DAMAGED: as for a series. */
int sample_kept_open(const char *generations, char kind, uint64_t inputs, struct archive_place end,
                     struct sample_file **ret_file, struct error *ret_error);
void sample_draft_remove(const char *generations);
#define SAMPLE_SERIES_KIND 's'
/* Removes all files that are not of the series which ends at this place; all, without one. Of other
 * kinds only those stay that end there. */
void sample_files_retain(const char *generations, uint64_t inputs, struct archive_place end);
