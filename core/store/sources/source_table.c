/* Numbers of the last window are bits, at their remainder; what falls out of the window without
 * having come is lost, and kept as ranges. */
#include "source_table.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct source_table {
    size_t count;
    uint64_t others;
    struct source_watch *watch;
    struct source_state *states[SOURCES_MAX];
};

/* ---- the window ---- */

static bool has_come(const struct source_numbering *numbering, uint64_t number) {
    return numbering->seen[number % SOURCE_WINDOW / 8] >> (number % 8) & 1;
}

static void set(struct source_numbering *numbering, uint64_t number) {
    numbering->seen[number % SOURCE_WINDOW / 8] |= (uint8_t)(1u << (number % 8));
}

static void clear(struct source_numbering *numbering, uint64_t number) {
    numbering->seen[number % SOURCE_WINDOW / 8] &= (uint8_t)~(1u << (number % 8));
}

/* The lowest number of the window that the numbering has. */
static uint64_t window_begin(const struct source_numbering *numbering) {
    uint64_t begin =
        numbering->highest >= SOURCE_WINDOW ? numbering->highest - SOURCE_WINDOW + 1 : 1;
    return begin > numbering->first ? begin : numbering->first;
}

/* ---- missing ranges ---- */

static void remove_range(struct source_numbering *numbering, size_t index) {
    struct source_range *at = &numbering->missing[index];
    numbering->missing_count--;
    memmove(at, at + 1, (numbering->missing_count - index) * sizeof *at);
}

static void insert_range(struct source_numbering *numbering, size_t index,
                         struct source_range range) {
    if (numbering->missing_count == SOURCE_RANGES_MAX) { /* the oldest is forgotten */
        if (index == 0)
            return;
        remove_range(numbering, 0);
        index--;
    }
    struct source_range *at = &numbering->missing[index];
    memmove(at + 1, at, (numbering->missing_count - index) * sizeof *at);
    *at = range;
    numbering->missing_count++;
}

/* These numbers are missing from now on; higher ones than all before. */
static void lose(struct source_table *table, struct source_state *state,
                 struct source_numbering *numbering, struct source_range range) {
    size_t count = numbering->missing_count;
    struct source_range *last = count > 0 ? &numbering->missing[count - 1] : NULL;
    state->counts.missed += range.last - range.first + 1;
    if (last && last->last + 1 == range.first) {
        last->last = range.last;
    } else {
        state->counts.gaps++;
        insert_range(numbering, count, range);
    }
    if (table->watch)
        table->watch->gap(table->watch, state, range);
}

/* A number that was missing has come: is it one of those that are kept? */
static bool find_again(struct source_numbering *numbering, uint64_t number) {
    size_t i = 0;
    while (i < numbering->missing_count && numbering->missing[i].last < number)
        i++;
    if (i == numbering->missing_count || numbering->missing[i].first > number)
        return false;
    struct source_range below = numbering->missing[i], above = below;
    below.last = number - 1;
    above.first = number + 1;
    remove_range(numbering, i);
    if (above.first <= above.last)
        insert_range(numbering, i, above);
    if (below.first <= below.last)
        insert_range(numbering, i, below);
    return true;
}

/* ---- numbers ---- */

/* Loses what has not come of the numbers from the window's first one to `last`. */
static void leave_window(struct source_table *table, struct source_state *state,
                         struct source_numbering *numbering, uint64_t last) {
    uint64_t number = window_begin(numbering);
    while (number <= last) {
        uint64_t first = number;
        while (number <= last && !has_come(numbering, number))
            number++;
        if (number > first)
            lose(table, state, numbering, (struct source_range){first, number - 1});
        while (number <= last && has_come(numbering, number))
            number++;
    }
}

/* A number above the highest. */
static void advance(struct source_table *table, struct source_state *state,
                    struct source_numbering *numbering, uint64_t number) {
    uint64_t before = numbering->highest;
    uint64_t out = number > SOURCE_WINDOW ? number - SOURCE_WINDOW : 0; /* the last to leave */
    leave_window(table, state, numbering, out < before ? out : before);
    if (out > before)
        lose(table, state, numbering, (struct source_range){before + 1, out});
    if (out > before)
        memset(numbering->seen, 0, sizeof numbering->seen);
    else
        for (uint64_t i = 1; i <= number - before; i++)
            clear(numbering, before + i);
    numbering->highest = number;
    set(numbering, number);
}

static bool is_near(const struct source_numbering *numbering, uint64_t number) {
    return number > numbering->highest ? number - numbering->highest <= SOURCE_WINDOW
                                       : numbering->highest - number < SOURCE_WINDOW;
}

/* A number above the highest, or in the window. */
static void take(struct source_table *table, struct source_state *state,
                 struct source_numbering *numbering, uint64_t number) {
    if (number > numbering->highest) {
        advance(table, state, numbering, number);
    } else if (has_come(numbering, number)) {
        state->counts.repeats++;
    } else {
        set(numbering, number);
        if (number < numbering->first)
            numbering->first = number;
    }
}

