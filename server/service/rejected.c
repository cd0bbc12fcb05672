/* Only what is a fault of the transaction: one that was refused because of the server's state or
 * the caller's deadline is tried again by the client. Masking follows the policy that refused it:
 * what that would have archived in clear may be in this file in clear, too. */
#include "rejected.h"

#include "core/policy/load/schema.h"
#include "server/ops/reject_log.h"

struct policy_masking {
    struct card_masking masking; /* first */
    const struct schema *schema;
};

/* The texts with a format of their own are never card numbers when they are right. */
static bool is_clear_field(const struct field *field) {
    if (field->kind == FIELD_KIND_ID)
        return true;
    return field->kind == FIELD_KIND_TEXT && !field->refuse_card_number &&
           field->source != FIELD_IP && field->source != FIELD_COUNTRY &&
           field->source != FIELD_MCC;
}

/* An attribute that is declared as a number may be a long one. */
static bool is_clear_attribute(const struct field *field, enum attribute_type type) {
    return type == ATTRIBUTE_TEXT ? field->type == VALUE_TEXT && !field->refuse_card_number
                                  : field->type != VALUE_TEXT;
}

static bool is_clear(const struct card_masking *self, struct text name, enum attribute_type type) {
    const struct schema *schema = ((const struct policy_masking *)self)->schema;
    size_t slot = type == ATTRIBUTE_NONE ? 0 : schema->first_attribute;
    size_t end = type == ATTRIBUTE_NONE ? schema->first_attribute : schema->first_derived;
    for (; slot < end; slot++)
        if (text_equal(schema->fields[slot].name, name))
            return type == ATTRIBUTE_NONE ? is_clear_field(&schema->fields[slot])
                                          : is_clear_attribute(&schema->fields[slot], type);
    return false;
}

static bool is_kept_code(enum error_code code) {
    return code == ERROR_INVALID || code == ERROR_ID_CONFLICT || code == ERROR_TOO_LARGE;
}

/* A policy that protects fields knows what it keeps: of an attribute that it does not declare,
 * perhaps a protected one with a misspelt name, nothing is. */
static void leave_out_undeclared(const struct schema *schema, struct transaction *transaction) {
    struct attribute *attributes = (struct attribute *)(uintptr_t)transaction->attributes;
    size_t kept = 0;
    for (size_t i = 0; i < transaction->attribute_count; i++)
        for (size_t slot = schema->first_attribute; slot < schema->first_derived; slot++)
            if (text_equal(schema->fields[slot].name, attributes[i].name)) {
                attributes[kept++] = attributes[i];
                break;
            }
    transaction->attribute_count = kept;
}

void rejected_keep(const struct run *run) {
    struct service *service = run->service;
    const struct score_request *request = &run->message.score;
    bool asks = false;
    if (run->response.call != CALL_SCORE || request->dry_run)
        return;
    const struct policy_masking masking = {.masking = {is_clear}, .schema = &run->rules->schema};
    for (size_t i = 0; i < run->response.score.count; i++) {
        const struct wire_error *error = &run->response.score.results[i].error;
        if (!is_kept_code(error->code))
            continue;
        struct transaction *transaction =
            (struct transaction *)(uintptr_t)&request->transactions[i];
        if (run->rules->schema.protected_count > 0)
            leave_out_undeclared(&run->rules->schema, transaction);
        const struct reject reject = {.transaction = transaction,
                                      .masking = &masking.masking,
                                      .source = text_of(run->bearer.name),
                                      .code = error->code,
                                      .field = error->field,
                                      .reason = error->message,
                                      .receive_time_us = run->receive_time_us};
        asks |= reject_log_add(service->reject_log, &reject);
    }
    if (asks)
        jobs_ask(&service->jobs, JOB_REJECTS);
}
