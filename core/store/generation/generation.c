/* A published generation, read-only.
 *
 * Opening does not trust the folder: manifest (checksum, version), size of the file, number of keys
 * and samples of them are always checked. With `full` the bytes of the file are hashed before LMDB
 * sees them, because LMDB does not defend itself against damaged pages, and then all keys and
 * values in order. */
#include "generation.h"

#include "content_hash.h"
#include "core/base/check.h"
#include "core/feature/state/state.h"
#include "core/store/archive/file.h"
#include "generation_folder.h"
#include "generation_suspect.h"
#include "manifest.h"
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REBUILD "rebuild it from the archive"

struct generation {
    struct manifest manifest;
    struct tables tables;
    struct policy_file *files; /* pointing into the map */
    size_t file_count;
    struct list_table *lists;      /* NULL: taken */
    struct source_table *sources;  /* NULL: taken */
    struct thresholds *thresholds; /* NULL: none */
    bool bound, stateless;
};

struct generation_cursor {
    MDB_txn *transaction; /* its own: an LMDB transaction belongs to one thread */
    MDB_cursor *cursor;
    struct text key, value; /* found by a seek, and returned by the next call */
    bool is_pending, is_at_end;
};

void generation_close(struct generation *generation) {
    if (!generation)
        return;
    tables_close(&generation->tables);
    manifest_deinit(&generation->manifest);
    free(generation->files);
    list_table_free(generation->lists);
    source_table_free(generation->sources);
    thresholds_free(generation->thresholds);
    free(generation);
}

/* ---------------------------------------------------------------------------------------------
 * Opening */

/* A missing manifest is damage: ERROR_NOT_FOUND would mean that no generation is published. */
static int load_manifest(int directory, struct manifest *ret_manifest, struct error *ret_error) {
    char *bytes;
    size_t length;
    int r = file_load(directory, MANIFEST_FILE, MANIFEST_SIZE_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND || r == -ERROR_TOO_LARGE) {
        ret_error->code = ERROR_DAMAGED; /* ERROR_NOT_FOUND would say that there is no generation */
        return -ERROR_DAMAGED;
    }
    if (r < 0)
        return r;
    r = manifest_parse(bytes, length, ret_manifest, ret_error);
    free(bytes);
    return r < 0 ? error_prefix(ret_error, "%s", MANIFEST_FILE) : 0;
}

/* LMDB changes its file format with its minor version: 0.9 and 1.0 cannot read each other. */
static int check_lmdb(const struct manifest *manifest, struct error *ret_error) {
    int major, minor;
    mdb_version(&major, &minor, NULL);
    char *mine = name_printf("%d.%d.", major, minor);
    bool same = strncmp(manifest->lmdb, mine, strlen(mine)) == 0;
    free(mine);
    if (same)
        return 0;
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "%s: written by LMDB %s, which this LMDB %d.%d cannot read: " REBUILD,
                     MANIFEST_TABLES, manifest->lmdb, major, minor);
}

static int check_file(int directory, const struct manifest *manifest, bool full,
                      struct error *ret_error) {
    struct stat status;
    if (fstatat(directory, MANIFEST_TABLES, &status, 0) < 0)
        return errno == ENOENT
                   ? error_set(ret_error, ERROR_DAMAGED, "%s is missing: " REBUILD, MANIFEST_TABLES)
                   : error_set_errno(ret_error, errno, "%s: cannot stat", MANIFEST_TABLES);
    if ((uint64_t)status.st_size != manifest->file_size)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: %lld bytes, but the manifest says %" PRIu64 ": " REBUILD,
                         MANIFEST_TABLES, (long long)status.st_size, manifest->file_size);
    if (!full)
        return 0;
    uint64_t size, hash;
    int r = generation_folder_hash_file(directory, MANIFEST_TABLES, &size, &hash, ret_error);
    if (r == 0 && hash != manifest->file_hash)
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: its content has changed since it was published: " REBUILD,
                      MANIFEST_TABLES);
    return r;
}

/* Is this an entry that a table of ids may hold? */
static bool id_fits(struct text key, struct text value, uint64_t last_position) {
    uint64_t hash;
    struct known_id known;
    return id_key_get(key, &hash) && id_value_get(value, &known) && known.position > 0 &&
           known.position <= last_position;
}

