/* Changes of lists at run time: checked against the policy that decides, normalised, and made into
 * a record. */
#include "core/policy/source/diagnostic.h"
#include "ingest.h"

int ingest_unknown_list(const struct snapshot *rules, struct text name, struct error *ret_error) {
    char hint[NEAR_HINT_SIZE];
    struct near near = near_to(name);
    for (size_t i = 0; i < rules->list_count; i++)
        near_try(&near, rules->lists[i].name);
    near_hint(&near, hint);
    return error_set(ret_error, ERROR_NOT_FOUND, "the policy %" TEXT_FORMAT " has no such list%s",
                     TEXT_ARGS(rules->name),
                     *hint               ? hint
                     : rules->list_count ? ""
                                         : "; it declares no lists");
}

static int fixed_list(const struct list *list, struct error *ret_error) {
    return error_set(
        ret_error, ERROR_INVALID,
        "this list takes no changes at run time (runtime: no); its entries are in %" TEXT_FORMAT,
        TEXT_ARGS(list->file));
}

/* Parses the value and formats it again, so that one entry has one form: additions are found by
 * their bytes. */
static int read_value(const struct list *list, struct text value, struct arena *arena,
                      int64_t receive_time_us, struct list_finding *finding,
                      struct error *ret_error) {
    struct list_entry entry;
    struct list_diagnostic fault;
    char bytes[LIST_ENTRY_TEXT_SIZE];
    if (!list_entry_parse(list->kind, list->card_numbers, value, &entry, &fault))
        return error_set(ret_error, ERROR_INVALID, "%s", fault.text);
    finding->value = arena_text(arena, list_entry_format(list->kind, &entry, bytes));
    if (!finding->value.data)
        return error_set(ret_error, ERROR_TOO_LARGE, "the request needs too much memory");
    finding->in_policy = list_holds(list, &entry, receive_time_us);
    return 0;
}

/* An addition made under another policy can be removed as it is written, whatever the list accepts
 * now. Where the list takes no changes any more, removing what is not there still answers that it
 * is not there. */
static bool takes_back(const struct list *list, const struct list_change *change,
                       const struct list_additions *additions) {
    return change->remove && additions &&
           (!list || list->is_fixed || list_additions_get(additions, change->value));
}

static bool is_in_policy(const struct list *list, struct text value, int64_t at_us) {
    struct list_entry entry;
    struct list_diagnostic ignored;
    return list && list_entry_parse(list->kind, true, value, &entry, &ignored) &&
           list_holds(list, &entry, at_us);
}

static int check_expiry(const struct list_change *change, int64_t receive_time_us,
                        struct error *ret_error) {
    if (change->expiry_time_us == 0 || change->expiry_time_us > receive_time_us)
        return 0;
    char end[64], now[64];
    value_format(value_timestamp(change->expiry_time_us), end, sizeof end);
    value_format(value_timestamp(receive_time_us), now, sizeof now);
    return error_set(
        ret_error, ERROR_INVALID,
        "the entry would expire at %s, and it is %s now; expected a later time, or none", end, now);
}

static int read_change(const struct snapshot *rules, const struct list *list,
                       const struct list_change *change, struct arena *arena,
                       int64_t receive_time_us, struct list_finding *finding,
                       struct text *ret_field, struct error *ret_error) {
    *ret_field = TEXT_LITERAL("list");
    if (!list)
        return ingest_unknown_list(rules, change->list, ret_error);
    if (list->is_fixed)
        return fixed_list(list, ret_error);
    *ret_field = TEXT_LITERAL("value");
    return read_value(list, change->value, arena, receive_time_us, finding, ret_error);
}

/* Entries added at run time stay in memory and in every generation, so their number and their bytes
 * are limited. */
static int check_room(const struct list_table *lists, bool is_new, struct error *ret_error) {
    if (is_new && list_table_entries(lists) >= LIST_TABLE_ENTRIES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the lists have %u added entries already, the most that they may have; "
                         "remove some, or move them to the policy's files",
                         LIST_TABLE_ENTRIES_MAX);
    if (list_table_bytes(lists) >= LIST_TABLE_BYTES_MAX)
        return error_set(
            ret_error, ERROR_TOO_LARGE,
            "the entries added to the lists take %u MiB already, with their reasons, the most that "
            "they may take; remove some, or move them to the policy's files",
            LIST_TABLE_BYTES_MAX >> 20);
    return 0;
}

int ingest_change_list(const struct states *states, const struct list_change *change,
                       int64_t receive_time_us, struct arena *arena,
                       struct list_finding *ret_finding, struct record *ret_record,
                       struct text *ret_field, struct error *ret_error) {
    const struct list_table *lists = overlay_lists(states->overlay);
    const struct list_additions *additions = list_table_find(lists, change->list);
    struct list_finding finding = {.value = change->value};
    const struct snapshot *rules = engine_rules(states->engine);
    const struct list *list = snapshot_list(rules, change->list);
    int r = 0;
    if (!list && states->challenger) /* a list that only the challenger has */
        list = snapshot_list(engine_rules(states->challenger), change->list);
    if (takes_back(list, change, additions))
        finding.in_policy = is_in_policy(list, change->value, receive_time_us);
    else
        r = read_change(rules, list, change, arena, receive_time_us, &finding, ret_field,
                        ret_error);
    if (r < 0)
        return r;
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
    if (!change->remove)
        r = check_room(lists, before == NULL, ret_error);
    if (r < 0)
        return r;
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
