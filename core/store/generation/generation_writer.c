/* Building a generation: a bulk load in key order into a fresh LMDB file, which is then synced and
 * read back. generation_publish.c continues from there.
 *
 *   PATH/lock    held by the one builder
 *   PATH/.new/   what is being built; anything found there by a later run is left from a crash
 *
 * Nothing is synced before the end: a crash until then costs a rebuild and nothing else. */
#include "generation_writer.h"

#include "content_hash.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "generation_folder.h"
#include "generation_writer_internal.h"
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HASH_CHUNK_BYTES (UINT64_C(16) << 20) /* read back by one check */

/* The checks of the finished tables; from CHECK_HASH_CHUNKS on, one for each chunk. */
enum { CHECK_SYNC, CHECK_FILE, CHECK_COUNTS, CHECK_HASH_CHUNKS };

static int make_tables(struct generation_writer *writer, struct error *ret_error) {
    struct bulk_load *load = &writer->load;
    char *path = name_printf("%s/%s/%s", writer->root, GENERATION_NEW_FOLDER, MANIFEST_TABLES);
    int r = bulk_load_open(load, path, TABLES_MAX, ret_error);
    free(path);
    for (size_t i = 0; i < writer->plan->entity_count && r == 0; i++)
        r = bulk_load_table(load, writer->names.states[i].data, &writer->states[i], ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_IDS_TABLE, &writer->ids, ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_LISTS_TABLE, &writer->lists, ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_THRESHOLDS_TABLE, &writer->thresholds, ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_BASELINES_TABLE, &writer->baselines, ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_SOURCES_TABLE, &writer->sources, ret_error);
    if (r == 0)
        r = bulk_load_table(load, CONTENT_POLICY_TABLE, &writer->policy, ret_error);
    return r;
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
    r = generation_remove_leftovers(writer->directory, ret_error);
    if (r == 0)
        r = directory_make(writer->directory, GENERATION_NEW_FOLDER, &writer->inside, ret_error);
    if (r == 0)
        r = make_tables(writer, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", writer->root) : 0;
}

int generation_writer_open(const char *root, const struct plan *plan,
                           struct generation_writer **ret_writer, struct error *ret_error) {
    check(plan->entity_count <= PLAN_ENTITIES_MAX);
    struct generation_writer *writer = check_calloc(1, sizeof *writer);
    writer->root = text_copy(text_of(root));
    writer->directory = writer->lock = writer->inside = -1;
    writer->plan = plan;
    writer->hash_chunks = hash_chunks_new(HASH_CHUNK_BYTES);
    for (size_t i = 0; i < plan->entity_count; i++) {
        writer->manifest.entities[i].name = text_copy(plan->entities[i].name);
    }
    writer->manifest.entity_count = plan->entity_count;
    generation_names_init(&writer->names, plan);
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
    bulk_load_close(&writer->load);
    struct error ignored; /* the next writer tries again */
    if (writer->inside >= 0) {
        close(writer->inside);
        generation_folder_remove(writer->directory, GENERATION_NEW_FOLDER, &ignored);
    }
    if (writer->directory >= 0)
        close(writer->directory);
    if (writer->lock >= 0)
        close(writer->lock);
    hash_chunks_free(writer->hash_chunks);
    free(writer->checked);
    generation_names_deinit(&writer->names);
    manifest_deinit(&writer->manifest);
    free(writer->root);
    free(writer);
}

int generation_writer_scratch_file(struct generation_writer *writer, struct error *ret_error) {
    static const char prefix[] = ".scratch-XXXXXX";
    char *path = name_printf("%s/%s/%s", writer->root, GENERATION_NEW_FOLDER, prefix);
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        file = error_set_errno(ret_error, errno, "%s/%s: cannot create a scratch file",
                               writer->root, GENERATION_NEW_FOLDER);
    else
        unlink(path);
    free(path);
    return file;
}

/* Every entry goes into the table and into the hash of what should be in the table: reading back
 * compares the two. */
static int put(struct generation_writer *writer, MDB_dbi table, struct text name, struct text key,
               struct text value, struct error *ret_error) {
    int r = bulk_load_put(&writer->load, table, key, value, ret_error);
    if (r == 0)
        hash_chunks_add(writer->hash_chunks, name, key, value);
    return r;
}

static int check_key(const struct generation_writer *writer, size_t entity, struct text key,
                     struct error *ret_error) {
    if (key.length > 0 && key.length <= GENERATION_KEY_MAX)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "a key of entity \"%s\" has %zu bytes; expected 1 to %d",
                     writer->manifest.entities[entity].name, key.length, GENERATION_KEY_MAX);
}