enum { SAMPLES = 16 };

/* Checks the first and the last entry and SAMPLES between them, spread over the first byte of the
 * key. A cheap test that finds a file of other content, not one of a few damaged bytes. */
static int sample_table(const struct tables *tables, MDB_dbi table, const char *name,
                        bool (*fits)(void *user, struct text key, struct text value), void *user,
                        struct error *ret_error) {
    MDB_cursor *cursor;
    int r = mdb_cursor_open(tables->transaction, table, &cursor);
    if (r)
        return tables_error(ret_error, r, name);
    struct text key = {0}, value = {0};
    bool fit = !tables_step(cursor, MDB_FIRST, &key, &value) || fits(user, key, value);
    if (fit)
        fit = !tables_step(cursor, MDB_LAST, &key, &value) || fits(user, key, value);
    for (unsigned i = 0; i < SAMPLES && fit; i++) {
        char from = (char)(i * (256 / SAMPLES) + 8);
        key = (struct text){.data = &from, .length = 1};
        fit = !tables_step(cursor, MDB_SET_RANGE, &key, &value) || fits(user, key, value);
    }
    mdb_cursor_close(cursor);
    if (!fit)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: table \"%s\": an entry is damaged: " REBUILD, MANIFEST_TABLES, name);
    return 0;
}

static bool sample_baseline(void *user, struct text key, struct text value) {
    struct text group;
    uint64_t hash;
    double number;
    (void)user;
    return baseline_key_get(key, &hash, &group) && baseline_value_get(value, &number);
}

static bool sample_id(void *user, struct text key, struct text value) {
    return id_fits(key, value, *(const uint64_t *)user);
}

static bool sample_state(void *user, struct text key, struct text value) {
    struct error ignored;
    return key.length > 0 && state_check(value.data, value.length, user, &ignored) == 0;
}

static int load_files(struct generation *generation, struct error *ret_error) {
    MDB_stat status;
    MDB_cursor *cursor;
    int r = mdb_stat(generation->tables.transaction, generation->tables.policy, &status);
    if (r == 0)
        r = mdb_cursor_open(generation->tables.transaction, generation->tables.policy, &cursor);
    if (r)
        return tables_error(ret_error, r, CONTENT_POLICY_TABLE);
    generation->files = check_calloc(status.ms_entries, sizeof *generation->files);
    struct text key = {0}, value;
    bool fit = true;
    while (fit && generation->file_count < status.ms_entries &&
           tables_step(cursor, MDB_NEXT, &key, &value)) {
        fit = policy_value_get(value, &generation->files[generation->file_count]);
        generation->file_count += fit;
    }
    mdb_cursor_close(cursor);
    if (!fit || generation->file_count < status.ms_entries)
        return error_set(ret_error, ERROR_DAMAGED, "%s: table \"policy\" is damaged: " REBUILD,
                         MANIFEST_TABLES);
    return 0;
}

/* More than the largest set takes, decoded. */
#define THRESHOLDS_BYTES_MAX (8 * (size_t)THRESHOLD_SET_BYTES_MAX)

static int load_thresholds(struct generation *generation, struct error *ret_error) {
    struct text value;
    const struct tables *tables = &generation->tables;
    if (!tables->has_thresholds ||
        !tables_get(tables, tables->thresholds, TEXT_LITERAL(THRESHOLDS_KEY), &value))
        return 0;
    struct arena arena;
    struct threshold_set set;
    arena_init(&arena, THRESHOLDS_BYTES_MAX);
    int r = threshold_set_decode(value.data, value.length, &arena, &set, ret_error);
    if (r == 0)
        generation->thresholds = thresholds_new(&set);
    arena_deinit(&arena);
    if (r == 0)
        return 0;
    ret_error->code = ERROR_DAMAGED;
    return error_prefix(ret_error, "%s: table \"thresholds\": " REBUILD, MANIFEST_TABLES);
}

/* More than the largest part takes, decoded: texts are as long as their limits allow. */
#define LIST_PART_BYTES_MAX ((size_t)64 << 20)

