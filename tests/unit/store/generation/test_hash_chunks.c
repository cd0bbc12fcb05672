/* Chunks: an entry that differs from what was put in is found, in the chunk that has it, and no
 * other chunk fails. */
#include "core/base/hash.h"
#include "core/store/generation/bulk_load.h"
#include "core/store/generation/content_hash.h"
#include "core/store/generation/hash_chunks.h"
#include "tests/unit/store/scratch.h"

#include <stdio.h>

#define IDS     3000
#define FILES   3
#define ENTRIES (IDS + FILES)
#define NOWHERE SIZE_MAX

/* What is changed in entry `at` of the file, but not in what the chunks are given. */
enum fault { FAULT_NONE, FAULT_VALUE, FAULT_KEY, FAULT_MISSING, FAULT_MORE };

struct bench {
    char *root;
    struct hash_chunks *hash_chunks;
    struct hash_stream *content;
    struct tables tables;
};

struct given {
    struct text table, key, value;
    uint8_t key_bytes[8], value_bytes[100];
};

/* Keys are even numbers, so that there is room for others between them. */
static void make_given(size_t index, struct given *ret_given) {
    bool is_id = index < IDS;
    uint64_t number = 2 * (is_id ? index : index - IDS) + 2;
    ret_given->table = is_id ? TEXT_LITERAL("ids") : TEXT_LITERAL("policy");
    for (size_t i = 0; i < 8; i++)
        ret_given->key_bytes[i] = (uint8_t)(number >> (8 * (7 - i)));
    size_t length = hash64(&index, sizeof index, 1) % sizeof ret_given->value_bytes;
    memset(ret_given->value_bytes, (int)index & 0x7f, sizeof ret_given->value_bytes);
    ret_given->key = (struct text){.data = (const char *)ret_given->key_bytes, .length = 8};
    ret_given->value =
        (struct text){.data = (const char *)ret_given->value_bytes, .length = length + 1};
}

static void put(struct bulk_load *load, MDB_dbi table, const struct given *entry) {
    struct error error;
    if (bulk_load_put(load, table, entry->key, entry->value, &error) < 0)
        fail_msg("%s", error.text);
}

static void put_with_fault(struct bulk_load *load, MDB_dbi table, struct given *entry,
                           enum fault fault) {
    switch (fault) {
    case FAULT_MISSING:
        return;
    case FAULT_VALUE:
        entry->value_bytes[entry->value.length - 1] ^= 0x80;
        break;
    case FAULT_KEY:
        entry->key_bytes[7] ^= 1;
        break;
    case FAULT_MORE:
        put(load, table, entry);
        entry->key_bytes[7] ^= 1;
        break;
    case FAULT_NONE:
        break;
    }
    put(load, table, entry);
}

static void bench_init(struct bench *bench, enum fault fault, size_t at) {
    struct bulk_load load;
    struct manifest manifest = {0};
    struct error error;
    MDB_dbi ids, policy;
    *bench = (struct bench){.root = scratch_make()};
    bench->hash_chunks = hash_chunks_new(2000);
    bench->content = hash_stream_new();
    const char *path = scratch_path(bench->root, "tables.mdb");
    assert_int_equal(bulk_load_open(&load, path, 2, &error), 0);
    assert_int_equal(bulk_load_table(&load, "ids", &ids, &error), 0);
    assert_int_equal(bulk_load_table(&load, "policy", &policy, &error), 0);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct given entry;
        make_given(i, &entry);
        hash_chunks_add(bench->hash_chunks, entry.table, entry.key, entry.value);
        content_hash_add(bench->content, entry.table, entry.key, entry.value);
        put_with_fault(&load, i < IDS ? ids : policy, &entry, i == at ? fault : FAULT_NONE);
    }
    assert_int_equal(bulk_load_commit(&load, &error), 0);
    bulk_load_close(&load);
    if (tables_open(path, &manifest, &bench->tables, &error) < 0)
        fail_msg("%s", error.text);
}

static void bench_deinit(struct bench *bench) {
    tables_close(&bench->tables);
    hash_chunks_free(bench->hash_chunks);
    hash_stream_free(bench->content);
    scratch_remove(bench->root);
}

/* The number of chunks that fail. */
static size_t count_wrong(const struct bench *bench) {
    struct error error;
    size_t wrong = 0;
    for (size_t i = 0; i < hash_chunks_count(bench->hash_chunks); i++)
        if (hash_chunks_check(bench->hash_chunks, i, &bench->tables, &error) < 0) {
            assert_int_equal(error.code, ERROR_DAMAGED);
            wrong++;
        }
    return wrong;
}

static bool counts_fit(const struct bench *bench) {
    struct error error;
    return hash_chunks_check_count(bench->hash_chunks, "ids", &bench->tables, &error) == 0 &&
           hash_chunks_check_count(bench->hash_chunks, "policy", &bench->tables, &error) == 0;
}

static void what_was_given_is_there(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, FAULT_NONE, NOWHERE);
    assert_true(hash_chunks_count(bench.hash_chunks) > 50);
    assert_true(hash_chunks_hash(bench.hash_chunks) == hash_stream_value(bench.content));
    assert_int_equal(count_wrong(&bench), 0);
    assert_true(counts_fit(&bench));
    bench_deinit(&bench);
}

static void another_value_or_key_is_found(void **state) {
    (void)state;
    for (size_t at = 0; at < ENTRIES; at += 231) {
        for (enum fault fault = FAULT_VALUE; fault <= FAULT_KEY; fault++) {
            struct bench bench;
            bench_init(&bench, fault, at);
            assert_int_equal(count_wrong(&bench), 1);
            assert_true(counts_fit(&bench));
            bench_deinit(&bench);
        }
    }
}

/* An added entry may be between two chunks, where neither sees it: then only the count shows it. */
static void one_less_or_one_more_is_found(void **state) {
    (void)state;
    for (size_t at = 0; at < ENTRIES; at += 231) {
        for (enum fault fault = FAULT_MISSING; fault <= FAULT_MORE; fault++) {
            struct bench bench;
            bench_init(&bench, fault, at);
            assert_false(counts_fit(&bench));
            if (fault == FAULT_MISSING)
                assert_int_equal(count_wrong(&bench), 1);
            bench_deinit(&bench);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_is_there),
        cmocka_unit_test(another_value_or_key_is_found),
        cmocka_unit_test(one_less_or_one_more_is_found),
    };
    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
