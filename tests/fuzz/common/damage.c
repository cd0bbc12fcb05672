#include "damage.h"

#include "core/base/check.h"
#include "core/store/archive/archive_begin.h"
#include "forge.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX ((size_t)8 << 20)

void damage_init(struct damage *damage, const struct worlds *worlds) {
    *damage = (struct damage){.worlds = worlds};
    buffer_init(&damage->forged);
}

static void set(struct damage *damage, size_t file, bool is_there, bool is_owned,
                struct text bytes) {
    if (damage->now[file].is_owned)
        free((char *)(uintptr_t)damage->now[file].bytes.data);
    damage->now[file] =
        (struct damaged_file){.is_there = is_there, .is_owned = is_owned, .bytes = bytes};
}

/* The file's bytes, to be changed, with room for some more. */
static char *own(struct damage *damage, size_t file, size_t more) {
    struct text bytes = damage->now[file].bytes;
    char *copy = check_calloc(1, bytes.length + more + 1);
    if (bytes.length > 0)
        memcpy(copy, bytes.data, bytes.length);
    set(damage, file, true, true, (struct text){.data = copy, .length = bytes.length + more});
    return copy;
}

static void copy_over(struct damage *damage, size_t file, const struct damaged_file *from) {
    char *copy = check_malloc(from->bytes.length + 1);
    if (from->bytes.length > 0)
        memcpy(copy, from->bytes.data, from->bytes.length);
    set(damage, file, from->is_there, true,
        (struct text){.data = copy, .length = from->bytes.length});
}

static void swap(struct damage *damage, size_t a, size_t b) {
    struct damaged_file kept = damage->now[a];
    if (damage->worlds->files[a].is_link != damage->worlds->files[b].is_link)
        return;
    damage->now[a] = damage->now[b];
    damage->now[b] = kept;
}

/* Which of the other files. So many that are of the same kind are near in the order of names. */
static size_t other(const struct damage *damage, size_t file, uint64_t argument) {
    return (file + 1 + argument) % damage->worlds->file_count;
}

static bool forge(struct damage *damage, size_t file, unsigned how, unsigned where) {
    const char *name = damage->worlds->files[file].name;
    struct text bytes = damage->now[file].bytes;
    bool is_sealed;
    if (strstr(name, "manifest.json"))
        return forge_manifest(bytes, how, &damage->forged);
    if (strcmp(name, WORLD_ARCHIVE "/" ARCHIVE_BEGIN_FILE) == 0)
        return forge_begin(bytes, how, &damage->forged);
    return worlds_first_of(damage->worlds, file, &is_sealed) > 0 &&
           forge_segment(bytes, is_sealed, how, where, &damage->forged);
}

void damage_change(struct damage *damage, struct cursor *cursor) {
    uint8_t what = cursor_u8(cursor);
    size_t file = cursor_u8(cursor) % damage->worlds->file_count;
    size_t at = cursor_u8(cursor), argument;
    at |= (size_t)cursor_u8(cursor) << 8;
    at |= (size_t)cursor_u8(cursor) << 16;
    argument = cursor_u8(cursor);
    argument |= (size_t)cursor_u8(cursor) << 8;
    size_t length = damage->now[file].bytes.length;
    enum world world = (enum world)(argument % WORLD_COUNT);
    size_t partner = other(damage, file, argument);
    if (what >= DAMAGE_FORGED) {
        bool is_done = forge(damage, file, (unsigned)argument, (unsigned)at);
        if (is_done) {
            char *copy = check_malloc(damage->forged.length);
            memcpy(copy, damage->forged.bytes, damage->forged.length);
            set(damage, file, true, true,
                (struct text){.data = copy, .length = damage->forged.length});
            damage->is_forged = true;
        }
        return;
    }
    switch (what % 9) {
    case 0: /* a byte */
    case 1:
        if (length > 0)
            own(damage, file, 0)[at % length] ^= (char)(argument % 255 + 1);
        break;
    case 2: /* cut short */
        if (length > 0) {
            own(damage, file, 0);
            damage->now[file].bytes.length = at % length;
        }
        break;
    case 3: /* something behind it */
        if (length < LENGTH_MAX) {
            size_t more = 1 + argument % 9000;
            memset(own(damage, file, more) + length, (int)(at & 255), more);
        }
        break;
    case 4: /* lost */
        set(damage, file, false, false, (struct text){0});
        break;
    case 5: /* from before the erasure, or after it, or after the prune */
        set(damage, file, damage->worlds->files[file].in[world].is_there, false,
            damage->worlds->files[file].in[world].bytes);
        break;
    case 6: /* exchanged with another one */
        swap(damage, file, partner);
        break;
    case 7: /* a copy of another one */
        if (damage->worlds->files[file].is_link == damage->worlds->files[partner].is_link)
            copy_over(damage, file, &damage->now[partner]);
        break;
    default: /* a block of it, as of a disk: zeros, or of another place */
        if (length > 0) {
            size_t block = at % length / 512 * 512;
            size_t size = length - block < 512 ? length - block : 512;
            size_t from = argument * 512 % length;
            char *bytes = own(damage, file, 0);
            if (what < 128 || from + size > length)
                memset(bytes + block, 0, size);
            else
                memmove(bytes + block, bytes + from, size);
        }
    }
}

bool damage_is_as_in(const struct damage *damage, size_t file, enum world world) {
    return damage->now[file].is_there == damage->worlds->files[file].in[world].is_there &&
           (!damage->now[file].is_there ||
            text_equal(damage->now[file].bytes, damage->worlds->files[file].in[world].bytes));
}

bool damage_is_original(const struct damage *damage, size_t file) {
    for (enum world world = 0; world < WORLD_COUNT; world++)
        if (damage->now[file].is_there && damage_is_as_in(damage, file, world))
            return true;
    return false;
}

void damage_begin(struct damage *damage, enum world world) {
    const struct worlds *worlds = damage->worlds;
    damage->is_forged = false;
    for (size_t i = 0; i < worlds->file_count; i++)
        set(damage, i, worlds->files[i].in[world].is_there, false,
            worlds->files[i].in[world].bytes);
}
