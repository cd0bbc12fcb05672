/* The values that earlier nights read for thresholds, kept in files beside the generations, so that
 * a night reads only what is new.
 *
 *   GENERATIONS/samples/s-<last position, 20 digits>
 *
 * A file holds the values of the transactions with positions in (from, to]. Files whose places
 * follow one another are a series; it is complete if its first file starts at position 0. A value
 * depends only on the records up to its transaction and on the policy's files other than rules and
 * cases, so it never changes.
 *
 * The folder may be deleted at any time: the next night reads the archive again. A file that is
 * torn, damaged, of another policy or of another archive is not used.
 *
 *   blocks   u32 length of the body, u32 values, u64 hash of the body; then of each value:
 *            varint threshold, varint zigzag event time (the difference from the value before),
 *            varint length of the key, the key, 8 bytes IEEE 754, little-endian
 *   footer   FOOTER_SIZE bytes: u64 magic, u64 inputs, u64 from position, u64 from chain,
 *            u64 to position, u64 to chain, u64 bytes of blocks, u64 hash of the footer before it
 *
 * Private to batch/. */
#pragma once

#include "threshold_value.h"

#include "core/store/archive/archive_place.h"

/* Identifies what values depend on beside the archive: the policy's files that are neither rules
 * nor cases, and the format of these files. */
uint64_t sample_inputs(const struct snapshot *snapshot);

/* ---- writing ---- */

struct sample_writer;

/* generations: a folder that exists. */
int sample_writer_open(const char *generations, struct sample_writer **ret_writer,
                       struct error *ret_error);
/* Any thread; takes a lock. Fails with the first error of the disk. */
int sample_writer_put(struct sample_writer *writer, const struct threshold_value *values,
                      size_t count, struct error *ret_error);
/* Syncs and renames: the file is there wholly or not at all. Frees the writer in any case. */
int sample_writer_finish(struct sample_writer *writer, uint64_t inputs, struct archive_place from,
                         struct archive_place to, struct error *ret_error);
void sample_writer_abandon(struct sample_writer *writer); /* NULL is allowed */

/* ---- reading ---- */

/* A complete series. */
struct sample_files;

/* The series that ends at this place. NULL: there is no complete one. */
struct sample_files *sample_files_find(const char *generations, uint64_t inputs,
                                       struct archive_place end);
void sample_files_free(struct sample_files *files); /* NULL is allowed */
size_t sample_files_count(const struct sample_files *files);
uint64_t sample_files_bytes(const struct sample_files *files);
/* Calls take() with all values, some at a time. ERROR_DAMAGED: a block is not what was written;
 * values before it have been taken. */
int sample_files_read(const struct sample_files *files,
                      int (*take)(void *user, struct threshold_value *values, size_t count,
                                  struct error *ret_error),
                      void *user, struct error *ret_error);
/* Removes all files that are not of the series which ends at this place. */
void sample_files_retain(const char *generations, uint64_t inputs, struct archive_place end);
