/* A file of the values that thresholds are computed from, sorted: by threshold, by group in the
 * order of the table of baselines (generation_baseline_hash(), then key), by value. Any number of
 * such files is merged in one pass (sample_merge.h), so a night sorts only what is new.
 *
 *   blocks     of one threshold each: BLOCK_HEAD bytes, then the body
 *     head     u32 bytes of the body, u32 groups, u32 values, u32 width of a time (1 to 8),
 *              i64 earliest event time, u64 hash of the head before it and the body
 *     body     the values, 8 bytes IEEE 754 each; of each value the difference of its event time
 *              from the earliest, `width` bytes; of each group: varint values, varint length of the
 *              key, the key. A group may go on in the next block
 *   sections   of each threshold that has values, ascending: u64 threshold, u64 first byte,
 *              u64 bytes, u64 values, i64 earliest and i64 latest event time
 *   trailer    u64 magic, u64 inputs, u64 from position, u64 from chain, u64 to position,
 *              u64 to chain, u64 bytes of blocks, u64 sections, u64 hash of sections and trailer
 *
 * All numbers are little-endian. The last byte of the magic is the version. A file holds the values
 * of the transactions with positions in (from, to]; scratch files leave inputs and places at 0.
 *
 * Private to batch/. */
#pragma once

#include "threshold_value.h"

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/store/archive/archive_place.h"

#define SAMPLE_BLOCK_VALUES 4096u
/* Of memory that reading takes for each file and threshold. */
#define SAMPLE_CURSOR_BYTES (320u << 10)

struct sample_section {
    uint64_t threshold, at, bytes, values;
    int64_t earliest_us, latest_us;
};

/* What a file says of itself. */
struct sample_origin {
    uint64_t inputs;
    struct archive_place from, to;
};

/* ---- writing ---- */

struct sample_writer;

/* file: empty; the caller closes it. */
struct sample_writer *sample_writer_new(int file);
void sample_writer_free(struct sample_writer *writer); /* NULL is allowed */
/* Begins a group; thresholds and groups in their order. One without values leaves no trace. */
int sample_writer_group(struct sample_writer *writer, size_t threshold, struct text key,
                        struct error *ret_error);
/* More values of the group, ascending. */
int sample_writer_values(struct sample_writer *writer, const double *values,
                         const int64_t *times_us, size_t count, struct error *ret_error);
/* Writes sections and trailer: the file can be read. Does not sync. */
int sample_writer_end(struct sample_writer *writer, struct sample_origin origin,
                      struct error *ret_error);

/* ---- reading ---- */

struct sample_file {
    int file;
    struct sample_origin origin;
    struct sample_section *sections;
    size_t section_count;
    uint64_t bytes; /* of all of it */
};

/* Takes the descriptor. ERROR_UNSUPPORTED: of another version, or not such a file. ERROR_DAMAGED:
 * torn or damaged. */
int sample_file_open(int file, struct sample_file **ret_file, struct error *ret_error);
void sample_file_close(struct sample_file *file); /* NULL is allowed */
/* NULL: the threshold has no values there. */
const struct sample_section *sample_file_section(const struct sample_file *file, size_t threshold);
uint64_t sample_file_values(const struct sample_file *file);

/* Reads one section. Used in one of two ways: block by block, or group by group. */
struct sample_cursor {
    const struct sample_file *file;
    const struct sample_section *section;
    uint64_t next_at, end, block_at; /* bytes in the file */
    uint64_t definition;
    struct buffer body, before; /* of the block, and of the one before it: its keys stay valid */
    double *values;             /* of the block */
    int64_t *times_us;          /* parallel */
    size_t block_values;
    /* The group at hand: values[first … first + count). */
    uint64_t hash;
    struct text key; /* valid until the next block but one */
    size_t first, count;
    struct cursor groups; /* those that follow in the block */
    size_t groups_left;
};

/* definition: of the threshold; the hashes of groups follow from it. */
void sample_cursor_init(struct sample_cursor *cursor, const struct sample_file *file,
                        const struct sample_section *section, uint64_t definition);
void sample_cursor_deinit(struct sample_cursor *cursor);
/* 1: values, times_us and block_values are those of the next block; 0: the end. ERROR_DAMAGED */
int sample_cursor_block(struct sample_cursor *cursor, struct error *ret_error);
/* 1: the next group, or the next piece of the same one; 0: the end. ERROR_DAMAGED */
int sample_cursor_group(struct sample_cursor *cursor, struct error *ret_error);
