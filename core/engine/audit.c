/* Comparing a decision with the archived one, field by field, and describing the differences. The
 * comparison allows for what older versions did not archive or phrased differently; anything else
 * is a difference. */
#include "audit.h"

#include "core/base/hash.h"

#include <inttypes.h>
#include <stdbool.h>

/* In order: tags are archived as the rule lists them. */
static bool same_tags(const struct reason *a, const struct reason *b) {
    bool same = a->tag_count == b->tag_count;
    for (size_t i = 0; i < a->tag_count && same; i++)
        same = text_equal(a->tags[i], b->tags[i]);
    return same;
}

/* Older records lack the verdict that a rule in shadow would have led to. */
static bool same_reason(const struct reason *archived, const struct reason *derived) {
    return text_equal(archived->rule, derived->rule) && text_equal(archived->text, derived->text) &&
           archived->score == derived->score && archived->verdict == derived->verdict &&
           archived->shadow == derived->shadow && archived->suppressed == derived->suppressed &&
           text_equal(archived->group, derived->group) && archived->capped == derived->capped &&
           (archived->verdict_if_live == VERDICT_NONE ||
            archived->verdict_if_live == derived->verdict_if_live) &&
           same_tags(archived, derived);
}

/* The index of the first differing reason; the number of reasons when there is none. */
static size_t first_difference(const struct decision *archived, const struct decision *derived) {
    size_t i = 0;
    while (i < archived->reason_count && i < derived->reason_count &&
           same_reason(&archived->reasons[i], &derived->reasons[i]))
        i++;
    return i;
}

static bool same_reasons(const struct decision *archived, const struct decision *derived) {
    return archived->reason_count == derived->reason_count &&
           first_difference(archived, derived) == archived->reason_count;
}

/* Older versions archived how many features had no history, but not which: the text ended there. */
static bool is_shorter(struct text archived, struct text derived) {
    static const char end[] = " until the next rebuild";
    size_t length = archived.length;
    return length > sizeof end && length < derived.length && derived.data[length] == ':' &&
           memcmp(archived.data + length - (sizeof end - 1), end, sizeof end - 1) == 0 &&
           memcmp(archived.data, derived.data, length) == 0;
}

/* Staleness of the tables depends on the server's clock, which a replay does not have. */
static bool same_degraded(const struct decision *archived, const struct decision *derived) {
    if (!derived->degraded && text_is(archived->degraded_reason, DECISION_STALE))
        return true;
    return archived->degraded == derived->degraded &&
           (text_equal(archived->degraded_reason, derived->degraded_reason) ||
            is_shorter(archived->degraded_reason, derived->degraded_reason));
}

static bool same_shadow(const struct shadow_decision *a, const struct shadow_decision *b) {
    bool same = a->snapshot_id == b->snapshot_id && a->verdict == b->verdict &&
                a->score == b->score && a->rule_count == b->rule_count &&
                a->rule_errors == b->rule_errors && a->degraded == b->degraded;
    for (size_t i = 0; i < a->rule_count && same; i++)
        same = a->rules[i] == b->rules[i];
    return same;
}

/* The index of the first differing shadow decision; SIZE_MAX: none. */
static size_t different_shadow(const struct decision *archived, const struct decision *derived) {
    size_t i = 0;
    while (i < archived->shadow_count && i < derived->shadow_count &&
           same_shadow(&archived->shadows[i], &derived->shadows[i]))
        i++;
    return i == archived->shadow_count && i == derived->shadow_count ? SIZE_MAX : i;
}

/* Older records lack the names. */
static bool same_failures(const struct decision *archived, const struct decision *derived) {
    bool same = archived->rule_errors == derived->rule_errors;
    if (archived->failed_rule_count == 0)
        return same;
    same = same && archived->failed_rule_count == derived->failed_rule_count;
    for (size_t i = 0; i < archived->failed_rule_count && same; i++)
        same = text_equal(archived->failed_rules[i], derived->failed_rules[i]);
    return same;
}

/* Everything is compared, also after the first difference: the bits tell an operator whether only
 * texts differ or the verdict itself. */
unsigned audit_compare(const struct decision *archived, const struct decision *derived) {
    unsigned differences = 0;
    if (archived->verdict != derived->verdict)
        differences |= AUDIT_VERDICT;
    if (archived->score != derived->score)
        differences |= AUDIT_SCORE;
    if (!same_reasons(archived, derived))
        differences |= AUDIT_REASONS;
    if (archived->feature_hash != derived->feature_hash)
        differences |= AUDIT_FEATURES;
    if (!same_degraded(archived, derived))
        differences |= AUDIT_DEGRADED;
    if (!same_failures(archived, derived))
        differences |= AUDIT_RULE_ERRORS;
    if (archived->snapshot_id != derived->snapshot_id)
        differences |= AUDIT_SNAPSHOT;
    if (archived->generation_id != derived->generation_id)
        differences |= AUDIT_GENERATION;
    if (different_shadow(archived, derived) != SIZE_MAX)
        differences |= AUDIT_SHADOWS;
    if (archived->arm != derived->arm)
        differences |= AUDIT_ARM;
    return differences;
}

/* ---- in words ---- */