static void begin(struct source_numbering *numbering, uint64_t number) {
    *numbering = (struct source_numbering){.first = number, .highest = number};
    set(numbering, number);
}

static void end_previous(struct source_table *table, struct source_state *state) {
    struct source_numbering *previous = &state->previous;
    if (previous->highest > 0)
        leave_window(table, state, previous, previous->highest);
    *previous = (struct source_numbering){0};
}

/* A number below the window. */
static void take_old(struct source_table *table, struct source_state *state, uint64_t number) {
    struct source_numbering *current = &state->current;
    bool is_far = current->highest - number >= 2 * SOURCE_WINDOW;
    if (find_again(current, number)) {
        state->counts.late++;
    } else if (is_far && (number < SOURCE_WINDOW || number < current->first)) {
        end_previous(table, state);
        state->previous = *current;
        begin(current, number);
        state->counts.restarts++;
    } else if (number < current->first) {
        state->counts.late++; /* from before anything was known of the source */
    } else {
        state->counts.repeats++;
    }
}

static void take_number(struct source_table *table, struct source_state *state, uint64_t number) {
    struct source_numbering *current = &state->current, *previous = &state->previous;
    if (current->highest == 0)
        begin(current, number);
    else if (is_near(current, number))
        take(table, state, current, number);
    else if (previous->highest > 0 && is_near(previous, number))
        take(table, state, previous, number);
    else if (number > current->highest)
        take(table, state, current, number);
    else
        take_old(table, state, number);
    if (previous->highest > 0 && current->highest - current->first >= SOURCE_WINDOW)
        end_previous(table, state);
}

/* ---- sources ---- */

struct source_table *source_table_new(void) {
    return check_calloc(1, sizeof(struct source_table));
}

void source_table_free(struct source_table *table) {
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++) {
        free((void *)(uintptr_t)table->states[i]->name.data);
        free(table->states[i]);
    }
    free(table);
}

void source_table_watch(struct source_table *table, struct source_watch *watch) {
    table->watch = watch;
}

static struct source_state *append(struct source_table *table, struct text name) {
    struct source_state *state = check_calloc(1, sizeof *state);
    state->name = (struct text){.data = text_copy(name), .length = name.length};
    table->states[table->count++] = state;
    return state;
}

/* Producers are few and stay the same: the search is linear. */
static size_t find(const struct source_table *table, struct text name) {
    size_t i = 0;
    while (i < table->count && !text_equal(table->states[i]->name, name))
        i++;
    return i;
}

const struct source_state *source_table_find(const struct source_table *table, struct text name) {
    size_t index = find(table, name);
    return index < table->count ? table->states[index] : NULL;
}

const struct source_state *source_table_add(struct source_table *table,
                                            const struct transaction *transaction,
                                            int64_t receive_time_us) {
    size_t index = find(table, transaction->source);
    if (index == SOURCES_MAX) {
        table->others++;
        return NULL;
    }
    struct source_state *state =
        index < table->count ? table->states[index] : append(table, transaction->source);
    state->transactions++;
    state->last_receive_us = receive_time_us;
    if (transaction->sequence > 0)
        take_number(table, state, transaction->sequence);
    return state;
}

void source_table_touch(struct source_table *table, struct text name, int64_t receive_time_us) {
    size_t index = find(table, name);
    if (index < table->count)
        table->states[index]->last_receive_us = receive_time_us;
}

size_t source_table_count(const struct source_table *table) {
    return table->count;
}

const struct source_state *source_table_at(const struct source_table *table, size_t index) {
    check(index < table->count);
    return table->states[index];
}

uint64_t source_table_others(const struct source_table *table) {
    return table->others;
}

int source_table_visit(const struct source_table *table,
                       int (*visit)(void *user, const struct source_state *state), void *user) {
    const struct source_state others = {.transactions = table->others};
    int r = 0;
    for (size_t i = 0; i < table->count && r == 0; i++)
        r = visit(user, table->states[i]);
    return r == 0 && table->others > 0 ? visit(user, &others) : r;
}

int source_table_restore(struct source_table *table, const struct source_state *state,
                         struct error *ret_error) {
    if (state->name.length == 0) {
        table->others = state->transactions;
        return 0;
    }
    if (table->count == SOURCES_MAX || state->name.length > TRANSACTION_SOURCE_MAX)
        return error_set(ret_error, ERROR_DAMAGED, "it has more sources than a server keeps");
    struct source_state *own = append(table, state->name);
    struct text name = own->name;
    *own = *state;
    own->name = name;
    return 0;
}

static int add_bytes(void *user, const struct source_state *state) {
    struct buffer *buffer = user;
    source_state_encode(state, buffer);
    return 0;
}

uint64_t source_table_hash(const struct source_table *table) {
    struct buffer buffer;
    buffer_init(&buffer);
    source_table_visit(table, add_bytes, &buffer);
    uint64_t hash = hash_text(buffer_text(&buffer));
    buffer_deinit(&buffer);
    return hash;
}
