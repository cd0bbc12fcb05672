#include "night_compare.h"

#include "batch/base/day.h"
#include "batch/base/policy_folder.h"
#include "clients/cli/policy/promotion.h"
#include "core/base/json_writer.h"
#include "core/policy/load/snapshot.h"
#include "core/store/nights/night_files.h"
#include "night_candidates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As harrier policy promote has them. */
#define A_DAY 100

static int skip(struct night_run *run, const char *reason) {
    struct night_step_entry *entry = &run->journal.steps[NIGHT_STEP_COMPARE];
    snprintf(entry->reason, sizeof entry->reason, "%s", reason);
    return 1;
}

/* ---- which one ---- */

/* *ret_is_old: a week of mature days lies behind its training. */
static int look_at(const struct night_run *run, const char *folder, bool *ret_is_old,
                   struct error *ret_error) {
    struct model_cards cards;
    int64_t mature_us = run->day * DAY_US - run->options->models.outcomes_after_us;
    int r = model_cards_read(folder, &cards, ret_error);
    if (r < 0)
        return r;
    *ret_is_old = cards.is_trained && cards.until_us + RANKING_DAYS_MIN * DAY_US <= mature_us;
    model_cards_deinit(&cards);
    return 0;
}

/* *ret_folder: heap; NULL: there is none. */
static int choose(const struct night_run *run, const struct night_candidates *candidates,
                  int64_t *ret_day, char **ret_folder, struct error *ret_error) {
    for (size_t i = 0; i < candidates->count; i++) {
        bool is_old = false;
        if (candidates->days[i] >= run->day)
            continue;
        char *folder = night_candidate_path(candidates, candidates->days[i]);
        int r = look_at(run, folder, &is_old, ret_error);
        if (r == 0 && is_old) {
            *ret_day = candidates->days[i];
            *ret_folder = folder;
            return 0;
        }
        free(folder);
        if (r < 0)
            return r;
    }
    *ret_folder = NULL;
    return 0;
}

static int is_in_force(const struct night_run *run, const struct snapshot *candidate,
                       bool *ret_is_in_force, struct error *ret_error) {
    struct policy_folder *folder;
    size_t count;
    int r = policy_folder_read(run->options->models.policy, &folder, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    *ret_is_in_force = snapshot_files_id(files, count) == candidate->id;
    policy_folder_free(folder);
    return 0;
}

/* ---- its result ---- */

/* "ap +0.0213 (95 %: +0.0101 to +0.0320); …", or why not. */
static void note_result(struct night_run *run, const struct promotion *promotion,
                        const struct promotion_terms *terms) {
    struct night_journal *journal = &run->journal;
    struct buffer text;
    buffer_init(&text);
    journal->is_better = promotion->is_earned;
    promotion_reasons(terms, &promotion->report, &text);
    for (size_t i = 0; i < terms->count && promotion->is_earned; i++) {
        enum ranking_metric metric = terms->terms[i].metric;
        const struct ranking_figure *figure = &promotion->report.figures.difference[metric];
        buffer_printf(&text, "%s %+.4f (95 %%: %+.4f to %+.4f)\n", ranking_metric_name(metric),
                      figure->value, figure->low, figure->high);
    }
    journal->comparison[0] = '\0';
    for (size_t i = 0, at = 0; i < text.length && at + 3 < sizeof journal->comparison; i++) {
        bool is_last = i + 1 == text.length;
        if (text.bytes[i] != '\n')
            journal->comparison[at++] = (char)text.bytes[i];
        else if (!is_last)
            at += (size_t)snprintf(journal->comparison + at, 3, "; ");
        journal->comparison[at] = '\0';
    }
    buffer_deinit(&text);
}

static int write_files(const struct night_run *run, const struct promotion *promotion,
                       const struct promotion_request *request, struct error *ret_error) {
    struct buffer json, text;
    buffer_init(&json);
    buffer_init(&text);
    json_begin_object(&json, NULL);
    json_add_text(&json, "candidate_date", text_of(run->journal.compared));
    promotion_json(promotion, request, &json);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    promotion_text(promotion, request, &text);
    int r = night_file_write(run->folder, NIGHT_CANDIDATE_JSON, json.bytes, json.length, ret_error);
    if (r == 0)
        r = night_file_write(run->folder, NIGHT_CANDIDATE_TEXT, text.bytes, text.length, ret_error);
    buffer_deinit(&json);
    buffer_deinit(&text);
    return r;
}

static int judge(struct night_run *run, const char *folder, struct snapshot *candidate,
                 struct error *ret_error) {
    const struct night_model_options *models = &run->options->models;
    const struct promotion_request request = {.archive = run->archive,
                                              .candidate = folder,
                                              .champion = models->policy,
                                              .snapshot = candidate,
                                              .until_us = run->day * DAY_US,
                                              .outcomes_after_us = models->outcomes_after_us,
                                              .terms = models->terms,
                                              .k = A_DAY,
                                              .reviews = A_DAY,
                                              .threads = run->options->threads,
                                              .memory_bytes = run->options->memory_bytes};
    struct promotion promotion;
    bool is_usage;
    int r = promotion_judge(&request, &run->progress->progress, &promotion, &is_usage, ret_error);
    if (r < 0)
        return r;
    note_result(run, &promotion, &models->terms);
    r = write_files(run, &promotion, &request, ret_error);
    promotion_deinit(&promotion);
    return r;
}

static int compare(struct night_run *run, int64_t day, const char *folder,
                   struct error *ret_error) {
    struct snapshot *candidate = NULL;
    bool in_force = false;
    int r = policy_folder_load(folder, &candidate, ret_error);
    if (r == 0)
        r = is_in_force(run, candidate, &in_force, ret_error);
    if (r == 0 && in_force)
        r = skip(run, "the candidate is in force already");
    if (r == 0) {
        night_date_format(day, run->journal.compared);
        r = judge(run, folder, candidate, ret_error);
    }
    snapshot_unref(candidate);
    return r;
}

int night_compare(struct night_run *run, struct error *ret_error) {
    struct night_candidates candidates;
    char *folder = NULL;
    int64_t day = 0;
    if (run->options->models.terms.count == 0)
        return 1;
    run->journal.compared[0] = run->journal.comparison[0] = '\0';
    run->journal.is_better = false;
    int r = night_candidates_open(run->options->data, &candidates, ret_error);
    if (r == 0)
        r = choose(run, &candidates, &day, &folder, ret_error);
    night_candidates_close(&candidates);
    if (r < 0)
        return r;
    if (!folder)
        return skip(run, "no candidate has a week of mature days behind its training");
    r = compare(run, day, folder, ret_error);
    free(folder);
    return r;
}
