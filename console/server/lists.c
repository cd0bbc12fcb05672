/* A list's additions are in the order of their records. If only new ones came since the last time,
 * these are fetched; if the numbers do not fit that, some were removed or ended, and all of them
 * are. */
#include "lists.h"

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "core/policy/lists/list_entry.h"
#include "core/wire/types/list_change.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LISTS_MOST   1000
#define ALL_MOST     1000000            /* entries of all lists */
#define BYTES_MOST   ((size_t)32 << 20) /* of a list's entries */
#define DEADLINE_US  UINT64_C(5000000)
#define CHANGES_NONE UINT64_MAX

#define IP_V4_BITS_BEFORE 96 /* of ::ffff:0:0/96, which IPv4 addresses are in */

/* Texts are in the list's arena. */
struct entry {
    struct list_entry parsed;
    bool is_parsed; /* it has the list's type */
    struct text value, source, reason;
    int64_t until_us, since_us;
};

/* What is kept of one list. */
struct kept {
    char *name, *type;
    uint64_t changes; /* of the list when it was read; CHANGES_NONE: not yet */
    uint64_t position;
    struct arena arena;
    struct entry *entries;
    size_t count, capacity;
    size_t most; /* of them */
    bool is_cut;
};

struct lists {
    struct connection *connection;
    pthread_mutex_t lock;
    struct kept *kept;
    size_t count;
};

struct lists *lists_new(struct connection *connection) {
    struct lists *lists = check_calloc(1, sizeof *lists);
    lists->connection = connection;
    lock_init(&lists->lock, LOCK_CONSOLE_LISTS);
    return lists;
}

static void clear(struct kept *kept) {
    arena_reset(&kept->arena);
    kept->count = 0;
    kept->position = 0;
    kept->is_cut = false;
    kept->changes = CHANGES_NONE;
}

void lists_free(struct lists *lists) {
    if (!lists)
        return;
    for (size_t i = 0; i < lists->count; i++) {
        arena_deinit(&lists->kept[i].arena);
        free(lists->kept[i].entries);
        free(lists->kept[i].name);
        free(lists->kept[i].type);
    }
    free(lists->kept);
    pthread_mutex_destroy(&lists->lock);
    free(lists);
}

/* NULL: there are too many. */
static struct kept *kept_of(struct lists *lists, const struct harrier_list *list) {
    size_t i = 0;
    while (i < lists->count && strcmp(lists->kept[i].name, list->name) != 0)
        i++;
    if (i == LISTS_MOST)
        return NULL;
    if (i == lists->count) {
        lists->kept = check_reallocarray(lists->kept, i + 1, sizeof *lists->kept);
        lists->kept[i] = (struct kept){.name = text_copy(text_of(list->name)),
                                       .type = text_copy(text_of(list->type)),
                                       .changes = CHANGES_NONE};
        arena_init(&lists->kept[i].arena, BYTES_MOST);
        lists->count++;
    }
    struct kept *kept = &lists->kept[i];
    if (strcmp(kept->type, list->type) != 0) { /* another policy */
        free(kept->type);
        kept->type = text_copy(text_of(list->type));
        clear(kept);
    }
    return kept;
}

/* ---- reading ---- */

static enum list_kind kind_of(const char *type) {
    for (enum list_kind kind = LIST_TEXTS; kind < LIST_KIND_COUNT; kind++)
        if (strcmp(type, list_kind_name(kind)) == 0)
            return kind;
    return LIST_TEXTS; /* it is not declared: compared as it is */
}

static struct text copy(struct kept *kept, const char *text) {
    return arena_text(&kept->arena, text_of(text));
}

/* false: the list has too many. */
static bool add_entry(struct kept *kept, const struct harrier_list_entry *from) {
    struct list_diagnostic diagnostic;
    struct entry entry = {.value = copy(kept, from->value),
                          .source = copy(kept, from->source),
                          .reason = copy(kept, from->reason),
                          .until_us = from->expiry_time_us,
                          .since_us = from->receive_time_us};
    if (kept->count == kept->most || !entry.value.data || !entry.source.data || !entry.reason.data)
        return false;
    entry.is_parsed =
        list_entry_parse(kind_of(kept->type), true, entry.value, &entry.parsed, &diagnostic);
    if (kept->count == kept->capacity) {
        kept->capacity = kept->capacity ? 2 * kept->capacity : 64;
        kept->entries = check_reallocarray(kept->entries, kept->capacity, sizeof *kept->entries);
    }
    kept->entries[kept->count++] = entry;
    return true;
}

static int read_new(struct lists *lists, struct kept *kept, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    bool is_over = false;
    while (!is_over) {
        struct harrier_reply *reply;
        struct harrier_error error;
        if (harrier_get_list(connection_client(lists->connection), kept->name, kept->position,
                             LIST_PAGE_MAX, &options, &reply, &error) < 0)
            return connection_error(&error, ret_error);
        const struct harrier_lists *page = reply->lists;
        for (size_t i = 0; i < page->entry_count && !kept->is_cut; i++) {
            kept->is_cut = !add_entry(kept, &page->entries[i]);
            kept->position = page->entries[i].position;
        }
        is_over = page->next_position == 0 || kept->is_cut;
        harrier_reply_free(reply);
    }
    return 0;
}

