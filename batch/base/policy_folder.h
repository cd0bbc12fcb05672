/* Loads a policy that a job was given as a folder. */
#pragma once

#include "core/policy/load/snapshot.h"

/* The reference is the caller's. ERROR_INVALID and others with the first error, which names the
 * folder; warnings and further errors are dropped: `harrier check` shows them all. */
int policy_folder_load(const char *folder, struct snapshot **ret_snapshot, struct error *ret_error);
