/* Whether a candidate may take the champion's place: a replay of both over a range that is later
 * than the candidate's training (batch/report/champion_report.h), and the margins that its
 * advantage must reach (promotion_terms.h). Nothing is changed here. */
#pragma once

#include "batch/report/champion_report.h"
#include "core/base/progress.h"
#include "model_cards.h"
#include "promotion_terms.h"

#define PROMOTION_DRAWS 1000
#define PROMOTION_SEED  1

struct promotion_request {
    const char *archive;              /* the archive's own folder */
    const char *candidate, *champion; /* folders */
    struct snapshot *snapshot;        /* the candidate, loaded */
    bool has_from;                    /* false: from the end of the candidate's training */
    int64_t from_us, until_us;        /* event times, until excluded; INT64_MAX: no end */
    int64_t outcomes_after_us;
    struct promotion_terms terms;
    const char *card; /* as in champion_report.h */
    uint64_t k, reviews;
    size_t threads;
    uint64_t memory_bytes;
};

struct promotion {
    struct champion_report report;
    struct model_cards cards; /* the candidate's */
    int64_t from_us, until_us;
    /* The champion was trained on days of the range: its figures are too good. */
    bool flatters_champion;
    bool is_earned;
};

/* ERROR_INVALID, *ret_is_usage: the range overlaps the candidate's training, or nothing says where
 * it begins. Other errors as champion_report_make() and model_cards_read() have them. progress may
 * be NULL. The caller deinits *ret_promotion after success. */
int promotion_judge(const struct promotion_request *request, struct progress *progress,
                    struct promotion *ret_promotion, bool *ret_is_usage, struct error *ret_error);
void promotion_deinit(struct promotion *promotion);

/* A table of both and of their differences, and what became of each term. */
void promotion_text(const struct promotion *promotion, const struct promotion_request *request,
                    struct buffer *out);
/* The same as members of an object that has been begun. docs/CLI.md describes them. */
void promotion_json(const struct promotion *promotion, const struct promotion_request *request,
                    struct buffer *out);
