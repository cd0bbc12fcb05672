/* What the calls about rules share: reading drafts and submitting them. */
#pragma once

#include "call.h"
#include "console/policy/drafts.h"

/* The person who asks. Lives as long as the call. */
struct draft_author call_author(const struct call *call);
/* Is it the person's own? 0: the live policy, which everybody may see. ERROR_NOT_FOUND. */
int call_draft_check(const struct call *call, int64_t draft, struct error *ret_error);
/* Adds "diff": how the first becomes the second, as diff -ru has it. */
void rules_add_diff(struct buffer *out, const struct file_set *before,
                    const struct file_set *after);
