/* Reading all states of an overlay at one position, while it keeps changing.
 *
 * From its opening on, a view encodes each state that is about to change for the first time. So the
 * state that an entity had at that moment is, in this order: the copy, the one in memory, the one
 * in the table. Held states are never removed, so a list of them stays valid; an entity that is
 * brought in later is found in the table, which never changes.
 *
 * The guard is held only for short steps: listing COLLECT states, encoding one state. Tables are
 * read without it. */
#include "overlay_internal.h"

#include "core/base/check.h"
#include "core/store/generation/content_hash.h"

#include <stdlib.h>

#define COLLECT 1024 /* held states listed under the guard at a time */

struct overlay_view {
    struct overlay *overlay;
    struct overlay_guard *guard; /* NULL: nothing changes meanwhile */
    struct overlay_view *next;   /* of the overlay's others */
    struct tally tally;
    uint64_t lists; /* their hash */
    size_t list_entries;
    uint64_t sources; /* likewise */
    size_t source_count;
    struct state_table kept; /* keys of those that have changed since; `counted`: their copies */
    struct text *copies;     /* the states as they were, encoded */
    size_t copy_capacity;
    bool is_collected;
    struct held_state **state_table; /* in order, once collected */
    size_t count, at;
    size_t entity;
    struct generation_cursor *cursor; /* of the entity's table */
    bool has_entity, has_stored;
    struct text stored_key, stored;
    struct buffer encoded; /* the state given last, if it has not changed */
};

static void enter(const struct overlay_view *view) {
    if (view->guard)
        view->guard->enter(view->guard);
}

static void leave(const struct overlay_view *view) {
    if (view->guard)
        view->guard->leave(view->guard);
}

struct overlay_view *overlay_view_open(struct overlay *overlay, struct overlay_guard *guard) {
    struct overlay_view *view = check_calloc(1, sizeof *view);
    view->overlay = overlay;
    view->guard = guard;
    view->tally = overlay->tally;
    view->lists = list_table_hash(overlay->lists);
    view->list_entries = list_table_entries(overlay->lists);
    view->sources = source_table_hash(overlay->sources);
    view->source_count = source_table_count(overlay->sources);
    buffer_init(&view->encoded);
    if (guard) {
        view->next = overlay->views;
        overlay->views = view;
    }
    return view;
}

static void detach(struct overlay_view *view) {
    struct overlay_view **at = &view->overlay->views;
    while (*at != view)
        at = &(*at)->next;
    *at = view->next;
}

void overlay_view_close(struct overlay_view *view) {
    if (!view)
        return;
    generation_cursor_close(view->cursor);
    if (view->guard) {
        enter(view);
        detach(view);
        leave(view);
    }
    for (size_t i = 0; i < view->kept.count; i++)
        free((void *)(uintptr_t)view->copies[i].data);
    free(view->copies);
    state_table_deinit(&view->kept);
    buffer_deinit(&view->encoded);
    free(view->state_table);
    free(view);
}

bool overlay_is_viewed(const struct overlay *overlay) {
    return overlay->views;
}

struct tally overlay_view_tally(const struct overlay_view *view) {
    return view->tally;
}

uint64_t overlay_view_lists(const struct overlay_view *view, size_t *ret_entries) {
    *ret_entries = view->list_entries;
    return view->lists;
}

uint64_t overlay_view_sources(const struct overlay_view *view, size_t *ret_count) {
    *ret_count = view->source_count;
    return view->sources;
}

/* In memory of its own, of just the size. */
static struct text copy_of(const struct overlay *overlay, const struct held_state *held_state) {
    struct buffer bytes;
    buffer_init(&bytes);
    state_encode(&held_state->state, &overlay->plan->entities[held_state->entity], &bytes);
    char *copy = text_copy(buffer_text(&bytes));
    struct text text = {.data = copy, .length = bytes.length};
    buffer_deinit(&bytes);
    return text;
}

static void keep(struct overlay_view *view, const struct held_state *held_state,
                 uint64_t key_hash) {
    struct text key = held_state_key(held_state);
    if (state_table_find(&view->kept, held_state->entity, key, key_hash))
        return;
    size_t number = view->kept.count;
    if (number == view->copy_capacity) {
        view->copy_capacity = number ? 2 * number : 256;
        view->copies = check_reallocarray(view->copies, view->copy_capacity, sizeof *view->copies);
    }
    check(number <= COUNTED_MAX);
    view->copies[number] = copy_of(view->overlay, held_state);
    struct held_state *kept = state_table_add(&view->kept, held_state->entity, key, key_hash);
    kept->counted = (uint32_t)number & COUNTED_MAX;
}

void overlay_views_keep(struct overlay *overlay, const struct held_state *held_state,
                        uint64_t key_hash) {
    for (struct overlay_view *view = overlay->views; view; view = view->next)
        keep(view, held_state, key_hash);
}

/* ---------------------------------------------------------------------------------------------
 * In order */

