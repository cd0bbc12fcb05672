/* The forms exclude each other: an id has hex digits only, a time has hyphens, and the words have
 * letters that are no hex digits. */
#include "policy_choice.h"

#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_DIGITS 16
#define NAMED_MAX 5 /* ids that a message names */

/* ---- the text ---- */

/* Either case, as somebody may have typed it. */
static bool parse_id(const char *text, struct policy_choice *choice) {
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(text);
    if (length < POLICY_PREFIX_MIN || length > ID_DIGITS)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
        const char *digit = strchr(digits, c);
        if (!digit)
            return false;
        choice->id |= (uint64_t)(digit - digits) << (4 * (ID_DIGITS - 1 - i));
    }
    choice->digits = (unsigned)length;
    return true;
}

bool policy_choice_parse(const char *text, struct policy_choice *ret_choice) {
    struct policy_choice choice = {.text = text};
    bool is_known = true;
    if (strcmp(text, "current") == 0)
        choice.kind = POLICY_CHOICE_CURRENT;
    else if (strcmp(text, "previous") == 0)
        choice.kind = POLICY_CHOICE_PREVIOUS;
    else if (*text == '@' && quantity_parse_count(text + 1, 1, UINT64_MAX, &choice.position))
        choice.kind = POLICY_CHOICE_POSITION;
    else if (parse_id(text, &choice))
        choice.kind = POLICY_CHOICE_ID;
    else if (time_text_parse(text, &choice.time_us))
        choice.kind = POLICY_CHOICE_TIME;
    else
        is_known = false;
    if (is_known)
        *ret_choice = choice;
    return is_known;
}

/* ---- in force at some moment ---- */

static const struct policy_adoption *last_live(const struct policy_history *history,
                                               uint64_t until_position, int64_t until_us) {
    for (size_t i = policy_history_count(history); i-- > 0;) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        if (adoption->use == POLICY_LIVE && adoption->position <= until_position &&
            adoption->receive_time_us <= until_us)
            return adoption;
    }
    return NULL;
}

/* `when` is for the message that there was none. */
static int give(const struct policy_adoption *adoption, const struct policy_history *history,
                const char *when, const struct policy_adoption **ret_adoption,
                struct error *ret_error) {
    if (!adoption)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s: no policy was in force %s",
                         policy_history_archive(history), when);
    *ret_adoption = adoption;
    return 0;
}

static int find_current(const struct policy_history *history,
                        const struct policy_adoption **ret_adoption, struct error *ret_error) {
    return give(last_live(history, UINT64_MAX, INT64_MAX), history, "yet", ret_adoption, ret_error);
}

static int find_previous(const struct policy_history *history,
                         const struct policy_adoption **ret_adoption, struct error *ret_error) {
    const struct policy_adoption *current = last_live(history, UINT64_MAX, INT64_MAX), *before;
    before = current ? last_live(history, current->position - 1, INT64_MAX) : NULL;
    return give(before, history, "before the current one", ret_adoption, ret_error);
}

static int find_at_position(const struct policy_choice *choice,
                            const struct policy_history *history,
                            const struct policy_adoption **ret_adoption, struct error *ret_error) {
    char when[64];
    if (choice->position > policy_history_end(history))
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s: there is no position %" PRIu64 ": the last one is %" PRIu64,
                         policy_history_archive(history), choice->position,
                         policy_history_end(history));
    snprintf(when, sizeof when, "at position %" PRIu64, choice->position);
    return give(last_live(history, choice->position, INT64_MAX), history, when, ret_adoption,
                ret_error);
}

static int find_at_time(const struct policy_choice *choice, const struct policy_history *history,
                        const struct policy_adoption **ret_adoption, struct error *ret_error) {
    char when[64 + QUANTITY_TIME_SIZE], time[QUANTITY_TIME_SIZE];
    snprintf(when, sizeof when, "at %s", quantity_format_time(choice->time_us, time));
    return give(last_live(history, UINT64_MAX, choice->time_us), history, when, ret_adoption,
                ret_error);
}

