/* The link is switched in one step, after the folder has its name; a server that reads `latest`
 * meanwhile finds one policy or the other. */
#include "night_candidates.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS 16 /* of a walk */
#define PART        ".part"

/* ---- the folder ---- */

static int compare_days(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a < b) - (a > b);
}

static int list(struct night_candidates *candidates, struct error *ret_error) {
    DIR *entries = opendir(candidates->path);
    int64_t day;
    if (!entries)
        return error_set_errno(ret_error, errno, "cannot read %s", candidates->path);
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(entries, candidates->path, &entry, ret_error)) > 0;)
        if (night_date_parse(entry->d_name, &day)) {
            candidates->days = check_reallocarray(candidates->days, candidates->count + 1,
                                                  sizeof *candidates->days);
            candidates->days[candidates->count++] = day;
        }
    closedir(entries);
    if (candidates->count > 0)
        qsort(candidates->days, candidates->count, sizeof *candidates->days, compare_days);
    return r;
}

int night_candidates_open(const char *data, struct night_candidates *ret_candidates,
                          struct error *ret_error) {
    *ret_candidates =
        (struct night_candidates){.path = name_printf("%s/" FOLDER_CANDIDATES, data), .folder = -1};
    if (mkdir(ret_candidates->path, 0777) < 0 && errno != EEXIST)
        return error_set_errno(ret_error, errno, "cannot make %s", ret_candidates->path);
    ret_candidates->folder = open(ret_candidates->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret_candidates->folder < 0)
        return error_set_errno(ret_error, errno, "cannot open %s", ret_candidates->path);
    return list(ret_candidates, ret_error);
}

void night_candidates_close(struct night_candidates *candidates) {
    if (candidates->folder >= 0)
        close(candidates->folder);
    free(candidates->days);
    free(candidates->path);
}

char *night_candidate_path(const struct night_candidates *candidates, int64_t day) {
    char date[NIGHT_DATE_SIZE];
    return name_printf("%s/%s", candidates->path, night_date_format(day, date));
}

char *night_candidate_draft(const struct night_candidates *candidates, int64_t day) {
    char date[NIGHT_DATE_SIZE];
    return name_printf("%s/.%s" PART, candidates->path, night_date_format(day, date));
}

/* ---- removing ---- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

/* What is not there is removed already. */
static int remove_folder(const char *path, struct error *ret_error) {
    if (nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return error_set_errno(ret_error, errno, "cannot remove %s", path);
}

/* ".2026-01-31.part" */
static bool is_draft(const char *name) {
    char date[NIGHT_DATE_SIZE];
    int64_t day;
    if (name[0] != '.' || strlen(name) != NIGHT_DATE_SIZE + strlen(PART) ||
        strcmp(name + NIGHT_DATE_SIZE, PART) != 0)
        return false;
    memcpy(date, name + 1, sizeof date - 1);
    date[sizeof date - 1] = '\0';
    return night_date_parse(date, &day);
}

/* Those of other nights, too: each may be as large as a policy, and nobody else removes them. */
int night_candidates_clear(const struct night_candidates *candidates, struct error *ret_error) {
    DIR *entries = opendir(candidates->path);
    int r = 0;
    if (!entries)
        return error_set_errno(ret_error, errno, "cannot read %s", candidates->path);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(entries, candidates->path, &entry, ret_error)) > 0;)
        if (is_draft(entry->d_name)) {
            char *draft = name_printf("%s/%s", candidates->path, entry->d_name);
            r = remove_folder(draft, ret_error);
            free(draft);
        }
    closedir(entries);
    return r;
}

static void prune(const struct night_candidates *candidates, int64_t day, uint64_t kept) {
    uint64_t seen = 1; /* the new one */
    for (size_t i = 0; i < candidates->count; i++) {
        struct error error;
        if (candidates->days[i] == day || seen++ < kept)
            continue;
        char *path = night_candidate_path(candidates, candidates->days[i]);
        if (remove_folder(path, &error) < 0)
            fprintf(stderr, "harrier: %s\n", error.text);
        free(path);
    }
}

/* ---- publishing ---- */

static int sync_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)place;
    if (type != FTW_F && type != FTW_D)
        return 0;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int r = file < 0 || fsync(file) < 0 ? errno : 0;
    if (file >= 0)
        close(file);
    return r;
}

int night_candidate_sync(const struct night_candidates *candidates, int64_t day,
                         struct error *ret_error) {
    char *draft = night_candidate_draft(candidates, day);
    int r = nftw(draft, sync_entry, DESCRIPTORS, FTW_PHYS);
    if (r != 0)
        r = error_set_errno(ret_error, r < 0 ? errno : r, "cannot write %s to disk", draft);
    free(draft);
    return r;
}

static int link_latest(const struct night_candidates *candidates, const char *date,
                       struct error *ret_error) {
    static const char draft[] = "." CANDIDATE_LATEST;
    unlinkat(candidates->folder, draft, 0); /* of a run that was killed */
    if (symlinkat(date, candidates->folder, draft) < 0 ||
        renameat(candidates->folder, draft, candidates->folder, CANDIDATE_LATEST) < 0)
        return error_set_errno(ret_error, errno, "cannot switch the link %s/" CANDIDATE_LATEST,
                               candidates->path);
    return 0;
}

/* One of the same day goes first: a rename onto a folder that has files is refused. Without a draft
 * an attempt that was killed has come this far. */
static int take_name(const struct night_candidates *candidates, int64_t day,
                     struct error *ret_error) {
    char *draft = night_candidate_draft(candidates, day),
         *path = night_candidate_path(candidates, day);
    bool is_taken = access(draft, F_OK) < 0 && errno == ENOENT && access(path, F_OK) == 0;
    int r = is_taken ? 0 : remove_folder(path, ret_error);
    if (r == 0 && !is_taken && rename(draft, path) < 0)
        r = error_set_errno(ret_error, errno, "cannot rename %s", draft);
    free(draft);
    free(path);
    return r;
}

int night_candidate_publish(struct night_candidates *candidates, int64_t day, uint64_t kept,
                            struct error *ret_error) {
    char date[NIGHT_DATE_SIZE];
    check(candidates->count == 0 || candidates->days[0] <= day);
    int r = take_name(candidates, day, ret_error);
    if (r == 0)
        r = directory_sync(candidates->folder, ".", ret_error);
    if (r == 0)
        r = link_latest(candidates, night_date_format(day, date), ret_error);
    if (r == 0)
        r = directory_sync(candidates->folder, ".", ret_error);
    if (r == 0)
        prune(candidates, day, kept);
    return r;
}
