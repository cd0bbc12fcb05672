/* A change of a list: is it one, by the policy that decides? */
#include "../policy/fault.h"
#include "intake.h"

static const struct list *declared(const struct snapshot *rules, struct text name) {
    for (size_t i = 0; i < rules->list_count; i++)
        if (text_equal(rules->lists[i].name, name))
            return &rules->lists[i];
    return NULL;
}

int intake_unknown_list(const struct snapshot *rules, struct text name, struct error *ret_error) {
    char hint[NEAR_HINT_SIZE];
    struct near near = near_to(name);
    for (size_t i = 0; i < rules->list_count; i++)
        near_try(&near, rules->lists[i].name);
    near_hint(&near, hint);
    return error_set(ret_error, ERROR_NOT_FOUND, "the policy %" TEXT_FORMAT " has no such list%s",
                     TEXT_ARGS(rules->name),
                     *hint               ? hint
                     : rules->list_count ? ""
                                         : "; it declares none");
}

static int fixed_list(const struct list *list, struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID,
                     "this list takes no changes at run time (runtime: no); its entries stand in "
                     "%" TEXT_FORMAT,
                     TEXT_ARGS(list->file));
}

/* The entry as the list writes it. */
static int read_value(const struct list *list, struct text value, struct arena *arena,
                      int64_t receive_time_us, struct list_finding *finding,
                      struct error *ret_error) {
    struct list_entry entry;
    struct list_fault fault;
    char bytes[LIST_ENTRY_TEXT_SIZE];
    if (!list_entry_parse(list->kind, list->card_numbers, value, &entry, &fault))
        return error_set(ret_error, ERROR_INVALID, "%s", fault.text);
    finding->value = arena_text(arena, list_entry_format(list->kind, &entry, bytes));
    if (!finding->value.data)
        return error_set(ret_error, ERROR_TOO_LARGE, "the request needs too much memory");
    finding->in_policy = list_holds(list, &entry, receive_time_us);
    return 0;
}

static int check_expiry(const struct list_change *change, int64_t receive_time_us,
                        struct error *ret_error) {
    if (change->expiry_time_us == 0 || change->expiry_time_us > receive_time_us)
        return 0;
    char end[64], now[64];
    value_format(value_timestamp(change->expiry_time_us), end, sizeof end);
    value_format(value_timestamp(receive_time_us), now, sizeof now);
    return error_set(ret_error, ERROR_INVALID,
                     "the entry would have ended at %s, and it is %s; expected an end that is to "
                     "come, or none",
                     end, now);
}

/* What was added to a list that is no more can be taken back all the same. */
static int find_list(const struct snapshot *rules, const struct list_change *change,
                     const struct list_additions *additions, const struct list **ret_list,
                     struct text *ret_field, struct error *ret_error) {
    const struct list *list = declared(rules, change->list);
    *ret_list = list;
    if (list ? !list->is_fixed : change->remove && additions)
        return 0;
    *ret_field = TEXT_LITERAL("list");
    return list ? fixed_list(list, ret_error) : intake_unknown_list(rules, change->list, ret_error);
}

int intake_change_list(const struct states *states, const struct list_change *change,
                       int64_t receive_time_us, struct arena *arena,
                       struct list_finding *ret_finding, struct record *ret_record,
                       struct text *ret_field, struct error *ret_error) {
    const struct list_table *lists = overlay_lists(states->overlay);
    const struct list_additions *additions = list_table_find(lists, change->list);
    struct list_finding finding = {.value = change->value};
    const struct list *list;
    int r = find_list(engine_rules(states->engine), change, additions, &list, ret_field, ret_error);
    if (r < 0)
        return r;
    if (list) {
        *ret_field = TEXT_LITERAL("value");
        r = read_value(list, change->value, arena, receive_time_us, &finding, ret_error);
        if (r < 0)
            return r;
    }
    const struct list_addition *before =
        additions ? list_additions_get(additions, finding.value) : NULL;
    finding.was_there = before != NULL;
    finding.previous_expiry_time_us = before ? before->expiry_time_us : 0;
    *ret_finding = finding;
    if (change->remove ? !before : before && before->expiry_time_us == change->expiry_time_us)
        return 0;
    *ret_field = TEXT_LITERAL("expiry_time_us");
    r = check_expiry(change, receive_time_us, ret_error);
    if (r < 0)
        return r;
    *ret_field = (struct text){0};
    if (!before && list_table_entries(lists) >= LIST_TABLE_ENTRIES_MAX)
        return error_set(
            ret_error, ERROR_TOO_LARGE,
            "%u entries were added to the lists already, and no more may be; take some "
            "back, or move them to the policy's files",
            LIST_TABLE_ENTRIES_MAX);
    *ret_record = (struct record){.type = RECORD_LIST_CHANGE,
                                  .receive_time_us = receive_time_us,
                                  .list_change = {.list = change->list,
                                                  .entry = finding.value,
                                                  .removed = change->remove,
                                                  .expiry_time_us = change->expiry_time_us,
                                                  .source = change->source,
                                                  .reason = change->reason}};
    return 1;
}
