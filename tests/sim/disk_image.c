/* What a loss of power, and a failed sync, leave; and the files in memory that are made of it. */
#include "disk_inside.h"

#include "core/base/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512

static void make_image(void);

/* ---- a loss of power ---- */

/* How much of what is not synced comes back: it differs from crash to crash, since any mixture is
 * allowed and the extremes are as likely to show something as the middle. */
enum luck { LUCK_NOTHING, LUCK_ALL, LUCK_PREFIX, LUCK_MIXED, LUCK_COUNT };

struct fate {
    enum luck luck;
    uint64_t until; /* of LUCK_PREFIX: the last change that has happened */
};

static bool survives(const struct fate *fate, uint64_t number) {
    switch (fate->luck) {
    case LUCK_NOTHING:
        return false;
    case LUCK_ALL:
        return true;
    case LUCK_PREFIX:
        return number <= fate->until;
    case LUCK_MIXED:
    case LUCK_COUNT:
        break;
    }
    return chance(CHANCE_IMAGE) & 1;
}

/* By sectors of the file: each is written or not; those beyond the end that are not are zeros. */
static void apply_torn(struct node *file, const struct change *change) {
    uint64_t end = change->offset + change->size;
    bool is_prefix = chance(CHANCE_IMAGE) & 1;
    uint64_t cut = change->offset + chance_below(CHANCE_IMAGE, change->size + 1);
    if (is_prefix) {
        struct change part = *change;
        part.size = cut - change->offset;
        if (part.size > 0)
            disk_apply_bytes(file, &part);
        return;
    }
    if (end > file->size)
        disk_resize(file, end);
    for (uint64_t at = change->offset; at < end;) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;
        if (next > end)
            next = end;
        if (chance(CHANCE_IMAGE) & 1)
            memcpy(file->bytes + at, change->bytes + (at - change->offset), next - at);
        at = next;
    }
}

unsigned disk_failures(const struct node *node) {
    return node->failures;
}

/* Each of the writes has reached the disk, in part or not at all; and whatever it was, nothing will
 * write it again. */
void disk_sync_fail(struct node *node) {
    node->failures++;
    for (struct change *change = node->changes; change; change = change->next) {
        uint64_t fate = chance_below(CHANCE_FAULT, 3);
        if (fate == 0 || change->is_truncation)
            disk_apply_bytes(node, change);
        else if (fate == 1)
            apply_torn(node, change);
    }
    node->changes = NULL;
    node->changes_end = &node->changes;
}

static void settle_file(struct node *file, const struct fate *fate) {
    for (struct change *change = file->changes; change; change = change->next) {
        if (!survives(fate, change->number)) {
            if (fate->luck == LUCK_PREFIX && !change->is_truncation &&
                change->number == fate->until + 1)
                apply_torn(file, change);
            continue;
        }
        if (fate->luck == LUCK_MIXED && !change->is_truncation && chance_once(CHANCE_IMAGE, 3))
            apply_torn(file, change);
        else
            disk_apply_bytes(file, change);
    }
    file->changes = NULL;
    file->changes_end = &file->changes;
}

static bool is_orphaned(const struct name_change *change) {
    for (struct name_change *at = DISK->changes; at != change; at = at->next)
        if (at->is_dropped && disk_depends(change, at))
            return true;
    return false;
}

static void settle_names(const struct fate *fate) {
    for (struct name_change *at = DISK->changes; at; at = at->next) {
        if (survives(fate, at->number) && !is_orphaned(at))
            disk_apply_name(at);
        else
            at->is_dropped = true;
    }
    DISK->changes = NULL;
    DISK->changes_end = &DISK->changes;
}

/* What the synced names lead to is all there is now. */
static void settle(struct node *node, const struct fate *fate) {
    if (node->kind == NODE_FILE)
        settle_file(node, fate);
    node->entries = NULL;
    struct entry **end = &node->entries;
    for (struct entry *entry = node->synced; entry; entry = entry->next) {
        *end = world_copy(entry, sizeof *entry);
        (*end)->next = NULL;
        end = &(*end)->next;
        entry->node->parent = node;
        entry->node->name = entry->name;
        settle(entry->node, fate);
    }
}

void disk_lose_power(void) {
    struct fate fate = {.luck = (enum luck)chance_below(CHANCE_IMAGE, LUCK_COUNT)};
    uint64_t unsynced = disk_unsynced();
    fate.until = DISK->number - (unsynced ? chance_below(CHANCE_IMAGE, unsynced + 1) : 0);
    trace("power: %llu changes are not synced, luck %d", (unsigned long long)unsynced, fate.luck);
    settle_names(&fate);
    settle(DISK->root, &fate);
    make_image();
}

/* ---- the files in memory ---- */

