/* The archive is opened for writing, as a server does at its start, then read from its first record
 * to its last. */
#include "image_check.h"

#include "batch/backup/backup_verify.h"
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/generation/generation.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)128 << 20)

/* What a record says that a promise may be about. */
struct found {
    enum record_type type;
    char name[PROMISE_WORD_MAX], what[PROMISE_WORD_MAX];
    uint64_t number, position;
};

struct work {
    const struct image_check *check;
    const char *folder;
    char *what;
    size_t size;
    struct found *found;
    size_t count, room;
    const char *person; /* NULL: nobody is erased */
    size_t naming;      /* records that have the person's name */
    uint64_t end;       /* position of the last record */
    bool is_erased, is_restored;
    uint64_t begins;
};

static bool broken(struct work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool broken(struct work *work, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(work->what, work->size, format, arguments);
    va_end(arguments);
    return false;
}

static void path_of(const struct work *work, const char *name, char *ret_path) {
    snprintf(ret_path, 4096, "%s/%s", work->folder, name);
}

static bool exists(const struct work *work, const char *name) {
    char path[4096];
    path_of(work, name, path);
    return access(path, F_OK) == 0;
}

/* ---- records ---- */

static void copy_text(char *to, struct text text) {
    snprintf(to, PROMISE_WORD_MAX, "%" TEXT_FORMAT, TEXT_ARGS(text));
}

static void take_record(struct work *work, const struct record *record) {
    if (work->count == work->room) {
        work->room = work->room ? work->room * 2 : 1024;
        work->found = check_reallocarray(work->found, work->room, sizeof *work->found);
    }
    struct found found = {.type = record->type, .position = record->position};
    switch ((int)record->type) {
    case RECORD_TRANSACTION:
        copy_text(found.name, record->transaction.transaction.id);
        snprintf(found.what, sizeof found.what, "%s",
                 verdict_name(record->transaction.decision.verdict));
        found.number = record->transaction.decision.score;
        break;
    case RECORD_OUTCOME:
        copy_text(found.name, record->outcome.transaction.id);
        snprintf(found.what, sizeof found.what, "%s", label_name(record->outcome.label));
        break;
    case RECORD_LIST_CHANGE:
        copy_text(found.name, record->list_change.list);
        copy_text(found.what, record->list_change.entry);
        break;
    default:
        return;
    }
    work->found[work->count++] = found;
}

static bool holds(struct text bytes, const char *word) {
    return word && memmem(bytes.data, bytes.length, word, strlen(word));
}

static bool read_records(struct work *work, const char *path) {
    struct archive_reader *reader;
    struct error error;
    if (archive_reader_open(path, (struct archive_place){0}, &reader, &error) < 0)
        return broken(work, "reading: %s", error.text);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct record record;
    uint64_t last = work->begins;
    int r;
    bool good = true;
    while (good && (r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        if (record.position > work->begins) {
            if (record.position != last + 1)
                good = broken(work, "record %" PRIu64 " follows %" PRIu64, record.position, last);
            last = record.position;
        }
        work->naming += holds(archive_reader_frame(reader)->payload, work->person);
        take_record(work, &record);
        arena_reset(&arena);
    }
    if (good && r < 0)
        good = broken(work, "reading: %s", error.text);
    work->end = last;
    arena_deinit(&arena);
    archive_reader_close(reader);
    return good;
}

static int compare_found(const void *left, const void *right) {
    const struct found *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    int r = strcmp(a->name, b->name);
    return r ? r : strcmp(a->what, b->what);
}

/* The first record of this type about `name`; NULL: there is none. */
static const struct found *find(const struct work *work, enum record_type type, const char *name,
                                const char *what) {
    for (size_t from = 0, to = work->count; from < to;) {
        size_t middle = from + (to - from) / 2;
        const struct found *found = &work->found[middle];
        int order = found->type != type ? (found->type < type ? -1 : 1) : strcmp(found->name, name);
        if (order == 0 && what)
            order = strcmp(found->what, what);
        if (order == 0)
            return found;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static bool check_doubles(struct work *work) {
    for (size_t i = 1; i < work->count; i++) {
        const struct found *a = &work->found[i - 1], *b = &work->found[i];
        if (a->type == RECORD_TRANSACTION && b->type == a->type && strcmp(a->name, b->name) == 0)
            return broken(work, "transaction %s is there twice, at %" PRIu64 " and %" PRIu64,
                          a->name, a->position, b->position);
    }
    return true;
}

static bool check_promise(struct work *work, const struct promise *promise, uint64_t synced) {
    const struct found *found;
    bool is_due = work->check->is_synced;
    switch (promise->kind) {
    case PROMISE_DECIDED:
        if (!(is_due || promise->position <= synced) || promise->position <= work->begins)
            return true;
        found = find(work, RECORD_TRANSACTION, promise->name, NULL);
        if (!found)
            return broken(work, "lost: the decision about %s, at %" PRIu64, promise->name,
                          promise->position);
        if (strcmp(found->what, promise->what) != 0 || found->number != promise->number ||
            found->position != promise->position)
            return broken(work,
                          "%s was answered %s %" PRIu64 " at %" PRIu64 ", and is %s %" PRIu64
                          " at %" PRIu64,
                          promise->name, promise->what, promise->number, promise->position,
                          found->what, found->number, found->position);
        return true;
    case PROMISE_REPORTED:
        if (is_due && !work->begins && !find(work, RECORD_OUTCOME, promise->name, promise->what))
            return broken(work, "lost: the outcome of %s", promise->name);
        return true;
    case PROMISE_LISTED:
        if (is_due && !work->is_erased &&
            !find(work, RECORD_LIST_CHANGE, promise->name, promise->what))
            return broken(work, "lost: %s in list %s", promise->what, promise->name);
        return true;
    case PROMISE_SYNCED:
        if (work->end < promise->position)
            return broken(work, "synced up to %" PRIu64 ", and ends at %" PRIu64, promise->position,
                          work->end);
        return true;
    case PROMISE_PRUNED:
        if (work->begins < promise->position)
            return broken(work, "pruned up to %" PRIu64 ", and begins behind %" PRIu64,
                          promise->position, work->begins);
        return true;
    case PROMISE_PUBLISHED:
    case PROMISE_BACKED_UP:
    case PROMISE_RESTORED:
    case PROMISE_PERSON:
    case PROMISE_ERASED:
    case PROMISE_KINDS:
        break;
    }
    return true;
}

static bool check_promises(struct work *work) {
    uint64_t synced = 0;
    const struct promises *promises = work->check->promises;
    for (size_t i = 0; i < promises->count && promises->all[i].index < work->check->at; i++) {
        if (promises->all[i].kind == PROMISE_SYNCED && promises->all[i].position > synced)
            synced = promises->all[i].position;
    }
    for (size_t i = 0; i < promises->count && promises->all[i].index < work->check->at; i++) {
        if (!check_promise(work, &promises->all[i], synced))
            return false;
    }
    return true;
}

/* The last promise of this kind that was made; NULL: none was. */
static const struct promise *last_of(const struct work *work, enum promise_kind kind) {
    const struct promise *last = NULL;
    const struct promises *promises = work->check->promises;
    for (size_t i = 0; i < promises->count && promises->all[i].index < work->check->at; i++) {
        if (promises->all[i].kind == kind)
            last = &promises->all[i];
    }
    return last;
}

/* Opens and closes it as a server does; then it is whole. */
static bool recover(struct work *work, const char *path) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(path, &(struct archive_options){0}, &archive, &recovery, &error) < 0)
        return broken(work, "opening: %s", error.text);
    archive_close(archive);
    struct archive_begin begin;
    if (archive_begin_look_at(path, &begin, &error) < 0)
        return broken(work, "its beginning: %s", error.text);
    work->begins = begin.place.position;
    return true;
}

static bool check_archive(struct work *work) {
    char path[4096];
    path_of(work, "data/archive", path);
    if (!recover(work, path) || !read_records(work, path))
        return false;
    qsort(work->found, work->count, sizeof *work->found, compare_found);
    return check_doubles(work) && check_promises(work);
}

/* ---- tables ---- */

static bool check_tables_of(struct work *work, const char *root, const char *folder) {
    struct generation *generation = NULL;
    struct error error;
    int r = folder ? generation_open(root, folder, true, &generation, &error)
                   : generation_open_current(root, true, &generation, &error);
    if (r == -ERROR_NOT_FOUND && !folder)
        return last_of(work, PROMISE_PUBLISHED) ? broken(work, "tables: %s", error.text) : true;
    if (r < 0)
        return broken(work, "tables %s: %s", folder ? folder : "in use", error.text);
    struct archive_place place = generation_manifest(generation)->place;
    generation_close(generation);
    if (place.position <= work->begins) /* of a time that is gone, or for exactly the beginning */
        return true;
    char path[4096];
    path_of(work, "data/archive", path);
    struct archive_reader *reader;
    if (archive_reader_open(path, place, &reader, &error) < 0)
        return broken(work, "tables are for another archive: %s", error.text);
    archive_reader_close(reader);
    return true;
}

static bool check_tables(struct work *work) {
    char root[4096];
    path_of(work, "data/generations", root);
    if (!exists(work, "data/generations"))
        return last_of(work, PROMISE_PUBLISHED) ? broken(work, "no tables") : true;
    if (!check_tables_of(work, root, NULL))
        return false;
    DIR *listing = opendir(root);
    bool good = true;
    struct dirent *entry;
    while (good && listing && (entry = readdir(listing))) {
        if (strncmp(entry->d_name, "g-", 2) == 0 && work->check->is_one_journal)
            good = check_tables_of(work, root, entry->d_name);
    }
    if (listing)
        closedir(listing);
    return good;
}

/* ---- backups ---- */

struct listener {
    struct backup_verify_listener listener;
    char first[sizeof((struct error *)0)->text];
};

static void take_damage(struct backup_verify_listener *self, const struct error *damage) {
    struct listener *listener = (struct listener *)self;
    if (!listener->first[0])
        memcpy(listener->first, damage->text, sizeof listener->first);
}

static bool check_backup(struct work *work) {
    char path[4096];
    path_of(work, "kept", path);
    const struct promise *promise = last_of(work, PROMISE_BACKED_UP);
    struct listener listener = {.listener.damaged = take_damage};
    struct backup_verify_report report = {0};
    struct error error;
    int r = backup_verify_run(path, NULL, &listener.listener, &report, &error);
    if (r == -ERROR_NOT_FOUND)
        return promise ? broken(work, "the backup: %s", error.text) : true;
    if (r < 0)
        return broken(work, "the backup: %s", error.text);
    if (report.damaged)
        return broken(work, "the backup: %s", listener.first);
    if (promise && report.points < promise->number)
        return broken(work, "the backup has %zu points of %" PRIu64, report.points,
                      promise->number);
    return true;
}

/* Until it is complete a restored folder has no archive. */
static bool check_restored(struct work *work) {
    const struct promise *promise = last_of(work, PROMISE_RESTORED);
    if (!exists(work, "restored/archive"))
        return promise ? broken(work, "what was restored is gone") : true;
    char path[4096], root[4096];
    path_of(work, "restored/archive", path);
    path_of(work, "restored/generations", root);
    if (!recover(work, path) || !read_records(work, path))
        return false;
    if (promise && work->end < promise->position)
        return broken(work, "restored up to %" PRIu64 ", and ends at %" PRIu64, promise->position,
                      work->end);
    struct generation *generation;
    struct error error;
    int r = generation_open_current(root, true, &generation, &error);
    if (r < 0 && r != -ERROR_NOT_FOUND)
        return broken(work, "restored tables: %s", error.text);
    if (r == 0)
        generation_close(generation);
    return true;
}

/* ---- erasures ---- */

/* Not in sealed segments, which are read record by record instead. */
static bool find_bytes(struct work *work, const char *folder) {
    DIR *listing = opendir(folder);
    if (!listing)
        return true;
    bool good = true;
    struct dirent *entry;
    while (good && (entry = readdir(listing))) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' && strspn(entry->d_name, ".") == strlen(entry->d_name))
            continue;
        if (lstat(path, &status) < 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            good = find_bytes(work, path);
        } else if (S_ISREG(status.st_mode) && status.st_size > 0) {
            int file = open(path, O_RDONLY | O_CLOEXEC);
            char *bytes = check_malloc((size_t)status.st_size);
            ssize_t length = file < 0 ? -1 : read(file, bytes, (size_t)status.st_size);
            if (length > 0 && memmem(bytes, (size_t)length, work->person, strlen(work->person)))
                good = broken(work, "erased, and %s still has the name", path);
            free(bytes);
            if (file >= 0)
                close(file);
        }
    }
    closedir(listing);
    return good;
}

static bool check_erasure(struct work *work, size_t naming_at_most) {
    if (work->naming != 0 && work->naming != naming_at_most)
        return broken(work, "half erased: %zu of %zu records have the name", work->naming,
                      naming_at_most);
    if (!work->is_erased)
        return true;
    if (work->naming)
        return broken(work, "erased, and %zu records still have the name", work->naming);
    char path[4096];
    path_of(work, "data", path);
    return find_bytes(work, path);
}

bool image_check(const struct image_check *check, const char *folder, char *ret_what, size_t size) {
    struct work work = {.check = check, .folder = folder, .what = ret_what, .size = size};
    const struct promise *person = last_of(&work, PROMISE_PERSON);
    work.person = person ? person->name : NULL;
    work.is_erased = last_of(&work, PROMISE_ERASED);
    bool good = true;
    if (exists(&work, "data/archive") || last_of(&work, PROMISE_DECIDED))
        good = check_archive(&work) && check_tables(&work);
    if (good && person)
        good = check_erasure(&work, (size_t)person->number);
    if (good && exists(&work, "kept"))
        good = check_backup(&work);
    if (good && exists(&work, "restored"))
        good = check_restored(&work);
    free(work.found);
    return good;
}
