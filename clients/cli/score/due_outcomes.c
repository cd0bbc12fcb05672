/* A heap of outcomes and amendments by their times. What it carries with each is the line of its
 * row, for messages, or where the row is in the temporary file. */
#include "due_outcomes.h"

#include "clients/cli/io/rejects.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"

#include <stdlib.h>

#define EARLIER_ROW_BYTES (4u << 20)
#define CALL_BYTES        ((size_t)256 << 20) /* of the rows of one call */
#define CALL_FULL_BYTES   ((size_t)64 << 20)  /* with so much of them, it is sent */
/* Of what waits for its time: some 100 bytes each. */
#define WAITING_MAX 10000000u
/* An event time further ahead of the clock is a mistake, as for a server's max_ahead. */
#define MAX_AHEAD_US INT64_C(3600000000)

/* In the line of what waits: it is of the earlier file. */
#define LINE_EARLIER (UINT64_C(1) << 63)

int due_outcomes_open(struct due_outcomes *due, struct report_sender *own, const char *earlier,
                      struct error *ret_error) {
    struct rejects *rejects = own->diagnostics->rejects;
    *due = (struct due_outcomes){.newest_us = INT64_MIN, .own = own, .earlier = *own};
    outcome_delay_init(&due->delay);
    if (earlier) {
        due->earlier_diagnostics =
            (struct row_errors){.file = earlier, .bar = own->diagnostics->bar};
        due->earlier.diagnostics = &due->earlier_diagnostics;
    }
    return rejects ? row_spool_open(rejects_path(rejects), &due->spool, ret_error) : 0;
}

void due_outcomes_close(struct due_outcomes *due) {
    outcome_delay_deinit(&due->delay);
    row_spool_close(due->spool);
}

/* One row with a wrong clock, which the server refuses, must not make all that waits due. */
static void advance(int64_t *newest_us, int64_t event_time_us) {
    if (event_time_us > *newest_us && event_time_us <= realtime_us() + MAX_AHEAD_US)
        *newest_us = event_time_us;
}

void due_outcomes_advance(struct due_outcomes *due, int64_t event_time_us) {
    advance(&due->newest_us, event_time_us);
}

bool due_outcomes_has_due(const struct due_outcomes *due) {
    return due->delay.count > 0 && due->delay.outcomes[0].time_us <= due->newest_us;
}

static int check_room(const struct due_outcomes *due, struct error *ret_error) {
    if (due->delay.count < WAITING_MAX)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "more than %u outcomes and amendments wait for their time", WAITING_MAX);
}

/* What is kept with something that waits. A row may state two things, and is kept once. */
static int keep_row(struct due_outcomes *due, const struct row_original *row, uint64_t *ret_place,
                    struct error *ret_error) {
    int r = check_room(due, ret_error);
    *ret_place = row->line;
    if (r < 0 || !due->spool)
        return r;
    if (row->line == 0 || row->line != due->spooled_line)
        r = row_spool_add(due->spool, row, &due->spooled_place, ret_error);
    if (r == 0) {
        due->spooled_line = row->line;
        *ret_place = due->spooled_place;
    }
    return r;
}

int due_outcomes_add(struct due_outcomes *due, struct text id, enum label label, int64_t time_us,
                     const struct row_original *row, uint64_t *ret_number,
                     struct error *ret_error) {
    uint64_t place;
    int r = keep_row(due, row, &place, ret_error);
    if (r == 0)
        *ret_number = outcome_delay_add(&due->delay, id, label, time_us, place);
    return r;
}

int due_outcomes_add_amendment(struct due_outcomes *due, const struct amendment *amendment,
                               const struct row_original *row, uint64_t *ret_number,
                               struct error *ret_error) {
    uint64_t place;
    int r = keep_row(due, row, &place, ret_error);
    if (r == 0)
        *ret_number =
            outcome_delay_add_amendment(&due->delay, amendment, amendment->known_time_us, place);
    return r;
}

void due_outcomes_withdraw(struct due_outcomes *due, uint64_t number) {
    outcome_delay_withdraw(&due->delay, number);
}

/* What was taken out of the heap. */
static void add_again(struct due_outcomes *due, const struct delayed_outcome *taken) {
    const struct amendment amendment = {.transaction_id = text_of(taken->id),
                                        .kind = taken->amendment,
                                        .amount_minor = taken->amount_minor};
    if (taken->amendment == AMENDMENT_NONE)
        outcome_delay_add(&due->delay, text_of(taken->id), taken->label, taken->time_us,
                          taken->line);
    else
        outcome_delay_add_amendment(&due->delay, &amendment, taken->time_us, taken->line);
}

/* ---- of the earlier file ---- */

/* What is wrong with a row was said when it was scored. Both return 0 where there is nothing with a
 * time. */
