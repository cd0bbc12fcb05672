/* The journal and the folder as the programs see it. Every operation is taken apart when it is
 * added: what it means depends on what the names meant at that moment. */
#include "disk_steps.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *copy_of(const void *bytes, size_t length) {
    char *copy = check_malloc(length + 1);
    if (length)
        memcpy(copy, bytes, length);
    copy[length] = 0;
    return copy;
}

/* ---- nodes ---- */

static size_t mixed(uint64_t a, uint64_t b) {
    uint64_t z = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(z ^ z >> 29);
}

static struct disk_id *id_slot(const struct disk_journal *journal, uint64_t id) {
    size_t at = mixed(id, 1) & (journal->id_slots - 1);
    while (journal->ids[at].node != DISK_NONE && journal->ids[at].id != id)
        at = (at + 1) & (journal->id_slots - 1);
    return &journal->ids[at];
}

static void grow_ids(struct disk_journal *journal) {
    struct disk_id *old = journal->ids;
    size_t slots = journal->id_slots;
    journal->id_slots = slots ? slots * 2 : 64;
    journal->ids = check_reallocarray(NULL, journal->id_slots, sizeof *journal->ids);
    for (size_t i = 0; i < journal->id_slots; i++)
        journal->ids[i] = (struct disk_id){.node = DISK_NONE};
    for (size_t i = 0; i < slots; i++) {
        if (old[i].node != DISK_NONE)
            *id_slot(journal, old[i].id) = old[i];
    }
    free(old);
}

static size_t node_of(const struct disk_journal *journal, uint64_t id) {
    return id_slot(journal, id)->node;
}

static size_t new_node(struct disk_journal *journal, uint64_t id, enum disk_node_kind kind) {
    if (journal->node_count == journal->node_room) {
        journal->node_room = journal->node_room ? journal->node_room * 2 : 64;
        journal->nodes =
            check_reallocarray(journal->nodes, journal->node_room, sizeof *journal->nodes);
    }
    if (journal->id_count * 2 >= journal->id_slots)
        grow_ids(journal);
    journal->nodes[journal->node_count] =
        (struct disk_node){.kind = kind, .mode = kind == DISK_FOLDER ? 0750 : 0640};
    struct disk_id *slot = id_slot(journal, id);
    journal->id_count += slot->node == DISK_NONE;
    *slot = (struct disk_id){id, journal->node_count};
    return journal->node_count++;
}

static void note_step(struct disk_node *node, size_t step) {
    if (node->count == node->room) {
        node->room = node->room ? node->room * 2 : 8;
        node->steps = check_reallocarray(node->steps, node->room, sizeof *node->steps);
    }
    node->steps[node->count++] = step;
}

/* ---- entries ---- */

static size_t *entry_slot(const struct disk_journal *journal, size_t folder, const char *name) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *at = name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    size_t at = mixed(hash, folder) & (journal->entry_slots - 1);
    for (;; at = (at + 1) & (journal->entry_slots - 1)) {
        size_t found = journal->entry_table[at];
        if (found == DISK_NONE || (journal->entries[found].folder == folder &&
                                   strcmp(journal->entries[found].name, name) == 0))
            return &journal->entry_table[at];
    }
}

static void grow_entries(struct disk_journal *journal) {
    free(journal->entry_table);
    journal->entry_slots = journal->entry_slots ? journal->entry_slots * 2 : 128;
    journal->entry_table =
        check_reallocarray(NULL, journal->entry_slots, sizeof *journal->entry_table);
    for (size_t i = 0; i < journal->entry_slots; i++)
        journal->entry_table[i] = DISK_NONE;
    for (size_t i = 0; i < journal->entry_count; i++)
        *entry_slot(journal, journal->entries[i].folder, journal->entries[i].name) = i;
}

static size_t entry_of(struct disk_journal *journal, size_t folder, const char *name) {
    if (journal->entry_count * 2 >= journal->entry_slots)
        grow_entries(journal);
    size_t *slot = entry_slot(journal, folder, name);
    if (*slot != DISK_NONE)
        return *slot;
    if (journal->entry_count == journal->entry_room) {
        journal->entry_room = journal->entry_room ? journal->entry_room * 2 : 64;
        journal->entries =
            check_reallocarray(journal->entries, journal->entry_room, sizeof *journal->entries);
    }
    journal->entries[journal->entry_count] =
        (struct disk_entry){folder, copy_of(name, strlen(name)), DISK_NONE};
    return *slot = journal->entry_count++;
}

