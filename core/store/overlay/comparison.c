/* A merge of two ordered sequences; neither is held in memory. Equal bytes are equal states,
 * because encodings are canonical; features are computed only to describe a difference. */
#include "comparison.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define STEP               256 /* entities between two calls of goes_on() */
#define FEATURES_NAMED_MAX 8

struct side {
    struct overlay_view *view;
    struct comparison_listener *listener;
    bool has; /* the following */
    size_t entity;
    struct text key, state;
};

static void advance(struct side *side) {
    struct comparison_listener *listener = side->listener;
    do
        side->has = overlay_view_next(side->view, &side->entity, &side->key, &side->state);
    while (side->has && listener->is_wanted && !listener->is_wanted(listener, side->key));
}

/* Which side has the smaller key: < 0 left, > 0 right, 0 both are at the same entity. */
static int order(const struct side *left, const struct side *right) {
    if (!left->has || !right->has)
        return left->has ? -1 : 1;
    if (left->entity != right->entity)
        return left->entity < right->entity ? -1 : 1;
    return text_compare(left->key, right->key);
}

/* Compares one entity; a side that is not at it has no state. */
static bool is_same(const struct side *left, const struct side *right, int side,
                    struct state_difference *ret_difference) {
    const struct side *at = side <= 0 ? left : right;
    *ret_difference = (struct state_difference){.entity = at->entity, .key = at->key};
    if (side <= 0)
        ret_difference->left = left->state;
    if (side >= 0)
        ret_difference->right = right->state;
    return text_equal(ret_difference->left, ret_difference->right);
}

static bool counts_differ(struct tally a, struct tally b) {
    return a.transactions != b.transactions || a.outcomes != b.outcomes ||
           a.newest_event_time_us != b.newest_event_time_us ||
           memcmp(a.labels, b.labels, sizeof a.labels) != 0;
}

int comparison_run(struct overlay_view *left_view, struct overlay_view *right_view,
                   struct comparison_listener *listener, struct comparison *ret_comparison,
                   struct error *ret_error) {
    struct comparison comparison = {0};
    struct side left = {.view = left_view, .listener = listener};
    struct side right = {.view = right_view, .listener = listener};
    comparison.is_tally_different =
        counts_differ(overlay_view_tally(left_view), overlay_view_tally(right_view));
    size_t right_entries, right_sources;
    uint64_t left_lists = overlay_view_lists(left_view, &comparison.list_entries);
    comparison.are_lists_different = left_lists != overlay_view_lists(right_view, &right_entries) ||
                                     comparison.list_entries != right_entries;
    uint64_t left_sources = overlay_view_sources(left_view, &comparison.sources);
    comparison.are_sources_different =
        left_sources != overlay_view_sources(right_view, &right_sources) ||
        comparison.sources != right_sources;
    for (advance(&left), advance(&right); left.has || right.has; comparison.entities++) {
        if (comparison.entities % STEP == 0 && !listener->goes_on(listener, comparison.entities))
            return error_set(ret_error, ERROR_INTERRUPTED, "the comparison was interrupted");
        int side = order(&left, &right);
        struct state_difference difference;
        bool same = is_same(&left, &right, side, &difference);
        comparison.of[difference.entity].entities++;
        if (!same) {
            comparison.differences++;
            comparison.of[difference.entity].differences++;
            listener->differs(listener, &difference);
        }
        if (side <= 0)
            advance(&left);
        if (side >= 0)
            advance(&right);
    }
    *ret_comparison = comparison;
    return 0;
}

/* ---- in words ---- */

static void describe_value(struct value value, bool with_texts, struct buffer *out) {
    char text[128];
    if (value.type == VALUE_ABSENT)
        buffer_printf(out, "nothing");
    else if (value.type == VALUE_TEXT && !with_texts)
        buffer_printf(out, "a text");
    else if (value.type == VALUE_TEXT)
        buffer_printf(out, "\"%" TEXT_FORMAT "\"", TEXT_ARGS(value.text));
    else
        buffer_printf(out, "%s", (value_format(value, text, sizeof text), text));
}

static int64_t newest_of(struct text state) {
    int64_t newest_us;
    uint64_t entries;
    return encoded_extent(state.data, state.length, &newest_us, &entries) ? newest_us : INT64_MIN;
}

void state_difference_describe(const struct state_difference *difference, const struct plan *plan,
                               bool with_texts, struct buffer *out) {
    const struct entity_plan *entity = &plan->entities[difference->entity];
    struct value *values = check_calloc(2 * entity->feature_count, sizeof *values);
    struct value *left = values, *right = values + entity->feature_count;
    struct state_scratch *scratch[] = {state_scratch_new(), state_scratch_new()};
    int64_t left_us = newest_of(difference->left), right_us = newest_of(difference->right);
    int64_t at_us = left_us > right_us ? left_us : right_us;
    state_read(difference->left.data, difference->left.length, entity, plan->lateness_us, at_us,
               NULL, scratch[0], left);
    state_read(difference->right.data, difference->right.length, entity, plan->lateness_us, at_us,
               NULL, scratch[1], right);
    size_t named = 0, differing = 0;
    for (size_t i = 0; i < entity->feature_count; i++) {
        if (value_equal(left[i], right[i]))
            continue;
        if (differing++ >= FEATURES_NAMED_MAX)
            continue;
        buffer_printf(out, "%s%" TEXT_FORMAT " ", named++ ? ", " : "",
                      TEXT_ARGS(entity->features[i].name));
        describe_value(left[i], with_texts, out);
        buffer_printf(out, " against ");
        describe_value(right[i], with_texts, out);
    }
    if (differing > named)
        buffer_printf(out, " and %zu more", differing - named);
    if (differing == 0)
        buffer_printf(out, "the same values now, but another history (%zu and %zu bytes)",
                      difference->left.length, difference->right.length);
    state_scratch_free(scratch[0]);
    state_scratch_free(scratch[1]);
    free(values);
}
