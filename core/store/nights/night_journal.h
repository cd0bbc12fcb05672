/* The journal of a night: which steps are done, and what later steps need of earlier ones. It is
 * written before and after each step, so that a run that was killed can be completed. */
#pragma once

#include "core/store/archive/archive_place.h"
#include "night_summary.h"

/* In the order in which they run. */
enum night_step {
    NIGHT_STEP_REBUILD,
    NIGHT_STEP_VERIFY,
    NIGHT_STEP_GUARD,
    NIGHT_STEP_COMPARE,
    NIGHT_STEP_TRAIN,
    NIGHT_STEP_REPORT,
    NIGHT_STEP_SEAL,
    NIGHT_STEP_HOOK,
    NIGHT_STEP_COUNT
};
const char *night_step_name(enum night_step step); /* "rebuild", … */
/* Models are no business of the tables: a night goes on where these fail. */
static inline bool night_step_may_fail(enum night_step step) {
    return step == NIGHT_STEP_COMPARE || step == NIGHT_STEP_TRAIN;
}

enum night_step_state {
    NIGHT_STEP_WAITING,
    NIGHT_STEP_RUNNING, /* or killed */
    NIGHT_STEP_DONE,
    NIGHT_STEP_SKIPPED,
    NIGHT_STEP_FAILED,
    NIGHT_STEP_STATE_COUNT
};
const char *night_step_state_name(enum night_step_state state); /* "waiting", … */

struct night_step_entry {
    enum night_step_state state;
    int64_t began_us; /* of the first attempt */
    uint64_t milliseconds, attempts;
    char reason[512]; /* of the last failure, or why it was skipped; "": none */
};

/* What the guard of thresholds and cut-offs held back, in words; one line each. */
#define NIGHT_HELD_LINES_MAX 64
struct night_held_line {
    char text[512];
};

struct night_journal {
    char date[NIGHT_DATE_SIZE];
    int64_t began_us, ended_us; /* ended 0: it has not */
    bool has_failed;            /* for good */
    struct night_step_entry steps[NIGHT_STEP_COUNT];
    /* Of the rebuild; known a moment before the tables are published. */
    uint64_t generation_id, content_hash; /* 0: not known yet */
    struct archive_place place;
    uint64_t states;
    uint64_t held_back; /* values */
    struct night_held_line held[NIGHT_HELD_LINES_MAX];
    uint64_t held_lines;
    char warning[512];
    char accepted[1024]; /* what of an earlier night was taken, by whom and why; "": nothing */
    /* Of the verification. */
    bool is_sample;
    uint64_t verified, different;
    /* Of the comparison: the candidate's date, "" if there was none; would it be promoted? */
    char compared[NIGHT_DATE_SIZE];
    bool is_better;
    char comparison[512]; /* the differences that decide, in words */
    /* Of the training: the new candidate's date; "": there is none. */
    char trained[NIGHT_DATE_SIZE];
    /* Of the report. */
    uint64_t findings[NIGHT_SEVERITY_COUNT];
    /* Of sealing. */
    uint64_t sealed, sealed_bytes, sealed_stored_bytes;
    int hook_status; /* -1: it did not run */
};

#define NIGHT_JOURNAL_NAME "night.json"

void night_journal_init(struct night_journal *journal, const char *date, int64_t now_us);
/* Are all steps done or skipped, or failed where they may? */
bool night_journal_is_complete(const struct night_journal *journal);
/* Has one failed that may? */
bool night_journal_models_failed(const struct night_journal *journal);

/* folder: the night's own. 1: there is none. ERROR_DAMAGED. */
int night_journal_read(int folder, struct night_journal *ret_journal, struct error *ret_error);
int night_journal_write(int folder, const struct night_journal *journal, struct error *ret_error);
