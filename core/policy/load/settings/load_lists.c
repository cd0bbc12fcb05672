/* lists.yaml and the files it names. A line of a file holds a value, optionally followed by
 * "until DATE" and a comment. Messages never repeat a line that may hold a card number. */
#include "load_lists.h"

#include "core/base/check.h"
#include "core/base/pseudonym.h"
#include "core/policy/lists/list_fill.h"
#include "core/policy/lists/list_line.h"

#include <stdio.h>
#include <stdlib.h>

/* Errors of one file that are reported one by one; the rest are counted. */
#define FILE_DIAGNOSTICS_MAX 20u
/* As many digits may be a card number, so the line is not shown. */
#define SECRET_DIGITS 13u

enum { FILE_KEY, VALUES, TYPE, CARD_NUMBERS, RUNTIME, ABOUT, PROTECT, KEY_COUNT };

struct entries {
    struct list_entry *entries;
    size_t count, capacity;
};

static void add_entry(struct entries *entries, const struct list_entry *entry) {
    if (entries->count == entries->capacity) {
        entries->capacity = entries->capacity ? entries->capacity * 2 : 64;
        entries->entries =
            check_reallocarray(entries->entries, entries->capacity, sizeof *entries->entries);
    }
    entries->entries[entries->count++] = *entry;
}

/* ------------------------------------------------------------------------------------------------
 * Files */

/* The policy's files are archived as they are, so a list of protected values may not have them in
 * clear. */
static bool is_kept_out(const struct list *list, struct text value,
                        struct list_diagnostic *ret_diagnostic) {
    if (list->protect.length == 0 || pseudonym_has_form(value))
        return false;
    snprintf(ret_diagnostic->text, sizeof ret_diagnostic->text,
             "this value is not a pseudonym, and the list is protected; expected p1.KEY.…, which "
             "`harrier pseudonym` makes");
    return true;
}

static bool is_secret(struct text line) {
    size_t digits = 0;
    for (size_t i = 0; i < line.length && digits < SECRET_DIGITS; i++)
        if (text_is_digit(line.data[i]))
            digits++;
        else if (!list_line_is_blank(line.data[i]) && line.data[i] != '-')
            digits = 0;
    return digits >= SECRET_DIGITS;
}

static size_t characters(const char *from, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text_begins_character(from[i]);
    return count;
}

/* A file of a list while it is read. */
struct list_file {
    struct load *load;
    const struct source *source;
    const struct list *list;
    struct text line;
    size_t number; /* of the line */
    size_t diagnostics;
};

static void line_diagnostic(struct list_file *file, struct text where, const char *what) {
    if (++file->diagnostics > FILE_DIAGNOSTICS_MAX)
        return;
    struct position at = {
        .line = file->number,
        .column = characters(file->line.data, (size_t)(where.data - file->line.data)) + 1,
        .length = characters(where.data, where.length),
        .secret = is_secret(file->line) || file->list->protect.length > 0,
    };
    diagnostic_add(&file->load->diagnostics, file->source, at, "%s", what);
}

/* Parses the date after "until". */
static bool read_line_until(struct list_file *file, struct text word, struct text date,
                            int64_t *ret_until_us) {
    if (list_until_parse(date, ret_until_us))
        return true;
    line_diagnostic(file, date.length ? date : word,
                    "\"until\" is not followed by a date; expected for example 2026-12-31, or "
                    "2026-12-31T18:00:00Z");
    return false;
}

static void read_line(struct list_file *file, struct entries *entries) {
    const struct list_line parts = list_line_split(file->line);
    struct text value = parts.value;
    struct list_entry entry;
    struct list_diagnostic diagnostic;
    int64_t until_us = LIST_FOREVER;
    if (value.length == 0 && !parts.has_until)
        return;
    if (parts.has_until && !read_line_until(file, parts.word, parts.until, &until_us))
        return;
    if (value.length == 0) {
        line_diagnostic(file, parts.word, "there is no value before \"until\"");
        return;
    }
    if (is_kept_out(file->list, value, &diagnostic) ||
        !list_entry_parse(file->list->kind, file->list->card_numbers, value, &entry, &diagnostic)) {
        line_diagnostic(file, value, diagnostic.text);
        return;
    }
    entry.until_us = until_us;
    add_entry(entries, &entry);
}