static int read_outcome(const struct mapping *mapping, const struct row *row, struct arena *arena,
                        struct text *ret_id, enum label *ret_label, int64_t *ret_time_us) {
    struct error ignored;
    return row_id(mapping, row, arena, ret_id, NULL, &ignored) == 0 &&
           row_label(mapping, row, ret_label, NULL, &ignored) == 0 && *ret_label != LABEL_NONE &&
           row_outcome_time(mapping, row, ret_time_us, NULL, &ignored) > 0;
}

static int read_amendment(const struct mapping *mapping, const struct row *row, struct arena *arena,
                          struct amendment *ret_amendment) {
    struct error ignored;
    return row_amendment(mapping, row, arena, ret_amendment, NULL, &ignored) > 0 &&
           ret_amendment->known_time_us;
}

/* What one row of the earlier file states. */
static int take_earlier_row(struct due_outcomes *due, const struct mapping *mapping,
                            const struct row *row, struct arena *arena, struct error *ret_error) {
    const uint64_t line = row->line | LINE_EARLIER;
    struct amendment amendment;
    struct text id;
    enum label label = LABEL_NONE;
    int64_t time_us;
    int r = 0;
    if (read_outcome(mapping, row, arena, &id, &label, &time_us)) {
        r = check_room(due, ret_error);
        if (r == 0)
            outcome_delay_add(&due->delay, id, label, time_us, line);
    }
    if (r == 0 && read_amendment(mapping, row, arena, &amendment)) {
        r = check_room(due, ret_error);
        if (r == 0)
            outcome_delay_add_amendment(&due->delay, &amendment, amendment.known_time_us, line);
    }
    return r;
}

/* The earlier run has reported what was due by its own end. An outcome again changes nothing, but
 * an amendment would undo the later ones of its transaction, or be refused because of them. The
 * heap has nothing but the earlier file's. */
static void drop_reported(struct due_outcomes *due, int64_t end_us) {
    struct outcome_delay all = due->delay;
    struct delayed_outcome next;
    outcome_delay_init(&due->delay);
    while (outcome_delay_take(&all, INT64_MAX, &next)) {
        if (next.amendment == AMENDMENT_NONE || next.time_us > end_us)
            add_again(due, &next);
        free(next.id);
    }
    outcome_delay_deinit(&all);
}

int due_outcomes_read(struct due_outcomes *due, struct mapped_file *earlier,
                      const volatile int *stop, struct error *ret_error) {
    struct row row;
    struct arena arena;
    struct transaction transaction;
    struct error ignored;
    int64_t end_us = INT64_MIN;
    int r;
    arena_init(&arena, EARLIER_ROW_BYTES);
    while ((r = mapped_file_next(earlier, true, &row, ret_error)) > 0) {
        arena_reset(&arena);
        if (r != ROWS_BAD_ROW)
            r = take_earlier_row(due, earlier->mapping, &row, &arena, ret_error);
        if (r == 0 &&
            row_transaction(earlier->mapping, &row, &arena, &transaction, NULL, &ignored) == 0)
            advance(&end_us, transaction.event_time_us);
        if (r >= 0 && stop && *stop)
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        if (r < 0)
            break;
    }
    arena_deinit(&arena);
    if (r == 0)
        drop_reported(due, end_us);
    return r;
}

/* ---- reporting ---- */

/* Those of one file, for one call of each kind. */
struct due_call {
    struct harrier_outcome outcomes[REPORTS_MAX];
    struct row_original outcome_rows[REPORTS_MAX];
    size_t outcome_count;
    struct harrier_amendment amendments[REPORTS_MAX];
    struct row_original amendment_rows[REPORTS_MAX];
    size_t amendment_count;
};

/* Without a temporary file, its line is all there is of a row. */
int due_outcomes_read_row(struct due_outcomes *due, uint64_t place, struct arena *arena,
                          struct row_original *ret_row, struct error *ret_error) {
    if (due->spool && !(place & LINE_EARLIER))
        return row_spool_read(due->spool, place, arena, ret_row, ret_error);
    *ret_row = (struct row_original){.line = place & ~LINE_EARLIER};
    return 0;
}

static int add_to_call(struct due_outcomes *due, struct due_call *call,
                       const struct delayed_outcome *report, struct arena *arena,
                       struct error *ret_error) {
    struct row_original row;
    int r = due_outcomes_read_row(due, report->line, arena, &row, ret_error);
    if (r < 0)
        return r;
    if (report->amendment == AMENDMENT_NONE) {
        call->outcome_rows[call->outcome_count] = row;
        call->outcomes[call->outcome_count++] = (struct harrier_outcome){
            .transaction_id = report->id, .label = (enum harrier_label)report->label};
    } else {
        call->amendment_rows[call->amendment_count] = row;
        call->amendments[call->amendment_count++] =
            (struct harrier_amendment){.transaction_id = report->id,
                                       .kind = (enum harrier_amendment_kind)report->amendment,
                                       .amount_minor = report->amount_minor,
                                       .known_time_us = report->time_us};
    }
    return 0;
}

