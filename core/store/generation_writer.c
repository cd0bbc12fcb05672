/* Building a generation: a bulk load in key order into a fresh LMDB file, and its publication.
 *
 *   PATH/lock    held by the one builder
 *   PATH/.new/   what is being built; whatever is found there later is left from a crash
 *
 * The load is cut into LMDB write transactions of bounded size. Before each one the map is made
 * large enough for the worst that its entries can need, so that it never runs full in the middle of
 * one: LMDB could then only throw the transaction away. Nothing is synced until the end; a crash
 * before it costs a rebuild. */
#include "generation.h"

#include "../base/buffer.h"
#include "../base/check.h"
#include "../base/hash.h"
#include "content.h"
#include "file.h"
#include "generation_internal.h"
#include "manifest.h"
#include "tables.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FOLDER ".new"
#define NEW_LINK   ".current"
#define OLD_FOLDER ".replaced"

#define BATCH_BYTES (UINT64_C(16) << 20) /* of one LMDB write transaction */
#define MAP_SLACK   (UINT64_C(8) << 20)  /* roots, free lists, copied paths to the last leaf */

/* What is checked of the finished tables. */
enum { CHECK_CONTENT, CHECK_FILE, CHECKS };

enum stage { STAGE_STATES, STAGE_IDS, STAGE_FINISHED, STAGE_PUBLISHED };

struct generation_writer {
    char *root;
    int directory, lock;
    int inside;              /* .new/ */
    const struct plan *plan; /* the caller's */
    struct manifest manifest;
    enum stage stage;
    struct hash_stream *content;
    MDB_env *environment;
    MDB_txn *transaction; /* LMDB's word; NULL between two batches */
    MDB_dbi states[PLAN_ENTITIES_MAX], ids, thresholds, policy;
    char *state_tables[PLAN_ENTITIES_MAX]; /* their names */
    size_t page_size;
    uint64_t batch_left; /* bytes that may still go into this one */
    MDB_cursor *cursor;  /* of cursor_table; NULL: none open */
    MDB_dbi cursor_table;
    size_t entity;          /* states came up to here */
    struct buffer last_key; /* of that entity, or of the ids */
    bool checked[CHECKS];
};

/* ---------------------------------------------------------------------------------------------
 * Folders */

/* Removes a folder and the files in it; it need not be there. */
static int remove_folder(int directory, const char *name, struct error *ret_error) {
    int inside = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inside < 0 && errno == ENOENT)
        return 0;
    DIR *folder = inside < 0 ? NULL : fdopendir(inside);
    if (!folder) {
        int r = error_set_errno(ret_error, errno, "%s: cannot open", name);
        if (inside >= 0)
            close(inside);
        return r;
    }
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(inside, entry->d_name, 0) < 0)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", name, entry->d_name);
    closedir(folder);
    if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", name);
    return r;
}

