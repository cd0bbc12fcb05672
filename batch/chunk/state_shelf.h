/* States that a replay does not have in memory, in a file: with many entities, most are not touched
 * for a long time. A state is put back on the shelf whenever the ones in memory take too much, and
 * taken down when its entity comes again; it keeps its place, so the file grows with the states and
 * not with how often they come.
 *
 * The file has no name. Which state lies where is in a second one. Both are mapped, so that memory
 * does not grow with the number of entities. One thread at a time. Private to batch/. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_shelf;

/* Creates an empty file without a name, and returns its descriptor; < 0 with *ret_error filled. Any
 * thread may call it. */
struct state_shelf_files {
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

/* Makes no file yet. */
struct state_shelf *state_shelf_new(const struct state_shelf_files *files);
void state_shelf_free(struct state_shelf *shelf); /* NULL is allowed */

/* Any bytes; replaces what it had. key_hash = hash_text(key). ERROR_SYSTEM: the disk is full, or
 * such; nothing has changed then. */
int state_shelf_put(struct state_shelf *shelf, size_t entity, struct text key, uint64_t key_hash,
                    struct text state, struct error *ret_error);
/* true: *ret_state is the state, valid until the next put. The shelf keeps its copy: whoever
 * changes the state puts it back. */
bool state_shelf_get(const struct state_shelf *shelf, size_t entity, struct text key,
                     uint64_t key_hash, struct text *ret_state);

/* States on it, and bytes of both files. */
size_t state_shelf_count(const struct state_shelf *shelf);
uint64_t state_shelf_bytes(const struct state_shelf *shelf);
