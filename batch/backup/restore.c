#include "restore.h"

#include "restore_job.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/json_writer.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/file.h"
#include "core/store/upkeep/archive_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE     ".restore"
#define DRAFT     STAGE "/draft"
#define PLAN      STAGE "/plan"
#define LAST      STAGE "/last"
#define DATA      STAGE "/data"
#define WHOLE     STAGE "/whole"
#define PLAN_MAX  ((size_t)64 << 10)
#define PATH_SIZE (BACKUP_PATH_MAX + sizeof DATA + 32)

/* ---------------------------------------------------------------------------------------------
 * The target and its plan */

static bool exists(const struct restore_job *job, const char *name) {
    struct stat status;
    return fstatat(job->target, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int check_empty(const struct restore_job *job, struct error *ret_error) {
    int again = openat(job->target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    int r = 0;
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot read", job->options->target);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, job->options->target, &entry, ret_error)) > 0;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lost+found") != 0)
            r = error_set(ret_error, ERROR_INVALID,
                          "%s: it has \"%s\"; expected an empty folder, or the unfinished restore "
                          "of the same",
                          job->options->target, entry->d_name);
    closedir(folder);
    return r;
}

static int open_target(struct restore_job *job, struct error *ret_error) {
    const char *target = job->options->target;
    struct stat status;
    int r = backup_make_folder(target, ret_error);
    if (r < 0)
        return r;
    job->is_made = r == 0;
    job->target = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job->target < 0 || fstat(job->target, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", target);
    job->is_root = geteuid() == 0;
    job->user = status.st_uid;
    job->group = status.st_gid;
    char *folder = backup_real_path(job->options->folder, ret_error);
    char *real = folder ? backup_real_path(target, ret_error) : NULL;
    r = real ? 0 : -(int)ret_error->code;
    if (real && (strcmp(real, folder) == 0 || backup_path_is_inside(real, folder) ||
                 backup_path_is_inside(folder, real)))
        r = error_set(ret_error, ERROR_INVALID,
                      "%s: it is the folder of the backup, inside it or around it; expected a "
                      "folder elsewhere",
                      target);
    free(folder);
    free(real);
    return r;
}

static void put_plan(const struct restore_job *job, struct buffer *json) {
    const struct restore_options *options = job->options;
    struct error ignored;
    char *folder = backup_real_path(options->folder, &ignored);
    json_begin_object(json, NULL);
    json_add_text(json, "folder", text_of(folder ? folder : options->folder));
    if (options->position != UINT64_MAX)
        json_add_unsigned(json, "position", options->position);
    if (options->time_us != INT64_MAX)
        json_add_signed(json, "time_us", options->time_us);
    json_add_bool(json, "tables", options->with_tables);
    free(folder);
}

/* The plan of an earlier run must be the same; it says which points there were. */
static int compare_plan(struct restore_job *job, const char *bytes, size_t length,
                        struct error *ret_error) {
    struct buffer asked;
    json_error_t where;
    json_t *object = json_loadb(bytes, length, 0, &where);
    json_int_t newest = json_integer_value(json_object_get(object, "newest"));
    json_decref(object);
    buffer_init(&asked);
    put_plan(job, &asked);
    bool same = length > asked.length && memcmp(bytes, asked.bytes, asked.length) == 0 &&
                bytes[asked.length] == ',' && newest > 0;
    buffer_deinit(&asked);
    if (!same)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: it has the unfinished restore of something else (" PLAN
                         " says what); run that again, or empty the folder",
                         job->options->target);
    while (job->usable > 0 && job->points.points[job->usable - 1].number > (uint64_t)newest)
        job->usable--;
    if (job->usable == 0 || job->points.points[job->usable - 1].number != (uint64_t)newest)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: it has the unfinished restore of point %lld, which is no longer in "
                         "the backup; empty the folder and begin again",
                         job->options->target, (long long)newest);
    return 0;
}

static int write_plan(const struct restore_job *job, struct error *ret_error) {
    struct buffer json;
    buffer_init(&json);
    put_plan(job, &json);
    json_add_unsigned(&json, "newest", job->points.points[job->usable - 1].number);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    int r = backup_write_whole(job->target, PLAN, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}

static int open_stage(struct restore_job *job, struct error *ret_error) {
    int stage, r = 0;
    if (!exists(job, STAGE)) {
        r = check_empty(job, ret_error);
        if (r < 0)
            return r;
    }
    r = directory_make(job->target, STAGE, &stage, ret_error);
    if (r == 0) {
        char *shown = name_printf("%s/" STAGE, job->options->target);
        r = directory_lock(stage, shown, "restores into this folder", &job->lock, ret_error);
        free(shown);
        close(stage);
    }
    return r;
}

/* Goes on where an earlier run was, or begins. */
static int read_plan(struct restore_job *job, struct error *ret_error) {
    char *bytes;
    size_t length;
    int r = file_load(job->target, PLAN, PLAN_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 1;
    if (r < 0)
        return error_prefix(ret_error, "%s", job->options->target);
    r = compare_plan(job, bytes, length, ret_error);
    free(bytes);
    job->report.was_resumed = true;
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Files */

static int own(const struct restore_job *job, int descriptor, unsigned mode, const char *shown,
               struct error *ret_error) {
    if ((job->is_root && fchown(descriptor, job->user, job->group) < 0) ||
        fchmod(descriptor, mode) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot set owner and permissions", shown);
    return 0;
}

static int place_draft(struct restore_job *job, int descriptor, const char *name,
                       struct error *ret_error) {
    int r = backup_make_folders(job->target, name, ret_error);
    if (r == 0 && fsync(descriptor) < 0)
        r = error_set_errno(ret_error, errno, DRAFT ": cannot sync");
    if (r == 0 && renameat(job->target, DRAFT, job->target, name) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot rename its draft", name);
    if (r == 0)
        r = backup_sync_folder_of(job->target, name, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", job->options->target) : 0;
}

static int begin_draft(struct restore_job *job, int *ret_descriptor, struct error *ret_error) {
    int descriptor =
        openat(job->target, DRAFT, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s/" DRAFT ": cannot create",
                               job->options->target);
    *ret_descriptor = descriptor;
    return 0;
}

/* An earlier run has restored it. */
static bool is_restored(struct restore_job *job, const struct backup_file *file, const char *name,
                        int *ret_status, struct error *ret_error) {
    char sha256[BACKUP_HEX_SIZE];
    uint64_t bytes, done = job->meter.done;
    struct stat status;
    int descriptor = openat(job->target, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool is_same = false;
    *ret_status = 0;
    if (descriptor < 0)
        return false;
    if (fstat(descriptor, &status) == 0 && (uint64_t)status.st_size == file->bytes) {
        int r =
            backup_hash_copy(descriptor, name, -1, NULL, &job->meter, &bytes, sha256, ret_error);
        is_same = r == 0 && strcmp(sha256, file->sha256) == 0;
        *ret_status = r == -ERROR_INTERRUPTED ? r : 0;
    }
    close(descriptor);
    if (!is_same)
        job->meter.done = done;
    return is_same;
}

static int copy_open(struct restore_job *job, int from, const struct backup_file *file,
                     const char *from_shown, const char *name, struct error *ret_error) {
    char sha256[BACKUP_HEX_SIZE], to_shown[PATH_SIZE + 256];
    uint64_t bytes;
    int to = -1;
    int r = begin_draft(job, &to, ret_error);
    if (r < 0)
        return r;
    snprintf(to_shown, sizeof to_shown, "%.250s/%s", job->options->target, name);
    r = backup_hash_copy(from, from_shown, to, to_shown, &job->meter, &bytes, sha256, ret_error);
    if (r == 0 && (bytes != file->bytes || strcmp(sha256, file->sha256) != 0))
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: it is damaged: its SHA-256 is %s; run harrier backup --verify for all "
                      "that is",
                      from_shown, sha256);
    if (r == 0)
        r = own(job, to, file->mode ? file->mode : 0640, to_shown, ret_error);
    if (r == 0)
        r = place_draft(job, to, name, ret_error);
    close(to);
    return r;
}

static int copy_file(struct restore_job *job, const struct backup_file *file, const char *name,
                     struct error *ret_error) {
    char stored[BACKUP_NAME_SIZE];
    int r;
    if (is_restored(job, file, name, &r, ret_error) || r < 0)
        return r;
    backup_store_name(file, stored);
    char *shown = name_printf("%s/%s", job->store.path, stored);
    int from = openat(job->store.directory, stored, O_RDONLY | O_CLOEXEC);
    r = from < 0 ? error_set_errno(ret_error, errno, "%s: cannot open", shown)
                 : copy_open(job, from, file, shown, name, ret_error);
    if (from >= 0)
        close(from);
    free(shown);
    return r;
}

/* To where it belongs. */
static int restore_file(struct restore_job *job, const struct backup_file *file,
                        struct error *ret_error) {
    char name[PATH_SIZE];
    snprintf(name, sizeof name, DATA "/%s", file->path);
    job->report.files++;
    job->report.bytes += file->bytes;
    return copy_file(job, file, name, ret_error);
}

/* ---------------------------------------------------------------------------------------------
 * The segment that is cut */

/* None of its records was received by then: the archive ends before it. */
static int go_back(struct restore_job *job, struct archive_copy_source *source, int draft,
                   struct error *ret_error) {
    const struct backup_file *file = &job->point->files[job->last];
    struct archive_copy_end end;
    char asked[RESTORE_TIME_SIZE], received[RESTORE_TIME_SIZE];
    if (job->last > 0) {
        job->last--;
        restore_take_whole(job);
        return 0;
    }
    if (restore_choose_earlier(job))
        return 0;
    const struct archive_copy_limit one = {file->first, INT64_MAX};
    int r = archive_copy_until(source, one, draft, DRAFT, &end, ret_error);
    return r < 0 ? r
                 : error_set(ret_error, ERROR_NOT_FOUND,
                             "%s begins with record %" PRIu64 ", received %s, after %s",
                             job->options->folder, file->first,
                             restore_time_text(end.time_us, received),
                             restore_time_text(job->options->time_us, asked));
}

static int write_cut(struct restore_job *job, struct archive_copy_source *source, const char *path,
                     struct error *ret_error) {
    const struct backup_file *file = &job->point->files[job->last];
    const struct archive_copy_limit limit = {
        job->options->position < file->last ? job->options->position : file->last,
        job->options->time_us};
    char name[PATH_SIZE];
    struct archive_copy_end end = {0};
    int draft = -1;
    int r = begin_draft(job, &draft, ret_error);
    if (r < 0)
        return r;
    r = archive_copy_until(source, limit, draft, DRAFT, &end, ret_error);
    if (r == 1) {
        r = go_back(job, source, draft, ret_error);
    } else if (r == 0 && end.place.position == file->last) {
        restore_take_whole(job);
    } else if (r == 0) {
        job->place = end.place;
        job->time_us = end.time_us;
        job->cuts = true;
        snprintf(name, sizeof name, DATA "/%s", path);
        r = own(job, draft, 0640, DRAFT, ret_error);
        if (r == 0)
            r = place_draft(job, draft, name, ret_error);
        job->report.files = 1;
        job->report.bytes = end.bytes;
    }
    close(draft);
    return r;
}

static int cut_last(struct restore_job *job, struct error *ret_error) {
    const struct backup_file *file = &job->point->files[job->last];
    const char *inner = file->path + sizeof "archive/" - 1;
    char name[PATH_SIZE], path[BACKUP_PATH_MAX + 1];
    struct archive_copy_source *source;
    snprintf(name, sizeof name, LAST "/%s", inner);
    snprintf(path, sizeof path, "%s", file->path);
    char *ending = strstr(path, ".seg.zst");
    if (ending)
        ending[sizeof ".seg" - 1] = '\0';
    int r = copy_file(job, file, name, ret_error);
    if (r < 0)
        return r;
    char *folder = name_printf("%s/" LAST, job->options->target);
    r = archive_copy_open(folder, file->day, file->first, &source, ret_error);
    free(folder);
    if (r < 0)
        return r;
    r = write_cut(job, source, path, ret_error);
    archive_copy_close(source);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * All of it */

static bool begins_with(const char *path, const char *folder) {
    return strncmp(path, folder, strlen(folder)) == 0;
}

enum part { PART_NONE, PART_ARCHIVE, PART_TABLES, PART_OTHERS };

static enum part part_of(const struct backup_file *file) {
    if (begins_with(file->path, "archive/"))
        return PART_ARCHIVE;
    return begins_with(file->path, BACKUP_TABLES_FOLDER) ? PART_TABLES : PART_OTHERS;
}

/* visit: of each file that is to be restored. */
static int each_file(struct restore_job *job,
                     int (*visit)(struct restore_job *, const struct backup_file *, struct error *),
                     struct error *ret_error) {
    const struct backup_point *const points[] = {NULL, job->point, job->tables, job->others};
    int r = 0;
    for (int part = PART_ARCHIVE; part <= PART_OTHERS; part++)
        for (size_t i = 0; r == 0 && points[part] && i < points[part]->count; i++) {
            const struct backup_file *file = &points[part]->files[i];
            bool is_wanted =
                (int)part_of(file) == part && (!file->is_segment || i < job->last + !job->cuts);
            if (is_wanted)
                r = visit(job, file, ret_error);
        }
    return r;
}

static int measure_file(struct restore_job *job, const struct backup_file *file,
                        struct error *ret_error) {
    (void)ret_error;
    job->meter.total += file->bytes;
    job->report.config_files += begins_with(file->path, "config/");
    return 0;
}

/* "current" points to the tables, as a rebuild leaves it. */
static int link_tables(const struct restore_job *job, struct error *ret_error) {
    if (!job->tables || exists(job, DATA "/generations/current"))
        return 0;
    if (symlinkat(job->tables->tables, job->target, DATA "/generations/current") < 0 ||
        (job->is_root && fchownat(job->target, DATA "/generations/current", job->user, job->group,
                                  AT_SYMLINK_NOFOLLOW) < 0))
        return error_set_errno(ret_error, errno, "%s/" DATA "/generations/current: cannot create",
                               job->options->target);
    return directory_sync(job->target, DATA "/generations", ret_error);
}

/* What is on the disk now is an archive that ends there. */
static int check_archive(struct restore_job *job, const char *name, struct error *ret_error) {
    struct archive_parts *parts;
    char *path = name_printf("%s/%s", job->options->target, name);
    int r = archive_parts_open(path, &parts, ret_error);
    free(path);
    if (r < 0)
        return r;
    struct archive_place end = archive_parts_end(parts);
    archive_parts_close(parts);
    if (job->place.position > 0 &&
        (end.position != job->place.position || end.chain != job->place.chain))
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: the restored archive ends with record %" PRIu64 " and chain %016" PRIx64
            "; expected record %" PRIu64 " and chain %016" PRIx64,
            job->options->target, end.position, end.chain, job->place.position, job->place.chain);
    job->place = end;
    return 0;
}

/* Folders get the owner that files have. */
static int own_folders(const struct restore_job *job, const char *name, struct error *ret_error) {
    int inner = openat(job->target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = inner < 0 ? NULL : fdopendir(inner);
    int r = 0;
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot open", name);
    if (fchown(inner, job->user, job->group) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot set its owner", name);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;)
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            char *path = name_printf("%s/%s", name, entry->d_name);
            r = own_folders(job, path, ret_error);
            free(path);
        }
    closedir(folder);
    return r;
}

static int remove_tree(int directory, const char *name, struct error *ret_error) {
    int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = inner < 0 ? NULL : fdopendir(inner);
    int r = 0;
    if (!folder && errno == ENOTDIR)
        return unlinkat(directory, name, 0) < 0
                   ? error_set_errno(ret_error, errno, "%s: cannot remove", name)
                   : 0;
    if (!folder)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot open", name);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = remove_tree(inner, entry->d_name, ret_error);
    closedir(folder);
    if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", name);
    return r;
}

/* The archive last: a folder that has one is restored. */
static int move_out(const struct restore_job *job, struct error *ret_error) {
    static const char *const names[] = {"generations", "nights", "candidates", "config", "archive"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[PATH_SIZE];
        snprintf(from, sizeof from, DATA "/%s", names[i]);
        if (!exists(job, from))
            continue;
        if (renameat(job->target, from, job->target, names[i]) < 0)
            return error_set_errno(ret_error, errno,
                                   "%s: cannot move %s to its place; is a server running there?",
                                   job->options->target, names[i]);
        int r = directory_sync(job->target, ".", ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The plan goes after what it is about, the mark of wholeness last. */
static int clean_up(const struct restore_job *job, struct error *ret_error) {
    static const char *const names[] = {DATA, LAST, DRAFT, PLAN, STAGE "/lock", WHOLE, STAGE};
    int r = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && r == 0; i++)
        r = remove_tree(job->target, names[i], ret_error);
    return r == 0 ? directory_sync(job->target, ".", ret_error) : r;
}

static int stage_all(struct restore_job *job, struct error *ret_error) {
    int r = 0;
    if (restore_is_whole(job))
        restore_take_whole(job);
    else
        r = cut_last(job, ret_error);
    if (r < 0)
        return r;
    restore_choose_others(job);
    job->meter.done = 0;
    job->meter.total = 0;
    each_file(job, measure_file, ret_error);
    r = each_file(job, restore_file, ret_error);
    if (r == 0)
        r = link_tables(job, ret_error);
    if (r == 0)
        r = check_archive(job, DATA "/archive", ret_error);
    if (r == 0 && job->is_root)
        r = own_folders(job, DATA, ret_error);
    return r == 0 ? backup_write_whole(job->target, WHOLE, "\n", 1, ret_error) : r;
}

static int finish(struct restore_job *job, struct error *ret_error) {
    int r = move_out(job, ret_error);
    if (r == 0)
        r = check_archive(job, "archive", ret_error);
    return r == 0 ? clean_up(job, ret_error) : r;
}

static void describe(struct restore_job *job) {
    struct restore_report *report = &job->report;
    report->place = job->place;
    report->time_us = job->time_us;
    report->point = job->point ? job->point->number : 0;
    report->is_cut = job->cuts;
    report->tables_point = job->tables ? job->tables->number : 0;
    report->tables_position = job->tables ? job->tables->tables_place.position : 0;
}

/* Nothing is left of a restore that can never be: the next one may be of something else. */
static void give_up(const struct restore_job *job) {
    struct error ignored;
    clean_up(job, &ignored);
    if (job->is_made)
        rmdir(job->options->target);
}

static int resume(struct restore_job *job, bool has_plan, struct error *ret_error) {
    int r = 0;
    if (!has_plan && exists(job, "archive"))
        return finish(job, ret_error); /* only the stage was left */
    if (exists(job, WHOLE))
        return finish(job, ret_error);
    if (!has_plan)
        r = write_plan(job, ret_error);
    if (r == 0 && has_plan) {
        job->point = NULL;
        r = restore_choose_point(job, ret_error); /* there may be newer ones now */
    }
    if (r == 0)
        r = stage_all(job, ret_error);
    return r == 0 ? finish(job, ret_error) : r;
}

static int run(struct restore_job *job, struct error *ret_error) {
    int r = restore_load_points(job, ret_error);
    if (r == 0)
        r = restore_choose_point(job, ret_error);
    if (r == 0)
        r = open_target(job, ret_error);
    if (r == 0)
        r = open_stage(job, ret_error);
    if (r < 0)
        return r;
    r = read_plan(job, ret_error);
    if (r >= 0)
        r = resume(job, r == 0, ret_error);
    if (r == -ERROR_NOT_FOUND)
        give_up(job);
    return r;
}

int restore_run(const struct restore_options *options, struct progress *progress,
                struct restore_report *ret_report, struct error *ret_error) {
    struct restore_job job = {.options = options,
                              .target = -1,
                              .lock = -1,
                              .time_us = INT64_MIN,
                              .meter = {.progress = progress, .stage = "restore"}};
    int r = backup_store_open(options->folder, &job.store, ret_error);
    if (r == 0)
        r = run(&job, ret_error);
    if (r == 0) {
        describe(&job);
        *ret_report = job.report;
    }
    backup_points_deinit(&job.points);
    backup_store_close(&job.store);
    if (job.lock >= 0)
        close(job.lock);
    if (job.target >= 0)
        close(job.target);
    return r;
}
