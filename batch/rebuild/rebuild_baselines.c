/* The table is written last, once all else is known: its values are computed while they are
 * written. */
#include "rebuild_baselines.h"

#include "batch/thresholds/baseline_sample.h"
#include "rebuild_job.h"

#include "core/base/check.h"

static int put_computed(void *user, size_t threshold, uint64_t hash, struct text key, double value,
                        struct error *ret_error) {
    struct rebuild *rebuild = user;
    int r = generation_writer_baseline(rebuild->writer, hash, key, value, ret_error);
    (void)threshold;
    if (r == 0 && ++rebuild->report.baselines % REBUILD_STEP == 0)
        r = rebuild_progress(rebuild, REBUILD_VERIFY, 0, 0, ret_error);
    return r;
}

/* Thresholds are kept: so are these. Without tables there are none. */
static int put_current(struct rebuild *rebuild, struct error *ret_error) {
    struct generation *generation;
    struct error ignored;
    uint64_t hash;
    struct text key;
    double value;
    if (generation_open_current(rebuild->options->generations, false, &generation, &ignored) < 0)
        return 0;
    struct generation_cursor *cursor = generation_cursor_open_baselines(generation);
    int r = 0;
    while (r == 0 && cursor && generation_cursor_next_baseline(cursor, &hash, &key, &value))
        r = put_computed(rebuild, 0, hash, key, value, ret_error);
    generation_cursor_close(cursor);
    generation_close(generation);
    return r;
}

int rebuild_put_baselines(void *user, struct generation_writer *writer, struct error *ret_error) {
    struct rebuild *rebuild = user;
    check(writer == rebuild->writer);
    if (rebuild->options->keep_thresholds)
        return put_current(rebuild, ret_error);
    return rebuild->baselines
               ? baseline_sample_compute(rebuild->baselines, put_computed, rebuild, ret_error)
               : 0;
}
