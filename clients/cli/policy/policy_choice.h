/* How a command line names a policy of an archive:
 *
 *   current                          the one in force at the archive's end
 *   previous                         the one in force before that
 *   @1234                            the one in force at this position
 *   2026-01-31, 2026-01-31T18:00:00Z the one in force at this time; a day is its first moment (UTC)
 *   0123456789abcdef, 0123           the one with this id, or whose id begins so */
#pragma once

#include "batch/policies/policy_history.h"

#define POLICY_PREFIX_MIN 4 /* hex digits */

/* What the expected forms are, for messages. */
#define POLICY_CHOICE_FORMS                                                                        \
    "current, previous, @POSITION, a time, or an id or its first 4 digits or more"

enum policy_choice_kind {
    POLICY_CHOICE_CURRENT,
    POLICY_CHOICE_PREVIOUS,
    POLICY_CHOICE_POSITION,
    POLICY_CHOICE_TIME,
    POLICY_CHOICE_ID
};

struct policy_choice {
    enum policy_choice_kind kind;
    const char *text; /* the caller's: as it was given */
    uint64_t position;
    int64_t time_us;
    uint64_t id;     /* its first digits, the others 0 */
    unsigned digits; /* of the id that are given */
};

/* false: the text has none of these forms. */
bool policy_choice_parse(const char *text, struct policy_choice *ret_choice);

/* An id is looked for among the policies that were adopted, then among those that tables were built
 * with, for which more of the archive is read. Of several adoptions of the same policy it is the
 * last live one. The adoption is valid as long as the history is not changed. ERROR_NOT_FOUND:
 * there is none, or the digits fit several policies; others as of policy_history_add_built(). */
int policy_choice_find(const struct policy_choice *choice, struct policy_history *history,
                       struct progress *progress, const struct policy_adoption **ret_adoption,
                       struct error *ret_error);