static size_t room_for(const struct lists *lists, const struct kept *kept) {
    size_t others = 0;
    for (size_t i = 0; i < lists->count; i++)
        others += &lists->kept[i] == kept ? 0 : lists->kept[i].count;
    return others >= ALL_MOST                       ? 0
           : ALL_MOST - others < LISTS_ENTRIES_MOST ? ALL_MOST - others
                                                    : LISTS_ENTRIES_MOST;
}

static int read_list(struct lists *lists, struct kept *kept, const struct harrier_list *list,
                     struct error *ret_error) {
    uint64_t new_changes = list->changes - kept->changes;
    int r = 0;
    if (kept->changes == list->changes && (kept->is_cut || kept->count == list->added_entries))
        return 0;
    kept->most = room_for(lists, kept);
    bool may_append = kept->changes != CHANGES_NONE && !kept->is_cut &&
                      kept->count + new_changes == list->added_entries;
    if (may_append)
        r = read_new(lists, kept, ret_error);
    if (r == 0 && (!may_append || kept->count != list->added_entries)) {
        clear(kept);
        r = read_new(lists, kept, ret_error);
    }
    if (r == 0)
        kept->changes = list->changes;
    else
        clear(kept);
    return r;
}

/* ---- looking up ---- */

static bool is_in_network(const struct list_network *network, struct text value) {
    struct list_network asked;
    if (!list_network_parse(value, &asked) || asked.bits < network->bits)
        return false;
    if (asked.is_v4 && network->bits < IP_V4_BITS_BEFORE)
        return false; /* as in the server: no IPv6 network holds IPv4 addresses */
    (void)list_network_cut(&asked, network->bits);
    return memcmp(asked.address, network->address, sizeof asked.address) == 0;
}

static bool is_in_range(const struct list_entry *range, struct text value) {
    struct list_entry asked;
    struct list_diagnostic diagnostic;
    return list_entry_parse(LIST_INTEGERS, true, value, &asked, &diagnostic) &&
           asked.low >= range->low && asked.high <= range->high;
}

static bool has(const struct kept *kept, const struct entry *entry, struct text value) {
    if (text_equal(entry->value, value))
        return true;
    if (!entry->is_parsed)
        return false;
    switch (kind_of(kept->type)) {
    case LIST_NETWORKS:
        return is_in_network(&entry->parsed.network, value);
    case LIST_INTEGERS:
        return is_in_range(&entry->parsed, value);
    default:
        return false;
    }
}

static void write_entry(const struct entry *entry, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_text(out, "value", entry->value);
    if (entry->until_us != 0)
        json_add_time(out, "until", entry->until_us);
    json_add_time(out, "since", entry->since_us);
    json_add_text(out, "source", entry->source);
    json_add_text(out, "reason", entry->reason);
    json_end_object(out);
}

static void write_list(const struct kept *kept, const struct harrier_list *list, struct text value,
                       struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", text_of(list->name));
    json_add_text(out, "type", text_of(list->type));
    json_add_text(out, "about", text_of(list->about));
    json_add_bool(out, "declared", list->declared);
    json_add_bool(out, "runtime", list->runtime);
    json_add_text(out, "file", text_of(list->file));
    json_add_unsigned(out, "own", list->policy_entries);
    json_add_unsigned(out, "added", list->added_entries);
    json_add_bool(out, "complete", !kept->is_cut);
    json_begin_array(out, "entries");
    for (size_t i = 0; i < kept->count; i++)
        if (has(kept, &kept->entries[i], value))
            write_entry(&kept->entries[i], out);
    json_end_array(out);
    json_end_object(out);
}

static int write_all(struct lists *lists, const struct harrier_lists *all, struct text value,
                     struct buffer *out, struct error *ret_error) {
    int r = 0;
    json_begin_array(out, "lists");
    for (size_t i = 0; i < all->list_count && r == 0; i++) {
        struct kept *kept = kept_of(lists, &all->lists[i]);
        if (!kept)
            break;
        r = read_list(lists, kept, &all->lists[i], ret_error);
        if (r == 0)
            write_list(kept, &all->lists[i], value, out);
    }
    json_end_array(out);
    return r;
}

int lists_write(struct lists *lists, struct text value, struct buffer *out,
                struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_get_list(connection_client(lists->connection), NULL, 0, 0, &options, &reply,
                         &error) < 0)
        return connection_error(&error, ret_error);
    pthread_mutex_lock(&lists->lock);
    int r = write_all(lists, reply->lists, value, out, ret_error);
    pthread_mutex_unlock(&lists->lock);
    harrier_reply_free(reply);
    return r;
}
