/* CSV is written here, Parquet by the child behind parquet_pipe.h; the two differ only in how a
 * row is formatted (training_rows.h) and where it goes. For --resume the bytes written are hashed
 * as they go, so that a later run can prove that the draft still is what it was.
 *
 * The order of rows is the caller's business. */
#include "training_set.h"

#include "clients/cli/io/csv_cell.h"
#include "clients/cli/io/draft_file.h"
#include "clients/cli/output/attribute_columns.h"
#include "clients/cli/parquet/parquet_pipe.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "training_columns.h"
#include "training_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BUFFER (1u << 20)

struct training_set {
    struct training_columns columns;
    struct draft_file draft;
    struct parquet_pipe *pipe; /* NULL: CSV */
    /* Of all bytes written; NULL: the file is not followed. */
    struct hash_stream *written;
    uint64_t length;
};

/* ---- rows, in any thread ---- */

void training_set_format(const struct training_set *training_set, const struct decision *decision,
                         const struct transaction *transaction, enum label outcome,
                         struct buffer *ret_row) {
    const struct training_columns *columns = &training_set->columns;
    if (training_set->pipe)
        training_row_packed(columns, decision, transaction, outcome, ret_row);
    else
        training_row_csv(columns, decision, transaction, outcome, ret_row);
}

/* ---- the file, in one thread ---- */

/* All that was given to stdio, on the disk or not: see training_set_flush(). */
static void note_written(struct training_set *training_set, const void *bytes, size_t length) {
    hash_stream_add(training_set->written, bytes, length);
    training_set->length += length;
}

/* The hash runs ahead of the disk; a mark is taken only behind a flush. */
static int write_bytes(struct training_set *training_set, const void *bytes, size_t length,
                       struct error *ret_error) {
    if (training_set->written)
        note_written(training_set, bytes, length);
    if (fwrite(bytes, 1, length, training_set->draft.file) == length)
        return 0;
    return error_set_errno(ret_error, errno, "cannot write %s", training_set->draft.path);
}

/* Also hashed by training_set_follow(), so it must not depend on anything else. */
static void format_header(const struct training_columns *columns, struct buffer *header) {
    for (size_t i = 0; i < columns->count; i++) {
        if (i > 0)
            buffer_append_u8(header, ',');
        csv_add_text(header, columns->columns[i].name);
    }
    buffer_append_u8(header, '\n');
}

/* CSV only. */
static int write_header(struct training_set *training_set, struct error *ret_error) {
    struct buffer header;
    buffer_init(&header);
    format_header(&training_set->columns, &header);
    int r = write_bytes(training_set, header.bytes, header.length, ret_error);
    buffer_deinit(&header);
    return r;
}

static int begin_parquet(struct training_set *training_set, struct error *ret_error) {
    const struct training_columns *columns = &training_set->columns;
    const struct draft_file *draft = &training_set->draft;
    struct parquet_column *typed = check_calloc(columns->count, sizeof *typed);
    struct buffer description;
    for (size_t i = 0; i < columns->count; i++)
        typed[i] = (struct parquet_column){.name = columns->columns[i].name,
                                           .type = columns->columns[i].type};
    for (size_t i = columns->first_attribute; i < columns->first_feature; i++)
        typed[i].name = attribute_column_untyped(typed[i].name);
    buffer_init(&description);
    training_columns_describe(columns, &description);
    int r = parquet_pipe_open(draft, typed, columns->count, buffer_text(&description),
                              &training_set->pipe, ret_error);
    buffer_deinit(&description);
    free(typed);
    return r;
}

static int begin_file(struct training_set *training_set, const char *path,
                      struct error *ret_error) {
    struct draft_file *draft = &training_set->draft;
    int r = draft_file_open(draft, path, ret_error);
    if (r < 0)
        return r;
    if (parquet_is_name(path))
        return begin_parquet(training_set, ret_error);
    setvbuf(draft->file, NULL, _IOFBF, FILE_BUFFER);
    return write_header(training_set, ret_error);
}

/* No file yet. */
static struct training_set *new_training_set(const struct snapshot *const *policies,
                                             size_t policy_count,
                                             const struct export_attributes *attributes) {
    struct training_set *training_set = check_calloc(1, sizeof *training_set);
    training_columns_init(&training_set->columns, attributes);
    for (size_t i = 0; i < policy_count; i++)
        training_columns_add(&training_set->columns, policies[i]);
    return training_set;
}

int training_set_begin(const char *path, const struct snapshot *const *policies,
                       size_t policy_count, const struct export_attributes *attributes,
                       struct training_set **ret_training_set, struct error *ret_error) {
    struct training_set *training_set = new_training_set(policies, policy_count, attributes);
    int r = begin_file(training_set, path, ret_error);
    if (r < 0) {
        training_set_discard(training_set);
        return r;
    }
    *ret_training_set = training_set;
    return 0;
}

/* Heap. */
static const struct snapshot **policies_of(const struct replay *replay, size_t *ret_count) {
    size_t count = 0;
    while (replay_rules(replay, count))
        count++;
    const struct snapshot **policies = check_calloc(count + 1, sizeof(*policies));
    for (size_t i = 0; i < count; i++)
        policies[i] = replay_rules(replay, i);
    *ret_count = count;
    return policies;
}

