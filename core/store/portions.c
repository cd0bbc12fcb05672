#include "portions.h"

#include "../base/buffer.h"
#include "../base/check.h"
#include "../base/hash.h"
#include "content.h"

#include <inttypes.h>
#include <stdlib.h>

#define WAITING_BYTES (64u << 10) /* that are hashed together: hashing likes it */

struct portion {
    struct text table; /* ours */
    struct buffer first_key;
    uint64_t count, bytes;
    struct hash_stream *before; /* over all entries before it */
    uint64_t after;             /* the hash over those and its own, once the next one is begun */
};

struct portions {
    uint64_t portion_bytes;
    struct portion *portions;
    size_t count, capacity;
    const char *table;        /* of the last portion, as it was given; NULL: that is complete */
    struct hash_stream *hash; /* over all entries */
    struct buffer waiting;    /* those that it has not been given yet */
};

struct portions *portions_new(uint64_t portion_bytes) {
    struct portions *portions = check_calloc(1, sizeof *portions);
    portions->portion_bytes = portion_bytes;
    portions->hash = hash_stream_new();
    buffer_init(&portions->waiting);
    return portions;
}

void portions_free(struct portions *portions) {
    if (!portions)
        return;
    for (size_t i = 0; i < portions->count; i++) {
        free((void *)(uintptr_t)portions->portions[i].table.data);
        buffer_deinit(&portions->portions[i].first_key);
        hash_stream_free(portions->portions[i].before);
    }
    free(portions->portions);
    hash_stream_free(portions->hash);
    buffer_deinit(&portions->waiting);
    free(portions);
}

static void put_entry(struct buffer *buffer, struct text table, struct text key,
                      struct text value) {
    size_t size = content_size(table, key, value);
    content_put(buffer_reserve(buffer, size), table, key, value);
    buffer->length += size;
}

static void give_waiting(struct portions *portions) {
    hash_stream_add(portions->hash, portions->waiting.bytes, portions->waiting.length);
    buffer_clear(&portions->waiting);
}

static void end_portion(struct portions *portions) {
    if (!portions->table) /* and nothing is touched: checks run in several threads */
        return;
    portions->portions[portions->count - 1].after = portions_hash(portions);
    portions->table = NULL;
}

static struct portion *begin_portion(struct portions *portions, struct text table,
                                     struct text key) {
    end_portion(portions);
    if (portions->count == portions->capacity) {
        portions->capacity = portions->capacity ? 2 * portions->capacity : 16;
        portions->portions =
            check_reallocarray(portions->portions, portions->capacity, sizeof *portions->portions);
    }
    struct portion *portion = &portions->portions[portions->count++];
    *portion = (struct portion){.table = {.data = text_copy(table), .length = table.length},
                                .before = hash_stream_copy(portions->hash)};
    buffer_init(&portion->first_key);
    buffer_append(&portion->first_key, key.data, key.length);
    portions->table = table.data;
    return portion;
}

/* Counts entries of a portion, which is begun where the last one is full or another table's. */
static void count_entries(struct portions *portions, struct text table, struct text first_key,
                          uint64_t count, uint64_t bytes) {
    struct portion *portion = portions->table ? &portions->portions[portions->count - 1] : NULL;
    if (!portion || portion->bytes >= portions->portion_bytes ||
        (table.data != portions->table && !text_equal(portion->table, table)))
        portion = begin_portion(portions, table, first_key);
    portion->count += count;
    portion->bytes += bytes;
}

void portions_add(struct portions *portions, struct text table, struct text key,
                  struct text value) {
    count_entries(portions, table, key, 1, content_size(table, key, value));
    put_entry(&portions->waiting, table, key, value);
    if (portions->waiting.length >= WAITING_BYTES)
        give_waiting(portions);
}

void portions_add_many(struct portions *portions, struct text table, struct text first_key,
                       uint64_t count, const uint8_t *entries, size_t length) {
    count_entries(portions, table, first_key, count, length);
    give_waiting(portions);
    hash_stream_add(portions->hash, entries, length);
}

uint64_t portions_hash(struct portions *portions) {
    give_waiting(portions);
    return hash_stream_value(portions->hash);
}

size_t portions_count(struct portions *portions) {
    end_portion(portions);
    return portions->count;
}

/* ---------------------------------------------------------------------------------------------
 * Reading back */

/* Opened once, the handle of a table is always the same. */
static int open_table(const struct tables *tables, const char *name, MDB_dbi *ret_table,
                      struct error *ret_error) {
    int r = mdb_dbi_open(tables->transaction, name, 0, ret_table);
    return r ? tables_error(ret_error, r, name) : 0;
}

/* Goes on with the hash over the entries from the first key on; *ret_read: how many there were. */
static int hash_entries(MDB_cursor *cursor, const struct portion *portion, uint64_t *ret_read,
                        uint64_t *ret_hash, struct error *ret_error) {
    struct hash_stream *stream = hash_stream_copy(portion->before);
    struct buffer waiting;
    MDB_val key = {.mv_size = portion->first_key.length, .mv_data = portion->first_key.bytes};
    MDB_val value;
    uint64_t read = 0;
    int r = 0;
    buffer_init(&waiting);
    for (; read < portion->count; read++) {
        r = mdb_cursor_get(cursor, &key, &value, read ? MDB_NEXT : MDB_SET_KEY);
        if (r)
            break;
        put_entry(&waiting, portion->table,
                  (struct text){.data = key.mv_data, .length = key.mv_size},
                  (struct text){.data = value.mv_data, .length = value.mv_size});
        if (waiting.length >= WAITING_BYTES) {
            hash_stream_add(stream, waiting.bytes, waiting.length);
            buffer_clear(&waiting);
        }
    }
    hash_stream_add(stream, waiting.bytes, waiting.length);
    *ret_read = read;
    *ret_hash = hash_stream_value(stream);
    hash_stream_free(stream);
    buffer_deinit(&waiting);
    return r && r != MDB_NOTFOUND ? tables_error(ret_error, r, portion->table.data) : 0;
}

int portions_check(const struct portions *portions, size_t index, const struct tables *tables,
                   struct error *ret_error) {
    check(index < portions->count && !portions->table);
    const struct portion *portion = &portions->portions[index];
    MDB_dbi table;
    MDB_cursor *cursor;
    uint64_t read, hash;
    int r = open_table(tables, portion->table.data, &table, ret_error);
    if (r < 0)
        return r;
    r = mdb_cursor_open(tables->transaction, table, &cursor);
    if (r)
        return tables_error(ret_error, r, portion->table.data);
    r = hash_entries(cursor, portion, &read, &hash, ret_error);
    mdb_cursor_close(cursor);
    if (r == 0 && (read != portion->count || hash != portion->after))
        r = error_set(ret_error, ERROR_DAMAGED, "%s: the content hash does not fit",
                      portion->table.data);
    return r;
}

int portions_check_count(const struct portions *portions, const char *table,
                         const struct tables *tables, struct error *ret_error) {
    MDB_dbi opened;
    MDB_stat status;
    uint64_t expected = 0;
    for (size_t i = 0; i < portions->count; i++)
        if (text_is(portions->portions[i].table, table))
            expected += portions->portions[i].count;
    int r = open_table(tables, table, &opened, ret_error);
    if (r < 0)
        return r;
    r = mdb_stat(tables->transaction, opened, &status);
    if (r)
        return tables_error(ret_error, r, table);
    return status.ms_entries == expected
               ? 0
               : error_set(ret_error, ERROR_DAMAGED, "%s: %zu keys instead of %" PRIu64, table,
                           status.ms_entries, expected);
}