/* ---- by id ---- */

static bool fits(const struct policy_choice *choice, const struct policy_adoption *adoption) {
    unsigned rest = 4 * (ID_DIGITS - choice->digits);
    return adoption->snapshot_id >> rest == choice->id >> rest;
}

/* Different policies whose ids begin with the digits. */
struct candidates {
    const struct policy_adoption *best; /* of the first of them */
    uint64_t ids[NAMED_MAX];
    size_t count; /* as far as there is room for them, and one more */
};

static void take_candidate(struct candidates *candidates, const struct policy_adoption *adoption) {
    size_t named = candidates->count < NAMED_MAX ? candidates->count : NAMED_MAX;
    for (size_t i = 0; i < named; i++)
        if (candidates->ids[i] == adoption->snapshot_id) {
            /* The last live one, else the first of the others. */
            if (i == 0 && adoption->use == POLICY_LIVE)
                candidates->best = adoption;
            return;
        }
    if (candidates->count == 0)
        candidates->best = adoption;
    if (candidates->count < NAMED_MAX)
        candidates->ids[candidates->count] = adoption->snapshot_id;
    candidates->count++;
}

static struct candidates find_candidates(const struct policy_choice *choice,
                                         const struct policy_history *history) {
    struct candidates candidates = {0};
    for (size_t i = 0; i < policy_history_count(history); i++)
        if (fits(choice, policy_history_at(history, i)))
            take_candidate(&candidates, policy_history_at(history, i));
    return candidates;
}

static int refuse_several(const struct policy_choice *choice, const struct candidates *candidates,
                          const struct policy_history *history, struct error *ret_error) {
    size_t named = candidates->count < NAMED_MAX ? candidates->count : NAMED_MAX;
    char ids[NAMED_MAX * (HASH_HEX_SIZE + 2)], id[HASH_HEX_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < named; i++) {
        hash_hex(candidates->ids[i], id);
        length += (size_t)snprintf(ids + length, sizeof ids - length, "%s%s", i ? ", " : "", id);
    }
    return error_set(
        ret_error, ERROR_NOT_FOUND, "%s: the ids of several policies begin with %s: %s%s",
        policy_history_archive(history), choice->text, ids, candidates->count > named ? ", …" : "");
}

static int find_by_id(const struct policy_choice *choice, struct policy_history *history,
                      struct progress *progress, const struct policy_adoption **ret_adoption,
                      struct error *ret_error) {
    struct candidates candidates = find_candidates(choice, history);
    if (candidates.count == 0) {
        int r = policy_history_add_built(history, progress, ret_error);
        if (r < 0)
            return r;
        candidates = find_candidates(choice, history);
    }
    if (candidates.count == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s: no policy has an id that %s %s (harrier policy list shows them)",
                         policy_history_archive(history),
                         choice->digits == ID_DIGITS ? "is" : "begins with", choice->text);
    if (candidates.count > 1)
        return refuse_several(choice, &candidates, history, ret_error);
    *ret_adoption = candidates.best;
    return 0;
}

int policy_choice_find(const struct policy_choice *choice, struct policy_history *history,
                       struct progress *progress, const struct policy_adoption **ret_adoption,
                       struct error *ret_error) {
    switch (choice->kind) {
    case POLICY_CHOICE_CURRENT:
        return find_current(history, ret_adoption, ret_error);
    case POLICY_CHOICE_PREVIOUS:
        return find_previous(history, ret_adoption, ret_error);
    case POLICY_CHOICE_POSITION:
        return find_at_position(choice, history, ret_adoption, ret_error);
    case POLICY_CHOICE_TIME:
        return find_at_time(choice, history, ret_adoption, ret_error);
    case POLICY_CHOICE_ID:
        break;
    }
    return find_by_id(choice, history, progress, ret_adoption, ret_error);
}
