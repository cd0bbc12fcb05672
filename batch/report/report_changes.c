/* A bounded max-heap by hash: its top is the first to go when a smaller hash comes. A row that does
 * not qualify costs one comparison, before any text of it is copied. */
#include "report_changes.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

void report_changes_init(struct report_changes *changes, size_t most) {
    *changes = (struct report_changes){.most = most};
}

static void free_text(struct text t) {
    free((void *)(uintptr_t)t.data);
}

static void change_deinit(struct report_change *change) {
    free_text(change->id);
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        struct report_decision *reported = &change->sides[side];
        for (size_t i = 0; i < reported->reason_count; i++) {
            free_text(reported->reasons[i].rule);
            free_text(reported->reasons[i].text);
        }
        free(reported->reasons);
    }
}

void report_changes_deinit(struct report_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        change_deinit(&changes->of[i]);
    free(changes->of);
    *changes = (struct report_changes){0};
}

/* ---- the heap ---- */

/* Equal hashes are ordered by position, so that the sample is unique. */
static bool is_before(uint64_t hash, uint64_t position, const struct report_change *other) {
    return hash < other->hash || (hash == other->hash && position < other->position);
}

static bool is_less(const struct report_change *a, const struct report_change *b) {
    return is_before(a->hash, a->position, b);
}

static void swap(struct report_change *a, struct report_change *b) {
    struct report_change kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(struct report_changes *changes, size_t at) {
    for (size_t above; at > 0 && is_less(&changes->of[(at - 1) / 2], &changes->of[at]);
         at = above) {
        above = (at - 1) / 2;
        swap(&changes->of[above], &changes->of[at]);
    }
}

static void sink(struct report_changes *changes) {
    for (size_t at = 0, greatest = 0;; at = greatest) {
        for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < changes->count; below++)
            if (is_less(&changes->of[greatest], &changes->of[below]))
                greatest = below;
        if (greatest == at)
            return;
        swap(&changes->of[at], &changes->of[greatest]);
    }
}

bool report_changes_wants(const struct report_changes *changes, uint64_t hash, uint64_t position) {
    return changes->most > 0 &&
           (changes->count < changes->most || is_before(hash, position, &changes->of[0]));
}

void report_changes_put(struct report_changes *changes, struct report_change change) {
    if (!report_changes_wants(changes, change.hash, change.position)) {
        change_deinit(&change);
        return;
    }
    if (changes->count == changes->most) {
        change_deinit(&changes->of[0]);
        changes->of[0] = change;
        sink(changes);
        return;
    }
    if ((changes->count & (changes->count - 1)) == 0) /* a power of two, or nothing yet */
        changes->of = check_reallocarray(changes->of, changes->count ? 2 * changes->count : 1,
                                         sizeof *changes->of);
    changes->of[changes->count] = change;
    rise(changes, changes->count++);
}

void report_changes_merge(struct report_changes *to, struct report_changes *from) {
    for (size_t i = 0; i < from->count; i++)
        report_changes_put(to, from->of[i]);
    from->count = 0;
}

static int compare_positions(const void *a, const void *b) {
    const struct report_change *first = a, *second = b;
    return (first->position > second->position) - (first->position < second->position);
}

void report_changes_finish(struct report_changes *changes) {
    if (changes->count > 0)
        qsort(changes->of, changes->count, sizeof *changes->of, compare_positions);
}

/* ---- reasons ---- */

static struct text copy_of(struct text t) {
    return (struct text){.data = text_copy(t), .length = t.length};
}

/* Copies texts to the heap: the decision's memory belongs to the worker and its next row. */
void report_decision_fill(struct report_decision *reported, const struct decision *decision) {
    size_t count =
        decision->reason_count < REPORT_REASONS_MAX ? decision->reason_count : REPORT_REASONS_MAX;
    *reported =
        (struct report_decision){.verdict = decision->verdict,
                                 .score = decision->score,
                                 .reasons = check_calloc(count + 1, sizeof *reported->reasons),
                                 .reason_count = count};
    for (size_t i = 0; i < count; i++) {
        const struct reason *reason = &decision->reasons[i];
        reported->reasons[i] = (struct report_reason){.rule = copy_of(reason->rule),
                                                      .text = copy_of(reason->text),
                                                      .shadow = reason->shadow,
                                                      .suppressed = reason->suppressed};
    }
}

