/* Workers read what a row is worth from the candidate's frame; the rows are kept in the order of
 * the archive, which card precision's ties need. */
#include "champion_report.h"

#include "batch/base/day.h"
#include "batch/base/machine.h"
#include "batch/replay/replay.h"
#include "core/base/check.h"
#include "report_amount.h"
#include "report_card_key.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL     0.95
#define ROW_BYTES (sizeof(struct ranking_row) + 100) /* ranking_metrics() takes these, too */

struct contest {
    const struct champion_options *options;
    struct report_amount amount;
    const struct entity_binding *card; /* NULL: there is none */
    int64_t mature_until_us;
    struct champion_report *report;
    struct ranking_row *rows;
    size_t count, room, most;
};

/* ---- rows ---- */

/* What take() tells row() of a row, in one byte, and then the card and the amount. */
enum contest_mark {
    MARK_COUNTS = 1,
    MARK_POSITIVE = 2,
    MARK_CARD = 4,
    MARK_IMMATURE = 8,
    MARK_SUSPECTED = 16,
    MARK_RULE_ERROR = 32
};

static unsigned class_mark(const struct contest *contest, const struct replay_row *row) {
    int64_t at_us = row->record->transaction.transaction.event_time_us;
    if (at_us > contest->mature_until_us)
        return MARK_IMMATURE;
    switch (report_class_of(row->outcome, at_us, INT64_MAX)) {
    case REPORT_POSITIVE:
        return MARK_COUNTS | MARK_POSITIVE;
    case REPORT_NEGATIVE:
    case REPORT_UNKNOWN:
        return MARK_COUNTS;
    case REPORT_SUSPECTED:
        return MARK_SUSPECTED;
    case REPORT_IMMATURE:
    case REPORT_CLASSES:
        break;
    }
    return MARK_IMMATURE;
}

static int take(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error) {
    const struct contest *contest = user;
    (void)worker, (void)ret_error;
    unsigned mark = class_mark(contest, row);
    uint64_t card = 0;
    int64_t amount = 0;
    if ((mark & MARK_COUNTS) && row->decision && row->against) {
        const struct value *frame = engine_frame(row->engine);
        if (contest->card && report_card_read(contest->card, frame, &card))
            mark |= MARK_CARD;
        if (row->decision->rule_errors > 0)
            mark |= MARK_RULE_ERROR;
        report_amount_read(&contest->amount, &row->record->transaction.transaction, frame, &amount);
    }
    buffer_append_u8(prepared, (uint8_t)mark);
    buffer_append_u64(prepared, card);
    buffer_append_u64(prepared, (uint64_t)(amount > 0 ? amount : 0));
    return 0;
}

/* true: it is left out. */
static bool count_left_out(struct champion_report *report, const struct replay_row *row,
                           unsigned mark) {
    if (mark & MARK_IMMATURE)
        report->immature++;
    else if (!row->against)
        report->champion_refused++;
    else if (!row->decision)
        report->refused++;
    else if (mark & MARK_SUSPECTED)
        report->suspected++;
    else
        return false;
    return true;
}

static void count_verdict(struct champion_side_counts *side, const struct decision *decision,
                          bool positive) {
    side->verdicts[decision->verdict]++;
    side->caught += positive && report_is_alert(decision->verdict);
}

static int take_room(struct contest *contest, struct error *ret_error) {
    if (contest->count == contest->most)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the range has more than %zu transactions, all that memory is taken for; "
                         "choose a shorter one",
                         contest->most);
    if (contest->count == contest->room) {
        contest->room = contest->room ? 2 * contest->room : 4096;
        contest->rows = check_reallocarray(contest->rows, contest->room, sizeof *contest->rows);
    }
    return 0;
}

