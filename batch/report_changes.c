#include "report_changes.h"

#include "core/base/check.h"

#include <stdlib.h>

void report_changes_init(struct report_changes *changes, size_t most) {
    *changes = (struct report_changes){.most = most};
}

static void free_text(struct text t) {
    free((void *)(uintptr_t)t.data);
}

static void change_deinit(struct report_change *change) {
    free_text(change->id);
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        struct report_told *told = &change->sides[side];
        for (size_t i = 0; i < told->reason_count; i++) {
            free_text(told->reasons[i].rule);
            free_text(told->reasons[i].text);
        }
        free(told->reasons);
    }
}

void report_changes_deinit(struct report_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        change_deinit(&changes->of[i]);
    free(changes->of);
    *changes = (struct report_changes){0};
}

/* ---- the heap ---- */

/* Positions settle what hashes leave open. */
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

void report_told_fill(struct report_told *told, const struct decision *decision) {
    size_t count =
        decision->reason_count < REPORT_REASONS_MAX ? decision->reason_count : REPORT_REASONS_MAX;
    *told = (struct report_told){.verdict = decision->verdict,
                                 .score = decision->score,
                                 .reasons = check_calloc(count + 1, sizeof *told->reasons),
                                 .reason_count = count};
    for (size_t i = 0; i < count; i++) {
        const struct reason *reason = &decision->reasons[i];
        told->reasons[i] = (struct report_reason){.rule = copy_of(reason->rule),
                                                  .text = copy_of(reason->text),
                                                  .shadow = reason->shadow,
                                                  .suppressed = reason->suppressed};
    }
}
