/* Chunks are recorded while entries are added, by one thread; afterwards the struct does not change
 * and checks run in several threads, each with tables of its own. */
#include "hash_chunks.h"

#include "content_hash.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <stdlib.h>

#define WAITING_BYTES (64u << 10) /* hashed at once: the hash is faster on long runs */

struct hash_chunk {
    struct text table; /* ours */
    struct buffer first_key;
    uint64_t count, bytes;
    struct hash_stream *before; /* over all entries before it */
    uint64_t after;             /* the hash with its own entries, once the chunk is complete */
};

struct hash_chunks {
    uint64_t chunk_bytes;
    struct hash_chunk *chunks;
    size_t count, capacity;
    const char *table;        /* of the last chunk, as given; NULL: that is complete */
    struct hash_stream *hash; /* over all entries */
    struct buffer waiting;    /* those that it has not been given yet */
};

struct hash_chunks *hash_chunks_new(uint64_t chunk_bytes) {
    struct hash_chunks *hash_chunks = check_calloc(1, sizeof *hash_chunks);
    hash_chunks->chunk_bytes = chunk_bytes;
    hash_chunks->hash = hash_stream_new();
    buffer_init(&hash_chunks->waiting);
    return hash_chunks;
}

void hash_chunks_free(struct hash_chunks *hash_chunks) {
    if (!hash_chunks)
        return;
    for (size_t i = 0; i < hash_chunks->count; i++) {
        free((void *)(uintptr_t)hash_chunks->chunks[i].table.data);
        buffer_deinit(&hash_chunks->chunks[i].first_key);
        hash_stream_free(hash_chunks->chunks[i].before);
    }
    free(hash_chunks->chunks);
    hash_stream_free(hash_chunks->hash);
    buffer_deinit(&hash_chunks->waiting);
    free(hash_chunks);
}

static void put_entry(struct buffer *buffer, struct text table, struct text key,
                      struct text value) {
    size_t size = content_hash_size(table, key, value);
    content_hash_put(buffer_reserve(buffer, size), table, key, value);
    buffer->length += size;
}

static void flush_waiting(struct hash_chunks *hash_chunks) {
    hash_stream_add(hash_chunks->hash, hash_chunks->waiting.bytes, hash_chunks->waiting.length);
    buffer_clear(&hash_chunks->waiting);
}

static void end_hash_chunk(struct hash_chunks *hash_chunks) {
    if (!hash_chunks->table) /* complete: write nothing, other threads are reading */
        return;
    hash_chunks->chunks[hash_chunks->count - 1].after = hash_chunks_hash(hash_chunks);
    hash_chunks->table = NULL;
}

static struct hash_chunk *begin_hash_chunk(struct hash_chunks *hash_chunks, struct text table,
                                           struct text key) {
    end_hash_chunk(hash_chunks);
    if (hash_chunks->count == hash_chunks->capacity) {
        hash_chunks->capacity = hash_chunks->capacity ? 2 * hash_chunks->capacity : 16;
        hash_chunks->chunks = check_reallocarray(hash_chunks->chunks, hash_chunks->capacity,
                                                 sizeof *hash_chunks->chunks);
    }
    struct hash_chunk *chunk = &hash_chunks->chunks[hash_chunks->count++];
    *chunk = (struct hash_chunk){.table = {.data = text_copy(table), .length = table.length},
                                 .before = hash_stream_copy(hash_chunks->hash)};
    buffer_init(&chunk->first_key);
    buffer_append(&chunk->first_key, key.data, key.length);
    hash_chunks->table = table.data;
    return chunk;
}

/* Counts entries in the last chunk, or in a new one if that is full or of another table. */
static void count_entries(struct hash_chunks *hash_chunks, struct text table, struct text first_key,
                          uint64_t count, uint64_t bytes) {
    struct hash_chunk *chunk =
        hash_chunks->table ? &hash_chunks->chunks[hash_chunks->count - 1] : NULL;
    if (!chunk || chunk->bytes >= hash_chunks->chunk_bytes ||
        (table.data != hash_chunks->table && !text_equal(chunk->table, table)))
        chunk = begin_hash_chunk(hash_chunks, table, first_key);
    chunk->count += count;
    chunk->bytes += bytes;
}

