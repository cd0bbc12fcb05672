/* Points share one history, so any of them that has a place will do for the archive: the newest, as
 * it has sealed segments where older ones have plain ones. Tables and reports are of a point of
 * their own, which is not newer than the place. */
#include "restore_job.h"

#include "core/base/value.h"

#include <inttypes.h>

/* A backup that was killed after an erasure has points from before it: they have what was erased.
 */
static void leave_out_rewritten(struct backup_points *points) {
    uint64_t epoch = points->count > 0 ? points->points[points->count - 1].epoch : 0;
    size_t stay = 0;
    for (size_t i = 0; i < points->count; i++)
        if (points->points[i].epoch < epoch)
            backup_point_deinit(&points->points[i]);
        else
            points->points[stay++] = points->points[i];
    points->count = stay;
}

int restore_load_points(struct restore_job *job, struct error *ret_error) {
    int r = backup_points_load(job->store.directory, &job->points, ret_error);
    if (r == 0 && job->points.count == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "there is no point in it: no backup was completed");
    leave_out_rewritten(&job->points);
    job->usable = job->points.count;
    return r < 0 ? error_prefix(ret_error, "%s", job->store.path) : 0;
}

const char *restore_time_text(int64_t us, char ret_text[RESTORE_TIME_SIZE]) {
    value_format(value_timestamp(us), ret_text, RESTORE_TIME_SIZE);
    return ret_text;
}

/* Of the point, the segment that a place within the limits is in. The count: none. */
static size_t find_place(const struct restore_job *job, const struct backup_point *point) {
    const struct restore_options *options = job->options;
    size_t segments = backup_point_segments(point), found = segments;
    for (size_t i = 0; i < segments; i++) {
        const struct backup_file *file = &point->files[i];
        bool begins =
            file->first <= options->position &&
            (file->time_before_us == INT64_MIN || file->time_before_us <= options->time_us);
        if (begins && file->last >= file->first)
            found = i;
    }
    return found;
}

static int refuse_late(const struct restore_job *job, const struct backup_point *newest,
                       struct error *ret_error) {
    char asked[RESTORE_TIME_SIZE], made[RESTORE_TIME_SIZE], received[RESTORE_TIME_SIZE];
    const struct restore_options *options = job->options;
    if (options->position != UINT64_MAX && options->position > newest->place.position)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s ends with record %" PRIu64 ", received %s: it has no record %" PRIu64,
                         options->folder, newest->place.position,
                         restore_time_text(newest->time_us, received), options->position);
    if (options->time_us != INT64_MAX && options->time_us > newest->made_us)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the newest point of %s was made %s: what was received up to %s is not in "
                         "it; --to end restores what there is",
                         options->folder, restore_time_text(newest->made_us, made),
                         restore_time_text(options->time_us, asked));
    return 0;
}

static bool is_last_of_point(const struct restore_job *job) {
    return job->last + 1 == backup_point_segments(job->point);
}

/* A prune has dropped records that came after the point, and no later one has them. */
static int refuse_gap(const struct restore_job *job, size_t index, struct error *ret_error) {
    const struct backup_point *point = &job->points.points[index];
    char asked[RESTORE_TIME_SIZE], received[RESTORE_TIME_SIZE];
    if (index + 1 == job->usable || job->options->time_us <= point->time_us ||
        point[1].files[0].first <= point->place.position + 1 || !is_last_of_point(job) ||
        job->options->time_us == INT64_MAX)
        return 0;
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s: records %" PRIu64 " to %" PRIu64
                     ", received after %s, are in no point: a prune had dropped them before the "
                     "next backup. So what was received up to %s cannot be restored; "
                     "--to-position %" PRIu64 " restores what came before them",
                     job->options->folder, point->place.position + 1, point[1].files[0].first - 1,
                     restore_time_text(point->time_us, received),
                     restore_time_text(job->options->time_us, asked), point->place.position);
}

/* The newest point that has the place: an older one may begin earlier, if segments were dropped
 * from the archive since. */
int restore_choose_point(struct restore_job *job, struct error *ret_error) {
    const struct backup_point *newest = &job->points.points[job->usable - 1];
    int r = refuse_late(job, newest, ret_error);
    for (size_t i = job->usable; i-- > 0 && !job->point && r == 0;) {
        const struct backup_point *point = &job->points.points[i];
        size_t segment = find_place(job, point);
        bool ends_before =
            job->options->position != UINT64_MAX && job->options->position > point->place.position;
        if (segment == backup_point_segments(point) || ends_before)
            continue;
        job->point = point;
        job->last = segment;
        r = refuse_gap(job, i, ret_error);
    }
    if (r == 0 && !job->point) {
        const struct backup_file *first = &newest->files[0];
        char asked[RESTORE_TIME_SIZE];
        r = job->options->time_us != INT64_MAX
                ? error_set(ret_error, ERROR_NOT_FOUND,
                            "%s begins with record %" PRIu64 ", received after %s",
                            job->options->folder, first->first,
                            restore_time_text(job->options->time_us, asked))
                : error_set(ret_error, ERROR_NOT_FOUND,
                            "%s begins with record %" PRIu64 ": it has no record %" PRIu64,
                            job->options->folder, first->first, job->options->position);
    }
    return r;
}

/* An earlier point may begin earlier, and has the record before then, where its segments end. */
bool restore_choose_earlier(struct restore_job *job) {
    const uint64_t place = job->point->files[0].first - 1;
    for (const struct backup_point *point = job->point; place > 0 && point-- > job->points.points;)
        for (size_t i = backup_point_segments(point); i-- > 0;) {
            const struct backup_file *file = &point->files[i];
            if (file->last != place || file->last < file->first)
                continue;
            job->point = point;
            job->last = i;
            restore_take_whole(job);
            return true;
        }
    return false;
}

/* Is all of the last segment within the limits? */
bool restore_is_whole(const struct restore_job *job) {
    const struct backup_file *file = &job->point->files[job->last];
    bool by_position = job->options->position >= file->last;
    bool by_time = job->options->time_us == INT64_MAX ||
                   (is_last_of_point(job) && job->point->time_us <= job->options->time_us);
    return by_position && by_time;
}

void restore_take_whole(struct restore_job *job) {
    const struct backup_file *file = &job->point->files[job->last];
    job->place = (struct archive_place){file->last, file->chain};
    job->time_us = is_last_of_point(job) ? job->point->time_us : file[1].time_before_us;
    job->cuts = false;
}

/* Those that a server can go on from: it needs the records behind them. */
static bool has_tables(const struct restore_job *job, const struct backup_point *point) {
    return job->options->with_tables && point->tables &&
           point->tables_place.position <= job->place.position &&
           point->tables_place.position + 1 >= job->point->files[0].first;
}

/* The newest point that is not after the place, for reports and the like. */
void restore_choose_others(struct restore_job *job) {
    for (size_t i = 0; i < job->usable; i++) {
        const struct backup_point *point = &job->points.points[i];
        if (point->place.position <= job->place.position)
            job->others = point;
        if (has_tables(job, point))
            job->tables = point;
    }
    if (job->place.position == job->point->place.position) {
        job->others = job->point;
        if (has_tables(job, job->point))
            job->tables = job->point;
    }
}