/* Back to those that wait. Their time has come, so whatever it is, they are the first. Should that
 * fail, *error says so instead. */
static void put_back(struct due_outcomes *due, const struct due_call *call, struct error *error) {
    struct error failure;
    uint64_t number;
    for (size_t i = 0; i < call->outcome_count; i++) {
        const struct harrier_outcome *outcome = &call->outcomes[i];
        if (due_outcomes_add(due, text_of(outcome->transaction_id), (enum label)outcome->label,
                             due->newest_us, &call->outcome_rows[i], &number, &failure) < 0)
            *error = failure;
    }
    for (size_t i = 0; i < call->amendment_count; i++) {
        const struct harrier_amendment *sent = &call->amendments[i];
        const struct amendment amendment = {.transaction_id = text_of(sent->transaction_id),
                                            .kind = (enum amendment_kind)sent->kind,
                                            .amount_minor = sent->amount_minor,
                                            .known_time_us = sent->known_time_us};
        if (due_outcomes_add_amendment(due, &amendment, &call->amendment_rows[i], &number,
                                       &failure) < 0)
            *error = failure;
    }
}

static int send_call(struct report_sender *sender, struct due_call *call, struct error *ret_error) {
    int r = 0;
    if (call->outcome_count > 0)
        r = report_sender_outcomes(sender, call->outcomes, call->outcome_rows, &call->outcome_count,
                                   ret_error);
    if (r == 0 && call->amendment_count > 0)
        r = report_sender_amendments(sender, call->amendments, call->amendment_rows,
                                     &call->amendment_count, ret_error);
    return r;
}

/* The next of those taken, as many as fit into one call of each kind and sender; *at moves behind
 * them. A transaction's amendments are totals, so their order must stay, also if both files have
 * some: no call of one file overtakes the other's. */
static int report_some(struct due_outcomes *due, const struct delayed_outcome *taken, size_t count,
                       size_t *at, struct error *ret_error) {
    struct due_call *earlier = check_calloc(2, sizeof *earlier), *own = &earlier[1];
    struct arena arena;
    int r = 0;
    arena_init(&arena, CALL_BYTES);
    while (r == 0 && *at < count && arena.used < CALL_FULL_BYTES) {
        const struct delayed_outcome *next = &taken[*at];
        bool is_earlier = next->line & LINE_EARLIER;
        if (next->amendment != AMENDMENT_NONE && (is_earlier ? own : earlier)->amendment_count > 0)
            break;
        r = add_to_call(due, is_earlier ? earlier : own, next, &arena, ret_error);
        *at += r == 0;
    }
    if (r == 0)
        r = send_call(&due->earlier, earlier, ret_error);
    if (r == 0)
        r = send_call(due->own, own, ret_error);
    if (r < 0)
        put_back(due, own, ret_error);
    arena_deinit(&arena);
    free(earlier);
    return r < 0 ? -(int)ret_error->code : 0;
}

/* After a failure, those that were in no call go back into the heap as they were. */
static int report_taken(struct due_outcomes *due, const struct delayed_outcome *taken, size_t count,
                        struct error *ret_error) {
    size_t at = 0;
    int r = 0;
    while (r == 0 && at < count)
        r = report_some(due, taken, count, &at, ret_error);
    for (; at < count; at++)
        add_again(due, &taken[at]);
    return r;
}

int due_outcomes_report(struct due_outcomes *due, struct error *ret_error) {
    struct delayed_outcome *taken = check_calloc(REPORTS_MAX, sizeof *taken);
    size_t count;
    int r = 0;
    do {
        for (count = 0; count < REPORTS_MAX; count++)
            if (!outcome_delay_take(&due->delay, due->newest_us, &taken[count]))
                break;
        if (count > 0)
            r = report_taken(due, taken, count, ret_error);
        for (size_t i = 0; i < count; i++)
            free(taken[i].id);
    } while (r == 0 && count > 0);
    free(taken);
    return r;
}

/* ---- at the end ---- */

void due_outcomes_count_waiting(struct due_outcomes *due, uint64_t *ret_outcomes,
                                uint64_t *ret_amendments) {
    struct delayed_outcome next;
    *ret_outcomes = *ret_amendments = 0;
    while (outcome_delay_take(&due->delay, INT64_MAX, &next)) {
        free(next.id);
        ++*(next.amendment == AMENDMENT_NONE ? ret_outcomes : ret_amendments);
    }
}

static int compare_places(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

size_t due_outcomes_take_places(struct due_outcomes *due, uint64_t **ret_places) {
    uint64_t *places = check_calloc(due->delay.count + 1, sizeof *places);
    struct delayed_outcome next;
    size_t count = 0, unique = 0;
    while (due->spool && outcome_delay_take(&due->delay, INT64_MAX, &next)) {
        free(next.id);
        if (!(next.line & LINE_EARLIER))
            places[count++] = next.line;
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || places[i] != places[i - 1])
            places[unique++] = places[i];
    *ret_places = places;
    return unique;
}
