/* Conversions that several messages share, in pairs: what goes to protobuf, and the reverse. */
#include "message_parts.h"

#include "core/wire/types/field_text.h"

/* ---------------------------------------------------------------------------------------------
 * To protobuf */

/* Codes that the wire does not have (damaged, exists, system, interrupted) are internal to a
 * client: it can do nothing else about them. */
int error_code_to_protobuf(enum error_code code) {
    switch (code) {
    case ERROR_INVALID:
        return HARRIER__V1__ERROR_CODE__ERROR_INVALID;
    case ERROR_UNSUPPORTED:
        return HARRIER__V1__ERROR_CODE__ERROR_UNSUPPORTED;
    case ERROR_NOT_FOUND:
        return HARRIER__V1__ERROR_CODE__ERROR_NOT_FOUND;
    case ERROR_ID_CONFLICT:
        return HARRIER__V1__ERROR_CODE__ERROR_ID_CONFLICT;
    case ERROR_TOO_LARGE:
        return HARRIER__V1__ERROR_CODE__ERROR_TOO_LARGE;
    case ERROR_DEADLINE:
        return HARRIER__V1__ERROR_CODE__ERROR_DEADLINE;
    case ERROR_UNAVAILABLE:
        return HARRIER__V1__ERROR_CODE__ERROR_UNAVAILABLE;
    case ERROR_DENIED:
        return HARRIER__V1__ERROR_CODE__ERROR_DENIED;
    case ERROR_NOT_PRIMARY:
        return HARRIER__V1__ERROR_CODE__ERROR_NOT_PRIMARY;
    case ERROR_OVERLOADED:
        return HARRIER__V1__ERROR_CODE__ERROR_OVERLOADED;
    default:
        return HARRIER__V1__ERROR_CODE__ERROR_INTERNAL;
    }
}

/* A value without a counterpart on the wire is sent without one: absent, as has() sees it. */
static void encode_value(const struct named_value *in, Harrier__V1__NamedValue *out) {
    out->name = bytes_from_text(in->name);
    switch (in->value.type) {
    case VALUE_BOOL:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_FLAG;
        out->flag = in->value.boolean;
        break;
    case VALUE_INT:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_INTEGER;
        out->integer = in->value.integer;
        break;
    case VALUE_DOUBLE:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_NUMBER;
        out->number = in->value.number;
        break;
    case VALUE_TEXT:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_TEXT;
        out->text = bytes_from_text(in->value.text);
        break;
    case VALUE_TIMESTAMP:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_TIMESTAMP_US;
        out->timestamp_us = in->value.integer;
        break;
    case VALUE_DURATION:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_DURATION_US;
        out->duration_us = in->value.integer;
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR: /* no value either; Decision.rule_errors counts them */
    case VALUE_LIST:  /* lists and maps exist only within expressions */
    case VALUE_MAP:
        break;
    }
}

Harrier__V1__NamedValue **values_to_protobuf(const struct named_value *values, size_t count,
                                             struct arena *scratch) {
    Harrier__V1__NamedValue *out, **pointers;
    NEW_MESSAGES(scratch, count, out, pointers, harrier__v1__named_value__init);
    for (size_t i = 0; i < count; i++)
        encode_value(&values[i], &out[i]);
    return pointers;
}

Harrier__V1__Decision *decision_to_protobuf(const struct decision *decision,
                                            struct arena *scratch) {
    Harrier__V1__Decision *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__decision__init(out);
    out->transaction_id = bytes_from_text(decision->transaction_id);
    out->verdict = (Harrier__V1__Verdict)decision->verdict;
    out->score = decision->score;
    out->n_reasons = decision->reason_count;
    out->reasons = reasons_to_protobuf(decision->reasons, decision->reason_count, scratch);
    out->snapshot_id = decision->snapshot_id;
    out->generation_id = decision->generation_id;
    out->position = decision->position;
    out->degraded = decision->degraded;
    out->degraded_reason = bytes_from_text(decision->degraded_reason);
    out->duplicate = decision->duplicate;
    out->dry_run = decision->dry_run;
    out->server_us = decision->server_us;
    out->rule_errors = decision->rule_errors;
    out->n_features = decision->feature_count;
    out->features = values_to_protobuf(decision->features, decision->feature_count, scratch);
    out->n_failed_rules = decision->failed_rule_count;
    out->failed_rules =
        texts_to_protobuf(decision->failed_rules, decision->failed_rule_count, scratch);
    out->arm = (Harrier__V1__Arm)decision->arm;
    return out;
}

/* ---------------------------------------------------------------------------------------------
 * From protobuf */

struct outcome outcome_from_protobuf(const Harrier__V1__Outcome *in) {
    return (struct outcome){
        .transaction_id = text_from_bytes(in->transaction_id),
        .label = label_from_protobuf((int)in->label),
        .known_time_us = in->known_time_us,
        .source = text_from_bytes(in->source),
        .unless_labelled = in->unless_labelled,
    };
}

struct amendment amendment_from_protobuf(const Harrier__V1__Amendment *in) {
    return (struct amendment){
        .transaction_id = text_from_bytes(in->transaction_id),
        .kind = amendment_kind_from_protobuf((int)in->kind),
        .amount_minor = in->amount_minor,
        .known_time_us = in->known_time_us,
        .source = text_from_bytes(in->source),
        .currency = text_from_bytes(in->currency),
    };
}

