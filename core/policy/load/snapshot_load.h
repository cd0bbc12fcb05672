/* Loading for other parts of core/policy, with more options than snapshot_load() has. Private to
 * policy/. */
#pragma once

#include "load.h"

/* Loads and checks everything. Of options only is_new, is_checked, analyse, visitor, untrained and
 * now_us are read. sink is handed each diagnostic; NULL: none. The rest is as of snapshot_load().
 */
int load_files(const struct policy_file *files, size_t file_count, const struct load *options,
               struct diagnostic_sink *sink, struct snapshot **ret_snapshot,
               struct buffer *ret_messages, struct error *ret_error);

/* As snapshot_load(), for a policy that was in force before, so its messages are dropped. The
 * visitor sees the load before its syntax trees are freed. */
int load_visit(const struct policy_file *files, size_t file_count, struct load_visitor *visitor,
               struct snapshot **ret_snapshot, struct error *ret_error);