static void empty_folder(int folder);

static void remove_in(int folder, const char *name) {
    if (syscall(SYS_unlinkat, folder, name, 0) == 0)
        return;
    int inside = (int)syscall(SYS_openat, folder, name, O_RDONLY | O_DIRECTORY);
    if (inside >= 0) {
        empty_folder(inside);
        syscall(SYS_close, inside);
    }
    syscall(SYS_unlinkat, folder, name, AT_REMOVEDIR);
}

struct linux_dirent {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static void empty_folder(int folder) {
    _Alignas(8) char bytes[8192];
    long length;
    while ((length = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0)
        for (long at = 0; at < length;) {
            const struct linux_dirent *entry = (const struct linux_dirent *)(bytes + at);
            at += entry->length;
            if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
                remove_in(folder, entry->name);
        }
}

static void write_node(int folder, const char *name, const struct node *node) {
    if (node->kind == NODE_LINK) {
        check(syscall(SYS_symlinkat, node->target, folder, name) == 0);
        return;
    }
    if (node->kind == NODE_FILE) {
        int file = (int)syscall(SYS_openat, folder, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
        check(file >= 0);
        for (uint64_t at = 0; at < node->size;) {
            long r = syscall(SYS_pwrite64, file, node->bytes + at, node->size - at, at);
            check(r > 0);
            at += (uint64_t)r;
        }
        syscall(SYS_close, file);
        return;
    }
    check(syscall(SYS_mkdirat, folder, name, 0750) == 0);
    int inside = (int)syscall(SYS_openat, folder, name, O_RDONLY | O_DIRECTORY);
    check(inside >= 0);
    for (struct entry *entry = node->entries; entry; entry = entry->next)
        write_node(inside, entry->name, entry->node);
    syscall(SYS_close, inside);
}

static void make_image(void) {
    remove_in(AT_FDCWD, world->root);
    write_node(AT_FDCWD, world->root, DISK->root);
}

/* What the file has now, by what was noted; the caller frees it. */
static uint8_t *bytes_of(const struct node *file, uint64_t *ret_size) {
    uint64_t size = file->size, room = size;
    for (const struct change *at = file->changes; at; at = at->next)
        if (at->offset + at->size > room)
            room = at->offset + at->size;
    uint8_t *bytes = calloc(1, room + 1);
    check(bytes);
    if (size > 0)
        memcpy(bytes, file->bytes, size);
    for (const struct change *at = file->changes; at; at = at->next) {
        if (at->is_truncation) {
            if (at->size < size)
                memset(bytes + at->size, 0, size - at->size);
            size = at->size;
            continue;
        }
        memcpy(bytes + at->offset, at->bytes, at->size);
        if (at->offset + at->size > size)
            size = at->offset + at->size;
    }
    *ret_size = size;
    return bytes;
}

static void expect_bytes(int file, const struct node *node) {
    uint64_t size;
    uint8_t *expected = bytes_of(node, &size), *found = calloc(1, size + 1);
    check(found);
    long length = syscall(SYS_pread64, file, found, size + 1, 0);
    if (length < 0 || (uint64_t)length != size || memcmp(found, expected, size) != 0)
        broken("%s has %ld bytes that are not the %llu that were noted: a call is not simulated",
               disk_name(node), length, (unsigned long long)size);
    free(expected);
    free(found);
}

static unsigned count_entries(int folder) {
    _Alignas(8) char bytes[8192];
    unsigned count = 0;
    long length;
    while ((length = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0)
        for (long at = 0; at < length; at += ((const struct linux_dirent *)(bytes + at))->length)
            count++;
    return count - 2; /* . and .. */
}

/* Not of a file of which a sync has failed: what was noted is then what the disk has of it. */
static void expect_node(int at, const char *name, const struct node *node) {
    if (node->kind == NODE_LINK || node->failures > 0)
        return;
    int file = (int)syscall(SYS_openat, at, name, O_RDONLY);
    if (file < 0)
        broken("%s is not there: a call is not simulated", disk_name(node));
    unsigned count = 0;
    for (struct entry *entry = node->entries; entry; entry = entry->next, count++)
        expect_node(file, entry->name, entry->node);
    if (node->kind == NODE_FILE)
        expect_bytes(file, node);
    else if (count_entries(file) != count)
        broken("%s has other names than were noted: a call is not simulated", disk_name(node));
    syscall(SYS_close, file);
}

void disk_expect_files(void) {
    expect_node(AT_FDCWD, world->root, DISK->root);
}

void disk_begin(void) {
    world->disk = world_alloc(sizeof *world->disk);
    DISK->root = disk_node_new(NODE_FOLDER);
    DISK->changes_end = &DISK->changes;
    make_image();
}
