#include "disk_inside.h"

#include "core/base/check.h"

#include <string.h>

#define DEPTH_MAX 16 /* of symbolic links */

/* ---- names ---- */

struct node *disk_node_new(enum node_kind kind) {
    struct node *node = world_alloc(sizeof *node);
    node->kind = kind;
    node->changes_end = &node->changes;
    return node;
}

static struct entry **find_entry(struct entry **list, const char *name) {
    while (*list && strcmp((*list)->name, name) != 0)
        list = &(*list)->next;
    return list;
}

static void add_entry(struct entry **list, const char *name, struct node *node) {
    struct entry **at = find_entry(list, name);
    if (!*at) {
        *at = world_alloc(sizeof **at);
        (*at)->name = name;
    }
    (*at)->node = node;
}

static void remove_entry(struct entry **list, const char *name) {
    struct entry **at = find_entry(list, name);
    if (*at)
        *at = (*at)->next;
}

static struct node *child_of(struct node *folder, const char *name) {
    struct entry *entry = *find_entry(&folder->entries, name);
    return entry ? entry->node : NULL;
}

static struct node *walk(struct node *folder, const char *path, bool follow, int depth,
                         struct node **ret_folder, char last[256]);

/* One component further. */
static struct node *step_into(struct node *folder, const char *name, bool follow, int depth) {
    if (strcmp(name, ".") == 0)
        return folder;
    if (strcmp(name, "..") == 0)
        return folder->parent;
    struct node *node = child_of(folder, name);
    if (node && node->kind == NODE_LINK && follow && depth < DEPTH_MAX)
        return walk(folder, node->target, true, depth + 1, NULL, NULL);
    return node;
}

/* *ret_folder, last: the folder and name of the last component, which need not be there. */
static struct node *walk(struct node *folder, const char *path, bool follow, int depth,
                         struct node **ret_folder, char last[256]) {
    struct node *node = folder;
    while (node && *path) {
        size_t length = strcspn(path, "/");
        char name[256];
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        path += length;
        bool is_last = path[strspn(path, "/")] == '\0';
        path += strspn(path, "/");
        if (length == 0)
            continue;
        if (node->kind != NODE_FOLDER)
            return NULL;
        if (is_last && ret_folder) {
            *ret_folder = node;
            strcpy(last, name);
        }
        node = step_into(node, name, follow || !is_last, depth);
    }
    return node;
}

/* Of an absolute path, what is behind the root; NULL: it is elsewhere. */
static const char *below_root(const char *path) {
    size_t length = strlen(world->root);
    if (strncmp(path, world->root, length) != 0 || (path[length] && path[length] != '/'))
        return NULL;
    return path + length;
}

static struct node *begin_at(struct node *folder, const char **path) {
    if (**path != '/')
        return folder;
    *path = below_root(*path);
    return *path ? DISK->root : NULL;
}

struct node *disk_find(struct node *folder, const char *path, bool follow) {
    folder = begin_at(folder, &path);
    return folder ? walk(folder, path, follow, 0, NULL, NULL) : NULL;
}

struct node *disk_root(void) {
    return DISK->root;
}

bool disk_has_new_names(const struct node *node) {
    for (const struct name_change *at = DISK->changes; at; at = at->next)
        if (at->folder == node || at->to_folder == node)
            return true;
    return false;
}

const char *disk_name(const struct node *node) {
    static char text[512];
    if (!node->parent)
        return "/";
    snprintf(text, sizeof text, "%s/%s", node->parent->name ? node->parent->name : "", node->name);
    return text;
}

/* The folder that the path's last name is in, which the caller has found to be there. */
static struct node *folder_of(struct node *folder, const char *path, char name[256]) {
    struct node *found = NULL;
    folder = begin_at(folder, &path);
    check(folder);
    walk(folder, path, false, 0, &found, name);
    check(found);
    return found;
}

/* ---- changes of names ---- */

static struct name_change *note_name(int what, struct node *folder, const char *name,
                                     struct node *node) {
    struct name_change *change = world_alloc(sizeof *change);
    *change = (struct name_change){.number = ++DISK->number,
                                   .folder = folder,
                                   .name = world_copy(name, strlen(name) + 1),
                                   .node = node,
                                   .what = what};
    *DISK->changes_end = change;
    DISK->changes_end = &change->next;
    return change;
}

static void place(struct node *folder, const char *name, struct node *node) {
    add_entry(&folder->entries, name, node);
    node->parent = folder;
    node->name = name;
}

static struct node *make(struct node *folder, const char *path, enum node_kind kind) {
    char name[256];
    folder = folder_of(folder, path, name);
    struct node *node = disk_node_new(kind);
    struct name_change *change = note_name(NAME_ADD, folder, name, node);
    place(folder, change->name, node);
    return node;
}

struct node *disk_create(struct node *folder, const char *path) {
    return make(folder, path, NODE_FILE);
}

void disk_make_folder(struct node *folder, const char *path) {
    make(folder, path, NODE_FOLDER);
}

void disk_make_link(struct node *folder, const char *path, const char *target) {
    make(folder, path, NODE_LINK)->target = world_copy(target, strlen(target) + 1);
}

void disk_remove(struct node *folder, const char *path) {
    char name[256];
    folder = folder_of(folder, path, name);
    struct node *node = child_of(folder, name);
    check(node);
    note_name(NAME_REMOVE, folder, name, node);
    remove_entry(&folder->entries, name);
    node->parent = NULL;
}