/* DISK_NONE: no folder of ours. */
static size_t folder_of(const struct disk_journal *journal, uint64_t id) {
    size_t node = node_of(journal, id);
    return node != DISK_NONE && journal->nodes[node].kind == DISK_FOLDER ? node : DISK_NONE;
}

/* ---- operations ---- */

static void change(struct disk_journal *journal, struct disk_step *step, size_t entry,
                   size_t node) {
    step->changes[step->change_count++] = (struct disk_change){entry, node};
    journal->entries[entry].node = node;
}

static bool add_name(struct disk_journal *journal, const struct disk_op *op,
                     struct disk_step *step) {
    size_t folder = folder_of(journal, op->folder);
    if (folder == DISK_NONE)
        return false;
    size_t entry = entry_of(journal, folder, op->name);
    switch ((int)op->kind) {
    case DISK_CREATE:
        step->node = new_node(journal, op->node, DISK_FILE);
        break;
    case DISK_MKDIR:
        step->node = new_node(journal, op->node, DISK_FOLDER);
        break;
    case DISK_SYMLINK:
        step->node = new_node(journal, op->node, DISK_SYMBOLIC_LINK);
        journal->nodes[step->node].target = step->bytes;
        journal->nodes[step->node].target_length = (size_t)step->length;
        break;
    case DISK_LINK:
        step->node = node_of(journal, op->node);
        if (step->node == DISK_NONE)
            return false;
        break;
    case DISK_UNLINK:
        step->node = DISK_NONE;
        if (journal->entries[entry].node == DISK_NONE)
            return false;
        break;
    }
    change(journal, step, entry, step->node);
    return true;
}

static bool add_rename(struct disk_journal *journal, const struct disk_op *op,
                       struct disk_step *step) {
    size_t from = folder_of(journal, op->folder), to = folder_of(journal, op->other_folder);
    if (from == DISK_NONE || to == DISK_NONE)
        return false;
    size_t source = entry_of(journal, from, op->name);
    size_t target = entry_of(journal, to, op->other_name);
    size_t moved = journal->entries[source].node;
    if (moved == DISK_NONE || source == target)
        return false;
    size_t back = op->kind == DISK_EXCHANGE ? journal->entries[target].node : DISK_NONE;
    change(journal, step, source, back);
    change(journal, step, target, moved);
    step->node = moved;
    return true;
}

static bool add_step(struct disk_journal *journal, const struct disk_op *op,
                     struct disk_step *step) {
    switch (op->kind) {
    case DISK_CREATE:
    case DISK_MKDIR:
    case DISK_SYMLINK:
    case DISK_LINK:
    case DISK_UNLINK:
        return add_name(journal, op, step);
    case DISK_RENAME:
    case DISK_EXCHANGE:
        return add_rename(journal, op, step);
    case DISK_WRITE:
    case DISK_TRUNCATE:
    case DISK_MODE:
    case DISK_SYNC:
    case DISK_DATASYNC:
        step->node = node_of(journal, op->node);
        if (step->node == DISK_NONE)
            return false;
        if (op->kind == DISK_MODE)
            journal->nodes[step->node].mode = (uint32_t)op->offset;
        else if (journal->nodes[step->node].kind == DISK_FILE)
            note_step(&journal->nodes[step->node], journal->count);
        return true;
    case DISK_SYNC_ALL:
    case DISK_MARK:
        return true;
    case DISK_KINDS:
        break;
    }
    check(!"a kind of operation");
    return false;
}

bool disk_journal_add(struct disk_journal *journal, const struct disk_op *op) {
    check(op->begin <= journal->count);
    if (journal->count == journal->room) {
        journal->room = journal->room ? journal->room * 2 : 256;
        journal->steps = check_reallocarray(journal->steps, journal->room, sizeof *journal->steps);
    }
    struct disk_step step = {
        .kind = op->kind,
        .process = op->process,
        .thread = op->thread,
        .node = DISK_NONE,
        .offset = op->offset,
        .length = op->length,
        .begin = op->begin,
        .bytes = op->bytes ? copy_of(op->bytes, (size_t)op->length) : NULL,
    };
    step.is_ignored = !add_step(journal, op, &step);
    if (step.is_ignored)
        step.change_count = 0;
    journal->steps[journal->count++] = step;
    return !step.is_ignored;
}