/* What a crashed run left; nobody uses it, for we hold the lock and it was never published. */
static int remove_leftovers(int directory, struct error *ret_error) {
    int r = remove_folder(directory, NEW_FOLDER, ret_error);
    if (r == 0)
        r = remove_folder(directory, OLD_FOLDER, ret_error);
    if (r == 0 && unlinkat(directory, NEW_LINK, 0) < 0 && errno != ENOENT)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", NEW_LINK);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * LMDB */

static int commit(struct generation_writer *writer, struct error *ret_error) {
    if (!writer->transaction)
        return 0;
    if (writer->cursor)
        mdb_cursor_close(writer->cursor);
    writer->cursor = NULL;
    int r = mdb_txn_commit(writer->transaction);
    writer->transaction = NULL;
    if (r == EIO) /* LMDB's word for a write that was cut short, too */
        return error_set(ret_error, ERROR_SYSTEM,
                         "cannot write the tables: the system took only a part of them: No space "
                         "left on device, a limit on the size of files, or an I/O error");
    return r ? tables_error(ret_error, r, "cannot write the tables") : 0;
}

/* Room for `bytes` more, whatever they are; no transaction is open. */
static int grow_map(struct generation_writer *writer, uint64_t bytes, struct error *ret_error) {
    MDB_envinfo status;
    mdb_env_info(writer->environment, &status);
    uint64_t needed = ((uint64_t)status.me_last_pgno + 1) * writer->page_size + bytes + MAP_SLACK;
    if (needed <= status.me_mapsize)
        return 0;
    if (needed < 2 * (uint64_t)status.me_mapsize)
        needed = 2 * (uint64_t)status.me_mapsize;
    needed = (needed + MAP_SLACK - 1) / MAP_SLACK * MAP_SLACK;
    int r = mdb_env_set_mapsize(writer->environment, (size_t)needed);
    return r ? tables_error(ret_error, r, "cannot enlarge the map of the tables") : 0;
}

static int begin(struct generation_writer *writer, uint64_t bytes, struct error *ret_error) {
    uint64_t room = bytes > BATCH_BYTES ? bytes : BATCH_BYTES;
    int r = grow_map(writer, room, ret_error);
    if (r < 0)
        return r;
    r = mdb_txn_begin(writer->environment, NULL, 0, &writer->transaction);
    writer->batch_left = room;
    return r ? tables_error(ret_error, r, "cannot write the tables") : 0;
}

/* The most that an entry can take in the file. Appended entries leave at worst half of each leaf
 * empty, and a branch entry for each leaf comes on top; a large value has pages of its own. */
static uint64_t entry_cost(const struct generation_writer *writer, size_t key, size_t value) {
    uint64_t overhead = 32, leaf = 3 * (key + overhead);
    if (value < writer->page_size / 4)
        return leaf + 3 * (uint64_t)value;
    return leaf + value + 2 * writer->page_size + writer->page_size;
}

static int put(struct generation_writer *writer, MDB_dbi table, struct text key, struct text value,
               struct error *ret_error) {
    uint64_t cost = entry_cost(writer, key.length, value.length);
    int r = 0;
    if (!writer->transaction || cost > writer->batch_left) {
        r = commit(writer, ret_error);
        if (r == 0)
            r = begin(writer, cost, ret_error);
        if (r < 0)
            return r;
    }
    writer->batch_left -= cost;
    if (writer->cursor && writer->cursor_table != table) {
        mdb_cursor_close(writer->cursor);
        writer->cursor = NULL;
    }
    if (!writer->cursor) {
        r = mdb_cursor_open(writer->transaction, table, &writer->cursor);
        writer->cursor_table = table;
    }
    MDB_val lmdb_key = {.mv_size = key.length, .mv_data = (void *)(uintptr_t)key.data};
    MDB_val lmdb_value = {.mv_size = value.length, .mv_data = (void *)(uintptr_t)value.data};
    if (r == 0)
        r = mdb_cursor_put(writer->cursor, &lmdb_key, &lmdb_value, MDB_APPEND);
    return r ? tables_error(ret_error, r, "cannot write the tables") : 0;
}

static int make_tables(struct generation_writer *writer, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < writer->plan->entity_count && r == 0; i++) {
        r = mdb_dbi_open(writer->transaction, writer->state_tables[i], MDB_CREATE,
                         &writer->states[i]);
    }
    if (r == 0)
        r = mdb_dbi_open(writer->transaction, CONTENT_IDS_TABLE, MDB_CREATE, &writer->ids);
    if (r == 0)
        r = mdb_dbi_open(writer->transaction, CONTENT_THRESHOLDS_TABLE, MDB_CREATE,
                         &writer->thresholds);
    if (r == 0)
        r = mdb_dbi_open(writer->transaction, CONTENT_POLICY_TABLE, MDB_CREATE, &writer->policy);
    return r ? tables_error(ret_error, r, "cannot make the tables") : 0;
}

static int open_environment(struct generation_writer *writer, struct error *ret_error) {
    char *path = name_printf("%s/%s/%s", writer->root, NEW_FOLDER, MANIFEST_TABLES);
    int r = mdb_env_create(&writer->environment);
    if (r == 0)
        r = mdb_env_set_maxdbs(writer->environment, TABLES_MAX);
    if (r == 0)
        r = mdb_env_set_mapsize(writer->environment, (size_t)(2 * MAP_SLACK));
    /* MDB_NOLOCK: our own lock keeps others away, and no lock file is left in the folder. */
    if (r == 0)
        r = mdb_env_open(writer->environment, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK, 0640);
    free(path);
    MDB_stat status = {0};
    if (r == 0)
        r = mdb_env_stat(writer->environment, &status);
    if (r)
        return tables_error(ret_error, r, "cannot make the tables");
    writer->page_size = status.ms_psize;
    r = begin(writer, 0, ret_error);
    if (r == 0)
        r = make_tables(writer, ret_error);
    return r;
}

