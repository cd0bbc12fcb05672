/* A backup in progress, shared by the files that make it: backup.c (the archive, the order of all),
 * backup_trees.c (other files) and backup_tables.c. Private to the folder. */
#pragma once

#include "backup_options.h"
#include "backup_store.h"

struct archive_parts;

struct backup_job {
    const struct backup_options *options;
    struct backup_listener *listener;
    struct backup_store store;
    struct backup_points points;     /* that are there */
    const struct backup_point *last; /* the newest of them; NULL: none */
    struct backup_point point;       /* the new one */
    struct backup_meter meter;
    char *archive, *generations;
    struct archive_parts *parts;
    struct backup_report report;
};

/* Tells the listener. */
void backup_note(struct backup_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- backup_trees.c ---- */

/* What is copied of a tree of files. */
struct backup_tree {
    bool is_config;
};

/* A file of the point that is no segment; NULL: none. point may be NULL. */
const struct backup_file *backup_find_file(const struct backup_point *point, const char *path);
/* The same version of the file is in the newest point, and still there: fills in the rest of it. */
bool backup_take_again(struct backup_job *job, const struct backup_file *before,
                       struct backup_file *file);
/* An open file, under this path of the point. */
int backup_add_open(struct backup_job *job, int descriptor, const char *shown, const char *path,
                    struct error *ret_error);
/* A file, or a folder with all that is in it. What vanishes meanwhile is not of this point. */
int backup_add_entry(struct backup_job *job, const struct backup_tree *tree, const char *from,
                     const char *path, int depth, struct error *ret_error);
/* Reports of nights, trained models, the configuration. */
int backup_add_trees(struct backup_job *job, struct error *ret_error);

/* ---- backup_tables.c ---- */

#define BACKUP_TABLES_FILES 2

struct backup_table_files {
    char folder[256]; /* "": there are none */
    struct archive_place place;
    uint64_t epoch; /* of the archive when they were built */
    int descriptors[BACKUP_TABLES_FILES];
};

/* Before the archive is opened, so that they are not newer than the point. */
void backup_open_tables(struct backup_job *job, struct backup_table_files *tables);
void backup_close_tables(struct backup_table_files *tables);
int backup_add_tables(struct backup_job *job, const struct backup_table_files *tables,
                      struct error *ret_error);
/* Of a pruned archive: the tables that stand for what is gone, which are files of the archive, are
 * sound and in the point. ERROR_DAMAGED. ERROR_UNAVAILABLE: another prune came meanwhile. */
int backup_check_bases(const struct backup_job *job, struct error *ret_error);
