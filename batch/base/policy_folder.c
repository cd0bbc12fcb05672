#include "policy_folder.h"

#include "core/base/buffer.h"

int policy_folder_load(const char *folder, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    int r = snapshot_load_folder(folder, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", folder) : 0;
}
