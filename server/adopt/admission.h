/* From a policy's folder to a policy that may decide: loaded, checked, and all its cases pass. The
 * start, a reload and `harrierd --check` use the same code. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/load/snapshot.h"

#include <stdatomic.h>

/* Runs all cases of a loaded policy. ERROR_INVALID: some fail; messages has each of them with its
 * differences, *ret_error names the first and the number. ERROR_INTERRUPTED: *stop became true.
 * stop may be NULL. */
int admission_try(struct snapshot *snapshot, const atomic_bool *stop, struct buffer *messages,
                  struct error *ret_error);

/* snapshot_load_folder() and admission_try(). */
int admission_load(const char *folder, struct snapshot **ret_snapshot, struct buffer *messages,
                   struct error *ret_error);