static int restore_part(struct list_table *lists, struct text value, struct arena *arena,
                        struct error *ret_error) {
    struct list_part part;
    arena_reset(arena);
    int r = list_part_decode(value.data, value.length, arena, &part, ret_error);
    return r < 0 ? r : list_table_restore(lists, &part, ret_error);
}

static int restore_lists(const struct tables *tables, struct list_table *lists,
                         struct error *ret_error) {
    struct text key = {0}, value;
    struct arena arena;
    MDB_cursor *cursor;
    int r = mdb_cursor_open(tables->transaction, tables->lists, &cursor);
    if (r)
        return tables_error(ret_error, r, CONTENT_LISTS_TABLE);
    arena_init(&arena, LIST_PART_BYTES_MAX);
    while (r == 0 && tables_step(cursor, MDB_NEXT, &key, &value))
        r = restore_part(lists, value, &arena, ret_error);
    arena_deinit(&arena);
    mdb_cursor_close(cursor);
    if (r < 0)
        ret_error->code = ERROR_DAMAGED;
    return r < 0 ? error_prefix(ret_error, "%s: table \"lists\": " REBUILD, MANIFEST_TABLES) : 0;
}

static int load_lists(struct generation *generation, struct error *ret_error) {
    generation->lists = list_table_new();
    return generation->tables.has_lists
               ? restore_lists(&generation->tables, generation->lists, ret_error)
               : 0;
}

#define SOURCE_STATE_BYTES_MAX ((size_t)1 << 20) /* decoded; far more than it takes */

static int restore_source(struct source_table *sources, struct text value, struct arena *arena,
                          struct error *ret_error) {
    struct source_state state;
    arena_reset(arena);
    int r = source_state_decode(value.data, value.length, arena, &state, ret_error);
    return r < 0 ? r : source_table_restore(sources, &state, ret_error);
}

static int restore_sources(const struct tables *tables, struct source_table *sources,
                           struct error *ret_error) {
    struct text key = {0}, value;
    struct arena arena;
    MDB_cursor *cursor;
    int r = mdb_cursor_open(tables->transaction, tables->sources, &cursor);
    if (r)
        return tables_error(ret_error, r, CONTENT_SOURCES_TABLE);
    arena_init(&arena, SOURCE_STATE_BYTES_MAX);
    while (r == 0 && tables_step(cursor, MDB_NEXT, &key, &value))
        r = restore_source(sources, value, &arena, ret_error);
    arena_deinit(&arena);
    mdb_cursor_close(cursor);
    if (r < 0)
        ret_error->code = ERROR_DAMAGED;
    return r < 0 ? error_prefix(ret_error, "%s: table \"sources\": " REBUILD, MANIFEST_TABLES) : 0;
}

static int load_sources(struct generation *generation, struct error *ret_error) {
    generation->sources = source_table_new();
    return generation->tables.has_sources
               ? restore_sources(&generation->tables, generation->sources, ret_error)
               : 0;
}

static int check_content(const struct generation *generation, struct error *ret_error) {
    uint64_t state_hash, content_hash;
    const struct generation_manifest *manifest = &generation->manifest.generation;
    int r = tables_hash(&generation->tables, &generation->manifest, &state_hash, &content_hash,
                        ret_error);
    if (r == 0 && (state_hash != manifest->state_hash || content_hash != manifest->content_hash))
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: its content is not what was published: " REBUILD, MANIFEST_TABLES);
    return r;
}

static int open_tables(struct generation *generation, const char *path, bool full,
                       struct error *ret_error) {
    struct tables *tables = &generation->tables;
    uint64_t last = generation->manifest.generation.place.position;
    int r = tables_open(path, &generation->manifest, tables, ret_error);
    if (r == 0)
        r = tables_check_counts(tables, &generation->manifest, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", MANIFEST_TABLES);
    r = sample_table(tables, tables->ids, CONTENT_IDS_TABLE, sample_id, &last, ret_error);
    if (r == 0 && tables->has_baselines)
        r = sample_table(tables, tables->baselines, CONTENT_BASELINES_TABLE, sample_baseline, NULL,
                         ret_error);
    if (r == 0)
        r = load_files(generation, ret_error);
    if (r == 0)
        r = load_lists(generation, ret_error);
    if (r == 0)
        r = load_sources(generation, ret_error);
    if (r == 0)
        r = load_thresholds(generation, ret_error);
    if (r == 0 && full)
        r = check_content(generation, ret_error);
    return r;
}

/* Loads the manifest in this folder, which must be of the generation that the name of the folder
 * says. */
static int load_manifest_of(int directory, const char *folder, struct manifest *ret_manifest,
                            struct error *ret_error) {
    int r = load_manifest(directory, ret_manifest, ret_error);
    if (r < 0)
        return r;
    const struct generation_manifest *named = &ret_manifest->generation;
    char *expected = generation_folder_format(named->place.position, named->id);
    bool same = strcmp(expected, folder) == 0;
    free(expected);
    if (same)
        return 0;
    uint64_t position = ret_manifest->generation.place.position;
    manifest_deinit(ret_manifest);
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s belongs to another generation, at position %" PRIu64, MANIFEST_FILE,
                     position);
}