void disk_rename(struct node *from_folder, const char *from, struct node *to_folder,
                 const char *to) {
    char name[256], to_name[256];
    from_folder = folder_of(from_folder, from, name);
    to_folder = folder_of(to_folder, to, to_name);
    struct node *node = child_of(from_folder, name), *replaced = child_of(to_folder, to_name);
    check(node);
    if (replaced)
        replaced->parent = NULL;
    struct name_change *change = note_name(NAME_RENAME, from_folder, name, node);
    change->to_folder = to_folder;
    change->to_name = world_copy(to_name, strlen(to_name) + 1);
    remove_entry(&from_folder->entries, name);
    place(to_folder, change->to_name, node);
}

static bool names(const struct name_change *change, const struct node *folder, const char *name) {
    return (change->folder == folder && strcmp(change->name, name) == 0) ||
           (change->to_folder && change->to_folder == folder && strcmp(change->to_name, name) == 0);
}

/* Does `later` need what `earlier` does? */
bool disk_depends(const struct name_change *later, const struct name_change *earlier) {
    return later->node == earlier->node || later->folder == earlier->node ||
           later->to_folder == earlier->node || names(earlier, later->folder, later->name) ||
           (later->to_folder && names(earlier, later->to_folder, later->to_name));
}

void disk_apply_name(struct name_change *change) {
    change->is_done = true;
    if (change->what == NAME_ADD) {
        add_entry(&change->folder->synced, change->name, change->node);
        return;
    }
    remove_entry(&change->folder->synced, change->name);
    if (change->what == NAME_RENAME)
        add_entry(&change->to_folder->synced, change->to_name, change->node);
}

/* With all that it depends on. */
static void commit_name(struct name_change *change) {
    if (change->is_done)
        return;
    for (struct name_change *at = DISK->changes; at != change; at = at->next)
        if (!at->is_done && disk_depends(change, at))
            commit_name(at);
    disk_apply_name(change);
}

static void forget_done(void) {
    struct name_change **at = &DISK->changes;
    while (*at) {
        if ((*at)->is_done || (*at)->is_dropped)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    DISK->changes_end = at;
}

/* ---- changes of bytes ---- */

static void note_change(struct node *file, struct change change) {
    struct change *copy = world_alloc(sizeof *copy);
    change.number = ++DISK->number;
    *copy = change;
    *file->changes_end = copy;
    file->changes_end = &copy->next;
}

void disk_write(struct node *file, uint64_t offset, const void *bytes, size_t size) {
    if (size > 0)
        note_change(file, (struct change){
                              .offset = offset, .size = size, .bytes = world_copy(bytes, size)});
}

void disk_truncate(struct node *file, uint64_t size) {
    note_change(file, (struct change){.is_truncation = true, .size = size});
}

void disk_resize(struct node *file, uint64_t size) {
    if (size > file->capacity) {
        uint64_t capacity = file->capacity ? file->capacity : 1024;
        while (capacity < size)
            capacity *= 2;
        uint8_t *bytes = world_alloc(capacity);
        if (file->size > 0)
            memcpy(bytes, file->bytes, file->size);
        file->bytes = bytes;
        file->capacity = capacity;
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

void disk_apply_bytes(struct node *file, const struct change *change) {
    if (change->is_truncation) {
        disk_resize(file, change->size);
        return;
    }
    if (change->offset + change->size > file->size)
        disk_resize(file, change->offset + change->size);
    memcpy(file->bytes + change->offset, change->bytes, change->size);
}

/* ---- syncs ---- */

uint64_t disk_sync_begin(void) {
    return DISK->number;
}

static void sync_file(struct node *file, uint64_t begun) {
    struct change **at = &file->changes;
    while (*at) {
        struct change *change = *at;
        if (change->number > begun) {
            at = &change->next;
            continue;
        }
        disk_apply_bytes(file, change);
        *at = change->next;
    }
    file->changes_end = at;
}

static void sync_folder(struct node *folder, uint64_t begun) {
    for (struct name_change *at = DISK->changes; at; at = at->next)
        if (at->number <= begun && (at->folder == folder || at->to_folder == folder))
            commit_name(at);
    forget_done();
}

void disk_sync_end(struct node *node, uint64_t begun) {
    world->counts[COUNT_SYNCS]++;
    if (node->kind == NODE_FOLDER)
        sync_folder(node, begun);
    else
        sync_file(node, begun);
}

static size_t count_changes(const struct node *node) {
    size_t count = 0;
    for (struct change *change = node->changes; change; change = change->next)
        count++;
    for (struct entry *entry = node->entries; entry; entry = entry->next)
        count += count_changes(entry->node);
    return count;
}

size_t disk_unsynced(void) {
    size_t count = count_changes(DISK->root);
    for (struct name_change *at = DISK->changes; at; at = at->next)
        count++;
    return count;
}

/* ---- the archive's last segment ---- */

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

struct node *disk_last_segment(void) {
    struct node *archive = child_of(DISK->root, "archive"), *last = NULL;
    if (!archive)
        return NULL;
    for (struct entry *day = archive->entries; day; day = day->next)
        for (struct entry *entry = day->node->entries; entry; entry = entry->next)
            if (ends_with(entry->name, ".seg") && (!last || strcmp(entry->name, last->name) > 0))
                last = entry->node;
    return last;
}
