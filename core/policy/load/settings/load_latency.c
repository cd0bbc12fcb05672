/* "latency_budget" of policy.yaml: a policy whose worst decision takes longer does not load. */
#include "load_latency.h"

#include "core/base/check.h"
#include "core/policy/load/latency.h"

#include <stdio.h>
#include <stdlib.h>

#define LATENCY_BUDGET_US_MAX INT64_C(10000000)

/* "200us", "1ms", "1s" */
static bool parse_budget(struct text t, int64_t *ret_us) {
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};
    int64_t number = 0;
    size_t digits = 0;
    while (digits < t.length && digits < 9 && text_is_digit(t.data[digits]))
        number = number * 10 + (t.data[digits++] - '0');
    struct text unit = {.data = t.data + digits, .length = t.length - digits};
    for (size_t i = 0; digits > 0 && i < sizeof units / sizeof *units; i++)
        if (text_is(unit, units[i].unit)) {
            *ret_us = number * units[i].us;
            return true;
        }
    return false;
}

void load_latency_budget(struct load *load, const struct reader *reader,
                         const struct tree_node *node) {
    struct text t;
    int64_t us;
    if (!read_text(reader, node, "latency_budget", 64, &t))
        return;
    if (!parse_budget(t, &us))
        read_diagnostic(
            reader, node,
            "latency_budget \"%" TEXT_FORMAT
            "\" is not a duration; expected a whole number and a unit us, ms or s, such as "
            "200us",
            TEXT_ARGS(t));
    else if (us < 1 || us > LATENCY_BUDGET_US_MAX)
        read_diagnostic(reader, node,
                        "latency_budget %" TEXT_FORMAT " is out of range; expected 1us to 10s",
                        TEXT_ARGS(t));
    else
        load->snapshot->latency_budget_us = (uint64_t)us;
}

/* "entity card 311 us, rule many 2 us" */
static void describe_most_expensive(const struct latency_item *items, size_t count,
                                    char *ret_string, size_t size) {
    size_t length = 0;
    ret_string[0] = '\0';
    for (size_t i = 0; i < count && i < 3 && items[i].ns >= 1000 && length < size; i++)
        length +=
            (size_t)snprintf(ret_string + length, size - length, "%s%s %" TEXT_FORMAT " %llu us",
                             i ? ", " : "", latency_kind_name(items[i].kind),
                             TEXT_ARGS(items[i].name), (unsigned long long)(items[i].ns / 1000));
}

/* Only for policies that come from a folder: one that was in force once must load from the archive
 * even if the constants of latency.h have changed since. */
void load_check_latency(struct load *load) {
    const struct snapshot *snapshot = load->snapshot;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_POLICY, &root);
    if (load->diagnostics.errors > 0 || !source || snapshot->latency_budget_us == 0)
        return;
    size_t count = latency_item_count(snapshot);
    struct latency_item *items = check_calloc(count + 1, sizeof *items);
    latency_items(snapshot, items);
    uint64_t us = latency_sum_ns(items, count) / 1000;
    if (us > snapshot->latency_budget_us) {
        const struct tree_node *node = tree_child(tree_child(root, "policy"), "latency_budget");
        char expensive[320];
        describe_most_expensive(items, count, expensive, sizeof expensive);
        diagnostic_add(&load->diagnostics, source, tree_position(node),
                       "a decision could take %llu us in the worst case, which is more "
                       "than %" TEXT_FORMAT "%s%s",
                       (unsigned long long)us, TEXT_ARGS(node->text),
                       *expensive ? "; the most expensive parts: " : "", expensive);
    }
    free(items);
}
