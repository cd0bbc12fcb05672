/* From a policy's folder to a policy that may decide: loaded, checked, and all its cases come out
 * as expected. The start, a reload and `harrierd --check` admit by the same. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/load/snapshot.h"

#include <stdatomic.h>

/* Runs all cases of a policy that was loaded. ERROR_INVALID: some fail; messages has each with its
 * differences, *ret_error the first and how many. ERROR_INTERRUPTED: *stop became true; it may be
 * NULL. */
int admission_try(struct snapshot *snapshot, const atomic_bool *stop, struct buffer *messages,
                  struct error *ret_error);

/* snapshot_load_folder() and admission_try(). */
int admission_load(const char *folder, struct snapshot **ret_snapshot, struct buffer *messages,
                   struct error *ret_error);
