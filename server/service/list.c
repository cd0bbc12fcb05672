/* ChangeList and GetList: entries of the policy's lists that are added and removed at run time.
 *
 * Run-time entries live in the overlay, under the decision lock, and in the archive; the policy's
 * own entries never change. GetList pages through an answer by position, as a list may be longer
 * than a message. */
#include "list.h"

#include "core/base/check.h"
#include "core/policy/lists/list_table.h"
#include "core/store/pseudonyms/protect.h"
#include "protect_run.h"

/* ---- ChangeList ---- */

static struct list_change_result refuse(struct run *run, const struct error *error,
                                        struct text field) {
    return (struct list_change_result){.error = run_refuse_item(run, error, field)};
}

/* A clear value that is added to a protected list, or removed, is so under the other keys as well
 * that have not ended: it must not be missed because a key changes. Before the one that
 * is answered, so that no answer says that it is there while it is not under all of them. */
static int change_under_other_keys(struct run *run, const struct list_change *change,
                                   struct text domain, struct text *ret_field,
                                   struct error *ret_error) {
    struct service *service = run->service;
    const struct pseudonym_key *now =
        pseudonym_keys_at(service->pseudonym_keys, run->receive_time_us);
    const struct pseudonym_key *key;
    int r = 0;
    for (size_t i = 0; r >= 0 && (key = pseudonym_keys_get(service->pseudonym_keys, i)); i++) {
        struct list_change other = *change;
        struct list_finding finding;
        struct record record;
        if (key == now || key->until_us <= run->receive_time_us)
            continue;
        r = protect_value_by(domain, key, &run->arena, &other.value, ret_error);
        if (r == 0)
            r = ingest_change_list(&service->states, &other, run->receive_time_us, &run->arena,
                                   &finding, &record, ret_field, ret_error);
        if (r > 0)
            run_append_change(run, &record, true);
    }
    return r < 0 ? r : 0;
}

static int protect_change(struct run *run, struct list_change *change, struct text *ret_field,
                          struct error *ret_error) {
    struct service *service = run->service;
    struct text domain = protect_list(run, change->list);
    if (domain.length == 0 || pseudonym_has_form(change->value))
        return 0;
    *ret_field = TEXT_LITERAL("value");
    const struct list_change clear = *change;
    int r = protect_value(domain, service->pseudonym_keys, run->receive_time_us, &run->arena,
                          &change->value, ret_error);
    return r < 0 ? r : change_under_other_keys(run, &clear, domain, ret_field, ret_error);
}

/* One change. The value comes back in the canonical form of the list's type: a protected one as its
 * pseudonym. */
static struct list_change_result change_list(struct run *run, const struct list_change *asked) {
    struct service *service = run->service;
    struct list_change protected = *asked;
    const struct list_change *change = &protected;
    struct list_finding finding;
    struct record record;
    struct text field = {0};
    struct error error;
    int r = list_change_check(change, &field, &error);
    if (r == 0)
        r = run_check_deadline(run, &error);
    if (r == 0)
        r = protect_change(run, &protected, &field, &error);
    if (r == 0)
        r = ingest_change_list(&service->states, change, run->receive_time_us, &run->arena,
                               &finding, &record, &field, &error);
    if (r < 0)
        return refuse(run, &error, field);
    return (struct list_change_result){
        .list = change->list,
        .value = finding.value,
        .changed = r > 0,
        .was_there = finding.was_there,
        .previous_expiry_time_us = finding.previous_expiry_time_us,
        .in_policy = finding.in_policy,
        .position = run_append_change(run, &record, r > 0),
    };
}

enum next perform_list_change(struct run *run) {
    const struct list_change_request *request = &run->message.list_change;
    struct list_change_result *results =
        run_new_results(run, request->change_count, sizeof *results);
    if (!results)
        return DONE;
    for (size_t i = 0; i < request->change_count; i++)
        results[i] = change_list(run, &request->changes[i]);
    run->response.list_change.results = results;
    run->response.list_change.count = request->change_count;
    return NEXT;
}

void withdraw_list_change(struct run *run, const struct error *error) {
    struct list_change_result *results =
        (struct list_change_result *)(uintptr_t)run->response.list_change.results;
    /* Unchanged ones too: they may repeat a change earlier in this very request. */
    for (size_t i = 0; i < run->response.list_change.count; i++)
        if (results[i].error.code == 0)
            results[i] = refuse(run, error, (struct text){0});
}

void count_list_change(const struct run *run) {
    uint64_t counts[LIST_CHANGE_RESULT_COUNT] = {0};
    for (size_t i = 0; i < run->response.list_change.count; i++) {
        const struct list_change_result *result = &run->response.list_change.results[i];
        if (result->error.code != 0)
            continue;
        counts[!result->changed                             ? LIST_CHANGE_NONE
               : run->message.list_change.changes[i].remove ? LIST_CHANGE_REMOVED
                                                            : LIST_CHANGE_ADDED]++;
    }
    for (size_t i = 0; i < LIST_CHANGE_RESULT_COUNT; i++)
        metric_add(run->service->settings.metrics, LIST_CHANGES, i, counts[i]);
}

/* ---- GetList ---- */

/* Texts of the rules stay valid, since the run holds a reference; those of the overlay are copied,
 * since encoding happens after the lock is released. */
