/* The adoptions of an archive, and the files of one policy, as text or JSON. docs/CLI.md describes
 * the members. */
#pragma once

#include "batch/policies/policy_history.h"

#include "core/base/buffer.h"

#include <stdbool.h>

/* One line, or one object, for each adoption. counts: with the transactions that were counted. */
void policy_list_text(const struct policy_history *history, bool counts, struct buffer *out);
void policy_list_json(const struct policy_history *history, bool counts, struct buffer *out);

/* What an adoption is, and its files with their sizes. */
void policy_files_text(const struct policy_history *history, const struct policy_adoption *adoption,
                       const struct policy_version *version, struct buffer *out);
void policy_files_json(const struct policy_history *history, const struct policy_adoption *adoption,
                       const struct policy_version *version, struct buffer *out);
