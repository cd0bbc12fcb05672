/* The journal's inside, for disk_image.c: operations on nodes and entries that have small numbers,
 * so that an image is made by walking arrays. */
#pragma once

#include "disk_journal.h"

#define DISK_NONE SIZE_MAX

enum disk_node_kind { DISK_FILE, DISK_FOLDER, DISK_SYMBOLIC_LINK };

struct disk_node {
    enum disk_node_kind kind;
    uint32_t mode; /* the last one */
    /* Of a file: the steps that change its bytes or sync it, in order. */
    size_t *steps, count, room;
    const void *target; /* of a link */
    size_t target_length;
};

/* A name in a folder; it is there for good, whether it names something or not. */
struct disk_entry {
    size_t folder; /* node */
    const char *name;
    size_t node; /* that it names as the programs see it, or DISK_NONE */
};

/* One entry gets one value. */
struct disk_change {
    size_t entry, node; /* DISK_NONE: the name is gone */
};

struct disk_step {
    enum disk_kind kind;
    uint32_t process, thread;
    bool is_ignored;
    size_t node; /* of writes and syncs */
    struct disk_change changes[2];
    size_t change_count; /* of operations on folders 1 or 2, else 0 */
    uint64_t offset, length;
    const uint8_t *bytes;
    size_t begin;
};

struct disk_journal {
    struct disk_step *steps;
    size_t count, room;
    struct disk_node *nodes; /* 0: the root */
    size_t node_count, node_room;
    struct disk_entry *entries;
    size_t entry_count, entry_room;
    size_t *entry_table; /* open addressing over entries, DISK_NONE: empty; a power of two */
    size_t entry_slots;
    struct disk_id {
        uint64_t id;
        size_t node;
    } *ids; /* likewise; node DISK_NONE: empty */
    size_t id_slots, id_count;
};

static inline bool disk_changes_bytes(enum disk_kind kind) {
    return kind == DISK_WRITE || kind == DISK_TRUNCATE;
}

static inline bool disk_is_sync(enum disk_kind kind) {
    return kind == DISK_SYNC || kind == DISK_DATASYNC || kind == DISK_SYNC_ALL;
}
