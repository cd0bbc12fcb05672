/* What descriptions of tasks consist of. Readers take any bytes: they set cursor->failed where
 * something is missing. Private to batch/. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_parts.h"

#define TASK_SHARES_MAX 1000000 /* of a shuffle */

/* A length (8 bytes, little-endian) and so many bytes. */
void task_bytes_put(struct buffer *buffer, struct text text);
struct text task_bytes_get(struct cursor *cursor);

/* What a description begins with: four bytes for its kind, and the version of this program.
 * ERROR_UNSUPPORTED: of another kind or version. */
void task_bytes_put_head(struct text magic, struct buffer *buffer);
int task_bytes_get_head(struct cursor *cursor, struct text magic, struct error *ret_error);

/* A policy with its files; snapshot NULL: none. *ret_snapshot is the caller's reference. */
void task_bytes_put_policy(const struct snapshot *snapshot, struct buffer *buffer);
int task_bytes_get_policy(struct cursor *cursor, struct snapshot **ret_snapshot,
                          struct error *ret_error);
/* The same from the payload of its record. */
int task_bytes_load_policy(struct text payload, struct snapshot **ret_snapshot,
                           struct error *ret_error);

/* The parts: their number, and of each day, first position, last position, chain and is_open (8
 * bytes each). The caller frees the array. */
void task_bytes_put_parts(const struct archive_part_bounds *parts, size_t count,
                          struct buffer *buffer);
struct archive_part_bounds *task_bytes_get_parts(struct cursor *cursor, size_t *ret_count);