static int open_checked(struct generation *generation, const char *root, int directory,
                        const char *folder, bool full, struct error *ret_error) {
    int r = load_manifest_of(directory, folder, &generation->manifest, ret_error);
    if (r < 0)
        return r;
    r = check_lmdb(&generation->manifest, ret_error);
    if (r == 0)
        r = check_file(directory, &generation->manifest, full, ret_error);
    if (r < 0)
        return r;
    char *path = name_printf("%s/%s/%s", root, folder, MANIFEST_TABLES);
    r = open_tables(generation, path, full, ret_error);
    free(path);
    return r;
}

static int open_inside(const char *root, int directory, const char *folder,
                       struct error *ret_error) {
    int inside = openat(directory, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inside < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(ret_error, ERROR_DAMAGED, "%s/%s is missing: " REBUILD, root, folder);
    if (inside < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot open", root, folder);
    return inside;
}

static int open_folder(const char *root, int directory, const char *folder, bool full,
                       struct generation **ret_generation, struct error *ret_error) {
    int inside = open_inside(root, directory, folder, ret_error);
    if (inside < 0)
        return inside;
    struct generation *generation = check_calloc(1, sizeof *generation);
    bool is_suspect = generation_is_suspect(inside);
    int r = open_checked(generation, root, inside, folder, full || is_suspect, ret_error);
    if (r == 0 && is_suspect)
        generation_unsuspect(inside);
    close(inside);
    if (r < 0) {
        generation_close(generation);
        return error_prefix(ret_error, "%s/%s", root, folder);
    }
    *ret_generation = generation;
    return 0;
}

/* Opens root and reads the name of the folder that `current` points to. Returns the descriptor. */
static int open_root(const char *root, char *ret_folder, size_t size, struct error *ret_error) {
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s: no generation has been published yet",
                         root);
    if (directory < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", root);
    ssize_t length = readlinkat(directory, GENERATION_CURRENT, ret_folder, size - 1);
    int r = 0;
    ret_folder[length < 0 ? 0 : length] = '\0';
    if (length < 0 && errno == ENOENT)
        r = error_set(ret_error, ERROR_NOT_FOUND, "%s: no generation has been published yet", root);
    else if (length < 0 && errno != EINVAL)
        r = error_set_errno(ret_error, errno, "%s/%s: cannot read", root, GENERATION_CURRENT);
    else if (strncmp(ret_folder, "g-", 2) != 0 || strchr(ret_folder, '/'))
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s/%s is not a link to one of the generations beside it: " REBUILD, root,
                      GENERATION_CURRENT);
    if (r == 0)
        return directory;
    close(directory);
    return r;
}

int generation_open_current(const char *root, bool full, struct generation **ret_generation,
                            struct error *ret_error) {
    char folder[256];
    int directory = open_root(root, folder, sizeof folder, ret_error);
    if (directory < 0)
        return directory;
    int r = open_folder(root, directory, folder, full, ret_generation, ret_error);
    close(directory);
    return r;
}

int generation_current_manifest(const char *root, struct generation_manifest *ret_manifest,
                                struct error *ret_error) {
    char folder[256];
    int directory = open_root(root, folder, sizeof folder, ret_error);
    if (directory < 0)
        return directory;
    struct manifest manifest;
    int inside = open_inside(root, directory, folder, ret_error);
    close(directory);
    if (inside < 0)
        return inside;
    int r = load_manifest_of(inside, folder, &manifest, ret_error);
    close(inside);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", root, folder);
    *ret_manifest = manifest.generation;
    manifest_deinit(&manifest);
    return 0;
}

int generation_open(const char *root, const char *folder, bool full,
                    struct generation **ret_generation, struct error *ret_error) {
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", root);
    int r = open_folder(root, directory, folder, full, ret_generation, ret_error);
    close(directory);
    return r;
}

bool generation_look(const char *root, struct generation_mark *ret_mark) {
    struct stat status;
    char folder[256];
    char *path = name_printf("%s/%s", root, GENERATION_CURRENT);
    bool there = lstat(path, &status) == 0;
    ssize_t length = there ? readlink(path, folder, sizeof folder - 1) : -1;
    free(path);
    if (!there)
        return false;
    folder[length < 0 ? 0 : length] = '\0';
    uint64_t position, id = 0;
    generation_folder_parse(folder, &position, &id);
    *ret_mark = (struct generation_mark){
        .id = id,
        .inode = status.st_ino,
        .changed_ns = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec,
    };
    return true;
}

/* ---------------------------------------------------------------------------------------------
 * Reading */

char *generation_folder(const struct generation *generation) {
    const struct generation_manifest *manifest = &generation->manifest.generation;
    return generation_folder_format(manifest->place.position, manifest->id);
}

const struct generation_manifest *generation_manifest(const struct generation *generation) {
    return &generation->manifest.generation;
}

struct tally generation_tally(const struct generation *generation) {
    return generation->manifest.tally;
}

const struct policy_file *generation_files(const struct generation *generation, size_t *ret_count) {
    *ret_count = generation->file_count;
    return generation->files;
}

struct list_table *generation_take_lists(struct generation *generation) {
    struct list_table *lists = generation->lists;
    check(lists);
    generation->lists = NULL;
    return lists;
}

struct source_table *generation_take_sources(struct generation *generation) {
    struct source_table *sources = generation->sources;
    check(sources);
    generation->sources = NULL;
    return sources;
}

const struct thresholds *generation_thresholds(const struct generation *generation) {
    return generation->thresholds;
}

uint64_t generation_baseline_hash(uint64_t definition, struct text key) {
    return hash64(key.data, key.length, definition);
}

bool generation_baseline(const struct generation *generation, uint64_t definition, struct text key,
                         double *ret_value) {
    const struct tables *tables = &generation->tables;
    uint8_t bytes[BASELINE_KEY_MAX];
    struct text value;
    if (!tables->has_baselines)
        return false;
    size_t length = baseline_key_put(generation_baseline_hash(definition, key), key, bytes);
    if (!tables_get(tables, tables->baselines,
                    (struct text){.data = (const char *)bytes, .length = length}, &value))
        return false;
    check(baseline_value_get(value, ret_value));
    return true;
}

/* States are checked by sample here and not at opening: without a plan their bytes mean nothing. */
int generation_bind(struct generation *generation, const struct plan *plan,
                    struct error *ret_error) {
    const struct manifest *manifest = &generation->manifest;
    bool same =
        plan->id == manifest->generation.plan_id && plan->entity_count == manifest->entity_count;
    for (size_t i = 0; same && i < plan->entity_count; i++)
        same = text_is(plan->entities[i].name, manifest->entities[i].name);
    if (!same)
        return error_set(ret_error, ERROR_INVALID,
                         "generation %016" PRIx64 " was built with plan %016" PRIx64
                         ", not with %016" PRIx64,
                         manifest->generation.id, manifest->generation.plan_id, plan->id);
    for (size_t i = 0; i < plan->entity_count; i++) {
        int r =
            sample_table(&generation->tables, generation->tables.states[i],
                         manifest->entities[i].name, sample_state, &plan->entities[i], ret_error);
        if (r < 0)
            return r;
    }
    generation->bound = true;
    return 0;
}

void generation_bind_without_states(struct generation *generation) {
    generation->bound = generation->stateless = true;
}

bool generation_has_plan(const struct generation *generation, const struct plan *plan) {
    return generation->stateless || generation->manifest.generation.plan_id == plan->id;
}

struct text generation_state(const struct generation *generation, size_t entity, struct text key) {
    struct text state;
    if (generation->stateless)
        return (struct text){0};
    check(generation->bound && entity < generation->tables.entity_count);
    if (!tables_get(&generation->tables, generation->tables.states[entity], key, &state))
        return (struct text){0};
    return state;
}

bool generation_find_id(const struct generation *generation, uint64_t id_hash,
                        struct known_id *ret_known) {
    uint8_t key[ID_KEY_SIZE];
    id_key_put(id_hash, key);
    struct text value;
    if (!tables_get(&generation->tables, generation->tables.ids,
                    (struct text){.data = (const char *)key, .length = sizeof key}, &value))
        return false;
    check(id_value_get(value, ret_known));
    return true;
}

static struct generation_cursor *cursor_open(const struct generation *generation, MDB_dbi table) {
    struct generation_cursor *cursor = check_calloc(1, sizeof *cursor);
    check(mdb_txn_begin(generation->tables.environment, NULL, MDB_RDONLY, &cursor->transaction) ==
          0);
    check(mdb_cursor_open(cursor->transaction, table, &cursor->cursor) == 0);
    return cursor;
}

static struct generation_cursor *cursor_open_empty(void) {
    struct generation_cursor *cursor = check_calloc(1, sizeof *cursor);
    cursor->is_at_end = true;
    return cursor;
}

struct generation_cursor *generation_cursor_open(const struct generation *generation,
                                                 size_t entity) {
    if (generation->stateless)
        return cursor_open_empty();
    check(generation->bound && entity < generation->tables.entity_count);
    return cursor_open(generation, generation->tables.states[entity]);
}

struct generation_cursor *generation_cursor_open_baselines(const struct generation *generation) {
    return generation->tables.has_baselines ? cursor_open(generation, generation->tables.baselines)
                                            : NULL;
}

struct generation_cursor *generation_cursor_open_ids(const struct generation *generation) {
    return cursor_open(generation, generation->tables.ids);
}

/* LMDB finds the key itself, so a seek keeps it for the first call of next(). An empty key means
 * the first one. */
void generation_cursor_seek(struct generation_cursor *cursor, struct text key) {
    if (!cursor->cursor) /* it is empty */
        return;
    cursor->key = key;
    cursor->is_pending = tables_step(cursor->cursor, key.length ? MDB_SET_RANGE : MDB_FIRST,
                                     &cursor->key, &cursor->value);
    cursor->is_at_end = !cursor->is_pending;
}

bool generation_cursor_next(struct generation_cursor *cursor, struct text *ret_key,
                            struct text *ret_value) {
    struct text key = {0}, value = {0};
    if (cursor->is_at_end)
        return false;
    if (cursor->is_pending) {
        cursor->is_pending = false;
        *ret_key = cursor->key;
        *ret_value = cursor->value;
        return true;
    }
    if (!tables_step(cursor->cursor, MDB_NEXT, &key, &value))
        return false;
    *ret_key = key;
    *ret_value = value;
    return true;
}

void generation_cursor_seek_id(struct generation_cursor *cursor, uint64_t id_hash) {
    uint8_t key[ID_KEY_SIZE];
    id_key_put(id_hash, key);
    generation_cursor_seek(cursor, (struct text){.data = (const char *)key, .length = sizeof key});
}

bool generation_cursor_next_id(struct generation_cursor *cursor, uint64_t *ret_id_hash,
                               struct known_id *ret_known) {
    struct text key, value;
    if (!generation_cursor_next(cursor, &key, &value))
        return false;
    check(id_key_get(key, ret_id_hash) && id_value_get(value, ret_known));
    return true;
}

bool generation_cursor_next_baseline(struct generation_cursor *cursor, uint64_t *ret_hash,
                                     struct text *ret_key, double *ret_value) {
    struct text key, value;
    if (!generation_cursor_next(cursor, &key, &value))
        return false;
    check(baseline_key_get(key, ret_hash, ret_key) && baseline_value_get(value, ret_value));
    return true;
}

void generation_cursor_close(struct generation_cursor *cursor) {
    if (!cursor)
        return;
    mdb_cursor_close(cursor->cursor);
    mdb_txn_abort(cursor->transaction);
    free(cursor);
}
