#include "backup.h"

#include "backup_job.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/file.h"
#include "core/store/backups/backup_summary.h"
#include "core/store/upkeep/archive_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS   3 /* when the archive is rewritten meanwhile */
#define DAY_US     INT64_C(86400000000)
#define WATCH_STEP 4096 /* records */

/* ---------------------------------------------------------------------------------------------
 * The two folders */

int backup_check_folders(const char *data, const char *folder, struct error *ret_error) {
    char *real_data = realpath(data, NULL);
    if (!real_data)
        return errno == ENOENT
                   ? error_set(ret_error, ERROR_NOT_FOUND, "%s: there is no such data folder", data)
                   : error_set_errno(ret_error, errno, "%s: cannot open", data);
    char *real_folder = backup_real_path(folder, ret_error);
    int r = 0;
    if (!real_folder)
        r = -(int)ret_error->code;
    else if (strcmp(real_data, real_folder) == 0)
        r = error_set(ret_error, ERROR_INVALID,
                      "%s: it is the data folder itself; expected a folder elsewhere", folder);
    else if (backup_path_is_inside(real_folder, real_data))
        r = error_set(ret_error, ERROR_INVALID,
                      "%s: it is inside the data folder %s; expected a folder elsewhere, best on "
                      "another disk",
                      folder, data);
    else if (backup_path_is_inside(real_data, real_folder))
        r = error_set(ret_error, ERROR_INVALID,
                      "%s: the data folder %s is inside it; expected a folder elsewhere", folder,
                      data);
    free(real_data);
    free(real_folder);
    return r;
}

/* A configuration that has the backup in it would be copied into itself. */
static int check_config(const struct backup_options *options, struct error *ret_error) {
    char *config = realpath(options->config, NULL);
    if (!config)
        return errno == ENOENT
                   ? error_set(ret_error, ERROR_NOT_FOUND, "%s: there is no such folder",
                               options->config)
                   : error_set_errno(ret_error, errno, "%s: cannot open", options->config);
    char *folder = backup_real_path(options->folder, ret_error);
    int r = folder ? 0 : -(int)ret_error->code;
    if (folder && (strcmp(folder, config) == 0 || backup_path_is_inside(folder, config)))
        r = error_set(ret_error, ERROR_INVALID,
                      "%s: it is inside %s, which --config names; expected a folder elsewhere",
                      options->folder, options->config);
    free(folder);
    free(config);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * The archive */

/* They are in the order of their positions; one without records has the first of the next one. */
static const struct backup_file *find_segment(const struct backup_point *point,
                                              const struct backup_file *file) {
    size_t low = 0, high = point ? backup_point_segments(point) : 0, count = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point->files[middle].first < file->first)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && point->files[low].first == file->first; low++)
        if (strcmp(point->files[low].path, file->path) == 0)
            return &point->files[low];
    return NULL;
}

/* Every checksum, the chain, the seal: a backup of damaged bytes would only be found when it is
 * needed. */
static int verify_part(struct backup_job *job, size_t index, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record record;
    uint64_t count = 0;
    int r = archive_part_open(job->parts, index, 0, true, &reader, ret_error);
    if (r < 0)
        return r;
    r = archive_part_hash(reader, ret_error);
    while (r == 0 && (r = archive_part_next(reader, &record, ret_error)) == 1)
        r = ++count % WATCH_STEP == 0 ? backup_meter_add(&job->meter, 0, ret_error) : 0;
    archive_part_close(reader);
    return r;
}

/* As a segment that ends with the point's last record. */
static int add_cut(struct backup_job *job, struct archive_copy_source *source,
                   struct backup_file *file, struct error *ret_error) {
    const struct archive_copy_limit limit = {archive_parts_end(job->parts).position, INT64_MAX};
    struct archive_copy_end end = {0};
    int descriptor;
    int r = backup_store_begin(&job->store, &descriptor, ret_error);
    if (r < 0)
        return r;
    r = archive_copy_until(source, limit, descriptor, file->path, &end, ret_error);
    check(r <= 0); /* the part has a record */
    if (r == 0)
        r = backup_store_keep(&job->store, descriptor, file, ret_error);
    close(descriptor);
    if (r < 0)
        return r;
    file->is_cut = true;
    file->mode = 0640;
    file->last = end.place.position;
    file->chain = end.place.chain;
    job->point.time_us = end.time_us;
    return backup_meter_add(&job->meter, file->bytes, ret_error);
}

