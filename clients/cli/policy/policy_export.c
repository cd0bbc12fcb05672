/* What is written is read back before anybody can see it: so a record whose files a folder cannot
 * hold as they are (two of one path, for example) is refused, not exported as another policy. */
#include "policy_export.h"

#include "core/policy/load/snapshot.h"
#include "core/store/archive/file.h"

#include <inttypes.h>
#include <stdlib.h>

int policy_export_write(struct folder_draft *draft, const struct policy_file *files, size_t count,
                        struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = folder_draft_add(draft, files[i].path, files[i].content, ret_error);
    return r;
}

int policy_export_check(const struct folder_draft *draft, uint64_t id, struct error *ret_error) {
    struct policy_folder *folder;
    size_t count;
    char *path = name_printf("%.*s%s", (int)(draft->name - draft->path), draft->path, draft->draft);
    int r = policy_folder_read(path, &folder, ret_error);
    free(path);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    uint64_t found = snapshot_files_id(files, count);
    policy_folder_free(folder);
    if (found == id)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED,
                     "the files of the policy %016" PRIx64 " make another policy, %016" PRIx64
                     ", when they are in a folder",
                     id, found);
}

int policy_export(const char *folder, const struct policy_file *files, size_t count, uint64_t id,
                  struct error *ret_error) {
    struct folder_draft draft;
    int r = folder_draft_open(&draft, folder, NULL, ret_error);
    if (r < 0)
        return r;
    r = policy_export_write(&draft, files, count, ret_error);
    if (r == 0)
        r = policy_export_check(&draft, id, ret_error);
    if (r == 0)
        r = folder_draft_publish(&draft, ret_error);
    if (r < 0)
        folder_draft_discard(&draft);
    else
        folder_draft_close(&draft);
    return r;
}