void hash_chunks_add(struct hash_chunks *hash_chunks, struct text table, struct text key,
                     struct text value) {
    count_entries(hash_chunks, table, key, 1, content_hash_size(table, key, value));
    put_entry(&hash_chunks->waiting, table, key, value);
    if (hash_chunks->waiting.length >= WAITING_BYTES)
        flush_waiting(hash_chunks);
}

void hash_chunks_add_many(struct hash_chunks *hash_chunks, struct text table, struct text first_key,
                          uint64_t count, const uint8_t *entries, size_t length) {
    count_entries(hash_chunks, table, first_key, count, length);
    flush_waiting(hash_chunks);
    hash_stream_add(hash_chunks->hash, entries, length);
}

uint64_t hash_chunks_hash(struct hash_chunks *hash_chunks) {
    flush_waiting(hash_chunks);
    return hash_stream_value(hash_chunks->hash);
}

size_t hash_chunks_count(struct hash_chunks *hash_chunks) {
    end_hash_chunk(hash_chunks);
    return hash_chunks->count;
}

/* ---------------------------------------------------------------------------------------------
 * Reading back */

/* LMDB returns the same handle for a table each time. */
static int open_table(const struct tables *tables, const char *name, MDB_dbi *ret_table,
                      struct error *ret_error) {
    int r = mdb_dbi_open(tables->transaction, name, 0, ret_table);
    return r ? tables_error(ret_error, r, name) : 0;
}

/* Continues the hash over the entries from the first key on; *ret_read: how many there were. */
static int hash_entries(MDB_cursor *cursor, const struct hash_chunk *chunk, uint64_t *ret_read,
                        uint64_t *ret_hash, struct error *ret_error) {
    struct hash_stream *stream = hash_stream_copy(chunk->before);
    struct buffer waiting;
    MDB_val key = {.mv_size = chunk->first_key.length, .mv_data = chunk->first_key.bytes};
    MDB_val value;
    uint64_t read = 0;
    int r = 0;
    buffer_init(&waiting);
    for (; read < chunk->count; read++) {
        r = mdb_cursor_get(cursor, &key, &value, read ? MDB_NEXT : MDB_SET_KEY);
        if (r)
            break;
        put_entry(&waiting, chunk->table, (struct text){.data = key.mv_data, .length = key.mv_size},
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
    return r && r != MDB_NOTFOUND ? tables_error(ret_error, r, chunk->table.data) : 0;
}

int hash_chunks_check(const struct hash_chunks *hash_chunks, size_t index,
                      const struct tables *tables, struct error *ret_error) {
    check(index < hash_chunks->count && !hash_chunks->table);
    const struct hash_chunk *chunk = &hash_chunks->chunks[index];
    MDB_dbi table;
    MDB_cursor *cursor;
    uint64_t read, hash;
    int r = open_table(tables, chunk->table.data, &table, ret_error);
    if (r < 0)
        return r;
    r = mdb_cursor_open(tables->transaction, table, &cursor);
    if (r)
        return tables_error(ret_error, r, chunk->table.data);
    r = hash_entries(cursor, chunk, &read, &hash, ret_error);
    mdb_cursor_close(cursor);
    if (r == 0 && (read != chunk->count || hash != chunk->after))
        r = error_set(ret_error, ERROR_DAMAGED, "%s: the content hash does not match",
                      chunk->table.data);
    return r;
}

int hash_chunks_check_count(const struct hash_chunks *hash_chunks, const char *table,
                            const struct tables *tables, struct error *ret_error) {
    MDB_dbi opened;
    MDB_stat status;
    uint64_t expected = 0;
    for (size_t i = 0; i < hash_chunks->count; i++)
        if (text_is(hash_chunks->chunks[i].table, table))
            expected += hash_chunks->chunks[i].count;
    int r = open_table(tables, table, &opened, ret_error);
    if (r < 0)
        return r;
    r = mdb_stat(tables->transaction, opened, &status);
    if (r)
        return tables_error(ret_error, r, table);
    return status.ms_entries == expected
               ? 0
               : error_set(ret_error, ERROR_DAMAGED, "%s: %zu keys; expected %" PRIu64, table,
                           status.ms_entries, expected);
}
