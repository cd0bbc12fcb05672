/* A fresh LMDB file that is filled in the order of keys, one table after the other, which is what
 * LMDB does fastest (MDB_APPEND). Private to store/.
 *
 * The load is split into LMDB write transactions of bounded size. Before each one the map is
 * enlarged for the worst that its entries can need, so that it never runs full within one: LMDB
 * could then only abort the transaction. Nothing is synced; that is the caller's. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <lmdb.h>
#include <stdint.h>

struct bulk_load {
    MDB_env *environment;
    MDB_txn *transaction; /* NULL between two batches */
    size_t page_size;
    uint64_t batch_left; /* bytes that may still go into this one */
    MDB_cursor *cursor;  /* of cursor_table; NULL: none open */
    MDB_dbi cursor_table;
    uint64_t begun;   /* bytes of the file whose write-back was started */
    uint64_t written; /* of these, those whose write-back has finished */
};

/* Creates the file, for up to this many tables. To be closed after a failure too. */
int bulk_load_open(struct bulk_load *load, const char *path, unsigned tables,
                   struct error *ret_error);
/* Before the first entry. */
int bulk_load_table(struct bulk_load *load, const char *name, MDB_dbi *ret_table,
                    struct error *ret_error);
/* Within a table keys ascend strictly; ERROR_INTERNAL: this one does not. */
int bulk_load_put(struct bulk_load *load, MDB_dbi table, struct text key, struct text value,
                  struct error *ret_error);
/* Commits what was put. */
int bulk_load_commit(struct bulk_load *load, struct error *ret_error);
/* A zeroed one is allowed; what was not committed is lost. */
void bulk_load_close(struct bulk_load *load);
