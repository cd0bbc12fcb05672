/* What has to be known of the rules before they are read: their names, because conditions of
 * features ask whether they fired, and their suppressions, because those are features. Reports
 * nothing: load_rules.c reads the same nodes again and reports their errors. */
#include "load_rule_headers.h"

#include "core/base/check.h"

static const struct tree_node *find_key(const struct tree_node *mapping, const char *name) {
    if (mapping->kind != TREE_MAPPING)
        return NULL;
    for (const struct tree_node *child = mapping->first; child; child = child->next)
        if (!child->key->broken && text_is(child->key->text, name))
            return child;
    return NULL;
}

/* The list of the file's rules; NULL: it has none that is readable. */
static const struct tree_node *rules_of(const struct load *load, size_t file) {
    const struct tree_node *root = load->roots[file];
    if (policy_file_kind(load->sources[file].path) != FILE_RULES || !root)
        return NULL;
    const struct tree_node *rules = find_key(root, "rules");
    return rules && rules->kind == TREE_LIST ? rules : NULL;
}

static void add_rule_header(struct load *load, const struct source *source,
                            const struct tree_node *node) {
    const struct tree_node *name = find_key(node, "name");
    bool named = name && name->kind == TREE_TEXT && !name->broken && name->text.length > 0 &&
                 name->text.length <= NAME_SIZE_MAX;
    load->rule_headers[load->rule_header_count++] = (struct rule_header){
        .source = source,
        .node = node,
        .name = named ? name->text : (struct text){0},
        .suppress = named ? find_key(node, "suppress") : NULL,
        .suppress_slot = SIZE_MAX,
    };
    if (named)
        load->rule_names.names[load->rule_names.count++] = name->text;
    else
        load->rule_names.incomplete = true;
}

void load_rule_headers(struct load *load) {
    size_t count = 0;
    for (size_t i = 0; i < load->file_count; i++) {
        const struct tree_node *rules = rules_of(load, i);
        count += rules ? rules->child_count : 0;
    }
    if (count > POLICY_RULES_MAX)
        count = POLICY_RULES_MAX;
    load->rule_headers = arena_calloc(&load->scratch, count, sizeof *load->rule_headers);
    load->rule_names.names = arena_calloc(&load->scratch, count, sizeof *load->rule_names.names);
    check(load->rule_headers && load->rule_names.names);
    for (size_t i = 0; i < load->file_count; i++) {
        const struct tree_node *rules = rules_of(load, i);
        for (const struct tree_node *item = rules ? rules->first : NULL;
             item && load->rule_header_count < count; item = item->next)
            add_rule_header(load, &load->sources[i], item);
    }
}
