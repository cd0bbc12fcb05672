/* The tables of a point: those in force, if they are whole and of this archive. They can be derived
 * again, so what is wrong with them is noted and keeps no backup from being made. */
#include "backup_job.h"

#include "core/base/text.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/file.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/generation_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 3 /* when they are replaced meanwhile */

static const char *const tables_files[BACKUP_TABLES_FILES] = {"tables.mdb", "manifest.json"};

void backup_close_tables(struct backup_table_files *tables) {
    for (size_t i = 0; i < BACKUP_TABLES_FILES; i++)
        if (tables->descriptors[i] >= 0)
            close(tables->descriptors[i]);
}

/* The files stay readable when a rebuild replaces them. 1: they were replaced in between. */
static int open_files(const struct backup_job *job, struct backup_table_files *tables,
                      struct error *ret_error) {
    for (size_t i = 0; i < BACKUP_TABLES_FILES; i++) {
        char *path = name_printf("%s/%s/%s", job->generations, tables->folder, tables_files[i]);
        tables->descriptors[i] = open(path, O_RDONLY | O_CLOEXEC);
        int number = errno;
        int r = 0;
        if (tables->descriptors[i] < 0)
            r = number == ENOENT ? 1 : error_set_errno(ret_error, number, "%s: cannot open", path);
        free(path);
        if (r != 0)
            return r;
    }
    return 0;
}

/* Are these the files that the newest point has? Then they were read in full for that. */
static bool are_known(const struct backup_job *job, const struct backup_table_files *tables) {
    for (size_t i = 0; i < BACKUP_TABLES_FILES; i++) {
        struct error ignored;
        char source[BACKUP_SOURCE_SIZE];
        char *path = name_printf("generations/%s/%s", tables->folder, tables_files[i]);
        const struct backup_file *before = backup_find_file(job->last, path);
        free(path);
        if (!before || backup_source_stamp(tables->descriptors[i], "", source, &ignored) < 0 ||
            strcmp(before->source, source) != 0)
            return false;
    }
    return true;
}

void backup_open_tables(struct backup_job *job, struct backup_table_files *tables) {
    struct error error;
    char *link = name_printf("%s/current", job->generations);
    int r = 1;
    for (int attempt = 0; attempt < ATTEMPTS && r == 1; attempt++) {
        struct generation *generation;
        ssize_t length = readlink(link, tables->folder, sizeof tables->folder - 1);
        tables->folder[length < 0 ? 0 : length] = '\0';
        if (length < 0) {
            r = 0;
            break;
        }
        backup_close_tables(tables);
        r = open_files(job, tables, &error);
        if (r != 0)
            continue;
        r = generation_open(job->generations, tables->folder, !are_known(job, tables), &generation,
                            &error);
        if (r < 0)
            break;
        tables->place = generation_manifest(generation)->place;
        tables->epoch = generation_manifest(generation)->epoch;
        generation_close(generation);
    }
    if (r != 0) {
        backup_note(job, "the tables are left out: %s",
                    r < 0 ? error.text : "generations/current leads to files that are missing");
        job->report.tables = BACKUP_TABLES_BAD;
        tables->folder[0] = '\0';
    }
    free(link);
}

/* Values that nights have kept for thresholds: an archive from the first record on gives them
 * again, a pruned one does not. They belong to these tables, unless a rebuild has replaced both. */
static int add_samples(struct backup_job *job, const struct backup_table_files *tables,
                       struct error *ret_error) {
    const struct backup_tree tree = {0};
    char folder[sizeof tables->folder] = "";
    char *from = name_printf("%s/samples", job->generations);
    char *link = name_printf("%s/current", job->generations);
    int r = backup_add_entry(job, &tree, from, BACKUP_TABLES_FOLDER "samples", 1, ret_error);
    if (r == 0 &&
        (readlink(link, folder, sizeof folder - 1) < 0 || strcmp(folder, tables->folder) != 0))
        r = error_set(ret_error, ERROR_UNAVAILABLE, "the tables were replaced");
    free(from);
    free(link);
    return r;
}

int backup_add_tables(struct backup_job *job, const struct backup_table_files *tables,
                      struct error *ret_error) {
    if (!*tables->folder)
        return 0;
    if (tables->epoch < job->point.epoch) {
        backup_note(job,
                    "the tables are left out: they were built before the last erasure, and may "
                    "have what was erased");
        job->report.tables = BACKUP_TABLES_BAD;
        return 0;
    }
    int r = archive_parts_holds(job->parts, tables->place, ret_error);
    if (r == 0) {
        backup_note(job,
                    "the tables are left out: they are of another archive, or newer than what is "
                    "synced of this one");
        job->report.tables = BACKUP_TABLES_BAD;
    }
    if (r != 1)
        return r;
    r = 0;
    for (size_t i = 0; i < BACKUP_TABLES_FILES && r == 0; i++) {
        char *path = name_printf("generations/%s/%s", tables->folder, tables_files[i]);
        r = backup_add_open(job, tables->descriptors[i], path, path, ret_error);
        free(path);
    }
    if (r == 0 && archive_parts_begin(job->parts)->place.position > 0)
        r = add_samples(job, tables, ret_error);
    if (r == 0) {
        job->point.tables = text_copy(text_of(tables->folder));
        job->point.tables_place = tables->place;
        job->report.tables = BACKUP_TABLES_COPIED;
    }
    return r;
}

/* ---- of where a pruned archive begins ---- */

/* Is it in the point, and was it in the newest one? */
static bool has_base(const struct backup_job *job, const char *folder, bool *ret_is_known) {
    bool has = true;
    *ret_is_known = true;
    for (size_t i = 0; i < BACKUP_TABLES_FILES; i++) {
        char *path = name_printf("archive/" ARCHIVE_BASE "/%s/%s", folder, tables_files[i]);
        const struct backup_file *file = backup_find_file(&job->point, path);
        const struct backup_file *before = backup_find_file(job->last, path);
        free(path);
        has &= file != NULL;
        *ret_is_known &= file && before && strcmp(file->source, before->source) == 0;
    }
    return has;
}

int backup_check_bases(const struct backup_job *job, struct error *ret_error) {
    const struct archive_begin *begin = archive_parts_begin(job->parts);
    int r = 0;
    for (size_t i = 0; i < begin->base_count && r == 0; i++) {
        struct generation *base;
        bool is_known;
        char *folder =
            generation_folder_format(begin->place.position, begin->bases[i].generation_id);
        bool has = has_base(job, folder, &is_known);
        r = generation_open_base_of(job->archive, begin, begin->bases[i].plan_id, !is_known, &base,
                                    ret_error);
        if (r == 0)
            generation_close(base);
        if (r == 0 && !has)
            r = error_set(ret_error, ERROR_UNAVAILABLE, ARCHIVE_BASE "/%s was replaced", folder);
        free(folder);
    }
    return r;
}