/* A code that a later version added is still an error, and its message says what happened. */
enum error_code error_code_from_protobuf(int code) {
    switch (code) {
    case HARRIER__V1__ERROR_CODE__ERROR_INVALID:
        return ERROR_INVALID;
    case HARRIER__V1__ERROR_CODE__ERROR_UNSUPPORTED:
        return ERROR_UNSUPPORTED;
    case HARRIER__V1__ERROR_CODE__ERROR_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case HARRIER__V1__ERROR_CODE__ERROR_ID_CONFLICT:
        return ERROR_ID_CONFLICT;
    case HARRIER__V1__ERROR_CODE__ERROR_TOO_LARGE:
        return ERROR_TOO_LARGE;
    case HARRIER__V1__ERROR_CODE__ERROR_DEADLINE:
        return ERROR_DEADLINE;
    case HARRIER__V1__ERROR_CODE__ERROR_UNAVAILABLE:
        return ERROR_UNAVAILABLE;
    case HARRIER__V1__ERROR_CODE__ERROR_DENIED:
        return ERROR_DENIED;
    case HARRIER__V1__ERROR_CODE__ERROR_NOT_PRIMARY:
        return ERROR_NOT_PRIMARY;
    case HARRIER__V1__ERROR_CODE__ERROR_OVERLOADED:
        return ERROR_OVERLOADED;
    default:
        return ERROR_INTERNAL;
    }
}

static struct value decode_value(const Harrier__V1__NamedValue *in) {
    switch (in->value_case) {
    case HARRIER__V1__NAMED_VALUE__VALUE_FLAG:
        return value_bool(in->flag != 0);
    case HARRIER__V1__NAMED_VALUE__VALUE_INTEGER:
        return value_int(in->integer);
    case HARRIER__V1__NAMED_VALUE__VALUE_NUMBER:
        return value_double(in->number);
    case HARRIER__V1__NAMED_VALUE__VALUE_TEXT:
        return value_text(text_from_bytes(in->text));
    case HARRIER__V1__NAMED_VALUE__VALUE_TIMESTAMP_US:
        return value_timestamp(in->timestamp_us);
    case HARRIER__V1__NAMED_VALUE__VALUE_DURATION_US:
        return value_duration(in->duration_us);
    default:
        return value_absent();
    }
}

/* Names and texts point at protobuf-c's copies in the same arena. */
int values_from_protobuf(Harrier__V1__NamedValue *const *in, size_t count, struct arena *arena,
                         const struct named_value **ret_values, struct error *ret_error) {
    struct named_value *values = array_alloc(arena, count, sizeof *values);
    if (!values)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < count; i++)
        values[i] = (struct named_value){.name = text_from_bytes(in[i]->name),
                                         .value = decode_value(in[i])};
    *ret_values = values;
    return 0;
}

/* A verdict cannot be guessed: a client must not approve what it does not understand. */
static int check_verdicts(const struct decision *decision, struct error *ret_error) {
    bool known = decision->verdict != VERDICT_COUNT;
    for (size_t i = 0; i < decision->reason_count; i++)
        known &= decision->reasons[i].verdict != VERDICT_COUNT &&
                 decision->reasons[i].verdict_if_live != VERDICT_COUNT;
    if (known)
        return 0;
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "the decision about %s has a verdict that this version does not know",
                     field_quote(decision->transaction_id).string);
}

/* Used for answers of Score that the fast reader did not take, and for explanations. */
int decision_from_protobuf(const Harrier__V1__Decision *in, struct arena *arena,
                           struct decision *ret_decision, struct error *ret_error) {
    struct decision decision = {
        .transaction_id = text_from_bytes(in->transaction_id),
        .verdict = verdict_from_protobuf((int)in->verdict),
        .score = in->score,
        .reason_count = in->n_reasons,
        .snapshot_id = in->snapshot_id,
        .generation_id = in->generation_id,
        .position = in->position,
        .degraded = in->degraded != 0,
        .degraded_reason = text_from_bytes(in->degraded_reason),
        .duplicate = in->duplicate != 0,
        .dry_run = in->dry_run != 0,
        .server_us = in->server_us,
        .rule_errors = in->rule_errors,
        .feature_count = in->n_features,
        .failed_rules = texts_from_protobuf(in->failed_rules, in->n_failed_rules, arena),
        .failed_rule_count = in->n_failed_rules,
        .arm = arm_from_protobuf((int)in->arm),
    };
    if (decision.arm == ARM_COUNT) /* nobody has to understand it to act on the verdict */
        decision.arm = ARM_NONE;
    if (!decision.failed_rules ||
        reasons_from_protobuf(in->reasons, in->n_reasons, arena, &decision.reasons) < 0)
        return protobuf_exhausted("a response", arena, ret_error);
    int r = check_verdicts(&decision, ret_error);
    if (r == 0)
        r = values_from_protobuf(in->features, in->n_features, arena, &decision.features,
                                 ret_error);
    if (r == 0)
        *ret_decision = decision;
    return r;
}
