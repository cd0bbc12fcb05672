/* A profile's key is its codes, its live rules and its base. Codes that no live rule reads are
 * erased first: most rows are then alike. */
#include "tune_profiles.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

struct builder {
    struct tune_problem *problem;
    uint32_t *index; /* open addressing: 0 is empty, i + 1 is a profile */
    size_t index_size, capacity;
    bool *reads;   /* by rule and column */
    bool *is_read; /* by column */
};

/* ---- codes ---- */

static void find_reads(struct builder *builder) {
    const struct tune_problem *problem = builder->problem;
    for (size_t r = 0; r < problem->rule_count; r++)
        for (size_t n = 0; n < problem->rules[r].node_count; n++)
            if (problem->rules[r].nodes[n].column != SIZE_MAX)
                builder->reads[r * problem->column_count + problem->rules[r].nodes[n].column] =
                    true;
}

static void erase_unread(struct builder *builder, uint16_t *codes, const uint64_t *live) {
    const struct tune_problem *problem = builder->problem;
    memset(builder->is_read, 0, problem->column_count * sizeof *builder->is_read);
    for (size_t r = 0; r < problem->rule_count; r++)
        for (size_t c = 0; c < problem->column_count && tune_set_has(live, r); c++)
            builder->is_read[c] |= builder->reads[r * problem->column_count + c];
    for (size_t c = 0; c < problem->column_count; c++)
        if (!builder->is_read[c])
            codes[c] = TUNE_CODE_UNREAD;
}

/* ---- profiles ---- */

static uint64_t hash_profile(const struct tune_problem *problem, const uint16_t *codes,
                             const uint64_t *live, uint32_t base) {
    uint64_t hash = hash64(codes, problem->column_count * sizeof *codes, base);
    return hash64(live, problem->words * sizeof *live, hash);
}

static bool is_profile(const struct tune_problem *problem, size_t index, const uint16_t *codes,
                       const uint64_t *live, uint32_t base) {
    return problem->base[index] == base &&
           memcmp(problem->codes + index * problem->column_count, codes,
                  problem->column_count * sizeof *codes) == 0 &&
           memcmp(problem->live + index * problem->words, live, problem->words * sizeof *live) == 0;
}

static void grow_profiles(struct builder *builder) {
    struct tune_problem *problem = builder->problem;
    builder->capacity = builder->capacity ? 2 * builder->capacity : 256;
    problem->codes = check_reallocarray(problem->codes, builder->capacity,
                                        (problem->column_count + 1) * sizeof *problem->codes);
    problem->live = check_reallocarray(problem->live, builder->capacity,
                                       (problem->words + 1) * sizeof *problem->live);
    problem->base = check_reallocarray(problem->base, builder->capacity, sizeof *problem->base);
    problem->weights =
        check_reallocarray(problem->weights, builder->capacity, sizeof *problem->weights);
    builder->index_size = 2 * builder->capacity;
    free(builder->index);
    builder->index = check_calloc(builder->index_size, sizeof *builder->index);
    for (size_t i = 0; i < problem->profile_count; i++) {
        size_t place = hash_profile(problem, problem->codes + i * problem->column_count,
                                    problem->live + i * problem->words, problem->base[i]) &
                       (builder->index_size - 1);
        while (builder->index[place] != 0)
            place = (place + 1) & (builder->index_size - 1);
        builder->index[place] = (uint32_t)i + 1;
    }
}

static size_t profile_of(struct builder *builder, const uint16_t *codes, const uint64_t *live,
                         uint32_t base) {
    struct tune_problem *problem = builder->problem;
    if (problem->profile_count == builder->capacity)
        grow_profiles(builder);
    size_t place = hash_profile(problem, codes, live, base) & (builder->index_size - 1);
    for (; builder->index[place] != 0; place = (place + 1) & (builder->index_size - 1))
        if (is_profile(problem, builder->index[place] - 1, codes, live, base))
            return builder->index[place] - 1;
    size_t index = problem->profile_count++;
    builder->index[place] = (uint32_t)index + 1;
    memcpy(problem->codes + index * problem->column_count, codes,
           problem->column_count * sizeof *codes);
    memcpy(problem->live + index * problem->words, live, problem->words * sizeof *live);
    problem->base[index] = base;
    memset(&problem->weights[index], 0, sizeof problem->weights[index]);
    return index;
}

static void add_row(struct tune_weight *weight, const struct tune_row *row) {
    weight->rows++;
    if (row->class == REPORT_POSITIVE) {
        weight->positive++;
        weight->amount += row->amount_minor;
    } else if (report_class_counts((enum report_class)row->class)) {
        weight->negative++;
    }
}

/* ---- all rows ---- */

static void take_reader(struct builder *builder, const struct tune_reader *reader,
                        int64_t check_from_us, uint64_t *ret_different) {
    struct tune_problem *problem = builder->problem;
    uint32_t *bases = check_calloc((size_t)reader->bases.count + 1, sizeof *bases);
    uint16_t *codes = check_calloc(problem->column_count + problem->knob_count + 1, sizeof *codes);
    uint16_t *present = codes + problem->column_count;
    uint64_t *live = check_calloc(3 * problem->words + 1, sizeof *live);
    tune_setting_present(problem, present);
    for (uint32_t i = 0; i < reader->bases.count; i++)
        bases[i] = tune_bases_put(&problem->bases, reader->bases.bases + i * problem->bases.size);
    for (size_t i = 0; i < reader->row_count; i++) {
        const struct tune_row *row = tune_reader_row(reader, i);
        tune_row_code(problem, row, codes, live);
        struct tune_decision decision =
            tune_decide_codes(problem, tune_base_at(problem, bases[row->base]), codes, live,
                              present, live + problem->words);
        *ret_different += decision.verdict != row->verdict || decision.score != row->score;
        erase_unread(builder, codes, live);
        size_t profile = profile_of(builder, codes, live, bases[row->base]);
        enum tune_part part = row->event_time_us >= check_from_us ? TUNE_CHECK : TUNE_FIT;
        add_row(&problem->weights[profile][part], row);
    }
    free(bases);
    free(codes);
    free(live);
}

void tune_profiles_make(struct tune_problem *problem, const struct tune_reader *readers,
                        size_t reader_count, int64_t check_from_us, uint64_t *ret_different) {
    struct builder builder = {
        .problem = problem,
        .reads = check_calloc(problem->rule_count * problem->column_count + 1, sizeof(bool)),
        .is_read = check_calloc(problem->column_count + 1, sizeof(bool))};
    *ret_different = 0;
    find_reads(&builder);
    for (size_t i = 0; i < reader_count; i++)
        take_reader(&builder, &readers[i], check_from_us, ret_different);
    free(builder.index);
    free(builder.reads);
    free(builder.is_read);
}
