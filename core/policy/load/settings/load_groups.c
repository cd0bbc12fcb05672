/* "groups" of policy.yaml: rules whose scores are combined. A group that could not be read sets
 * groups_incomplete, so that the rules that name it are not reported as well. */
#include "load_groups.h"

#include "core/base/check.h"
#include "load_rule_options.h"

enum { ABOUT, SCORE, AT_MOST, MODE, KEY_COUNT };

static void read_score(const struct reader *reader, const struct tree_node *node,
                       enum group_score *ret_score) {
    static const char *const names[] = {"sum", "max", NULL};
    static const enum group_score scores[] = {GROUP_SUM, GROUP_MAX};
    size_t index;
    if (read_choice(reader, node, "score", names, &index))
        *ret_score = scores[index];
}

/* A group with an invalid name is left out and sets groups_incomplete; other errors leave the
 * defaults of their keys: sum, no limit, live. */
static void read_group(struct load *load, const struct reader *reader,
                       const struct tree_node *node) {
    struct key keys[KEY_COUNT] = {
        [ABOUT] = {"about", false, NULL},
        [SCORE] = {"score", false, NULL},
        [AT_MOST] = {"at_most", false, NULL},
        [MODE] = {"mode", false, NULL},
    };
    struct rule_group group = {.at_most = INT32_MAX};
    int64_t at_most;
    if (!read_name(reader, node->key, "group", false, &group.name)) {
        load->groups_incomplete = true;
        return;
    }
    read_keys(reader, node, "a group", keys, KEY_COUNT);
    if (keys[ABOUT].node)
        read_text(reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &group.about);
    if (keys[SCORE].node)
        read_score(reader, keys[SCORE].node, &group.score);
    if (keys[AT_MOST].node &&
        read_int(reader, keys[AT_MOST].node, "at_most", 1, DECISION_SCORE_MAX, &at_most))
        group.at_most = (int32_t)at_most;
    if (keys[MODE].node)
        load_rule_mode(reader, keys[MODE].node, &group.mode);
    load->snapshot->groups[load->snapshot->group_count++] = group;
}

void load_groups(struct load *load, const struct reader *reader, const struct tree_node *node) {
    if (!read_mapping(reader, node, "groups")) {
        load->groups_incomplete = true;
        return;
    }
    if (node->child_count > POLICY_GROUPS_MAX) {
        read_diagnostic(reader, node, "%zu groups; expected at most %u", node->child_count,
                        POLICY_GROUPS_MAX);
        load->groups_incomplete = true;
        return;
    }
    load->snapshot->groups =
        arena_calloc(load->arena, node->child_count, sizeof *load->snapshot->groups);
    check(load->snapshot->groups);
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (item->key->broken)
            load->groups_incomplete = true;
        else
            read_group(load, reader, item);
}