/* Texts point into the source. */
static void read_lines(struct load *load, const struct source *source, const struct list *list,
                       struct entries *entries) {
    struct list_file file = {.load = load, .source = source, .list = list};
    const char *at = source->content.data, *end = at + source->content.length;
    if (source->content.length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        file.number++;
        file.line = (struct text){.data = at, .length = (size_t)(stop - at)};
        read_line(&file, entries);
        at = newline ? newline + 1 : end;
    }
    if (file.diagnostics > FILE_DIAGNOSTICS_MAX)
        diagnostic_add(&load->diagnostics, source,
                       (struct position){.line = file.number, .secret = true},
                       "%zu lines of this file have errors; the first %u are reported",
                       file.diagnostics, FILE_DIAGNOSTICS_MAX);
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
    read_diagnostic(reader, node, "the policy has no file \"%.*s\"%s",
                    (int)(node->text.length > 200 ? 200 : node->text.length), node->text.data,
                    *hint ? hint : "; expected a path inside the policy's folder");
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * Values in lists.yaml itself */

static bool read_until(const struct reader *reader, const struct tree_node *node,
                       int64_t *ret_until_us) {
    struct text text;
    if (!read_text(reader, node, "until", 64, &text))
        return false;
    if (list_until_parse(text, ret_until_us))
        return true;
    read_diagnostic(reader, node,
                    "until \"%" TEXT_FORMAT "\" is not a date; expected for example 2026-12-31, or "
                    "2026-12-31T18:00:00Z",
                    TEXT_ARGS(text));
    return false;
}

static void read_value(const struct reader *reader, const struct tree_node *node,
                       const struct list *list, int64_t until_us, struct entries *entries) {
    struct text value;
    struct list_entry entry;
    struct list_diagnostic diagnostic;
    if (!read_text(reader, node, "value", LIST_ENTRY_SIZE_MAX, &value))
        return;
    if (!is_kept_out(list, value, &diagnostic) &&
        list_entry_parse(list->kind, list->card_numbers, value, &entry, &diagnostic)) {
        entry.until_us = until_us;
        add_entry(entries, &entry);
        return;
    }
    struct position where = tree_position(node);
    where.secret = is_secret(value) || list->protect.length > 0;
    diagnostic_add(reader->diagnostics, reader->source, where, "%s", diagnostic.text);
}

static void read_item(const struct reader *reader, const struct tree_node *item,
                      const struct list *list, struct entries *entries) {
    struct key keys[] = {{"value", true, NULL}, {"until", true, NULL}};
    int64_t until_us;
    if (item->kind != TREE_MAPPING)
        read_value(reader, item, list, LIST_FOREVER, entries);
    else if (read_keys(reader, item, "a value", keys, 2) &&
             read_until(reader, keys[1].node, &until_us))
        read_value(reader, keys[0].node, list, until_us, entries);
}

static void read_values(const struct reader *reader, const struct tree_node *node,
                        const struct list *list, struct entries *entries) {
    if (!read_list(reader, node, "values"))
        return;
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_item(reader, item, list, entries);
}

/* ------------------------------------------------------------------------------------------------
 * Lists */

static bool read_word(const struct reader *reader, const struct tree_node *node, const char *what,
                      const char *const *words) {
    size_t index = 0;
    return node && read_choice(reader, node, what, words, &index) && index == 1;
}

/* All keys but the entries. false: the type is unknown, so entries cannot be read. */
static bool read_settings(const struct reader *reader, const struct tree_node *node,
                          struct key *keys, struct list *list) {
    static const char *const types[] = {"string", "network", "int", NULL};
    static const char *const card_numbers[] = {"refuse", "allow", NULL};
    static const char *const runtime[] = {"yes", "no", NULL};
    size_t type = 0;
    if (keys[TYPE].node && !read_choice(reader, keys[TYPE].node, "type", types, &type))
        return false;
    list->kind = (enum list_kind)type;
    list->card_numbers = read_word(reader, keys[CARD_NUMBERS].node, "card_numbers", card_numbers);
    list->is_fixed = read_word(reader, keys[RUNTIME].node, "runtime", runtime);
    if (keys[PROTECT].node && list->kind != LIST_TEXTS)
        read_diagnostic(reader, keys[PROTECT].node,
                        "a list of %s cannot be protected; expected type: string",
                        list_kind_contents(list->kind));
    else if (keys[PROTECT].node)
        read_name(reader, keys[PROTECT].node, "protect", false, &list->protect);
    if (keys[ABOUT].node)
        read_text(reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &list->about);
    if (keys[FILE_KEY].node && keys[VALUES].node)
        read_diagnostic(reader, node->key, "a list has \"file\" or \"values\", not both");
    else if (!keys[FILE_KEY].node && !keys[VALUES].node && list->is_fixed)
        read_diagnostic(
            reader, node->key,
            "a list without \"file\" or \"values\" that accepts none at run time is always empty");
    return true;
}

/* A list that could not be read is still filled, with what could be, so that uses of its name are
 * not reported. */
static void read_one(struct load *load, const struct reader *reader, const struct tree_node *node,
                     struct list *list) {
    struct key keys[KEY_COUNT] = {
        [FILE_KEY] = {"file", false, NULL},   [VALUES] = {"values", false, NULL},
        [TYPE] = {"type", false, NULL},       [CARD_NUMBERS] = {"card_numbers", false, NULL},
        [RUNTIME] = {"runtime", false, NULL}, [ABOUT] = {"about", false, NULL},
        [PROTECT] = {"protect", false, NULL},
    };
    struct entries entries = {0};
    struct text path;
    list->file = reader->source->path;
    if (read_keys(reader, node, "an entry of lists", keys, KEY_COUNT) &&
        read_settings(reader, node, keys, list)) {
        if (keys[VALUES].node) {
            read_values(reader, keys[VALUES].node, list, &entries);
        } else if (keys[FILE_KEY].node &&
                   read_text(reader, keys[FILE_KEY].node, "file", 1000, &path)) {
            const struct source *file = find_file(load, reader, keys[FILE_KEY].node);
            if (file) {
                list->file = file->path;
                read_lines(load, file, list, &entries);
            }
        }
    }
    if (entries.count > LIST_ENTRIES_MAX) {
        read_diagnostic(reader, node->key, "%zu values; expected at most %u", entries.count,
                        LIST_ENTRIES_MAX);
        entries.count = 0;
    }
    list_fill(list, entries.entries, entries.count, load->arena);
    free(entries.entries);
}

static void read_lists(struct load *load, const struct reader *reader,
                       const struct tree_node *node) {
    if (!read_mapping(reader, node, "lists")) {
        load->scope.incomplete = true;
        return;
    }
    if (node->child_count > POLICY_LISTS_MAX) {
        read_diagnostic(reader, node, "%zu lists; expected at most %u", node->child_count,
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

void load_list_slots(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    const struct name *time = scope_find(&load->scope, TEXT_LITERAL("event_time"));
    for (size_t i = 0; i < snapshot->list_count; i++) {
        snapshot->lists[i].slot = snapshot->first_list + i;
        if (time)
            snapshot->lists[i].time_slot = time->slot;
    }
}