int training_set_open(const char *path, const struct replay *replay,
                      const struct export_attributes *attributes,
                      struct training_set **ret_training_set, struct error *ret_error) {
    size_t count;
    const struct snapshot **policies = policies_of(replay, &count);
    int r = training_set_begin(path, policies, count, attributes, ret_training_set, ret_error);
    free(policies);
    return r;
}

int training_set_write(struct training_set *training_set, struct text row,
                       struct error *ret_error) {
    if (training_set->pipe)
        return parquet_pipe_add(training_set->pipe, row, ret_error);
    return write_bytes(training_set, row.data, row.length, ret_error);
}

/* Draft and pipe have been closed. */
static void free_training_set(struct training_set *training_set) {
    training_columns_deinit(&training_set->columns);
    hash_stream_free(training_set->written);
    free(training_set);
}

int training_set_publish(struct training_set *training_set, struct error *ret_error) {
    int r = 0;
    if (training_set->pipe)
        r = parquet_pipe_close(training_set->pipe, ret_error);
    if (r == 0)
        r = draft_file_publish(&training_set->draft, ret_error);
    else
        draft_file_discard(&training_set->draft);
    free_training_set(training_set);
    return r;
}

void training_set_discard(struct training_set *training_set) {
    if (!training_set)
        return;
    parquet_pipe_abort(training_set->pipe);
    if (training_set->draft.path)
        draft_file_discard(&training_set->draft);
    free_training_set(training_set);
}

/* ---- left, and resumed ---- */

int training_set_follow(struct training_set *training_set, struct error *ret_error) {
    struct buffer header;
    if (training_set->pipe || !training_set->draft.draft)
        return error_set(ret_error, ERROR_UNSUPPORTED, "%s cannot be resumed after an interruption",
                         training_set->draft.path);
    buffer_init(&header);
    format_header(&training_set->columns, &header);
    training_set->written = hash_stream_new();
    note_written(training_set, header.bytes, header.length);
    buffer_deinit(&header);
    return 0;
}

int training_set_flush(struct training_set *training_set, struct error *ret_error) {
    const struct draft_file *draft = &training_set->draft;
    if (fflush(draft->file) != 0)
        return error_set_errno(ret_error, errno, "cannot write %s", draft->path);
    return 0;
}

int training_set_mark(struct training_set *training_set, struct training_mark *ret_mark,
                      struct error *ret_error) {
    const struct draft_file *draft = &training_set->draft;
    int r = training_set_flush(training_set, ret_error);
    if (r < 0)
        return r;
    *ret_mark = (struct training_mark){.draft = text_copy(text_of(draft_file_name(draft))),
                                       .length = training_set->length,
                                       .hash = hash_stream_value(training_set->written)};
    return 0;
}

void training_set_leave(struct training_set *training_set) {
    draft_file_leave(&training_set->draft);
    free_training_set(training_set);
}

/* What is there up to the mark. */
static void read_written(struct training_set *training_set, uint64_t length) {
    uint8_t *bytes = check_malloc(FILE_BUFFER);
    size_t got = 1;
    while (got > 0 && training_set->length < length) {
        uint64_t left = length - training_set->length;
        got = fread(bytes, 1, left < FILE_BUFFER ? (size_t)left : FILE_BUFFER,
                    training_set->draft.file);
        note_written(training_set, bytes, got);
    }
    free(bytes);
}

/* Cuts off what was written after the mark: those rows come again. */
static int go_on(struct training_set *training_set, const struct training_mark *mark,
                 struct error *ret_error) {
    const struct draft_file *draft = &training_set->draft;
    training_set->written = hash_stream_new();
    read_written(training_set, mark->length);
    if (ferror(draft->file))
        return error_set_errno(ret_error, errno, "cannot read %s", draft->draft);
    if (training_set->length != mark->length ||
        hash_stream_value(training_set->written) != mark->hash)
        return error_set(ret_error, ERROR_DAMAGED, "%s does not have the rows that were written",
                         draft->draft);
    if (fseeko(draft->file, (off_t)mark->length, SEEK_SET) != 0 ||
        ftruncate(fileno(draft->file), (off_t)mark->length) != 0)
        return error_set_errno(ret_error, errno, "cannot write %s", draft->draft);
    return 0;
}

int training_set_reopen(const char *path, const struct replay *replay,
                        const struct export_attributes *attributes,
                        const struct training_mark *mark, struct training_set **ret_training_set,
                        struct error *ret_error) {
    size_t count;
    const struct snapshot **policies = policies_of(replay, &count);
    struct training_set *training_set = new_training_set(policies, count, attributes);
    free(policies);
    int r = draft_file_reopen(&training_set->draft, path, mark->draft, ret_error);
    if (r < 0) {
        free_training_set(training_set);
        return r;
    }
    setvbuf(training_set->draft.file, NULL, _IOFBF, FILE_BUFFER);
    r = go_on(training_set, mark, ret_error);
    if (r < 0) {
        training_set_leave(training_set);
        return r;
    }
    *ret_training_set = training_set;
    return 0;
}