static void add_reason(struct buffer *buffer, const struct decision *decision, size_t index) {
    if (index >= decision->reason_count) {
        buffer_printf(buffer, "nothing");
        return;
    }
    const struct reason *reason = &decision->reasons[index];
    buffer_printf(buffer, "%" TEXT_FORMAT " %+" PRId32, TEXT_ARGS(reason->rule), reason->score);
    if (reason->verdict != VERDICT_NONE)
        buffer_printf(buffer, " %s", verdict_name(reason->verdict));
    if (reason->shadow)
        buffer_printf(buffer, " shadow");
    if (reason->verdict_if_live != VERDICT_NONE)
        buffer_printf(buffer, " (%s if live)", verdict_name(reason->verdict_if_live));
    if (reason->suppressed)
        buffer_printf(buffer, " suppressed");
    if (reason->group.length)
        buffer_printf(buffer, " in %" TEXT_FORMAT, TEXT_ARGS(reason->group));
    if (reason->capped)
        buffer_printf(buffer, " capped by %" PRId32, reason->capped);
    buffer_printf(buffer, " \"%" TEXT_FORMAT "\"", TEXT_ARGS(reason->text));
}

static void add_reasons(struct buffer *buffer, const struct decision *archived,
                        const struct decision *derived) {
    size_t index = first_difference(archived, derived);
    buffer_printf(buffer, "reason %zu ", index + 1);
    add_reason(buffer, archived, index);
    buffer_printf(buffer, " → ");
    add_reason(buffer, derived, index);
}

static void add_degraded(struct buffer *buffer, const struct decision *decision) {
    if (decision->degraded)
        buffer_printf(buffer, "\"%" TEXT_FORMAT "\"", TEXT_ARGS(decision->degraded_reason));
    else
        buffer_printf(buffer, "no");
}

static void add_failures(struct buffer *buffer, const struct decision *decision) {
    buffer_printf(buffer, "%" PRIu32, decision->rule_errors);
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        buffer_printf(buffer, "%s%" TEXT_FORMAT, i ? ", " : " (",
                      TEXT_ARGS(decision->failed_rules[i]));
    buffer_printf(buffer, "%s", decision->failed_rule_count ? ")" : "");
}

static void add_ids(struct buffer *buffer, const char *what, uint64_t archived, uint64_t derived) {
    char hex[2][HASH_HEX_SIZE];
    hash_hex(archived, hex[0]);
    hash_hex(derived, hex[1]);
    buffer_printf(buffer, "%s %s → %s", what, hex[0], hex[1]);
}

static void add_shadow(struct buffer *buffer, const struct decision *decision, size_t index) {
    char id[HASH_HEX_SIZE];
    if (index >= decision->shadow_count) {
        buffer_printf(buffer, "nothing");
        return;
    }
    const struct shadow_decision *shadow = &decision->shadows[index];
    hash_hex(shadow->snapshot_id, id);
    buffer_printf(buffer, "%s %s %" PRIu32 " by %zu rules, %" PRIu32 " errors%s", id,
                  shadow->verdict == VERDICT_NONE ? "refused" : verdict_name(shadow->verdict),
                  shadow->score, shadow->rule_count, shadow->rule_errors,
                  shadow->degraded ? ", degraded" : "");
}

static const char *name_of_arm(enum arm arm) {
    return arm == ARM_NONE ? "none" : arm_name(arm);
}

static void add_difference(struct buffer *buffer, enum audit_difference difference,
                           const struct decision *archived, const struct decision *derived) {
    switch (difference) {
    case AUDIT_VERDICT:
        buffer_printf(buffer, "verdict %s → %s", verdict_name(archived->verdict),
                      verdict_name(derived->verdict));
        break;
    case AUDIT_SCORE:
        buffer_printf(buffer, "score %" PRIu32 " → %" PRIu32, archived->score, derived->score);
        break;
    case AUDIT_REASONS:
        add_reasons(buffer, archived, derived);
        break;
    case AUDIT_FEATURES:
        add_ids(buffer, "features' hash", archived->feature_hash, derived->feature_hash);
        break;
    case AUDIT_DEGRADED:
        buffer_printf(buffer, "degraded ");
        add_degraded(buffer, archived);
        buffer_printf(buffer, " → ");
        add_degraded(buffer, derived);
        break;
    case AUDIT_RULE_ERRORS:
        buffer_printf(buffer, "rule errors ");
        add_failures(buffer, archived);
        buffer_printf(buffer, " → ");
        add_failures(buffer, derived);
        break;
    case AUDIT_SNAPSHOT:
        add_ids(buffer, "policy", archived->snapshot_id, derived->snapshot_id);
        break;
    case AUDIT_GENERATION:
        add_ids(buffer, "generation", archived->generation_id, derived->generation_id);
        break;
    case AUDIT_SHADOWS:
        buffer_printf(buffer, "shadow policy ");
        add_shadow(buffer, archived, different_shadow(archived, derived));
        buffer_printf(buffer, " → ");
        add_shadow(buffer, derived, different_shadow(archived, derived));
        break;
    case AUDIT_ARM:
        buffer_printf(buffer, "arm %s → %s", name_of_arm(archived->arm), name_of_arm(derived->arm));
        break;
    }
}

void audit_describe(const struct decision *archived, const struct decision *derived,
                    unsigned differences, struct buffer *buffer) {
    const char *separator = "";
    for (unsigned bit = AUDIT_VERDICT; bit <= AUDIT_ARM; bit <<= 1) {
        if (!(differences & bit))
            continue;
        buffer_printf(buffer, "%s", separator);
        add_difference(buffer, (enum audit_difference)bit, archived, derived);
        separator = ", ";
    }
}
