/* Names of verdicts, arms and labels as policies, messages and metrics use them, and the check of
 * outcomes in the order of harrier.proto. */
#include "decision.h"

#include "field_text.h"
#include "transaction.h"

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_NONE] = "",           [VERDICT_APPROVE] = "approve",
    [VERDICT_REVIEW] = "review",   [VERDICT_CHALLENGE] = "challenge",
    [VERDICT_DECLINE] = "decline",
};

static const char *const label_names[LABEL_COUNT] = {
    [LABEL_NONE] = "none",           [LABEL_LEGIT] = "legit",
    [LABEL_FRAUD] = "fraud",         [LABEL_CHARGEBACK] = "chargeback",
    [LABEL_SUSPECTED] = "suspected",
};

static const char *const arm_names[ARM_COUNT] = {
    [ARM_NONE] = "", [ARM_CHAMPION] = "champion", [ARM_CHALLENGER] = "challenger"};

const char *verdict_name(enum verdict verdict) {
    return (size_t)verdict < VERDICT_COUNT ? verdict_names[verdict] : "";
}

const char *arm_name(enum arm arm) {
    return (size_t)arm < ARM_COUNT ? arm_names[arm] : "";
}

enum arm arm_parse(struct text name) {
    for (enum arm arm = ARM_CHAMPION; arm < ARM_COUNT; arm++)
        if (text_is(name, arm_names[arm]))
            return arm;
    return ARM_NONE;
}

const char *label_name(enum label label) {
    return (size_t)label < LABEL_COUNT ? label_names[label] : "";
}

bool label_parse(struct text name, enum label *ret_label) {
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++) {
        if (text_is(name, label_names[label])) {
            *ret_label = label;
            return true;
        }
    }
    return false;
}

/* Whether the transaction exists is not checked here: that takes the archive. */
int outcome_check(const struct outcome *outcome, struct text *ret_field, struct error *ret_error) {
    struct text field = TEXT_LITERAL("transaction_id");
    int r = field_check_required("transaction_id", outcome->transaction_id, TRANSACTION_ID_MAX,
                                 ret_error);
    if (r == 0) {
        field = TEXT_LITERAL("label");
        if ((size_t)outcome->label >= LABEL_COUNT)
            r = error_set(ret_error, ERROR_INVALID,
                          "label is not one that this version knows; expected none, legit, fraud, "
                          "chargeback or suspected");
    }
    if (r == 0) {
        field = TEXT_LITERAL("known_time_us");
        r = field_check_time("known_time_us", outcome->known_time_us, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("source");
        r = field_check_text("source", outcome->source, OUTCOME_SOURCE_MAX, ret_error);
    }
    if (r < 0)
        *ret_field = field;
    return r;
}
