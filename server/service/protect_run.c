/* Here and not before the lock: the policy and the keys must be those that decide. And for all
 * requests that share the lock before the first of them is decided: while one transaction is
 * decided, the next one is laid out already, also one of the next request. */
#include "protect_run.h"

#include "core/store/pseudonyms/protect.h"

void protect_score(struct run *run) {
    const struct service *service = run->service;
    const struct score_request *request = &run->message.score;
    const struct schema *schema = &service->rules->schema;
    struct transaction *transactions = (struct transaction *)(uintptr_t)request->transactions;
    run->protect_errors = NULL;
    for (size_t i = 0; i < request->transaction_count; i++) {
        struct text field = {0};
        struct error error;
        if (protect_transaction(schema, service->pseudonym_keys, &transactions[i], &run->arena,
                                &field, &error) == 0)
            continue;
        if (!run->protect_errors)
            run->protect_errors =
                arena_calloc(&run->arena, request->transaction_count, sizeof *run->protect_errors);
        if (run->protect_errors)
            run->protect_errors[i] = run_refuse_item(run, &error, field);
        else /* no memory even for that: without an id it is refused in any case */
            transactions[i].id = (struct text){0};
    }
}

const struct wire_error *protect_refused(const struct run *run, size_t index) {
    const struct wire_error *errors = run->protect_errors;
    return errors && errors[index].code != 0 ? &errors[index] : NULL;
}

int protect_item(struct run *run, struct backfill_item *item, struct text *ret_field,
                 struct error *ret_error) {
    const struct service *service = run->service;
    return protect_transaction(&service->rules->schema, service->pseudonym_keys, &item->transaction,
                               &run->arena, ret_field, ret_error);
}

/* The plan may be that of an older policy: its fields are found by what they are. */
static struct text domain_of(const struct schema *schema, struct text canonical) {
    for (size_t i = 0; i < schema->protected_count; i++) {
        const struct field *field = &schema->fields[schema->protected_slots[i]];
        if (text_equal(field->canonical, canonical))
            return field->protect;
    }
    return (struct text){0};
}

int protect_key(struct run *run, size_t entity, struct text *ret_field, struct error *ret_error) {
    const struct service *service = run->service;
    const struct snapshot *plan = service->states.plan;
    const struct entity_binding *binding = &plan->bindings[entity];
    const struct entity_request *request = &run->message.entity;
    struct text *parts = (struct text *)(uintptr_t)request->key;
    int r = 0;
    *ret_field = TEXT_LITERAL("key");
    for (size_t i = 0; r == 0 && i < request->key_count && i < binding->key_slot_count; i++)
        r = protect_value(domain_of(&service->rules->schema,
                                    plan->schema.fields[binding->key_slots[i]].canonical),
                          service->pseudonym_keys, run->receive_time_us, &run->arena, &parts[i],
                          ret_error);
    return r;
}

int protect_find(struct run *run, struct text *ret_field, struct error *ret_error) {
    const struct service *service = run->service;
    const struct find_query *query = &run->message.find;
    struct find_key *keys = (struct find_key *)(uintptr_t)query->keys;
    int r = 0;
    for (size_t i = 0; r == 0 && i < query->key_count; i++) {
        *ret_field = text_of(transaction_field_name(keys[i].field));
        r = protect_value(protect_domain(&service->rules->schema, keys[i].field),
                          service->pseudonym_keys, run->receive_time_us, &run->arena,
                          &keys[i].value, ret_error);
    }
    return r;
}

struct text protect_list(const struct run *run, struct text name) {
    const struct service *service = run->service;
    const struct list *list = snapshot_list(service->rules, name);
    if (!list && service->challenge.snapshot)
        list = snapshot_list(service->challenge.snapshot, name);
    return list ? list->protect : (struct text){0};
}
