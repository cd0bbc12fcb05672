/* Groups: a piece of a stream, put in order, is what sorting its entries by key gives, those of one
 * key as they came; whatever the keys, and however the piece is cut into blocks. */
#include "batch/rebuild/rebuild_groups.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX 400
#define BLOCK   20000u

struct model_entry {
    size_t number; /* in the order of coming; its time, body and kind follow from it */
    uint16_t length;
    uint8_t key[KEY_MAX];
};

struct model {
    struct model_entry *entries;
    size_t count;
    uint8_t *bytes; /* the blocks, one behind the other */
    size_t *ends;
    size_t blocks;
};

static int64_t time_of(size_t number) {
    uint64_t random = number;
    return (int64_t)(split_mix(&random) % (UINT64_C(1) << 52)) - (INT64_C(1) << 50);
}

static size_t body_size(size_t number) {
    return number % 50 ? number % 40 : 300;
}

/* How keys are made: from few letters, so that many are equal and many begin alike. */
struct kind {
    const char *prefix;
    unsigned letters, length_max, of_one_in; /* of_one_in: so often it is the same key */
};

static void make_key(struct model_entry *entry, const struct kind *kind, uint64_t *random) {
    size_t length = strlen(kind->prefix);
    memcpy(entry->key, kind->prefix, length);
    if (split_mix(random) % kind->of_one_in) {
        size_t more = split_mix(random) % (kind->length_max + 1);
        for (size_t i = 0; i < more; i++)
            entry->key[length++] = (uint8_t)(250 + split_mix(random) % kind->letters);
    }
    entry->length = (uint16_t)length;
}

static uint8_t *put_entry(uint8_t *at, const struct model_entry *entry, int64_t *time_us) {
    size_t size = body_size(entry->number);
    at[0] = entry->length < 255 ? (uint8_t)entry->length : 255;
    at[1] = size < 255 ? (uint8_t)size : 255;
    at += 2;
    if (entry->length >= 255) {
        store_u16(at, entry->length);
        at += 2;
    }
    if (size >= 255) {
        store_u16(at, (uint16_t)size);
        at += 2;
    }
    int64_t difference = time_of(entry->number) - *time_us;
    *time_us = time_of(entry->number);
    at = varint_put(at, zigzag(difference) << 1 | entry->number % 2);
    memcpy(at, entry->key, entry->length);
    memset(at + entry->length, (int)entry->number & 0xff, size);
    return at + entry->length + size;
}

static void model_init(struct model *model, size_t count, const struct kind *kind, uint64_t seed) {
    *model = (struct model){.count = count};
    model->entries = check_calloc(count, sizeof *model->entries);
    model->bytes = check_malloc(count * (KEY_MAX + 320) + BLOCK);
    model->ends = check_calloc(count, sizeof *model->ends);
    uint8_t *at = model->bytes, *begin = at;
    int64_t time_us = 0;
    for (size_t i = 0; i < count; i++) {
        model->entries[i].number = i;
        make_key(&model->entries[i], kind, &seed);
        at = put_entry(at, &model->entries[i], &time_us);
        if ((size_t)(at - begin) >= BLOCK || i == count - 1) {
            model->ends[model->blocks++] = (size_t)(at - model->bytes);
            begin = at;
            time_us = 0;
        }
    }
}

static void model_deinit(struct model *model) {
    free(model->entries);
    free(model->bytes);
    free(model->ends);
}

static struct text key_of(const struct model_entry *entry) {
    return (struct text){.data = (const char *)entry->key, .length = entry->length};
}

static int compare_entries(const void *left, const void *right) {
    const struct model_entry *a = left, *b = right;
    int order = text_compare(key_of(a), key_of(b));
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static void expect_entry(const struct stream_entry *entry, const struct model_entry *expected) {
    assert_int_equal(entry->time_us, time_of(expected->number));
    assert_int_equal(entry->may_be_late, expected->number % 2);
    assert_int_equal(entry->body_size, body_size(expected->number));
    for (size_t i = 0; i < entry->body_size; i++)
        assert_int_equal(stream_entry_body(entry)[i], expected->number & 0xff);
}

static void expect_order(struct groups *groups, struct model *model) {
    size_t begin = 0, next = 0;
    groups_clear(groups);
    for (size_t i = 0; i < model->blocks; begin = model->ends[i++])
        groups_collect(groups, model->bytes + begin, model->ends[i] - begin);
    groups_sort(groups);
    qsort(model->entries, model->count, sizeof *model->entries, compare_entries);
    struct group group = {0};
    while (groups_next(groups, &group)) {
        assert_true(group.end > group.first && next < model->count);
        if (next > 0)
            assert_false(text_equal(group.rest, key_of(&model->entries[next - 1])));
        for (size_t i = group.first; i < group.end; i++, next++) {
            struct stream_entry entry = groups_entry(groups, i);
            assert_true(text_equal(group.rest, key_of(&model->entries[next])));
            expect_entry(&entry, &model->entries[next]);
        }
    }
    assert_int_equal(next, model->count);
}

static void groups_are_what_sorting_gives(void **state) {
    (void)state;
    static const struct kind kinds[] = {
        {"", 6, 4, 1000},            /* few keys */
        {"", 6, 14, 1000},           /* nearly as many as entries */
        {"key-", 6, 8, 2},           /* half of all is one key */
        {"alike-alike-", 2, 20, 10}, /* they differ far behind */
        {"", 6, 390, 100},           /* long ones */
    };
    static const size_t counts[] = {1, 2, 40, 3000, 30000}; /* the last ones are many buckets */
    struct groups groups = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            struct model model;
            model_init(&model, counts[j] / (kinds[i].length_max > 100 ? 5 : 1) + 1, &kinds[i],
                       10 * i + j);
            expect_order(&groups, &model);
            model_deinit(&model);
        }
    groups_deinit(&groups);
}

static void nothing_has_no_groups(void **state) {
    (void)state;
    struct groups groups = {0};
    struct group group = {0};
    groups_clear(&groups);
    groups_sort(&groups);
    assert_false(groups_next(&groups, &group));
    groups_deinit(&groups);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_what_sorting_gives),
        cmocka_unit_test(nothing_has_no_groups),
    };
    return cmocka_run_group_tests_name("rebuild_groups", tests, NULL, NULL);
}