struct disk_journal *disk_journal_new(uint64_t root) {
    struct disk_journal *journal = check_calloc(1, sizeof *journal);
    new_node(journal, root, DISK_FOLDER);
    return journal;
}

void disk_journal_free(struct disk_journal *journal) {
    if (!journal)
        return;
    for (size_t i = 0; i < journal->count; i++)
        free((void *)journal->steps[i].bytes);
    for (size_t i = 0; i < journal->node_count; i++)
        free(journal->nodes[i].steps);
    for (size_t i = 0; i < journal->entry_count; i++)
        free((void *)journal->entries[i].name);
    free(journal->steps);
    free(journal->nodes);
    free(journal->entries);
    free(journal->entry_table);
    free(journal->ids);
    free(journal);
}

size_t disk_journal_length(const struct disk_journal *journal) {
    return journal->count;
}

struct disk_op disk_journal_op(const struct disk_journal *journal, size_t index) {
    check(index < journal->count);
    const struct disk_step *step = &journal->steps[index];
    struct disk_op op = {
        .kind = step->kind,
        .process = step->process,
        .thread = step->thread,
        .node = step->node,
        .offset = step->offset,
        .length = step->length,
        .bytes = step->bytes,
        .begin = step->begin,
    };
    if (step->change_count > 0) {
        const struct disk_entry *entry = &journal->entries[step->changes[0].entry];
        op.folder = entry->folder;
        op.name = entry->name;
    }
    if (step->change_count > 1) {
        const struct disk_entry *entry = &journal->entries[step->changes[1].entry];
        op.other_folder = entry->folder;
        op.other_name = entry->name;
    }
    return op;
}

bool disk_journal_is_ignored(const struct disk_journal *journal, size_t index) {
    check(index < journal->count);
    return journal->steps[index].is_ignored;
}

/* The name of a node as programs see it now; of one that has none any more, its number. */
static void name_of(const struct disk_journal *journal, size_t node, char *ret_name, size_t size) {
    snprintf(ret_name, size, node == 0 ? "." : "node %zu", node);
    for (size_t i = journal->entry_count; i-- > 0;) {
        if (journal->entries[i].node == node) {
            snprintf(ret_name, size, "%s", journal->entries[i].name);
            return;
        }
    }
}

void disk_journal_describe(const struct disk_journal *journal, size_t index, char *ret_line,
                           size_t size) {
    static const char *const words[DISK_KINDS] = {
        [DISK_CREATE] = "create",     [DISK_MKDIR] = "mkdir",   [DISK_SYMLINK] = "symlink",
        [DISK_LINK] = "link",         [DISK_RENAME] = "rename", [DISK_EXCHANGE] = "exchange",
        [DISK_UNLINK] = "unlink",     [DISK_WRITE] = "write",   [DISK_TRUNCATE] = "truncate",
        [DISK_MODE] = "mode",         [DISK_SYNC] = "fsync",    [DISK_DATASYNC] = "fdatasync",
        [DISK_SYNC_ALL] = "sync all", [DISK_MARK] = "mark",
    };
    struct disk_op op = disk_journal_op(journal, index);
    char node[80] = "";
    if (op.node != DISK_NONE)
        name_of(journal, op.node, node, sizeof node);
    int at = snprintf(ret_line, size, "%zu: process %" PRIu32 ": %s%s", index, op.process,
                      journal->steps[index].is_ignored ? "(elsewhere) " : "", words[op.kind]);
    if (at < 0 || (size_t)at >= size)
        return;
    ret_line += at;
    size -= (size_t)at;
    if (op.kind == DISK_MARK)
        snprintf(ret_line, size, " %.*s", (int)op.length, (const char *)op.bytes);
    else if (op.other_name)
        snprintf(ret_line, size, " %s to %s", op.name, op.other_name);
    else if (op.name)
        snprintf(ret_line, size, " %s", op.name);
    else if (disk_changes_bytes(op.kind))
        snprintf(ret_line, size, " %s at %" PRIu64 ", %" PRIu64 " bytes", node, op.offset,
                 op.length);
    else
        snprintf(ret_line, size, " %s, begun at %zu", node, op.begin);
}
