/* Phases and progress of a rebuild; its message for an interrupt is written once, here. */
#include "rebuild_job.h"

#include "batch/base/scratch_file.h"

const char *rebuild_phase_name(enum rebuild_phase phase) {
    static const char *const names[REBUILD_PHASE_COUNT] = {"prepare",    "scan",   "fold",
                                                           "thresholds", "verify", "publish"};
    return (size_t)phase < REBUILD_PHASE_COUNT ? names[phase] : "unknown";
}

int rebuild_progress(struct rebuild *rebuild, enum rebuild_phase phase, uint64_t done,
                     uint64_t total, struct error *ret_error) {
    if (total > 0 && done > total)
        done = total;
    if (progress_update(rebuild->progress, rebuild_phase_name(phase), done, total) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED,
                     "the rebuild was interrupted; the current generation is unchanged");
}

int rebuild_await(struct rebuild *rebuild, struct thread_pool *thread_pool,
                  enum rebuild_phase phase, atomic_ullong *done, uint64_t total,
                  struct error *ret_error) {
    struct error thread_pool_error;
    int r;
    do
        r = rebuild_progress(rebuild, phase, atomic_load(done), total, ret_error);
    while (r == 0 && !thread_pool_wait(thread_pool));
    if (r < 0)
        thread_pool_stop(thread_pool);
    int thread_pool_result = thread_pool_finish(thread_pool, &thread_pool_error);
    if (r == 0 && thread_pool_result < 0) {
        *ret_error = thread_pool_error;
        r = thread_pool_result;
    }
    return r;
}

int rebuild_scratch_file(void *user, struct error *ret_error) {
    const struct rebuild *rebuild = user;
    if (rebuild->writer)
        return generation_writer_scratch_file(rebuild->writer, ret_error);
    return scratch_file_in(rebuild->options->generations, ret_error);
}