int generation_writer_state(struct generation_writer *writer, size_t entity, struct text key,
                            struct text state, struct error *ret_error) {
    check(writer->stage == STAGE_STATES && entity >= writer->entity &&
          entity < writer->plan->entity_count);
    int r = check_key(writer, entity, key, ret_error);
    if (r < 0)
        return r;
    writer->entity = entity;
    r = put(writer, writer->states[entity], writer->names.states[entity], key, state, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    writer->manifest.entities[entity].states++;
    writer->manifest.generation.states++;
    return 0;
}

uint64_t generation_writer_states(const struct generation_writer *writer) {
    return writer->manifest.generation.states;
}

/* The hash of the states alone is taken when the last one is in: it is what overlay_hash() gives
 * for the same states. */
static void end_states(struct generation_writer *writer) {
    if (writer->stage != STAGE_STATES)
        return;
    writer->manifest.generation.state_hash = hash_chunks_hash(writer->hash_chunks);
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
    int r = put(writer, writer->ids, TEXT_LITERAL(CONTENT_IDS_TABLE), key, value, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    writer->manifest.generation.ids++;
    return 0;
}

/* ---- in large pieces: the layout is that of the content hash ---- */

/* Puts entries into the table. *ret_count, *ret_first: their number, and the key of the first one.
 */
static int put_entries(struct generation_writer *writer, size_t entity, const uint8_t *entries,
                       size_t length, uint64_t *ret_count, struct text *ret_first,
                       struct error *ret_error) {
    bool are_ids = entity == writer->plan->entity_count;
    MDB_dbi table = are_ids ? writer->ids : writer->states[entity];
    int r = 0;
    *ret_count = 0;
    for (const uint8_t *at = entries, *end = entries + length; at < end && r == 0;) {
        struct text name, key, value;
        at = content_hash_next(at, &name, &key, &value);
        if (*ret_count == 0)
            *ret_first = key;
        r = are_ids ? 0 : check_key(writer, entity, key, ret_error);
        if (r == 0)
            r = bulk_load_put(&writer->load, table, key, value, ret_error);
        ++*ret_count;
    }
    return r < 0 ? error_prefix(ret_error, "%s", writer->root) : 0;
}

int generation_writer_entries(struct generation_writer *writer, size_t entity,
                              const uint8_t *entries, size_t length, struct error *ret_error) {
    bool are_ids = entity == writer->plan->entity_count;
    struct generation_manifest *manifest = &writer->manifest.generation;
    uint64_t count;
    struct text first;
    check(entity >= writer->entity && entity <= writer->plan->entity_count);
    if (are_ids)
        end_states(writer);
    check(writer->stage == (are_ids ? STAGE_IDS : STAGE_STATES));
    int r = put_entries(writer, entity, entries, length, &count, &first, ret_error);
    if (r < 0 || count == 0)
        return r;
    writer->entity = entity;
    hash_chunks_add_many(writer->hash_chunks,
                         are_ids ? TEXT_LITERAL(CONTENT_IDS_TABLE) : writer->names.states[entity],
                         first, count, entries, length);
    *(are_ids ? &manifest->ids : &manifest->states) += count;
    if (!are_ids)
        writer->manifest.entities[entity].states += count;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Finishing */

struct putting {
    struct generation_writer *writer;
    uint32_t count;
    struct error *error;
};

/* The next entry of a table whose keys are numbers. */
static int put_next(struct putting *putting, MDB_dbi table, struct text name, struct text value) {
    uint8_t key_bytes[LIST_KEY_SIZE];
    list_key_put(putting->count++, key_bytes);
    struct text key = {.data = (const char *)key_bytes, .length = sizeof key_bytes};
    return put(putting->writer, table, name, key, value, putting->error);
}

static int put_list_part(void *user, const struct list_part *part) {
    struct putting *putting = user;
    struct buffer buffer;
    buffer_init(&buffer);
    list_part_encode(part, &buffer);
    int r = put_next(putting, putting->writer->lists, TEXT_LITERAL(CONTENT_LISTS_TABLE),
                     buffer_text(&buffer));
    buffer_deinit(&buffer);
    return r;
}

static int put_lists(struct generation_writer *writer, const struct list_table *lists,
                     struct error *ret_error) {
    struct putting putting = {.writer = writer, .error = ret_error};
    return lists ? list_table_visit(lists, put_list_part, &putting) : 0;
}

static int put_source(void *user, const struct source_state *state) {
    struct putting *putting = user;
    struct buffer buffer;
    buffer_init(&buffer);
    source_state_encode(state, &buffer);
    int r = put_next(putting, putting->writer->sources, TEXT_LITERAL(CONTENT_SOURCES_TABLE),
                     buffer_text(&buffer));
    buffer_deinit(&buffer);
    return r;
}

static int put_sources(struct generation_writer *writer, const struct source_table *sources,
                       struct error *ret_error) {
    struct putting putting = {.writer = writer, .error = ret_error};
    return sources ? source_table_visit(sources, put_source, &putting) : 0;
}

static int put_thresholds(struct generation_writer *writer, const struct threshold_set *set,
                          struct error *ret_error) {
    if (!set || threshold_set_is_empty(set))
        return 0;
    struct buffer buffer;
    buffer_init(&buffer);
    threshold_set_encode(set, &buffer);
    struct text key = TEXT_LITERAL(THRESHOLDS_KEY);
    struct text value = {.data = (const char *)buffer.bytes, .length = buffer.length};
    int r = put(writer, writer->thresholds, TEXT_LITERAL(CONTENT_THRESHOLDS_TABLE), key, value,
                ret_error);
    buffer_deinit(&buffer);
    return r;
}

int generation_writer_baseline(struct generation_writer *writer, uint64_t hash, struct text key,
                               double value, struct error *ret_error) {
    uint8_t key_bytes[BASELINE_KEY_MAX], value_bytes[BASELINE_VALUE_SIZE];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    store_u64(value_bytes, bits);
    return put(writer, writer->baselines, TEXT_LITERAL(CONTENT_BASELINES_TABLE),
               (struct text){.data = (const char *)key_bytes,
                             .length = baseline_key_put(hash, key, key_bytes)},
               (struct text){.data = (const char *)value_bytes, .length = sizeof value_bytes},
               ret_error);
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
        r = put(writer, writer->policy, TEXT_LITERAL(CONTENT_POLICY_TABLE), key, value, ret_error);
    }
    buffer_deinit(&buffer);
    return r;
}

static void describe(struct generation_writer *writer,
                     const struct generation_description *description) {
    struct generation_manifest *manifest = &writer->manifest.generation;
    manifest->place = description->place;
    manifest->plan_id = writer->plan->id;
    manifest->snapshot_id = description->snapshot->snapshot_id;
    manifest->adopted_id = description->adopted_id;
    manifest->epoch = description->epoch;
    manifest->ids_from = description->ids_from;
    manifest->ids_since_us = description->ids_since_us;
    manifest->id_days = description->id_days;
    manifest->content_hash = hash_chunks_hash(writer->hash_chunks);
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
    int r = put_lists(writer, description->lists, ret_error);
    if (r == 0)
        r = put_thresholds(writer, description->thresholds, ret_error);
    if (r == 0 && description->put_baselines)
        r = description->put_baselines(description->baselines_user, writer, ret_error);
    if (r == 0)
        r = put_sources(writer, description->sources, ret_error);
    if (r == 0)
        r = put_files(writer, description->snapshot, ret_error);
    if (r == 0)
        r = bulk_load_commit(&writer->load, ret_error);
    bulk_load_close(&writer->load);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    describe(writer, description);
    writer->checked = check_calloc(CHECK_HASH_CHUNKS + hash_chunks_count(writer->hash_chunks),
                                   sizeof *writer->checked);
    writer->stage = STAGE_FINISHED;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Checks */

size_t generation_writer_checks(const struct generation_writer *writer) {
    check(writer->stage == STAGE_FINISHED);
    return CHECK_HASH_CHUNKS + hash_chunks_count(writer->hash_chunks);
}

/* mdb_env_sync() would need the environment, which is closed: fsync() on the file does the same. */
static int sync_tables(struct generation_writer *writer, struct error *ret_error) {
    int file = openat(writer->inside, MANIFEST_TABLES, O_RDONLY | O_CLOEXEC);
    int r = 0;
    if (file < 0 || fsync(file) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync the tables", writer->root);
    if (file >= 0)
        close(file);
    return r;
}

static int check_counts(const struct generation_writer *writer, const struct tables *tables,
                        struct error *ret_error) {
    static const char *const others[] = {CONTENT_IDS_TABLE, CONTENT_LISTS_TABLE,
                                         CONTENT_THRESHOLDS_TABLE, CONTENT_POLICY_TABLE};
    int r = tables_check_counts(tables, &writer->manifest, ret_error);
    for (size_t i = 0; i < writer->manifest.entity_count && r == 0; i++)
        r = hash_chunks_check_count(writer->hash_chunks, writer->names.states[i].data, tables,
                                    ret_error);
    for (size_t i = 0; i < sizeof others / sizeof *others && r == 0; i++)
        r = hash_chunks_check_count(writer->hash_chunks, others[i], tables, ret_error);
    return r;
}

/* Reads the finished file as a server will, with an environment of its own: several checks may run
 * at once. */
static int check_tables(struct generation_writer *writer, size_t index, struct error *ret_error) {
    char *path = name_printf("%s/%s/%s", writer->root, GENERATION_NEW_FOLDER, MANIFEST_TABLES);
    struct tables tables = {0};
    int r = tables_open(path, &writer->manifest, &tables, ret_error);
    free(path);
    if (r == 0)
        r = index == CHECK_COUNTS
                ? check_counts(writer, &tables, ret_error)
                : hash_chunks_check(writer->hash_chunks, index - CHECK_HASH_CHUNKS, &tables,
                                    ret_error);
    tables_close(&tables);
    return r;
}

int generation_writer_check(struct generation_writer *writer, size_t index,
                            struct error *ret_error) {
    check(index < generation_writer_checks(writer));
    int r;
    if (index == CHECK_SYNC) {
        r = sync_tables(writer, ret_error);
    } else {
        r = index == CHECK_FILE
                ? generation_folder_hash_file(writer->inside, MANIFEST_TABLES,
                                              &writer->manifest.file_size,
                                              &writer->manifest.file_hash, ret_error)
                : check_tables(writer, index, ret_error);
        if (r < 0)
            error_prefix(ret_error, "%s: the tables do not read back as they were written",
                         writer->root);
    }
    writer->checked[index] = r == 0;
    return r;
}
