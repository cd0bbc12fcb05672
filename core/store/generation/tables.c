/* Errors of LMDB become ours in tables_error(). After opening, an error of a read ends the process
 * instead: a table that was whole then has been damaged since, and nothing sensible can be decided
 * on it. */
#include "tables.h"

#include "content_hash.h"
#include "core/base/check.h"
#include "generation_suspect.h"

#include <inttypes.h>
#include <stdlib.h>

int tables_error(struct error *ret_error, int returned, const char *what) {
    if (returned > 0) /* errno's */
        return error_set_errno(ret_error, returned, "%s", what);
    if (returned == MDB_VERSION_MISMATCH)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "%s: written by another version of LMDB than this %s: rebuild it from the "
                         "archive",
                         what, mdb_version(NULL, NULL, NULL));
    enum error_code code = returned == MDB_INVALID || returned == MDB_CORRUPTED ||
                                   returned == MDB_PAGE_NOTFOUND || returned == MDB_NOTFOUND ||
                                   returned == MDB_INCOMPATIBLE
                               ? ERROR_DAMAGED
                               : ERROR_INTERNAL;
    return error_set(ret_error, code, "%s: %s", what, mdb_strerror(returned));
}

static int open_states(struct tables *tables, const struct manifest *manifest,
                       struct error *ret_error) {
    for (size_t i = 0; i < manifest->entity_count; i++) {
        char *name = content_hash_state_table(text_of(manifest->entities[i].name));
        int r = mdb_dbi_open(tables->transaction, name, 0, &tables->states[i]);
        if (r)
            r = tables_error(ret_error, r, name);
        free(name);
        if (r)
            return r;
    }
    tables->entity_count = manifest->entity_count;
    return 0;
}

static int open_environment(struct tables *tables, const char *path, struct error *ret_error) {
    int r = mdb_env_create(&tables->environment);
    if (r == 0)
        r = mdb_env_set_maxdbs(tables->environment, TABLES_MAX);
    if (r == 0)
        r = mdb_env_open(tables->environment, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR, 0);
    if (r == 0)
        r = mdb_txn_begin(tables->environment, NULL, MDB_RDONLY, &tables->transaction);
    return r ? tables_error(ret_error, r, "cannot open the tables") : 0;
}

/* A table handle belongs to the transaction that opened it until that is committed; then every
 * transaction may use it. */
static int keep_handles(struct tables *tables, struct error *ret_error) {
    int r = mdb_txn_commit(tables->transaction);
    tables->transaction = NULL;
    if (r == 0)
        r = mdb_txn_begin(tables->environment, NULL, MDB_RDONLY, &tables->transaction);
    return r ? tables_error(ret_error, r, "cannot open the tables") : 0;
}

/* Generations of earlier versions lack some tables; they count as empty. */
static int open_optional(struct tables *tables, const char *name, MDB_dbi *ret_table, bool *ret_has,
                         struct error *ret_error) {
    int r = mdb_dbi_open(tables->transaction, name, 0, ret_table);
    if (r && r != MDB_NOTFOUND)
        return tables_error(ret_error, r, name);
    *ret_has = r == 0;
    return 0;
}

int tables_open(const char *path, const struct manifest *manifest, struct tables *ret_tables,
                struct error *ret_error) {
    struct tables tables = {0};
    int r = open_environment(&tables, path, ret_error);
    if (r == 0)
        r = open_states(&tables, manifest, ret_error);
    if (r == 0) {
        r = mdb_dbi_open(tables.transaction, CONTENT_IDS_TABLE, 0, &tables.ids);
        if (r == 0)
            r = mdb_dbi_open(tables.transaction, CONTENT_POLICY_TABLE, 0, &tables.policy);
        if (r)
            r = tables_error(ret_error, r, "cannot open the tables \"ids\" and \"policy\"");
    }
    if (r == 0)
        r = open_optional(&tables, CONTENT_LISTS_TABLE, &tables.lists, &tables.has_lists,
                          ret_error);
    if (r == 0)
        r = open_optional(&tables, CONTENT_THRESHOLDS_TABLE, &tables.thresholds,
                          &tables.has_thresholds, ret_error);
    if (r == 0)
        r = open_optional(&tables, CONTENT_BASELINES_TABLE, &tables.baselines,
                          &tables.has_baselines, ret_error);
    if (r == 0)
        r = open_optional(&tables, CONTENT_SOURCES_TABLE, &tables.sources, &tables.has_sources,
                          ret_error);
    if (r == 0)
        r = keep_handles(&tables, ret_error);
    if (r < 0) {
        tables_close(&tables);
        return r;
    }
    *ret_tables = tables;
    return 0;
}

void tables_close(struct tables *tables) {
    if (tables->transaction)
        mdb_txn_abort(tables->transaction);
    if (tables->environment)
        mdb_env_close(tables->environment);
    *tables = (struct tables){0};
}

