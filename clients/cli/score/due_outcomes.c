/* A heap of outcomes by their times. What it carries with each is the line of its row, for
 * messages, or where the row is in the temporary file. */
#include "due_outcomes.h"

#include "clients/cli/io/rejects.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"

#include <stdlib.h>

#define EARLIER_ROW_BYTES (4u << 20)
#define CALL_BYTES        ((size_t)256 << 20) /* of the rows of one call */
#define CALL_FULL_BYTES   ((size_t)64 << 20)  /* with so much of them, it is sent */
/* Outcomes that wait for their time: some 100 bytes each. */
#define WAITING_MAX 10000000u
/* An event time further ahead of the clock is a mistake, as for a server's max_ahead. */
#define MAX_AHEAD_US INT64_C(3600000000)

/* In the line of a waiting outcome: it is of the earlier file. */
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

/* One row with a wrong clock, which the server refuses, must not make all outcomes due. */
void due_outcomes_advance(struct due_outcomes *due, int64_t event_time_us) {
    if (event_time_us > due->newest_us && event_time_us <= realtime_us() + MAX_AHEAD_US)
        due->newest_us = event_time_us;
}

bool due_outcomes_has_due(const struct due_outcomes *due) {
    return due->delay.count > 0 && due->delay.outcomes[0].time_us <= due->newest_us;
}

static int check_room(const struct due_outcomes *due, struct error *ret_error) {
    if (due->delay.count < WAITING_MAX)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "more than %u outcomes wait for their outcome_time", WAITING_MAX);
}

int due_outcomes_add(struct due_outcomes *due, struct text id, enum label label, int64_t time_us,
                     const struct row_original *row, uint64_t *ret_number,
                     struct error *ret_error) {
    uint64_t place = row->line;
    int r = check_room(due, ret_error);
    if (r == 0 && due->spool)
        r = row_spool_add(due->spool, row, &place, ret_error);
    if (r == 0)
        *ret_number = outcome_delay_add(&due->delay, id, label, time_us, place);
    return r;
}

void due_outcomes_withdraw(struct due_outcomes *due, uint64_t number) {
    outcome_delay_withdraw(&due->delay, number);
}

/* ---- of the earlier file ---- */

/* What is wrong with a row was said when it was scored. 0: it has no outcome, or none with a time.
 */
static int read_outcome(const struct mapping *mapping, const struct row *row, struct arena *arena,
                        struct text *ret_id, enum label *ret_label, int64_t *ret_time_us) {
    struct error ignored;
    return row_id(mapping, row, arena, ret_id, NULL, &ignored) == 0 &&
           row_label(mapping, row, ret_label, NULL, &ignored) == 0 && *ret_label != LABEL_NONE &&
           row_outcome_time(mapping, row, ret_time_us, NULL, &ignored) > 0;
}

int due_outcomes_read(struct due_outcomes *due, struct mapped_file *earlier,
                      const volatile int *stop, struct error *ret_error) {
    struct row row;
    struct arena arena;
    int r;
    arena_init(&arena, EARLIER_ROW_BYTES);
    while ((r = mapped_file_next(earlier, true, &row, ret_error)) > 0) {
        struct text id;
        enum label label = LABEL_NONE;
        int64_t time_us;
        arena_reset(&arena);
        if (r == ROWS_BAD_ROW ||
            !read_outcome(earlier->mapping, &row, &arena, &id, &label, &time_us))
            continue;
        r = check_room(due, ret_error);
        if (r < 0)
            break;
        outcome_delay_add(&due->delay, id, label, time_us, row.line | LINE_EARLIER);
        if (stop && *stop) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
            break;
        }
    }
    arena_deinit(&arena);
    return r;
}

/* ---- reporting ---- */

/* Those of one file, for one call. */
struct due_call {
    struct harrier_outcome outcomes[REPORTS_MAX];
    struct row_original rows[REPORTS_MAX];
    size_t count;
};