static int add_row(void *user, const struct replay_row *row, struct error *ret_error) {
    struct contest *contest = user;
    struct champion_report *report = contest->report;
    struct cursor cursor = cursor_of(row->prepared.data, row->prepared.length);
    unsigned mark = cursor_u8(&cursor);
    uint64_t card = cursor_u64(&cursor), amount = cursor_u64(&cursor);
    int64_t at_us = row->record->transaction.transaction.event_time_us;
    bool positive = (mark & MARK_POSITIVE) != 0;
    check(!cursor.failed);
    if (count_left_out(report, row, mark))
        return 0;
    if (take_room(contest, ret_error) < 0)
        return -ERROR_TOO_LARGE;
    if (contest->count == 0 || at_us < report->first_us)
        report->first_us = at_us;
    if (contest->count == 0 || at_us > report->last_us)
        report->last_us = at_us;
    contest->rows[contest->count++] = (struct ranking_row){
        .day = day_of_us(at_us),
        .card = card,
        .amount_minor = (int64_t)amount,
        .scores = {row->decision->score, row->against->score},
        .positive = positive,
        .has_card = (mark & MARK_CARD) != 0,
    };
    report->rule_errors += (mark & MARK_RULE_ERROR) != 0;
    count_verdict(&report->sides[SIDE_CANDIDATE], row->decision, positive);
    count_verdict(&report->sides[SIDE_CHAMPION], row->against, positive);
    return 0;
}

/* ---- the replay ---- */

static int find_card(struct contest *contest, struct error *ret_error) {
    const struct snapshot *candidate = contest->options->candidate;
    size_t entity = report_card_entity(candidate, contest->options->card);
    if (entity != SIZE_MAX)
        contest->card = &candidate->bindings[entity];
    else if (contest->options->card)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the candidate %" TEXT_FORMAT " has no entity \"%s\"",
                         TEXT_ARGS(candidate->name), contest->options->card);
    return 0;
}

static int run(struct contest *contest, struct replay *replay, struct progress *progress,
               struct error *ret_error) {
    const struct replay_listener listener = {.take = take, .row = add_row, .user = contest};
    const struct champion_options *options = contest->options;
    struct champion_report *report = contest->report;
    struct replay_report replayed;
    int64_t first_us, newest_us;
    report->sides[SIDE_CANDIDATE].snapshot_id = replay_policy(replay)->id;
    report->sides[SIDE_CHAMPION].snapshot_id = replay_against(replay)->id;
    if (!replay_span(replay, &first_us, &newest_us))
        return 0;
    contest->mature_until_us = newest_us - options->outcomes_after_us;
    int r = replay_run(replay, &listener, progress, &replayed, ret_error);
    if (r < 0)
        return r;
    const struct ranking_options ranking = {.sides = RANKING_SIDES,
                                            .reviews = options->reviews,
                                            .cards = options->k,
                                            .draws = options->draws,
                                            .seed = options->seed,
                                            .level = LEVEL};
    ranking_metrics(contest->rows, contest->count, &ranking, &report->figures);
    return 0;
}

static size_t rows_of_memory(uint64_t bytes) {
    uint64_t rows = (bytes ? bytes : machine_memory_quarter()) / ROW_BYTES;
    return rows < RANKING_ROWS_MAX ? (size_t)rows : RANKING_ROWS_MAX;
}

int champion_report_make(const struct champion_options *options, struct progress *progress,
                         struct champion_report *ret_report, struct error *ret_error) {
    struct champion_report report = {0};
    const struct schema *schema = &options->candidate->schema;
    struct contest contest = {
        .options = options,
        .report = &report,
        .amount = report_amount_of(options->candidate, schema->base_currency),
        .most = rows_of_memory(options->memory_bytes),
    };
    struct replay *replay = NULL;
    const struct replay_options replayed = {
        .archive = options->archive,
        .snapshot = options->candidate,
        .against = options->champion,
        .threads = options->threads,
        .from_us = options->from_us,
        .to_us = options->until_us == INT64_MAX ? 0 : options->until_us,
        .outcomes = true,
    };
    memcpy(report.currency, schema->base_currency, sizeof report.currency - 1);
    int r = find_card(&contest, ret_error);
    if (r == 0)
        r = replay_open(&replayed, progress, &replay, ret_error);
    if (r == 0)
        r = run(&contest, replay, progress, ret_error);
    replay_close(replay);
    free(contest.rows);
    if (r == 0)
        *ret_report = report;
    return r;
}
