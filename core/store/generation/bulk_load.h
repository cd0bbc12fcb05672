/* A fresh LMDB file that is filled in the order of keys, one table after the other: what LMDB is
 * quickest at. Private to store/.
 *
 * The load is cut into LMDB write transactions of bounded size. Before each one the map is made
 * large enough for the worst that its entries can need, so that it never runs full in the middle of
 * one: LMDB could then only throw the transaction away. Nothing is synced; that is for whoever
 * keeps the file. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <lmdb.h>
#include <stdint.h>

struct bulk_load {
    MDB_env *environment;
    MDB_txn *transaction; /* LMDB's word; NULL between two batches */
    size_t page_size;
    uint64_t batch_left; /* bytes that may still go into this one */
    MDB_cursor *cursor;  /* of cursor_table; NULL: none open */
    MDB_dbi cursor_table;
    uint64_t begun;   /* bytes of the file that the system was asked to write */
    uint64_t written; /* of these, those that it has been waited for */
};

/* Makes the file, for up to so many tables. After a failure, too, it is to be closed. */
int bulk_load_open(struct bulk_load *load, const char *path, unsigned tables,
                   struct error *ret_error);
/* Before the first entry. */
int bulk_load_table(struct bulk_load *load, const char *name, MDB_dbi *ret_table,
                    struct error *ret_error);
/* Within a table keys ascend strictly; ERROR_INTERNAL: this one does not. */
int bulk_load_put(struct bulk_load *load, MDB_dbi table, struct text key, struct text value,
                  struct error *ret_error);
/* All that was put is in the file. */
int bulk_load_commit(struct bulk_load *load, struct error *ret_error);
/* Zeroed is allowed; what was not committed is lost. */
void bulk_load_close(struct bulk_load *load);