static struct list_summary summarise(struct run *run, const struct list *list,
                                     const struct list_additions *additions) {
    struct list_table *lists = overlay_lists(run->service->states.overlay);
    struct list_summary summary = {0};
    if (additions) {
        summary.list = arena_text(&run->arena, list_additions_name(additions));
        summary.added_entries = list_additions_count(additions);
        summary.changes = list_additions_changes(additions);
        summary.last_change_time_us = list_additions_changed_us(additions);
    }
    if (!list)
        return summary;
    summary.list = list->name;
    summary.type = text_of(list_kind_name(list->kind));
    summary.about = list->about;
    summary.file = list->file;
    summary.declared = true;
    summary.runtime = !list->is_fixed;
    summary.policy_entries = list->count;
    if (additions && !list->is_fixed)
        summary.used_entries = list_table_usable(lists, list->name, list->kind);
    return summary;
}

/* The policy's lists in its order, then those with run-time entries that it does not declare. */
static enum next summarise_all(struct run *run) {
    const struct snapshot *rules = run->rules;
    const struct list_table *lists = overlay_lists(run->service->states.overlay);
    struct list_response *response = &run->response.list;
    const struct list_additions *additions;
    struct error error;
    size_t most = rules->list_count, count = 0;
    for (size_t i = 0; list_table_at(lists, i); i++)
        most++;
    struct list_summary *summaries = arena_calloc(&run->arena, most, sizeof *summaries);
    if (!summaries) {
        error_set(&error, ERROR_TOO_LARGE, "the lists need too much memory");
        return run_refuse(run, &error, (struct text){0});
    }
    for (size_t i = 0; i < rules->list_count; i++)
        summaries[count++] =
            summarise(run, &rules->lists[i], list_table_find(lists, rules->lists[i].name));
    for (size_t i = 0; (additions = list_table_at(lists, i)); i++)
        if (!snapshot_list(rules, list_additions_name(additions)))
            summaries[count++] = summarise(run, NULL, additions);
    response->lists = summaries;
    response->list_count = count;
    return NEXT;
}

/* Copies into the arena, since encoding happens after the lock is released. False: it is full. */
static bool copy_entry(struct run *run, const struct list_addition *in,
                       struct list_addition *ret_entry) {
    *ret_entry = *in;
    ret_entry->value = arena_text(&run->arena, in->value);
    ret_entry->source = arena_text(&run->arena, in->source);
    ret_entry->reason = arena_text(&run->arena, in->reason);
    return ret_entry->value.data && ret_entry->source.data && ret_entry->reason.data;
}

/* One page, in order of positions. next_position is set only if there is more. */
static int list_entries(struct run *run, const struct list_additions *additions,
                        struct error *ret_error) {
    const struct list_request *request = &run->message.list;
    struct list_response *response = &run->response.list;
    size_t limit = request->limit ? request->limit : LIST_PAGE_MAX;
    struct list_addition *entries = arena_calloc(&run->arena, limit, sizeof *entries);
    uint64_t position = request->after_position;
    const struct list_addition *next;
    bool fits = entries != NULL;
    while (fits && response->entry_count < limit &&
           (next = list_additions_next(additions, position))) {
        fits = copy_entry(run, next, &entries[response->entry_count++]);
        position = next->position;
    }
    if (!fits)
        return error_set(ret_error, ERROR_TOO_LARGE, "the entries need too much memory");
    response->entries = entries;
    if (response->entry_count == limit && list_additions_next(additions, position))
        response->next_position = position;
    return 0;
}

/* Without a name: a summary of every list. With one: its summary and a page of its run-time
 * entries. */
enum next perform_list(struct run *run) {
    struct text name = run->message.list.list;
    struct list_response *response = &run->response.list;
    if (name.length == 0)
        return summarise_all(run);
    const struct list *list = snapshot_list(run->rules, name);
    const struct list_additions *additions =
        list_table_find(overlay_lists(run->service->states.overlay), name);
    struct list_summary *summary = arena_calloc(&run->arena, 1, sizeof *summary);
    struct error error;
    int r = 0;
    if (!list && !additions) {
        ingest_unknown_list(run->rules, name, &error);
        return run_refuse(run, &error, TEXT_LITERAL("list"));
    }
    if (!summary)
        r = error_set(&error, ERROR_TOO_LARGE, "the list needs too much memory");
    else if (additions)
        r = list_entries(run, additions, &error);
    if (r < 0)
        return run_refuse(run, &error, (struct text){0});
    *summary = summarise(run, list, additions);
    response->lists = summary;
    response->list_count = 1;
    return NEXT;
}

/* ---- gauges ---- */

/* The index of a list's label in the metrics; a new list takes the first free one. Labels are never
 * reused, so that a series does not change its meaning; beyond LIST_LABELS_MAX lists have no gauge.
 */
static size_t label_of(struct service *service, struct text name) {
    size_t i = 0;
    while (i < service->list_label_count && !text_is(name, service->list_labels[i]))
        i++;
    if (i == service->list_label_count && i < LIST_LABELS_MAX) {
        service->list_labels[i] = text_copy(name);
        service->list_label_count++;
        metric_label(service->settings.metrics, LIST_ENTRIES, i, service->list_labels[i]);
    }
    return i;
}

void list_measure(struct service *service) {
    const struct list_table *lists = overlay_lists(service->states.overlay);
    const struct list_additions *additions;
    for (size_t i = 0; i < service->rules->list_count; i++)
        label_of(service, service->rules->lists[i].name);
    for (size_t i = 0; (additions = list_table_at(lists, i)); i++) {
        size_t label = label_of(service, list_additions_name(additions));
        if (label < LIST_LABELS_MAX)
            metric_gauge(service->settings.metrics, LIST_ENTRIES, label,
                         (int64_t)list_additions_count(additions));
    }
}