/* The row of an outcome; without a temporary file, its line is all there is. */
static int read_row(struct due_outcomes *due, const struct delayed_outcome *outcome,
                    struct arena *arena, struct row_original *ret_row, struct error *ret_error) {
    if (due->spool && !(outcome->line & LINE_EARLIER))
        return row_spool_read(due->spool, outcome->line, arena, ret_row, ret_error);
    *ret_row = (struct row_original){.line = outcome->line & ~LINE_EARLIER};
    return 0;
}

static int add_to_call(struct due_outcomes *due, struct due_call *call,
                       const struct delayed_outcome *outcome, struct arena *arena,
                       struct error *ret_error) {
    int r = read_row(due, outcome, arena, &call->rows[call->count], ret_error);
    if (r == 0)
        call->outcomes[call->count++] = (struct harrier_outcome){
            .transaction_id = outcome->id, .label = (enum harrier_label)outcome->label};
    return r;
}

/* Back to those that wait. Their time has come, so whatever it is, they are the first. Should that
 * fail, *error says so instead. */
static void put_back(struct due_outcomes *due, const struct due_call *call, struct error *error) {
    struct error failure;
    uint64_t number;
    for (size_t i = 0; i < call->count; i++) {
        const struct harrier_outcome *outcome = &call->outcomes[i];
        if (due_outcomes_add(due, text_of(outcome->transaction_id), (enum label)outcome->label,
                             due->newest_us, &call->rows[i], &number, &failure) < 0)
            *error = failure;
    }
}

/* The next outcomes of those taken, as many as fit into one call of each sender; *at moves behind
 * them. */
static int report_some(struct due_outcomes *due, const struct delayed_outcome *taken, size_t count,
                       size_t *at, struct error *ret_error) {
    struct due_call *earlier = check_calloc(2, sizeof *earlier), *own = &earlier[1];
    struct arena arena;
    int r = 0;
    arena_init(&arena, CALL_BYTES);
    while (r == 0 && *at < count && arena.used < CALL_FULL_BYTES) {
        r = add_to_call(due, taken[*at].line & LINE_EARLIER ? earlier : own, &taken[*at], &arena,
                        ret_error);
        *at += r == 0;
    }
    if (r == 0 && earlier->count > 0)
        r = report_sender_outcomes(&due->earlier, earlier->outcomes, earlier->rows, &earlier->count,
                                   ret_error);
    if (r == 0 && own->count > 0)
        r = report_sender_outcomes(due->own, own->outcomes, own->rows, &own->count, ret_error);
    if (r < 0)
        put_back(due, own, ret_error);
    arena_deinit(&arena);
    free(earlier);
    return r < 0 ? -(int)ret_error->code : 0;
}

/* Outcomes that have been taken out of the heap. After a failure, those that were in no call go
 * back as they were. */
static int report_taken(struct due_outcomes *due, const struct delayed_outcome *taken, size_t count,
                        struct error *ret_error) {
    size_t at = 0;
    int r = 0;
    while (r == 0 && at < count)
        r = report_some(due, taken, count, &at, ret_error);
    for (; at < count; at++)
        outcome_delay_add(&due->delay, text_of(taken[at].id), taken[at].label, taken[at].time_us,
                          taken[at].line);
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

size_t due_outcomes_waiting(const struct due_outcomes *due) {
    return outcome_delay_waiting(&due->delay);
}

int due_outcomes_take_row(struct due_outcomes *due, struct arena *arena,
                          struct row_original *ret_row, struct error *ret_error) {
    struct delayed_outcome next;
    while (due->spool && outcome_delay_take(&due->delay, INT64_MAX, &next)) {
        free(next.id);
        if (next.line & LINE_EARLIER)
            continue;
        int r = read_row(due, &next, arena, ret_row, ret_error);
        return r < 0 ? r : 1;
    }
    return 0;
}