/* ---- encoding ---- */

static void encode_text(struct text t, struct buffer *out) {
    buffer_append_varint(out, t.length);
    buffer_append(out, t.data, t.length);
}

static struct text decode_text(struct cursor *cursor) {
    uint64_t length = cursor_varint(cursor);
    if (length > cursor_left(cursor))
        cursor->failed = true;
    return copy_of(cursor_text(cursor, cursor->failed ? 0 : (size_t)length));
}

static void encode_decision(const struct report_decision *reported, struct buffer *out) {
    buffer_append_varint(out, reported->verdict);
    buffer_append_varint(out, reported->score);
    buffer_append_varint(out, reported->reason_count);
    for (size_t i = 0; i < reported->reason_count; i++) {
        encode_text(reported->reasons[i].rule, out);
        encode_text(reported->reasons[i].text, out);
        buffer_append_u8(out, reported->reasons[i].shadow);
        buffer_append_u8(out, reported->reasons[i].suppressed);
    }
}

static void decode_decision(struct report_decision *reported, struct cursor *cursor) {
    reported->verdict = (enum verdict)report_number_decode(cursor, VERDICT_COUNT);
    reported->score = (uint32_t)report_number_decode(cursor, REPORT_SCORES);
    reported->reason_count = (size_t)report_number_decode(cursor, REPORT_REASONS_MAX + 1);
    reported->reasons = check_calloc(reported->reason_count + 1, sizeof *reported->reasons);
    for (size_t i = 0; i < reported->reason_count; i++) {
        struct report_reason *reason = &reported->reasons[i];
        reason->rule = decode_text(cursor);
        reason->text = decode_text(cursor);
        reason->shadow = cursor_u8(cursor) != 0;
        reason->suppressed = cursor_u8(cursor) != 0;
    }
}

static void encode_change(const struct report_change *change, struct buffer *out) {
    buffer_append_u64(out, change->hash);
    buffer_append_varint(out, change->position);
    encode_text(change->id, out);
    buffer_append_zigzag(out, change->event_time_us);
    buffer_append_zigzag(out, change->amount_minor);
    encode_text(text_of(change->currency), out);
    buffer_append_varint(out, change->label);
    for (size_t side = 0; side < REPORT_SIDES; side++)
        encode_decision(&change->sides[side], out);
}

static void decode_currency(char ret_currency[4], struct cursor *cursor) {
    size_t length = (size_t)report_number_decode(cursor, 4);
    struct text currency = cursor_text(cursor, length);
    if (!currency.data || (length != 0 && length != 3))
        cursor->failed = true;
    else
        memcpy(ret_currency, currency.data, length);
}

static struct report_change decode_change(struct cursor *cursor) {
    struct report_change change = {.hash = cursor_u64(cursor)};
    change.position = cursor_varint(cursor);
    change.id = decode_text(cursor);
    change.event_time_us = cursor_zigzag(cursor);
    change.amount_minor = cursor_zigzag(cursor);
    decode_currency(change.currency, cursor);
    change.label = (enum label)report_number_decode(cursor, LABEL_COUNT);
    for (size_t side = 0; side < REPORT_SIDES; side++)
        decode_decision(&change.sides[side], cursor);
    return change;
}

void report_changes_encode(const struct report_changes *changes, struct buffer *out) {
    buffer_append_varint(out, changes->count);
    for (size_t i = 0; i < changes->count; i++)
        encode_change(&changes->of[i], out);
}

void report_changes_decode(struct report_changes *changes, struct cursor *cursor) {
    uint64_t count = report_number_decode(cursor, (uint64_t)changes->most + 1);
    for (uint64_t i = 0; i < count && !cursor->failed; i++)
        report_changes_put(changes, decode_change(cursor));
}
