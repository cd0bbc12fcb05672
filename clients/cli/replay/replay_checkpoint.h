/* The file from which an interrupted `harrier replay` resumes.
 *
 * It holds no states: the records up to its position are folded again, which takes a fraction of
 * the time, and only later rows are reported (replay_resume()). It holds the results of the rows so
 * far: counts, the report's sums, what has been printed, and the length of the training set's
 * draft. It also identifies its replay, so that no other one resumes from it.
 *
 * Bytes; fixed numbers are little-endian, others varints, texts are preceded by their length:
 *
 *   magic 8 | format 4 | the program's version | identity | end of the replay: position 8, chain 8
 *   | counts | remarks | training set: 0, or 1, name, length, hash 8 | figures | XXH3 of that 8 */
#pragma once

#include "batch/replay/replay.h"
#include "clients/cli/io/draft_file.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "replay_options.h"
#include "training_set.h"

#include <stdio.h>

struct replay_checkpoint {
    /* What makes it this replay: names and values by turns, each with a NUL behind it. */
    struct buffer identity;
    struct archive_place until;                             /* its last record */
    struct replay_report report;                            /* of the records so far */
    uint64_t reported, different, refused, outside, erased; /* transactions of the range */
    struct buffer remarks;             /* lines about them that have been printed */
    struct training_mark training_set; /* .draft NULL: none */
    struct buffer figures;             /* report_encode(); empty: no report */
};

void replay_checkpoint_init(struct replay_checkpoint *checkpoint);
void replay_checkpoint_deinit(struct replay_checkpoint *checkpoint);

void replay_checkpoint_encode(const struct replay_checkpoint *checkpoint, struct buffer *out);
/* Into an empty one. ERROR_DAMAGED; ERROR_UNSUPPORTED: of another version of the program. */
int replay_checkpoint_decode(struct text bytes, struct replay_checkpoint *checkpoint,
                             struct error *ret_error);

/* Into an empty one. 0: there is no such file. 1: *ret_held keeps other processes from going on
 * from it, until it is closed. ERROR_EXISTS: one does already. Other errors as above, ERROR_SYSTEM.
 */
int replay_checkpoint_read(const char *path, struct replay_checkpoint *checkpoint, FILE **ret_held,
                           struct error *ret_error);
/* Publishes the draft, readable by its owner only; on failure discards it. ERROR_SYSTEM */
int replay_checkpoint_write(const struct replay_checkpoint *checkpoint, struct draft_file *draft,
                            struct error *ret_error);

/* Does this archive have the records that the replay is of? ERROR_INVALID: no. */
int replay_checkpoint_check_archive(const struct replay_checkpoint *checkpoint, const char *archive,
                                    struct error *ret_error);
/* Is it of this replay? ERROR_INVALID: no; the text says what differs. */
int replay_checkpoint_check(const struct replay_checkpoint *checkpoint,
                            const struct buffer *identity, struct error *ret_error);
/* Of a replay that is open: all that its result depends on, but for the archive. */
void replay_identity(const struct replay_command *command, const struct replay *replay,
                     struct buffer *ret_identity);