/* Lists all held states, step by step, including those that are added meanwhile. */
static void collect(struct overlay_view *view) {
    const struct state_table *state_table = &view->overlay->state_table;
    struct state_table_cursor cursor = {0};
    size_t room = 0;
    bool done = false;
    while (!done) {
        enter(view);
        if (room < view->count + COLLECT) {
            room = state_table->count + COLLECT;
            view->state_table = check_reallocarray(view->state_table, room, sizeof(void *));
        }
        for (size_t i = 0; i < COLLECT && !done; i++) {
            struct held_state *held_state = state_table_next(state_table, &cursor);
            if (held_state)
                view->state_table[view->count++] = held_state;
            else
                done = true;
        }
        leave(view);
    }
    state_table_sort(view->state_table, view->count);
    view->is_collected = true;
}

static void next_stored(struct overlay_view *view) {
    view->has_stored =
        view->cursor && generation_cursor_next(view->cursor, &view->stored_key, &view->stored);
}

static void begin_entity(struct overlay_view *view) {
    if (view->overlay->generation)
        view->cursor = generation_cursor_open(view->overlay->generation, view->entity);
    view->has_entity = true;
    next_stored(view);
}

static void end_entity(struct overlay_view *view) {
    generation_cursor_close(view->cursor);
    view->cursor = NULL;
    view->has_entity = false;
    view->entity++;
}

/* The state as it was when the view was opened. A copy, once made, does not change. */
static struct text state_then(struct overlay_view *view, const struct held_state *held_state) {
    struct text key = held_state_key(held_state), state;
    uint64_t key_hash = hash_text(key);
    buffer_clear(&view->encoded);
    enter(view);
    const struct held_state *kept =
        state_table_find(&view->kept, held_state->entity, key, key_hash);
    if (kept) {
        state = view->copies[kept->counted];
    } else {
        state_encode(&held_state->state, &view->overlay->plan->entities[held_state->entity],
                     &view->encoded);
        state = buffer_text(&view->encoded);
    }
    leave(view);
    return state;
}

/* The next state of the entity, merged from memory and table; false: there are no more. */
static bool step(struct overlay_view *view, struct text *ret_key, struct text *ret_state) {
    const struct held_state *held_state =
        view->at < view->count ? view->state_table[view->at] : NULL;
    if (held_state && held_state->entity != view->entity)
        held_state = NULL;
    if (!held_state && !view->has_stored)
        return false;
    int order = 1; /* of the held state's key against the table's */
    if (held_state)
        order = view->has_stored ? text_compare(held_state_key(held_state), view->stored_key) : -1;
    *ret_key = order > 0 ? view->stored_key : held_state_key(held_state);
    *ret_state = order > 0 ? view->stored : state_then(view, held_state);
    if (order >= 0)
        next_stored(view);
    if (order <= 0)
        view->at++;
    return true;
}

static bool is_idle(const struct overlay_view *view, struct text state) {
    const struct plan *plan = view->overlay->plan;
    return state.length == 0 ||
           encoded_is_idle(state.data, state.length, &plan->entities[view->entity],
                           plan->lateness_us, view->tally.newest_event_time_us);
}

bool overlay_view_next(struct overlay_view *view, size_t *ret_entity, struct text *ret_key,
                       struct text *ret_state) {
    if (!view->is_collected)
        collect(view);
    while (view->entity < view->overlay->plan->entity_count) {
        if (!view->has_entity)
            begin_entity(view);
        struct text key, state;
        while (step(view, &key, &state)) {
            if (is_idle(view, state))
                continue;
            *ret_entity = view->entity;
            *ret_key = key;
            *ret_state = state;
            return true;
        }
        end_entity(view);
    }
    return false;
}

/* ---------------------------------------------------------------------------------------------
 * All of them */

uint64_t overlay_view_hash(struct overlay_view *view) {
    struct hash_stream *stream = hash_stream_new();
    const struct plan *plan = view->overlay->plan;
    char *table = NULL; /* of table_entity */
    size_t entity, table_entity = SIZE_MAX;
    struct text key, state;
    while (overlay_view_next(view, &entity, &key, &state)) {
        if (entity != table_entity) {
            free(table);
            table = content_hash_state_table(plan->entities[entity].name);
            table_entity = entity;
        }
        content_hash_add(stream, text_of(table), key, state);
    }
    free(table);
    uint64_t hash = hash_stream_value(stream);
    hash_stream_free(stream);
    return hash;
}

int overlay_visit(const struct overlay *overlay,
                  int (*visit)(void *user, size_t entity, struct text key, struct text state),
                  void *user) {
    struct overlay_view *view = overlay_view_open((struct overlay *)(uintptr_t)overlay, NULL);
    size_t entity;
    struct text key, state;
    int r = 0;
    while (r == 0 && overlay_view_next(view, &entity, &key, &state))
        r = visit(user, entity, key, state);
    overlay_view_close(view);
    return r;
}

uint64_t overlay_hash(const struct overlay *overlay) {
    struct overlay_view *view = overlay_view_open((struct overlay *)(uintptr_t)overlay, NULL);
    uint64_t hash = overlay_view_hash(view);
    overlay_view_close(view);
    return hash;
}
