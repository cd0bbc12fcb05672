/* A training set: for each transaction of a replay a row with its decision, what became of it and
 * the values of all features as they were at that moment. As CSV, or as Parquet when the file's
 * name ends in .parquet.
 *
 * Rows are made from decisions in any number of threads (training_set_format), and written by one
 * in the order of the archive (training_set_write). docs/CLI.md lists the columns; the features'
 * are those of all policies that decide, the first policy's first, each name once. A cell that
 * is absent is empty, in Parquet null.
 *
 * The file appears under its name when it is whole: draft_file.h. Parquet is written by
 * harrier-parquet, a program with pyarrow, from what comes through a pipe: parquet/parquet_pipe.h.
 */
#pragma once

#include "batch/export/export_attributes.h"
#include "batch/replay/replay.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

struct training_set;

/* path "-": CSV to stdout. attributes: rows also have the
 * transaction's own fields and these attributes, which must outlive the training set; NULL:
 * neither. The replay must be opened with `features`, `outcomes` and `texts`, and outlive the
 * training set. ERROR_SYSTEM: the file cannot be written, or what writes Parquet is not there; the
 * text says how to get it. */
int training_set_open(const char *path, const struct replay *replay,
                      const struct export_attributes *attributes,
                      struct training_set **ret_training_set, struct error *ret_error);

/* The same for any policies, which must outlive it. */
int training_set_begin(const char *path, const struct snapshot *const *policies,
                       size_t policy_count, const struct export_attributes *attributes,
                       struct training_set **ret_training_set, struct error *ret_error);

/* Appends the row to ret_row. Any thread may, at any time: nothing in the training set changes. */
void training_set_format(const struct training_set *training_set, const struct decision *decision,
                         const struct transaction *transaction, enum label outcome,
                         struct buffer *ret_row);

/* Writes a row made by training_set_format(); one thread. ERROR_SYSTEM */
int training_set_write(struct training_set *training_set, struct text row, struct error *ret_error);

/* How far the file has come, for a later run that continues it. */
struct training_mark {
    char *draft; /* name of the file that is being written; heap */
    uint64_t length, hash;
};

/* Right after opening: there will be a mark. ERROR_UNSUPPORTED: not of this file, which is Parquet
 * or cannot be taken up again. */
int training_set_follow(struct training_set *training_set, struct error *ret_error);
/* Everything is with the system: publishing only renames. ERROR_SYSTEM */
int training_set_flush(struct training_set *training_set, struct error *ret_error);
/* The same, and how far that is, of a file that is followed. */
int training_set_mark(struct training_set *training_set, struct training_mark *ret_mark,
                      struct error *ret_error);
/* Frees it and leaves the file that was being written. */
void training_set_leave(struct training_set *training_set);
/* As training_set_open(), at the mark: what follows it is cut off. Followed. ERROR_DAMAGED,
 * ERROR_NOT_FOUND: what was written up to the mark is not there any more; nothing is changed. */
int training_set_reopen(const char *path, const struct replay *replay,
                        const struct export_attributes *attributes,
                        const struct training_mark *mark, struct training_set **ret_training_set,
                        struct error *ret_error);

/* What was written becomes the file. Frees the training set, also on failure; then no file is
 * left. ERROR_SYSTEM */
int training_set_publish(struct training_set *training_set, struct error *ret_error);
/* Frees it and leaves no file. NULL is allowed. */
void training_set_discard(struct training_set *training_set);
