/* The rows of a replay as the search needs them: of each transaction the values of all parts of the
 * chosen rules' conditions, which of these rules would count for it, what everything else does to
 * its decision, and its class, amount and time.
 *
 * A reader belongs to one worker of a replay. Rows have a fixed size and stand in memory one behind
 * the other; their order, and which worker has which, does not matter to what is made from them. */
#pragma once

#include "batch/replay/replay.h"
#include "batch/report/report_amount.h"
#include "core/base/arena.h"
#include "tune_bases.h"
#include "tune_problem.h"

struct tune_row {
    int64_t event_time_us;
    int64_t amount_minor;
    uint32_t base; /* index in its reader's bases */
    uint16_t score;
    uint8_t verdict;
    uint8_t class; /* enum report_class */
    /* uint64_t values[column_count], the bits of an int or double
     * uint8_t types[column_count], enum value_type
     * uint8_t counts[rule_count]: would the rule count? */
};

struct tune_reader {
    const struct tune_problem *problem;
    const struct tunables *tunables;
    struct report_amount amount;
    int64_t immature_from_us;
    struct arena arena;
    bool *is_chosen;        /* by rule of the snapshot */
    struct tune_base *base; /* of the last row */
    /* Rows that were added. */
    size_t row_size, row_count, row_capacity;
    uint8_t *rows;
    struct tune_bases bases;
    bool adopted[VERDICT_COUNT]; /* cut-offs that came from tables for some row */
};

size_t tune_row_size(const struct tune_problem *problem);

/* problem, tunables and amount's currency must outlive it. */
void tune_reader_init(struct tune_reader *reader, const struct tune_problem *problem,
                      const struct tunables *tunables, struct report_amount amount,
                      int64_t immature_from_us);
void tune_reader_deinit(struct tune_reader *reader);

/* Fills row (row_size bytes) but for its base, and reader->base. The row has a decision, and its
 * engine decides by the tunables' policy or one that differs from it in tunable numbers only. */
void tune_reader_read(struct tune_reader *reader, const struct replay_row *row,
                      struct tune_row *ret_row);
/* Reads and keeps it. */
void tune_reader_add(struct tune_reader *reader, const struct replay_row *row);

static inline struct tune_row *tune_reader_row(const struct tune_reader *reader, size_t index) {
    return (struct tune_row *)(void *)(reader->rows + index * reader->row_size);
}

/* The value of one of the problem's columns. */
struct value tune_row_value(const struct tune_problem *problem, const struct tune_row *row,
                            size_t column);
bool tune_row_counts(const struct tune_problem *problem, const struct tune_row *row, size_t rule);

/* Codes of all columns, by the problem's present candidates, and the rules that could fire or fail
 * under some setting. */
void tune_row_code(const struct tune_problem *problem, const struct tune_row *row,
                   uint16_t *ret_codes, uint64_t *ret_live);
