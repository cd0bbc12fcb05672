/* lists.yaml and the files it names. */
#include "list_fill.h"
#include "load.h"

#include "../base/check.h"

#include <stdlib.h>

struct values {
    struct text *texts;
    size_t count, capacity;
};

static void add_value(struct values *values, struct text value) {
    if (values->count == values->capacity) {
        values->capacity = values->capacity ? values->capacity * 2 : 64;
        values->texts = check_reallocarray(values->texts, values->capacity, sizeof *values->texts);
    }
    values->texts[values->count++] = value;
}

/* What is wrong with a value; NULL when nothing is. */
static const char *value_fault(struct text value, bool card_numbers) {
    if (value.length > LIST_ENTRY_SIZE_MAX)
        return "the value is longer than 1024 bytes";
    if (!text_is_clean(value, NULL))
        return "the value has a control character or invalid UTF-8";
    if (!card_numbers && text_is_card_number(value))
        return "the value looks like a card number; expected a token (or card_numbers: allow for "
               "this "
               "list)";
    return NULL;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* The line without its comment and the blanks around it. */
static struct text trim(struct text line) {
    for (size_t i = 0; i < line.length; i++)
        if (line.data[i] == '#' && (i == 0 || is_blank(line.data[i - 1])))
            line.length = i;
    while (line.length > 0 && is_blank(line.data[line.length - 1]))
        line.length--;
    while (line.length > 0 && is_blank(line.data[0])) {
        line.data++;
        line.length--;
    }
    return line;
}

/* The values point into the source. */
static void read_lines(struct load *load, const struct source *source, bool card_numbers,
                       struct values *values) {
    const char *at = source->content.data, *end = at + source->content.length;
    if (source->content.length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    size_t faults = 0;
    for (size_t line = 1; at < end && faults < 5; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        struct text value = trim((struct text){.data = at, .length = (size_t)(stop - at)});
        const char *what = value_fault(value, card_numbers);
        if (what) {
            struct position where = {
                .line = line, .column = (size_t)(value.data - at) + 1, .secret = true};
            fault_add(&load->faults, source, where, "%s", what);
            faults++;
        } else if (value.length > 0) {
            add_value(values, value);
        }
        at = newline ? newline + 1 : end;
    }
}

static const struct source *find_file(struct load *load, const struct reader *reader,
                                      const struct tree_node *node) {
    struct near near = near_to(node->text);
    for (size_t i = 0; i < load->file_count; i++) {
        if (policy_file_kind(load->sources[i].path) != FILE_OTHER)
            continue;
        if (text_equal(load->sources[i].path, node->text))
            return &load->sources[i];
        near_try(&near, load->sources[i].path);
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    read_fault(reader, node, "the policy has no file \"%.*s\"%s",
               (int)(node->text.length > 200 ? 200 : node->text.length), node->text.data,
               *hint ? hint : "; expected a path inside the policy's folder");
    return NULL;
}

static void read_values(const struct reader *reader, const struct tree_node *node,
                        bool card_numbers, struct values *values) {
    if (!read_list(reader, node, "values"))
        return;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        struct text value;
        if (!read_text(reader, item, "value", LIST_ENTRY_SIZE_MAX, &value))
            continue;
        const char *what = value_fault(value, card_numbers);
        if (what) {
            struct position where = tree_position(item);
            where.secret = true;
            fault_add(reader->faults, reader->source, where, "%s", what);
        } else {
            add_value(values, value);
        }
    }
}

static bool read_card_numbers(const struct reader *reader, const struct tree_node *node) {
    static const char *const names[] = {"refuse", "allow", NULL};
    size_t index = 0;
    if (node)
        read_choice(reader, node, "card_numbers", names, &index);
    return index == 1;
}

static void read_one(struct load *load, const struct reader *reader, const struct tree_node *node,
                     struct list *list) {
    struct key keys[] = {
        {"file", false, NULL}, {"values", false, NULL}, {"card_numbers", false, NULL}};
    struct values values = {0};
    list->file = reader->source->path;
    if (read_keys(reader, node, "an entry of lists", keys, 3)) {
        bool card_numbers = read_card_numbers(reader, keys[2].node);
        if (!keys[0].node == !keys[1].node)
            read_fault(reader, node->key, "a list needs \"file\" or \"values\", and not both");
        struct text path;
        if (keys[1].node)
            read_values(reader, keys[1].node, card_numbers, &values);
        else if (keys[0].node && read_text(reader, keys[0].node, "file", 1000, &path)) {
            const struct source *file = find_file(load, reader, keys[0].node);
            if (file) {
                list->file = file->path;
                read_lines(load, file, card_numbers, &values);
            }
        }
    }
    if (values.count > LIST_ENTRIES_MAX) {
        read_fault(reader, node->key, "%zu values; expected at most %u", values.count,
                   LIST_ENTRIES_MAX);
        values.count = 0;
    }
    list_fill(list, values.texts, values.count, load->arena);
    free(values.texts);
}

static void read_lists(struct load *load, const struct reader *reader,
                       const struct tree_node *node) {
    if (!read_mapping(reader, node, "lists")) {
        load->scope.incomplete = true;
        return;
    }
    if (node->child_count > POLICY_LISTS_MAX) {
        read_fault(reader, node, "%zu lists; expected at most %u", node->child_count,
                   POLICY_LISTS_MAX);
        load->scope.incomplete = true;
        return;
    }
    struct snapshot *snapshot = load->snapshot;
    snapshot->lists = arena_calloc(load->arena, node->child_count, sizeof *snapshot->lists);
    check(snapshot->lists);
    for (const struct tree_node *item = node->first; item; item = item->next) {
        struct list *list = &snapshot->lists[snapshot->list_count];
        if (item->key->broken || !read_name(reader, item->key, "list", false, &list->name))
            continue;
        read_one(load, reader, item, list);
        snapshot->list_count++;
    }
}

void load_lists(struct load *load) {
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_LISTS, &root);
    if (source) {
        struct reader reader = load_reader(load, source);
        struct key keys[] = {{"lists", true, NULL}};
        if (read_keys(&reader, root, "lists.yaml", keys, 1))
            read_lists(load, &reader, keys[0].node);
        else
            load->scope.incomplete = true;
    }
    load->scope.lists = load->snapshot->lists;
    load->scope.list_count = load->snapshot->list_count;
    load->scope.list_used =
        arena_calloc(&load->scratch, load->scope.list_count, sizeof *load->scope.list_used);
    check(load->scope.list_used);
}
