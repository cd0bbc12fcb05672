/* Run-time entries outlive the policy that they were made under. Those without effect are not
 * removed: the next policy may declare the list again. */
#include "unused_lists.h"

#include "core/policy/lists/list_table.h"

/* One line for each list that has such entries. */
void unused_lists_log(const struct service *service, const struct states *states,
                      const struct snapshot *rules) {
    struct log *log = service->settings.log;
    struct list_table *lists = overlay_lists(states->overlay);
    const struct list_additions *additions;
    for (size_t i = 0; (additions = list_table_at(lists, i)); i++) {
        struct text name = list_additions_name(additions);
        size_t count = list_additions_count(additions), used = 0;
        const struct list *list = snapshot_list(rules, name);
        if (list && !list->is_fixed)
            used = list_table_usable(lists, name, list->kind);
        if (used == count)
            continue;
        log_line(log, LOG_WARNING,
                 "%zu of %zu entries added to list %" TEXT_FORMAT " at run time have no effect: %s",
                 count - used, count, TEXT_ARGS(name),
                 !list            ? "the policy does not declare the list"
                 : list->is_fixed ? "the list does not allow run-time entries (runtime: no)"
                                  : "they do not match its type");
    }
}
