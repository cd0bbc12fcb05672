/* Loading as `harrier check` does. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

/* As snapshot_load(), with everything that can be proved of the policy, as warnings: what nothing
 * uses; rules that never fire, always fire, have another rule's condition, ended before now_us
 * (INT64_MIN: not checked), or have no case. sink (NULL: none) is handed each diagnostic. */
int snapshot_check(const struct policy_file *files, size_t file_count, int64_t now_us,
                   struct diagnostic_sink *sink, struct snapshot **ret_snapshot,
                   struct buffer *ret_messages, struct error *ret_error);
