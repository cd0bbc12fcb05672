/* Sizes are in bytes of the file. An entry's cost is an upper bound (entry_cost()), so the map is
 * always large enough; what is reserved too much is address space only. */
#include "bulk_load.h"

#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define BATCH_BYTES (UINT64_C(16) << 20) /* of one LMDB write transaction */
#define MAP_SLACK   (UINT64_C(8) << 20)  /* roots, free lists, copied paths to the last leaf */
#define BEGIN_BYTES (UINT64_C(4) << 20)  /* that the system is asked to write at a time */

/* Starts write-back early, so that the final sync has little left to do. One piece is waited for
 * before the next is started: with more under way, every other sync on the same disk waits for all
 * of it, and that is the archive of a server beside this. Failures are ignored: the sync reports
 * them. */
static void begin_writing(struct bulk_load *load) {
    MDB_envinfo status;
    int descriptor;
    mdb_env_info(load->environment, &status);
    uint64_t end = (uint64_t)status.me_last_pgno * load->page_size;
    if (end < load->begun + BEGIN_BYTES || mdb_env_get_fd(load->environment, &descriptor))
        return;
    if (load->begun > load->written)
        sync_file_range(descriptor, (off_t)load->written, (off_t)(load->begun - load->written),
                        SYNC_FILE_RANGE_WAIT_BEFORE);
    sync_file_range(descriptor, (off_t)load->begun, (off_t)(end - load->begun),
                    SYNC_FILE_RANGE_WRITE);
    load->written = load->begun;
    load->begun = end;
}

int bulk_load_commit(struct bulk_load *load, struct error *ret_error) {
    if (!load->transaction)
        return 0;
    if (load->cursor)
        mdb_cursor_close(load->cursor);
    load->cursor = NULL;
    int r = mdb_txn_commit(load->transaction);
    load->transaction = NULL;
    if (r == EIO) /* LMDB returns it for a short write too */
        return error_set(ret_error, ERROR_SYSTEM,
                         "cannot write the tables: only part of them was written: No space left on "
                         "device, a limit on the size of files, or an I/O error");
    if (r)
        return tables_error(ret_error, r, "cannot write the tables");
    begin_writing(load);
    return 0;
}

/* Enlarges the map for `bytes` more; no transaction is open. It at least doubles: LMDB maps the
 * file anew each time. */
static int grow_map(struct bulk_load *load, uint64_t bytes, struct error *ret_error) {
    MDB_envinfo status;
    mdb_env_info(load->environment, &status);
    uint64_t needed = ((uint64_t)status.me_last_pgno + 1) * load->page_size + bytes + MAP_SLACK;
    if (needed <= status.me_mapsize)
        return 0;
    if (needed < 2 * (uint64_t)status.me_mapsize)
        needed = 2 * (uint64_t)status.me_mapsize;
    needed = (needed + MAP_SLACK - 1) / MAP_SLACK * MAP_SLACK;
    int r = mdb_env_set_mapsize(load->environment, (size_t)needed);
    if (r == 0)
        return 0;
    char what[96];
    snprintf(what, sizeof what,
             "cannot enlarge the map of the tables to %" PRIu64 " MiB of address space",
             needed >> 20);
    return tables_error(ret_error, r, what);
}

static int begin(struct bulk_load *load, uint64_t bytes, struct error *ret_error) {
    uint64_t room = bytes > BATCH_BYTES ? bytes : BATCH_BYTES;
    int r = grow_map(load, room, ret_error);
    if (r < 0)
        return r;
    r = mdb_txn_begin(load->environment, NULL, 0, &load->transaction);
    load->batch_left = room;
    return r ? tables_error(ret_error, r, "cannot write the tables") : 0;
}

/* The most that an entry can take in the file. Appended entries leave at worst half of each leaf
 * page empty, and a branch entry for each leaf comes on top; a large value has overflow pages of
 * its own. */
static uint64_t entry_cost(const struct bulk_load *load, size_t key, size_t value) {
    uint64_t overhead = 32, leaf = 3 * (key + overhead);
    if (value < load->page_size / 4)
        return leaf + 3 * (uint64_t)value;
    return leaf + value + 2 * load->page_size + load->page_size;
}

int bulk_load_put(struct bulk_load *load, MDB_dbi table, struct text key, struct text value,
                  struct error *ret_error) {
    uint64_t cost = entry_cost(load, key.length, value.length);
    int r = 0;
    if (!load->transaction || cost > load->batch_left) {
        r = bulk_load_commit(load, ret_error);
        if (r == 0)
            r = begin(load, cost, ret_error);
        if (r < 0)
            return r;
    }
    load->batch_left -= cost;
    if (load->cursor && load->cursor_table != table) {
        mdb_cursor_close(load->cursor);
        load->cursor = NULL;
    }
    if (!load->cursor) {
        r = mdb_cursor_open(load->transaction, table, &load->cursor);
        load->cursor_table = table;
    }
    MDB_val lmdb_key = {.mv_size = key.length, .mv_data = (void *)(uintptr_t)key.data};
    MDB_val lmdb_value = {.mv_size = value.length, .mv_data = (void *)(uintptr_t)value.data};
    if (r == 0)
        r = mdb_cursor_put(load->cursor, &lmdb_key, &lmdb_value, MDB_APPEND);
    if (r == MDB_KEYEXIST)
        return error_set(ret_error, ERROR_INTERNAL,
                         "cannot write the tables: a key does not follow the previous one");
    return r ? tables_error(ret_error, r, "cannot write the tables") : 0;
}

int bulk_load_table(struct bulk_load *load, const char *name, MDB_dbi *ret_table,
                    struct error *ret_error) {
    int r = mdb_dbi_open(load->transaction, name, MDB_CREATE, ret_table);
    return r ? tables_error(ret_error, r, "cannot create the tables") : 0;
}

int bulk_load_open(struct bulk_load *load, const char *path, unsigned tables,
                   struct error *ret_error) {
    *load = (struct bulk_load){0};
    int r = mdb_env_create(&load->environment);
    if (r == 0)
        r = mdb_env_set_maxdbs(load->environment, tables);
    if (r == 0)
        r = mdb_env_set_mapsize(load->environment, (size_t)(2 * MAP_SLACK));
    /* MDB_NOLOCK: the caller keeps others away, and no lock file is left in the folder. */
    if (r == 0)
        r = mdb_env_open(load->environment, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK, 0640);
    MDB_stat status = {0};
    if (r == 0)
        r = mdb_env_stat(load->environment, &status);
    if (r)
        return tables_error(ret_error, r, "cannot create the tables");
    load->page_size = status.ms_psize;
    return begin(load, 0, ret_error);
}

void bulk_load_close(struct bulk_load *load) {
    if (load->cursor)
        mdb_cursor_close(load->cursor);
    if (load->transaction)
        mdb_txn_abort(load->transaction);
    if (load->environment)
        mdb_env_close(load->environment);
    *load = (struct bulk_load){0};
}
