/* A load with the analysis as its last step. A function pointer connects them, because the analysis
 * is a folder above the loaders. */
#include "snapshot_check.h"

#include "analysis.h"
#include "core/policy/load/snapshot_load.h"

int snapshot_check(const struct policy_file *files, size_t file_count, int64_t now_us,
                   struct diagnostic_sink *sink, struct snapshot **ret_snapshot,
                   struct buffer *ret_messages, struct error *ret_error) {
    const struct load options = {
        .is_new = true, .is_checked = true, .analyse = analyse, .now_us = now_us};
    return load_files(files, file_count, &options, sink, ret_snapshot, ret_messages, ret_error);
}
