/* When a rule is in force, for which part of the transactions, in which group and under which tags.
 * Each function reads one key and leaves the rule's default when it reports something. */
#include "load_rule_terms.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"

/* ------------------------------------------------------------------------------------------------
 * Tags and group */

static bool has_tag(const struct text *tags, size_t count, struct text tag) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(tags[i], tag))
            return true;
    return false;
}

void rule_read_tags(const struct reader *reader, const struct tree_node *node, struct rule *rule) {
    if (!read_list(reader, node, "tags"))
        return;
    if (node->child_count > POLICY_TAGS_MAX) {
        read_diagnostic(reader, node, "%zu tags; expected at most %u", node->child_count,
                        POLICY_TAGS_MAX);
        return;
    }
    struct text *tags = arena_calloc(reader->arena, node->child_count, sizeof *tags);
    check(tags);
    for (const struct tree_node *item = node->first; item; item = item->next) {
        struct text tag;
        if (!read_name(reader, item, "tag", true, &tag))
            continue;
        if (has_tag(tags, rule->tag_count, tag))
            read_diagnostic(reader, item, "the tag \"%" TEXT_FORMAT "\" appears twice",
                            TEXT_ARGS(tag));
        else
            tags[rule->tag_count++] = tag;
    }
    rule->tags = tags;
}

/* An unknown group is not reported when policy.yaml could not be read completely. */
void rule_read_group(const struct load *load, const struct reader *reader,
                     const struct tree_node *node, struct rule *rule) {
    const struct snapshot *snapshot = load->snapshot;
    struct text name;
    if (!read_text(reader, node, "group", NAME_SIZE_MAX, &name))
        return;
    struct near near = near_to(name);
    for (size_t i = 0; i < snapshot->group_count; i++) {
        if (text_equal(snapshot->groups[i].name, name)) {
            rule->group = i;
            return;
        }
        near_try(&near, snapshot->groups[i].name);
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    if (!load->groups_incomplete && !load->scope.incomplete)
        read_diagnostic(reader, node, "unknown group \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(name),
                        *hint ? hint : "; groups are declared in policy.yaml");
}

/* ------------------------------------------------------------------------------------------------
 * From and until */

static bool read_moment(const struct reader *reader, const struct tree_node *node, const char *what,
                        int64_t *ret_us) {
    struct text t;
    if (!read_text(reader, node, what, 64, &t))
        return false;
    if (calendar_parse_date(t, ret_us) == 0 || calendar_parse_timestamp(t, ret_us) == 0)
        return true;
    read_diagnostic(
        reader, node,
        "%s \"%" TEXT_FORMAT
        "\" is not a date or time; expected for example 2026-01-31 or 2026-01-31T18:00:00Z",
        what, TEXT_ARGS(t));
    return false;
}

void rule_read_period(const struct reader *reader, const struct tree_node *from,
                      const struct tree_node *until, struct rule *rule) {
    bool good = true;
    if (from)
        good &= read_moment(reader, from, "from", &rule->from_us);
    if (until)
        good &= read_moment(reader, until, "until", &rule->until_us);
    if (good && from && until && rule->from_us >= rule->until_us)
        read_diagnostic(reader, until,
                        "until %" TEXT_FORMAT " is not after from, which is %" TEXT_FORMAT
                        ": the rule could never fire",
                        TEXT_ARGS(until->text), TEXT_ARGS(from->text));
}

/* ------------------------------------------------------------------------------------------------
 * Rollout */

static void read_percent(const struct reader *reader, const struct tree_node *node,
                         const char *what, struct rule *rule) {
    struct text t;
    if (!read_text(reader, node, what, 64, &t))
        return;
    if (!read_parse_percent(t, &rule->rollout))
        read_diagnostic(reader, node,
                        "%s \"%" TEXT_FORMAT
                        "\" is not a percentage; expected more than 0%% and at most 100%%, with "
                        "at most 2 decimals, such as 25%%",
                        what, TEXT_ARGS(t));
}

static void read_rollout_key(const struct load *load, const struct reader *reader,
                             const struct tree_node *node, struct rule *rule) {
    const struct schema *schema = &load->snapshot->schema;
    struct text name;
    if (!read_text(reader, node, "by", NAME_SIZE_MAX, &name))
        return;
    const struct name *field = scope_find(&load->scope, name);
    if (field && field->kind == NAME_FIELD) {
        rule->rollout_slot = field->slot;
        if (field->type != VALUE_TEXT && field->type != VALUE_ERROR)
            read_diagnostic(reader, node,
                            "by \"%" TEXT_FORMAT
                            "\" is not a text; expected the field that identifies who is treated "
                            "alike, such as card",
                            TEXT_ARGS(name));
        return;
    }
    struct near near = near_to(name);
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].type == VALUE_TEXT)
            near_try(&near, schema->fields[i].name);
    char hint[NEAR_HINT_SIZE];
    if (!load->scope.incomplete)
        read_diagnostic(reader, node, "by \"%" TEXT_FORMAT "\" is not a field of the transaction%s",
                        TEXT_ARGS(name), near_hint(&near, hint));
}

void rule_read_rollout(const struct load *load, const struct reader *reader,
                       const struct tree_node *node, struct rule *rule) {
    struct key keys[] = {{"percent", true, NULL}, {"by", false, NULL}};
    if (node->kind == TREE_TEXT) {
        read_percent(reader, node, "rollout", rule);
        return;
    }
    read_keys(reader, node, "rollout", keys, 2);
    if (keys[0].node)
        read_percent(reader, keys[0].node, "percent", rule);
    if (keys[1].node)
        read_rollout_key(load, reader, keys[1].node, rule);
}