static int add_whole(struct backup_job *job, size_t index, const struct archive_copy_file *copied,
                     struct backup_file *file, struct error *ret_error) {
    struct archive_part part = archive_parts_part(job->parts, index);
    char shown[PATH_MAX];
    struct stat status;
    snprintf(shown, sizeof shown, "%s/%s", job->archive, copied->name);
    file->last = part.last;
    file->chain = part.chain;
    if (copied->is_sealed)
        backup_hex(copied->seal, file->seal);
    if (fstat(copied->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", shown);
    file->mode = status.st_mode & 0777;
    int r = backup_source_stamp(copied->descriptor, shown, file->source, ret_error);
    if (r == 0 && backup_take_again(job, find_segment(job->last, file), file))
        return backup_meter_add(&job->meter, file->bytes, ret_error);
    if (r == 0)
        r = verify_part(job, index, ret_error);
    if (r == 0)
        r = backup_store_put(&job->store, copied->descriptor, shown, &job->meter, file, ret_error);
    return r;
}

/* The last part, unless it is sealed and ends there. */
static bool is_cut(const struct backup_job *job, size_t index,
                   const struct archive_copy_file *copied) {
    return index + 1 == archive_parts_count(job->parts) &&
           !(copied->is_sealed && copied->end.position == archive_parts_end(job->parts).position);
}

static int add_segment(struct backup_job *job, size_t index, struct error *ret_error) {
    struct archive_part part = archive_parts_part(job->parts, index);
    struct archive_copy_source *source;
    int r = archive_copy_open(job->archive, part.day, part.first, &source, ret_error);
    if (r < 0)
        return r;
    struct archive_copy_file copied = archive_copy_file(source);
    struct backup_file file = {.is_segment = true,
                               .day = part.day,
                               .first = part.first,
                               .time_before_us = copied.time_before_us,
                               .epoch = copied.epoch};
    bool cuts = is_cut(job, index, &copied);
    /* What is cut is not sealed, whatever it was cut from. */
    size_t length = strlen(copied.name) - (cuts && copied.is_sealed ? strlen(".zst") : 0);
    file.path = name_printf("archive/%.*s", (int)length, copied.name);
    r = cuts ? add_cut(job, source, &file, ret_error)
             : add_whole(job, index, &copied, &file, ret_error);
    archive_copy_close(source);
    if (r < 0) {
        free(file.path);
        return r;
    }
    if (job->point.epoch < file.epoch)
        job->point.epoch = file.epoch;
    if (!cuts)
        job->point.time_us = copied.end_time_us;
    backup_point_add(&job->point, file);
    return 0;
}

/* What a prune has kept of the records in front of the beginning is a file beside the segments. */
static size_t first_segment(const struct backup_job *job) {
    return archive_parts_begin(job->parts)->place.position > 0;
}

static int add_segments(struct backup_job *job, struct error *ret_error) {
    int r = 0;
    for (size_t i = first_segment(job); i < archive_parts_count(job->parts) && r == 0; i++)
        r = add_segment(job, i, ret_error);
    if (r < 0)
        return r;
    job->point.place = archive_parts_end(job->parts);
    return 0;
}

/* The other files of the archive, and a hash of which there are in which version. */
static int walk_kept(struct backup_job *job, bool adds, uint64_t *ret_hash,
                     struct error *ret_error) {
    const struct backup_tree tree = {0};
    DIR *folder = opendir(job->archive);
    uint64_t hash = 0;
    int r = 0;
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot open", job->archive);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, job->archive, &entry, ret_error)) > 0;) {
        struct stat status;
        if (archive_name_of(entry->d_name) != ARCHIVE_NAME_KEPT ||
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        const int64_t version[] = {(int64_t)status.st_ino, status.st_size, status.st_mtim.tv_sec,
                                   status.st_mtim.tv_nsec};
        hash ^= hash64(version, sizeof version, hash_text(text_of(entry->d_name)));
        if (!adds)
            continue;
        char *from = name_printf("%s/%s", job->archive, entry->d_name);
        char *path = name_printf("archive/%s", entry->d_name);
        r = backup_add_entry(job, &tree, from, path, 1, ret_error);
        free(from);
        free(path);
    }
    closedir(folder);
    if (r == 0)
        *ret_hash = hash;
    return r;
}

/* Segments are only ever sealed, unless the archive is rewritten or its beginning is dropped: then
 * some were copied before and others after that. ERROR_UNAVAILABLE. */
static int check_same_archive(const struct backup_job *job, struct error *ret_error) {
    for (size_t i = 0; i < backup_point_segments(&job->point); i++) {
        const struct backup_file *file = &job->point.files[i];
        struct archive_copy_source *source;
        struct error ignored;
        char seal[BACKUP_HEX_SIZE];
        if (archive_copy_open(job->archive, file->day, file->first, &source, &ignored) < 0)
            return error_set(ret_error, ERROR_UNAVAILABLE, "%s is no longer there", file->path);
        struct archive_copy_file now = archive_copy_file(source);
        backup_hex(now.seal, seal);
        bool same = now.epoch == file->epoch &&
                    (!*file->seal || !now.is_sealed || strcmp(seal, file->seal) == 0);
        archive_copy_close(source);
        if (!same)
            return error_set(ret_error, ERROR_UNAVAILABLE, "%s was rewritten", file->path);
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * A point */

/* Is the backup one of this archive? If all that the newest point has was pruned since, no record
 * can tell, only the times. */
static int check_history(struct backup_job *job, struct error *ret_error) {
    if (!job->last)
        return 0;
    const struct archive_place place = job->last->place;
    const struct archive_begin *begin = archive_parts_begin(job->parts);
    bool has_gap = begin->place.position > place.position;
    int r = has_gap ? begin->time_us >= job->last->time_us
                    : archive_parts_holds(job->parts, place, ret_error);
    if (r > 0 && has_gap)
        backup_note(job,
                    "records %" PRIu64 " to %" PRIu64
                    " are in no point: a prune has dropped them since the last backup",
                    place.position + 1, begin->place.position);
    if (r != 0)
        return r < 0 ? r : 0;
    uint64_t end = archive_parts_end(job->parts).position;
    if (end < place.position)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: it has this or another archive up to record %" PRIu64
                         ", but %s ends with record %" PRIu64
                         ": another archive, or one that was restored to an earlier time; expected "
                         "an empty folder",
                         job->store.path, place.position, job->archive, end);
    return error_set(ret_error, ERROR_INVALID,
                     "%s: it is the backup of another archive: record %" PRIu64
                     " has the chain %016" PRIx64 " there and another one in %s; expected an empty "
                     "folder",
                     job->store.path, place.position, place.chain, job->archive);
}

static uint64_t size_of(int descriptor) {
    struct stat status;
    return descriptor >= 0 && fstat(descriptor, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void measure(struct backup_job *job, const struct backup_table_files *tables) {
    uint64_t total = 0;
    for (size_t i = 0; i < archive_parts_count(job->parts); i++)
        total += archive_parts_part(job->parts, i).stored;
    for (size_t i = 0; i < BACKUP_TABLES_FILES; i++)
        total += *tables->folder ? size_of(tables->descriptors[i]) : 0;
    job->meter =
        (struct backup_meter){.progress = job->meter.progress, .stage = "backup", .total = total};
}

static int collect_all(struct backup_job *job, struct backup_table_files *tables,
                       struct error *ret_error) {
    uint64_t ignored;
    int r = archive_copy_epoch(job->archive, &job->point.epoch, ret_error);
    if (r == 0 && job->options->with_tables)
        backup_open_tables(job, tables);
    if (r == 0)
        r = archive_parts_open(job->archive, &job->parts, ret_error);
    if (r == 0 && archive_parts_count(job->parts) <= first_segment(job))
        r = error_set(ret_error, ERROR_NOT_FOUND, "%s has no synced record: is it an archive?",
                      job->archive);
    if (r == 0)
        r = check_history(job, ret_error);
    if (r < 0)
        return r;
    measure(job, tables);
    r = add_segments(job, ret_error);
    if (r == 0)
        r = walk_kept(job, true, &ignored, ret_error);
    if (r == 0)
        r = backup_check_bases(job, ret_error);
    if (r == 0)
        r = check_same_archive(job, ret_error);
    if (r == 0)
        r = backup_add_tables(job, tables, ret_error);
    return r == 0 ? backup_add_trees(job, ret_error) : r;
}

static int collect(struct backup_job *job, struct error *ret_error) {
    struct backup_table_files tables = {.descriptors = {-1, -1}};
    uint64_t before, after;
    backup_point_deinit(&job->point);
    job->report.secrets = 0;
    job->report.tables = job->options->with_tables ? BACKUP_TABLES_NONE : BACKUP_TABLES_LEFT;
    int r = walk_kept(job, false, &before, ret_error);
    if (r < 0)
        return r;
    r = collect_all(job, &tables, ret_error);
    backup_close_tables(&tables);
    archive_parts_close(job->parts);
    job->parts = NULL;
    /* Whatever goes wrong may be due to that. */
    struct error reason = {.text = "the files beside the segments changed"};
    if (r < 0)
        reason = *ret_error;
    if (r != -ERROR_INTERRUPTED && walk_kept(job, false, &after, ret_error) == 0 && before != after)
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s", reason.text);
    if (r < 0)
        *ret_error = reason;
    return r;
}

/* Only what rewrites the archive makes another attempt necessary. */
static int collect_still(struct backup_job *job, struct error *ret_error) {
    int r = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        r = collect(job, ret_error);
        if (r != -ERROR_UNAVAILABLE)
            return r;
    }
    char reason[sizeof ret_error->text];
    snprintf(reason, sizeof reason, "%s", ret_error->text);
    return error_set(ret_error, ERROR_EXISTS,
                     "%s: another process changes the archive: %.600s; run it again when that has "
                     "ended",
                     job->archive, reason);
}

/* Points of an earlier epoch are removed below; a mixture of two archives is refused. */
static int check_relation(struct backup_job *job, struct error *ret_error) {
    const char *segment = "";
    enum backup_relation relation =
        job->last ? backup_point_relation(job->last, &job->point, &segment) : BACKUP_SAME;
    switch (relation) {
    case BACKUP_SAME:
    case BACKUP_REWRITTEN:
        return 0;
    case BACKUP_OLDER:
        return error_set(ret_error, ERROR_INVALID,
                         "%s: it has epoch %" PRIu64 " of the archive, from which something was "
                         "erased; %s has epoch %" PRIu64 ", from before that: erase it again, then "
                         "back up",
                         job->store.path, job->last->epoch, job->archive, job->point.epoch);
    case BACKUP_OTHER:
        break;
    }
    return error_set(ret_error, ERROR_INVALID,
                     "%s: it is the backup of another node's archive: %s has other bytes there, "
                     "with the same records; expected an empty folder",
                     job->store.path, segment);
}

/* ---------------------------------------------------------------------------------------------
 * Old points */

static bool is_kept(const struct backup_options *options, const struct backup_point *point,
                    size_t age) {
    if (age == 0 || (options->keep == 0 && options->keep_days == 0))
        return true;
    return age < options->keep ||
           (options->keep_days > 0 &&
            point->made_us >= options->now_us - (int64_t)options->keep_days * DAY_US);
}

static void take_point(struct backup_job *job) {
    struct backup_points *points = &job->points;
    points->points = check_reallocarray(points->points, points->count + 1, sizeof *points->points);
    points->points[points->count++] = job->point;
    job->point = (struct backup_point){0};
    job->last = NULL; /* it may have moved */
}

/* The new point is the last one. */
static int remove_points(struct backup_job *job, struct error *ret_error) {
    struct backup_points *points = &job->points;
    size_t count = points->count, stay = 0;
    uint64_t epoch = points->points[count - 1].epoch;
    int r = 0;
    for (size_t i = 0; i < count; i++) {
        struct backup_point *point = &points->points[i];
        bool is_rewritten = point->epoch < epoch;
        if (r < 0 || (!is_rewritten && is_kept(job->options, point, count - 1 - i))) {
            points->points[stay++] = *point;
            continue;
        }
        r = backup_store_remove_point(&job->store, point->number, ret_error);
        if (r < 0) {
            points->points[stay++] = *point;
            continue;
        }
        job->report.rewritten += is_rewritten;
        job->report.expired += !is_rewritten;
        backup_point_deinit(point);
    }
    points->count = stay;
    job->report.points = stay;
    return r;
}

/* An old point is replaced by itself without tables. */
static int drop_tables(struct backup_job *job, struct error *ret_error) {
    struct backup_points *points = &job->points;
    uint64_t kept = 0;
    int r = 0;
    for (size_t i = points->count; i-- > 0 && job->options->keep_tables > 0 && r == 0;) {
        struct backup_point *point = &points->points[i];
        if (!point->tables || kept++ < job->options->keep_tables)
            continue;
        backup_point_drop_tables(point);
        r = backup_store_publish(&job->store, point, ret_error);
    }
    return r;
}

/* The backup is whole without it: only servers do not know of it. */
static void write_summary(struct backup_job *job) {
    const struct backup_point *point = &job->points.points[job->points.count - 1];
    struct backup_summary summary = {.last_success_us = job->options->now_us,
                                     .place = point->place,
                                     .point = point->number,
                                     .bytes = backup_point_bytes(point)};
    struct error error;
    char *folder = realpath(job->store.path, NULL);
    snprintf(summary.folder, sizeof summary.folder, "%s", folder ? folder : job->store.path);
    free(folder);
    if (backup_summary_write(job->options->data, &summary, &error) < 0)
        backup_note(job, "the backup is complete, but the server cannot know: %s", error.text);
}

static void describe(struct backup_job *job) {
    const struct backup_point *point = &job->point;
    job->report.point = point->number;
    job->report.place = point->place;
    job->report.time_us = point->time_us;
    job->report.segments = backup_point_segments(point);
    job->report.files = point->count;
    job->report.bytes = backup_point_bytes(point);
    job->report.copied_bytes = job->store.copied_bytes;
    job->report.copied_files = job->store.copied_files;
}

static int run(struct backup_job *job, struct error *ret_error) {
    const struct backup_options *options = job->options;
    int r = backup_points_load(job->store.directory, &job->points, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", job->store.path);
    if (job->points.count > 0)
        job->last = &job->points.points[job->points.count - 1];
    r = collect_still(job, ret_error);
    if (r < 0)
        return r; /* what is copied stays: the next run goes on from there */
    r = check_relation(job, ret_error);
    if (r < 0) {
        struct error ignored;
        uint64_t bytes;
        backup_store_sweep(&job->store, &job->points, &bytes, &ignored);
        return r;
    }
    struct backup_point *point = &job->point;
    point->number = job->last ? job->last->number + 1 : 1;
    point->made_us = options->now_us;
    snprintf(point->version, sizeof point->version, "%s", options->version);
    describe(job);
    r = backup_store_publish(&job->store, point, ret_error);
    if (r < 0)
        return r;
    take_point(job);
    r = remove_points(job, ret_error);
    if (r == 0)
        r = drop_tables(job, ret_error);
    if (r == 0)
        r = backup_store_sweep(&job->store, &job->points, &job->report.freed_bytes, ret_error);
    write_summary(job);
    return r < 0 ? error_prefix(ret_error, "the backup is complete, but older files stay") : 0;
}

int backup_run(const struct backup_options *options, struct progress *progress,
               struct backup_listener *listener, struct backup_report *ret_report,
               struct error *ret_error) {
    struct backup_job job = {
        .options = options, .listener = listener, .meter = {.progress = progress}};
    struct stat status;
    int r = backup_check_folders(options->data, options->folder, ret_error);
    if (r == 0 && options->config)
        r = check_config(options, ret_error);
    if (r < 0)
        return r;
    job.archive = name_printf("%s/archive", options->data);
    job.generations = name_printf("%s/generations", options->data);
    if (stat(job.archive, &status) < 0 && errno != ENOENT && errno != ENOTDIR)
        r = error_set_errno(ret_error, errno, "%s: cannot open", job.archive);
    else if (access(job.archive, F_OK) < 0 || !S_ISDIR(status.st_mode))
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s: there is no archive in it; expected a server's data folder",
                      options->data);
    if (r == 0)
        r = backup_store_create(options->folder, &job.store, ret_error);
    if (r == 0)
        r = run(&job, ret_error);
    if (r == 0)
        *ret_report = job.report;
    backup_point_deinit(&job.point);
    backup_points_deinit(&job.points);
    backup_store_close(&job.store);
    free(job.archive);
    free(job.generations);
    return r;
}
