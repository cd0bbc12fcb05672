#include "erase_since.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/upkeep/archive_each.h"
#include "erase_keys.h"

#include <stdlib.h>

#define TYPES (UINT64_C(1) << RECORD_ERASURE | UINT64_C(1) << RECORD_GENERATION)

struct erase_span {
    uint64_t begin, end; /* the erasure's record; that of the tables, UINT64_MAX: none yet */
    struct erase_keys keys;
};

void erase_since_deinit(struct erase_since *since) {
    for (size_t i = 0; i < since->count; i++)
        erase_keys_deinit(&since->spans[i].keys);
    free(since->spans);
    *since = (struct erase_since){0};
}

static void take_erasure(struct erase_since *since, const struct record *record) {
    const struct erasure_record *erasure = &record->erasure;
    if (erasure->done)
        return;
    since->spans = check_reallocarray(since->spans, since->count + 1, sizeof *since->spans);
    struct erase_span *span = &since->spans[since->count++];
    *span = (struct erase_span){.begin = record->position, .end = UINT64_MAX};
    erase_keys_init(&span->keys);
    for (size_t i = 0; i < erasure->key_count; i++)
        erase_keys_add(&span->keys, erasure->keys[i].field, erasure->keys[i].hash,
                       (struct text){0});
    erase_keys_sort(&span->keys);
}

static void take_generation(struct erase_since *since, const struct record *record) {
    for (size_t i = 0; i < since->count; i++) {
        struct erase_span *span = &since->spans[i];
        if (span->end == UINT64_MAX && record->generation.position >= span->begin)
            span->end = record->position;
    }
}

static int take_record(void *user, const struct record *record, struct error *ret_error) {
    (void)ret_error;
    if (record->type == RECORD_ERASURE)
        take_erasure(user, record);
    else
        take_generation(user, record);
    return 0;
}

static bool has_erasure(const struct archive_parts *parts) {
    for (size_t i = 0; i < archive_parts_count(parts); i++)
        if (archive_parts_part(parts, i).types >> RECORD_ERASURE & 1)
            return true;
    return false;
}

int erase_since_load(const char *archive, struct erase_since *ret_since, struct error *ret_error) {
    struct archive_parts *parts;
    struct arena arena;
    *ret_since = (struct erase_since){0};
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    if (has_erasure(parts)) {
        arena_init(&arena, RECORD_BYTES_MAX);
        r = archive_parts_each(parts, 0, TYPES, true, &arena, take_record, ret_since, ret_error);
        arena_deinit(&arena);
    }
    archive_parts_close(parts);
    return r < 0 ? r : 0;
}

bool erase_since_concerns(const struct erase_since *since, uint64_t position,
                          const struct transaction *transaction) {
    for (size_t i = 0; i < since->count; i++) {
        const struct erase_span *span = &since->spans[i];
        if (position < span->begin || position > span->end)
            continue;
        for (size_t f = 0; f < span->keys.field_count; f++)
            if (erase_keys_find(&span->keys, span->keys.fields[f],
                                erasure_text(transaction, span->keys.fields[f])))
                return true;
    }
    return false;
}