static MDB_val to_lmdb(struct text text) {
    return (MDB_val){.mv_size = text.length, .mv_data = (void *)(uintptr_t)text.data};
}

static struct text from_lmdb(MDB_val value) {
    return (struct text){.data = value.mv_data, .length = value.mv_size};
}

static _Noreturn void give_up(MDB_txn *transaction, int returned) {
    const char *path = "";
    mdb_env_get_path(mdb_txn_env(transaction), &path);
    generation_give_up(path, mdb_strerror(returned));
}

bool tables_get(const struct tables *tables, MDB_dbi table, struct text key,
                struct text *ret_value) {
    MDB_val found, wanted = to_lmdb(key);
    int r = mdb_get(tables->transaction, table, &wanted, &found);
    if (r == MDB_NOTFOUND || r == MDB_BAD_VALSIZE) /* the latter: longer than any stored key */
        return false;
    if (r != 0)
        give_up(tables->transaction, r);
    *ret_value = from_lmdb(found);
    return true;
}

bool tables_step(MDB_cursor *cursor, MDB_cursor_op operation, struct text *ret_key,
                 struct text *ret_value) {
    MDB_val key = to_lmdb(*ret_key), value;
    int r = mdb_cursor_get(cursor, &key, &value, operation);
    if (r == MDB_NOTFOUND)
        return false;
    if (r != 0)
        give_up(mdb_cursor_txn(cursor), r);
    *ret_key = from_lmdb(key);
    *ret_value = from_lmdb(value);
    return true;
}

static int check_count(const struct tables *tables, MDB_dbi table, const char *name,
                       uint64_t expected, struct error *ret_error) {
    MDB_stat status;
    int r = mdb_stat(tables->transaction, table, &status);
    if (r)
        return tables_error(ret_error, r, name);
    if (status.ms_entries != expected)
        return error_set(ret_error, ERROR_DAMAGED, "%s: %zu keys, but the manifest says %" PRIu64,
                         name, status.ms_entries, expected);
    return 0;
}

int tables_check_counts(const struct tables *tables, const struct manifest *manifest,
                        struct error *ret_error) {
    uint64_t states = 0;
    for (size_t i = 0; i < manifest->entity_count; i++) {
        int r = check_count(tables, tables->states[i], manifest->entities[i].name,
                            manifest->entities[i].states, ret_error);
        if (r < 0)
            return r;
        states += manifest->entities[i].states;
    }
    if (states != manifest->generation.states)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%" PRIu64 " states in all, but the manifest says %" PRIu64, states,
                         manifest->generation.states);
    return check_count(tables, tables->ids, CONTENT_IDS_TABLE, manifest->generation.ids, ret_error);
}

static int hash_table(const struct tables *tables, MDB_dbi table, const char *name,
                      struct hash_stream *stream, struct error *ret_error) {
    MDB_cursor *cursor;
    int r = mdb_cursor_open(tables->transaction, table, &cursor);
    if (r)
        return tables_error(ret_error, r, name);
    MDB_val key, value;
    while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        content_hash_add(stream, text_of(name), from_lmdb(key), from_lmdb(value));
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND ? 0 : tables_error(ret_error, r, name);
}

/* In the order in which the writer put them: states, ids, lists, thresholds, baselines, sources,
 * policy. The hash after the states alone is the state hash. */
int tables_hash(const struct tables *tables, const struct manifest *manifest,
                uint64_t *ret_state_hash, uint64_t *ret_content_hash, struct error *ret_error) {
    struct hash_stream *stream = hash_stream_new();
    int r = 0;
    for (size_t i = 0; i < tables->entity_count && r == 0; i++) {
        char *name = content_hash_state_table(text_of(manifest->entities[i].name));
        r = hash_table(tables, tables->states[i], name, stream, ret_error);
        free(name);
    }
    uint64_t state_hash = hash_stream_value(stream);
    if (r == 0)
        r = hash_table(tables, tables->ids, CONTENT_IDS_TABLE, stream, ret_error);
    if (r == 0 && tables->has_lists)
        r = hash_table(tables, tables->lists, CONTENT_LISTS_TABLE, stream, ret_error);
    if (r == 0 && tables->has_thresholds)
        r = hash_table(tables, tables->thresholds, CONTENT_THRESHOLDS_TABLE, stream, ret_error);
    if (r == 0 && tables->has_baselines)
        r = hash_table(tables, tables->baselines, CONTENT_BASELINES_TABLE, stream, ret_error);
    if (r == 0 && tables->has_sources)
        r = hash_table(tables, tables->sources, CONTENT_SOURCES_TABLE, stream, ret_error);
    if (r == 0)
        r = hash_table(tables, tables->policy, CONTENT_POLICY_TABLE, stream, ret_error);
    if (r == 0) {
        *ret_state_hash = state_hash;
        *ret_content_hash = hash_stream_value(stream);
    }
    hash_stream_free(stream);
    return r;
}