static void close_environment(struct generation_writer *writer) {
    if (writer->cursor)
        mdb_cursor_close(writer->cursor);
    if (writer->transaction)
        mdb_txn_abort(writer->transaction);
    if (writer->environment)
        mdb_env_close(writer->environment);
    writer->cursor = NULL;
    writer->transaction = NULL;
    writer->environment = NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Open, fill, close */

static int prepare(struct generation_writer *writer, struct error *ret_error) {
    int r = directory_make(AT_FDCWD, writer->root, &writer->directory, ret_error);
    if (r < 0)
        return r;
    r = directory_lock(writer->directory, writer->root, "builds a generation here", &writer->lock,
                       ret_error);
    if (r < 0)
        return r;
    r = remove_leftovers(writer->directory, ret_error);
    if (r == 0)
        r = directory_make(writer->directory, NEW_FOLDER, &writer->inside, ret_error);
    if (r == 0)
        r = open_environment(writer, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", writer->root) : 0;
}

int generation_writer_open(const char *root, const struct plan *plan,
                           struct generation_writer **ret_writer, struct error *ret_error) {
    check(plan->entity_count <= PLAN_ENTITIES_MAX);
    struct generation_writer *writer = check_calloc(1, sizeof *writer);
    writer->root = text_copy(text_of(root));
    writer->directory = writer->lock = writer->inside = -1;
    writer->plan = plan;
    writer->content = hash_stream_new();
    buffer_init(&writer->last_key);
    for (size_t i = 0; i < plan->entity_count; i++) {
        writer->manifest.entities[i].name = text_copy(plan->entities[i].name);
        writer->state_tables[i] = content_state_table(plan->entities[i].name);
    }
    writer->manifest.entity_count = plan->entity_count;
    int r = prepare(writer, ret_error);
    if (r < 0) {
        generation_writer_close(writer);
        return r;
    }
    *ret_writer = writer;
    return 0;
}

void generation_writer_close(struct generation_writer *writer) {
    if (!writer)
        return;
    close_environment(writer);
    struct error ignored; /* the next writer tries again */
    if (writer->inside >= 0) {
        close(writer->inside);
        remove_folder(writer->directory, NEW_FOLDER, &ignored);
    }
    if (writer->directory >= 0)
        close(writer->directory);
    if (writer->lock >= 0)
        close(writer->lock);
    hash_stream_free(writer->content);
    buffer_deinit(&writer->last_key);
    for (size_t i = 0; i < writer->manifest.entity_count; i++)
        free(writer->state_tables[i]);
    manifest_deinit(&writer->manifest);
    free(writer->root);
    free(writer);
}

int generation_writer_scratch_file(struct generation_writer *writer, struct error *ret_error) {
    static const char prefix[] = ".scratch-XXXXXX";
    char *path = name_printf("%s/%s/%s", writer->root, NEW_FOLDER, prefix);
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        file = error_set_errno(ret_error, errno, "%s/%s: cannot make a file", writer->root,
                               NEW_FOLDER);
    else
        unlink(path);
    free(path);
    return file;
}

/* Keys ascend strictly within a table. */
static int check_order(struct generation_writer *writer, const char *table, struct text key,
                       struct error *ret_error) {
    struct text last = {.data = (const char *)writer->last_key.bytes,
                        .length = writer->last_key.length};
    if (last.length && text_compare(last, key) >= 0)
        return error_set(ret_error, ERROR_INTERNAL, "table \"%s\": keys are out of order", table);
    buffer_clear(&writer->last_key);
    buffer_append(&writer->last_key, key.data, key.length);
    return 0;
}

int generation_writer_state(struct generation_writer *writer, size_t entity, struct text key,
                            struct text state, struct error *ret_error) {
    check(writer->stage == STAGE_STATES && entity >= writer->entity &&
          entity < writer->plan->entity_count);
    const char *name = writer->manifest.entities[entity].name;
    if (key.length == 0 || key.length > GENERATION_KEY_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "a key of entity \"%s\" has %zu bytes; a generation takes 1 to %d", name,
                         key.length, GENERATION_KEY_MAX);
    if (entity > writer->entity)
        buffer_clear(&writer->last_key);
    writer->entity = entity;
    int r = check_order(writer, name, key, ret_error);
    if (r == 0)
        r = put(writer, writer->states[entity], key, state, ret_error);
    if (r < 0)
        return r;
    content_add(writer->content, text_of(writer->state_tables[entity]), key, state);
    writer->manifest.entities[entity].states++;
    writer->manifest.generation.states++;
    return 0;
}

static void end_states(struct generation_writer *writer) {
    if (writer->stage != STAGE_STATES)
        return;
    writer->manifest.generation.state_hash = hash_stream_value(writer->content);
    buffer_clear(&writer->last_key);
    writer->stage = STAGE_IDS;
}

int generation_writer_id(struct generation_writer *writer, uint64_t id_hash, struct known_id known,
                         struct error *ret_error) {
    end_states(writer);
    check(writer->stage == STAGE_IDS);
    uint8_t key_bytes[ID_KEY_SIZE], value_bytes[ID_VALUE_SIZE];
    id_key_put(id_hash, key_bytes);
    id_value_put(known, value_bytes);
    struct text key = {.data = (const char *)key_bytes, .length = sizeof key_bytes};
    struct text value = {.data = (const char *)value_bytes, .length = sizeof value_bytes};
    int r = check_order(writer, CONTENT_IDS_TABLE, key, ret_error);
    if (r == 0)
        r = put(writer, writer->ids, key, value, ret_error);
    if (r < 0)
        return r;
    content_add(writer->content, TEXT_LITERAL(CONTENT_IDS_TABLE), key, value);
    writer->manifest.generation.ids++;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Publication */

static int put_thresholds(struct generation_writer *writer, const struct threshold_set *set,
                          struct error *ret_error) {
    if (!set || threshold_set_is_empty(set))
        return 0;
    struct buffer buffer;
    buffer_init(&buffer);
    threshold_set_encode(set, &buffer);
    struct text key = TEXT_LITERAL(THRESHOLDS_KEY);
    struct text value = {.data = (const char *)buffer.bytes, .length = buffer.length};
    int r = put(writer, writer->thresholds, key, value, ret_error);
    content_add(writer->content, TEXT_LITERAL(CONTENT_THRESHOLDS_TABLE), key, value);
    buffer_deinit(&buffer);
    return r;
}

static int put_files(struct generation_writer *writer, const struct snapshot_record *snapshot,
                     struct error *ret_error) {
    struct buffer buffer;
    buffer_init(&buffer);
    int r = 0;
    for (size_t i = 0; i < snapshot->file_count && r == 0; i++) {
        const struct policy_file *file = &snapshot->files[i];
        uint8_t key_bytes[POLICY_KEY_SIZE];
        policy_key_put((uint32_t)i, key_bytes);
        buffer_clear(&buffer);
        buffer_append_u32(&buffer, (uint32_t)file->path.length);
        buffer_append(&buffer, file->path.data, file->path.length);
        buffer_append(&buffer, file->content.data, file->content.length);
        struct text key = {.data = (const char *)key_bytes, .length = sizeof key_bytes};
        struct text value = {.data = (const char *)buffer.bytes, .length = buffer.length};
        r = put(writer, writer->policy, key, value, ret_error);
        content_add(writer->content, TEXT_LITERAL(CONTENT_POLICY_TABLE), key, value);
    }
    buffer_deinit(&buffer);
    return r;
}

static int finish_tables(struct generation_writer *writer, struct error *ret_error) {
    int r = commit(writer, ret_error);
    if (r < 0)
        return r;
    r = mdb_env_sync(writer->environment, 1);
    close_environment(writer);
    return r ? tables_error(ret_error, r, "cannot sync the tables") : 0;
}

static void describe(struct generation_writer *writer,
                     const struct generation_description *description) {
    struct generation_manifest *manifest = &writer->manifest.generation;
    manifest->place = description->place;
    manifest->plan_id = writer->plan->id;
    manifest->snapshot_id = description->snapshot->snapshot_id;
    manifest->adopted_id = description->adopted_id;
    manifest->content_hash = hash_stream_value(writer->content);
    manifest->created_time_us = description->now_us;
    snprintf(manifest->version, sizeof manifest->version, "%s", description->version);
    manifest->id = manifest_id(manifest);
    writer->manifest.tally = *description->tally;
    int major, minor, patch;
    mdb_version(&major, &minor, &patch);
    snprintf(writer->manifest.lmdb, sizeof writer->manifest.lmdb, "%d.%d.%d", major, minor, patch);
}

int generation_writer_finish(struct generation_writer *writer,
                             const struct generation_description *description,
                             struct error *ret_error) {
    end_states(writer);
    check(writer->stage == STAGE_IDS);
    int r = put_thresholds(writer, description->thresholds, ret_error);
    if (r == 0)
        r = put_files(writer, description->snapshot, ret_error);
    if (r == 0)
        r = finish_tables(writer, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    describe(writer, description);
    writer->stage = STAGE_FINISHED;
    return 0;
}

size_t generation_writer_checks(const struct generation_writer *writer) {
    (void)writer;
    return CHECKS;
}

static int check_content(struct generation_writer *writer, const struct tables *tables,
                         struct error *ret_error) {
    const struct manifest *manifest = &writer->manifest;
    uint64_t state_hash = 0, content_hash = 0;
    int r = tables_check_counts(tables, manifest, ret_error);
    if (r == 0)
        r = tables_hash(tables, manifest, &state_hash, &content_hash, ret_error);
    if (r == 0 && (state_hash != manifest->generation.state_hash ||
                   content_hash != manifest->generation.content_hash))
        r = error_set(ret_error, ERROR_DAMAGED, "the content hash does not fit");
    return r;
}

/* Reads the finished file as a server will. */
static int check_tables(struct generation_writer *writer, struct error *ret_error) {
    char *path = name_printf("%s/%s/%s", writer->root, NEW_FOLDER, MANIFEST_TABLES);
    struct tables tables = {0};
    int r = tables_open(path, &writer->manifest, &tables, ret_error);
    free(path);
    if (r == 0)
        r = check_content(writer, &tables, ret_error);
    tables_close(&tables);
    return r;
}

int generation_writer_check(struct generation_writer *writer, size_t index,
                            struct error *ret_error) {
    check(writer->stage == STAGE_FINISHED && index < generation_writer_checks(writer));
    int r = index == CHECK_FILE
                ? generation_hash_file(writer->inside, MANIFEST_TABLES, &writer->manifest.file_size,
                                       &writer->manifest.file_hash, ret_error)
                : check_tables(writer, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s: the tables do not read back as they were written",
                            writer->root);
    writer->checked[index] = true;
    return 0;
}

static int write_manifest(struct generation_writer *writer, struct error *ret_error) {
    char *bytes = manifest_format(&writer->manifest);
    int r = file_create(writer->inside, MANIFEST_FILE, bytes, strlen(bytes), ret_error);
    free(bytes);
    if (r == 0)
        r = directory_sync(writer->inside, ".", ret_error);
    return r;
}

/* Is the same generation there already, and whole? Then its manifest is the one that counts. */
static bool is_published(struct generation_writer *writer, const char *folder,
                         struct generation_manifest *ret_manifest) {
    struct generation *there;
    struct error ignored;
    if (generation_open_folder(writer->root, writer->directory, folder, true, &there, &ignored) < 0)
        return false;
    *ret_manifest = *generation_manifest(there);
    generation_close(there);
    return true;
}

/* Whatever is in the way is damaged. A server that has it open keeps it; the name is ours. */
static int move_in(struct generation_writer *writer, const char *folder, struct error *ret_error) {
    if (renameat(writer->directory, folder, writer->directory, OLD_FOLDER) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot move it out of the way", folder);
    if (renameat(writer->directory, NEW_FOLDER, writer->directory, folder) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot publish", folder);
    close(writer->inside);
    writer->inside = -1;
    return remove_folder(writer->directory, OLD_FOLDER, ret_error);
}

static int point_current(struct generation_writer *writer, const char *folder,
                         struct error *ret_error) {
    /* The folder's name is on the disk before anything points to it. */
    int r = directory_sync(writer->directory, ".", ret_error);
    if (r < 0)
        return r;
    if (symlinkat(folder, writer->directory, NEW_LINK) < 0 ||
        renameat(writer->directory, NEW_LINK, writer->directory, GENERATION_CURRENT) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot point it to %s", GENERATION_CURRENT,
                               folder);
    return directory_sync(writer->directory, ".", ret_error);
}

static int move_and_point(struct generation_writer *writer, struct error *ret_error) {
    struct generation_manifest *manifest = &writer->manifest.generation;
    char *folder = manifest_folder(manifest);
    int r = 0;
    if (!is_published(writer, folder, manifest)) {
        r = write_manifest(writer, ret_error);
        if (r == 0)
            r = move_in(writer, folder, ret_error);
    }
    if (r == 0)
        r = point_current(writer, folder, ret_error);
    free(folder);
    return r;
}

int generation_writer_publish(struct generation_writer *writer,
                              struct generation_manifest *ret_manifest, struct error *ret_error) {
    check(writer->stage == STAGE_FINISHED);
    for (size_t i = 0; i < generation_writer_checks(writer); i++)
        check(writer->checked[i]);
    int r = move_and_point(writer, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    writer->stage = STAGE_PUBLISHED;
    *ret_manifest = writer->manifest.generation;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Old ones */

/* "g-00000000000000000042-0123456789abcdef" */
static bool folder_parse(const char *name, uint64_t *ret_position, uint64_t *ret_id) {
    enum { DIGITS = 20, LENGTH = 2 + DIGITS + 1 + HASH_HEX_SIZE - 1 };
    if (strlen(name) != LENGTH || strncmp(name, "g-", 2) != 0 || name[2 + DIGITS] != '-' ||
        strspn(name + 2, "0123456789") != DIGITS)
        return false;
    *ret_position = strtoull(name + 2, NULL, 10);
    return hash_parse_hex(text_of(name + 2 + DIGITS + 1), ret_id) == 0;
}

struct old_generation {
    uint64_t position, id;
    struct timespec built;
};

/* The newest first: by position, and of the same position by when they were built. */
static int compare_old(const void *left, const void *right) {
    const struct old_generation *a = left, *b = right;
    if (a->position != b->position)
        return a->position > b->position ? -1 : 1;
    if (a->built.tv_sec != b->built.tv_sec)
        return a->built.tv_sec > b->built.tv_sec ? -1 : 1;
    return (a->built.tv_nsec < b->built.tv_nsec) - (a->built.tv_nsec > b->built.tv_nsec);
}

static int list_old(struct generation_writer *writer, struct old_generation **ret_old,
                    size_t *ret_count, struct error *ret_error) {
    int again = openat(writer->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot list", writer->root);
    struct old_generation *old = NULL;
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        struct old_generation found;
        struct stat status;
        if (!folder_parse(entry->d_name, &found.position, &found.id) ||
            found.id == writer->manifest.generation.id ||
            fstatat(writer->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        found.built = status.st_mtim;
        old = check_reallocarray(old, count + 1, sizeof *old);
        old[count++] = found;
    }
    closedir(folder);
    if (count)
        qsort(old, count, sizeof *old, compare_old);
    *ret_old = old;
    *ret_count = count;
    return 0;
}

/* By renaming first, so that nothing half removed ever bears the name of a generation. */
static int remove_old(struct generation_writer *writer, const struct old_generation *old,
                      struct error *ret_error) {
    const struct generation_manifest named = {.place = {.position = old->position}, .id = old->id};
    char *folder = manifest_folder(&named);
    int r = 0;
    if (renameat(writer->directory, folder, writer->directory, OLD_FOLDER) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", folder);
    if (r == 0)
        r = remove_folder(writer->directory, OLD_FOLDER, ret_error);
    free(folder);
    return r;
}

int generation_writer_retain(struct generation_writer *writer, size_t keep, uint64_t protected_id,
                             size_t *ret_removed, struct error *ret_error) {
    check(writer->stage == STAGE_PUBLISHED && keep > 0);
    struct old_generation *old = NULL;
    size_t count = 0, removed = 0;
    int r = list_old(writer, &old, &count, ret_error);
    if (r < 0)
        return r;
    for (size_t i = keep - 1; i < count && r == 0; i++) {
        if (old[i].id == protected_id)
            continue;
        r = remove_old(writer, &old[i], ret_error);
        removed += r == 0;
    }
    free(old);
    *ret_removed = removed;
    return r < 0 ? error_prefix(ret_error, "%s", writer->root) : 0;
}
