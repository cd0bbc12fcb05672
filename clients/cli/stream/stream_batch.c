#include "stream_batch.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)256 << 20)

struct stream_batch *stream_batch_new(size_t capacity) {
    struct stream_batch *batch = check_calloc(1, sizeof *batch);
    batch->capacity = capacity;
    batch->items = check_calloc(capacity, sizeof *batch->items);
    batch->transactions = check_calloc(capacity, sizeof *batch->transactions);
    batch->outcomes = check_calloc(capacity, sizeof *batch->outcomes);
    batch->amendments = check_calloc(capacity, sizeof *batch->amendments);
    batch->sent = check_calloc(capacity, sizeof *batch->sent);
    batch->sent_transactions = check_calloc(capacity, sizeof *batch->sent_transactions);
    batch->sent_outcomes = check_calloc(capacity, sizeof *batch->sent_outcomes);
    batch->sent_amendments = check_calloc(capacity, sizeof *batch->sent_amendments);
    batch->send_max = capacity;
    arena_init(&batch->arena, ARENA_BYTES);
    return batch;
}

void stream_batch_clear(struct stream_batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        topic_record_free(&batch->items[i].record);
    for (size_t i = 0; i < batch->reply_count; i++)
        harrier_reply_free(batch->replies[i]);
    harrier_reply_free(batch->reply);
    batch->reply = NULL;
    batch->count = batch->bytes = batch->reply_count = batch->sent_count = 0;
    batch->send_max = batch->capacity;
    arena_reset(&batch->arena);
}

void stream_batch_free(struct stream_batch *batch) {
    if (!batch)
        return;
    stream_batch_clear(batch);
    arena_deinit(&batch->arena);
    free(batch->items);
    free(batch->transactions);
    free(batch->outcomes);
    free(batch->amendments);
    free(batch->sent);
    free(batch->sent_transactions);
    free(batch->sent_outcomes);
    free(batch->sent_amendments);
    free(batch->replies);
    free(batch);
}

/* A full arena must not lose the record: it is buried without its reason. */
void stream_batch_bury(struct stream_batch *batch, size_t item, const char *code,
                       const char *reason) {
    struct text kept = arena_text(&batch->arena, text_of(reason));
    batch->items[item].state = ITEM_DEAD;
    batch->items[item].code = code;
    batch->items[item].reason = kept.data ? kept.data : "the record is too large";
}

size_t stream_batch_collect(struct stream_batch *batch) {
    size_t count = 0;
    for (size_t i = 0; i < batch->count && count < batch->send_max; i++) {
        if (batch->items[i].state != ITEM_WAITING)
            continue;
        batch->sent[count] = i;
        switch (batch->kind) {
        case BATCH_TRANSACTIONS:
            batch->sent_transactions[count++] = batch->transactions[i];
            break;
        case BATCH_OUTCOMES:
            batch->sent_outcomes[count++] = batch->outcomes[i];
            break;
        case BATCH_AMENDMENTS:
            batch->sent_amendments[count++] = batch->amendments[i];
            break;
        case BATCH_KIND_COUNT:
            check(false);
        }
    }
    batch->sent_count = count;
    return count;
}

void stream_batch_keep(struct stream_batch *batch, struct harrier_reply *reply) {
    if (batch->reply_count == batch->reply_capacity) {
        batch->reply_capacity = batch->reply_capacity ? 2 * batch->reply_capacity : 4;
        batch->replies =
            check_reallocarray(batch->replies, batch->reply_capacity, sizeof *batch->replies);
    }
    batch->replies[batch->reply_count++] = reply;
}
