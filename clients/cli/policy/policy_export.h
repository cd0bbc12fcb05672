/* A policy of an archive as a folder again. */
#pragma once

#include "core/wire/record/record.h"
#include "folder_draft.h"

#include <stddef.h>
#include <stdint.h>

/* Makes the folder, which must not exist. All of it appears at once, and it gives the policy of
 * this id. The files are in the order of their paths, all of which are inside. ERROR_SYSTEM,
 * ERROR_DAMAGED: read back, it would be another policy. */
int policy_export(const char *folder, const struct policy_file *files, size_t count, uint64_t id,
                  struct error *ret_error);

/* Its two steps before the folder takes its name: writing, and reading back as a server would. */
int policy_export_write(struct folder_draft *draft, const struct policy_file *files, size_t count,
                        struct error *ret_error);
int policy_export_check(const struct folder_draft *draft, uint64_t id, struct error *ret_error);
