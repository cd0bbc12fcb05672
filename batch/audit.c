#include "audit.h"

#include "core/base/hash.h"

#include <inttypes.h>
#include <stdbool.h>

static bool same_reason(const struct reason *a, const struct reason *b) {
    return text_equal(a->rule, b->rule) && text_equal(a->text, b->text) && a->score == b->score &&
           a->verdict == b->verdict && a->shadow == b->shadow;
}

/* The first reason in which they differ; the number of reasons of both when they do not. */
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

/* That the tables were stale was the server's clock's to say: a replay does not know. */
static bool same_degraded(const struct decision *archived, const struct decision *derived) {
    if (!derived->degraded && text_is(archived->degraded_reason, DECISION_STALE))
        return true;
    return archived->degraded == derived->degraded &&
           text_equal(archived->degraded_reason, derived->degraded_reason);
}

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
    if (archived->rule_errors != derived->rule_errors)
        differences |= AUDIT_RULE_ERRORS;
    if (archived->snapshot_id != derived->snapshot_id)
        differences |= AUDIT_SNAPSHOT;
    if (archived->generation_id != derived->generation_id)
        differences |= AUDIT_GENERATION;
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

static void add_ids(struct buffer *buffer, const char *what, uint64_t archived, uint64_t derived) {
    char hex[2][HASH_HEX_SIZE];
    hash_hex(archived, hex[0]);
    hash_hex(derived, hex[1]);
    buffer_printf(buffer, "%s %s → %s", what, hex[0], hex[1]);
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
        buffer_printf(buffer, "rule errors %" PRIu32 " → %" PRIu32, archived->rule_errors,
                      derived->rule_errors);
        break;
    case AUDIT_SNAPSHOT:
        add_ids(buffer, "policy", archived->snapshot_id, derived->snapshot_id);
        break;
    case AUDIT_GENERATION:
        add_ids(buffer, "generation", archived->generation_id, derived->generation_id);
        break;
    }
}

void audit_describe(const struct decision *archived, const struct decision *derived,
                    unsigned differences, struct buffer *buffer) {
    const char *separator = "";
    for (unsigned bit = AUDIT_VERDICT; bit <= AUDIT_GENERATION; bit <<= 1) {
        if (!(differences & bit))
            continue;
        buffer_printf(buffer, "%s", separator);
        add_difference(buffer, (enum audit_difference)bit, archived, derived);
        separator = ", ";
    }
}
