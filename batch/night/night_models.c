#include "night_models.h"

static void find_failure(struct finder *finder, enum night_step step, const char *code,
                         const char *what, const char *advice) {
    const struct night_step_entry *entry = &finder->evidence->journal->steps[step];
    if (entry->state != NIGHT_STEP_FAILED)
        return;
    struct night_finding *finding = finder_add(finder, NIGHT_ALERT, code, (struct text){0}, 0, 0);
    finder_say(finding, "%s: %.330s", what, entry->reason);
    finder_advise(finding, "%s", advice);
}

static void find_better(struct finder *finder) {
    const struct night_journal *journal = finder->evidence->journal;
    if (journal->steps[NIGHT_STEP_COMPARE].state != NIGHT_STEP_DONE || !journal->is_better)
        return;
    struct night_finding *finding =
        finder_add(finder, NIGHT_NOTE, "candidate_better", text_of(journal->compared), 0, 0);
    finder_say(finding, "The candidate of %s beats the policy: %.330s", journal->compared,
               journal->comparison);
    finder_advise(finding,
                  "Look at its alerts and declines in the report. To put it in place: harrier "
                  "policy promote %s FOLDER %s/candidates/%s",
                  finder->evidence->data, finder->evidence->data, journal->compared);
}

void night_models_find(struct finder *finder) {
    find_failure(finder, NIGHT_STEP_TRAIN, "training_failed", "No model was trained",
                 "train.log beside the report has what the training said. The candidate before "
                 "stays; harrier night --again repeats the night.");
    find_failure(finder, NIGHT_STEP_COMPARE, "comparison_failed", "No candidate was compared",
                 "harrier policy promote --dry-run repeats the comparison.");
    find_better(finder);
}
