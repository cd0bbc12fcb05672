/* What the disk's modules share. */
#pragma once

#include "disk.h"

enum node_kind { NODE_FILE, NODE_FOLDER, NODE_LINK };

struct entry {
    struct entry *next;
    const char *name;
    struct node *node;
};

/* A change of a file's bytes that is not on disk. */
struct change {
    struct change *next;
    uint64_t number;
    bool is_truncation;
    uint64_t offset, size; /* of a truncation: the new size */
    uint8_t *bytes;
};

struct node {
    enum node_kind kind;
    struct node *parent; /* NULL: no name leads to it now */
    const char *name, *target;
    struct entry *entries, *synced; /* of a folder: now, and on disk */
    uint8_t *bytes;                 /* of a file: on disk */
    uint64_t size, capacity;
    struct change *changes, **changes_end;
    unsigned failures; /* of syncs */
};

/* A change of names that is not on disk. */
struct name_change {
    struct name_change *next;
    uint64_t number;
    struct node *folder, *to_folder; /* to_folder: of a rename */
    const char *name, *to_name;
    struct node *node;
    enum { NAME_ADD, NAME_REMOVE, NAME_RENAME } what;
    bool is_done, is_dropped;
};

struct sim_disk {
    struct node *root;
    uint64_t number; /* of the last change */
    struct name_change *changes, **changes_end;
};

#define DISK (world->disk)

struct node *disk_node_new(enum node_kind kind);
/* A change of names is on disk. */
void disk_apply_name(struct name_change *change);
/* Does `later` need what `earlier` does? */
bool disk_depends(const struct name_change *later, const struct name_change *earlier);
void disk_resize(struct node *file, uint64_t size);
/* A change of bytes is on disk. */
void disk_apply_bytes(struct node *file, const struct change *change);
