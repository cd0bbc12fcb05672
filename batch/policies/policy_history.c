/* One pass over the segments that may hold a policy keeps what is said about each; the files, which
 * may be large, are read again from the record when they are asked for. What a record says of its
 * files is checked before they are handed out: whoever writes them somewhere relies on it. */
#include "policy_history.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#define PROGRESS_STEP 4096               /* records */
#define NAMES_MAX     ((size_t)64 << 20) /* bytes of all names */
#define NOT_LIVE      SIZE_MAX

struct policy_history {
    char *archive;
    struct archive_parts *parts;
    struct arena names, record;
    struct policy_adoption *adoptions;
    size_t count, capacity;
    size_t live;       /* the adoption that is in force so far; NOT_LIVE: none is */
    size_t challenger; /* likewise */
    uint64_t end;      /* position of the last record */
};

/* ---- one record ---- */

static struct policy_adoption *find(const struct policy_history *history, enum policy_use use,
                                    uint64_t snapshot_id) {
    for (size_t i = history->count; i-- > 0;)
        if (history->adoptions[i].use == use && history->adoptions[i].snapshot_id == snapshot_id)
            return &history->adoptions[i];
    return NULL;
}

static int names_are_full(const struct policy_history *history, struct error *ret_error) {
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "%s: the names of its policies take more than %zu MiB", history->archive,
                     NAMES_MAX >> 20);
}

static int add(struct policy_history *history, const struct record *record, enum policy_use use,
               uint64_t snapshot_id, struct text name, size_t file_count, struct error *ret_error) {
    struct text kept = arena_text(&history->names, name);
    if (!kept.data)
        return names_are_full(history, ret_error);
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? 2 * history->capacity : 16;
        history->adoptions =
            check_reallocarray(history->adoptions, history->capacity, sizeof *history->adoptions);
    }
    history->adoptions[history->count++] =
        (struct policy_adoption){.use = use,
                                 .snapshot_id = snapshot_id,
                                 .name = kept,
                                 .file_count = file_count,
                                 .position = record->position,
                                 .receive_time_us = record->receive_time_us,
                                 .recorded = 1};
    return 0;
}

static void count_transaction(struct policy_history *history) {
    if (history->live != NOT_LIVE)
        history->adoptions[history->live].transactions++;
}

static int take_live(struct policy_history *history, const struct record *record,
                     struct error *ret_error) {
    const struct snapshot_record *in = &record->snapshot;
    struct policy_adoption *before =
        history->live == NOT_LIVE ? NULL : &history->adoptions[history->live];
    if (before && before->snapshot_id == in->snapshot_id) {
        before->recorded++;
        return 0;
    }
    if (before) {
        before->until_position = record->position;
        before->until_us = record->receive_time_us;
    }
    history->live = history->count;
    return add(history, record, POLICY_LIVE, in->snapshot_id, in->name, in->file_count, ret_error);
}

static bool is_same_experiment(const struct policy_adoption *adoption,
                               const struct experiment_record *in) {
    return !in->ended && adoption->snapshot_id == in->snapshot_id && adoption->share == in->share &&
           text_equal(adoption->experiment, in->name) && text_equal(adoption->key, in->key);
}

/* Another challenger, share, key or name is another adoption. */
static int take_challenger(struct policy_history *history, const struct record *record,
                           struct error *ret_error) {
    const struct experiment_record *in = &record->experiment;
    struct policy_adoption *before =
        history->challenger == NOT_LIVE ? NULL : &history->adoptions[history->challenger];
    if (before && is_same_experiment(before, in)) {
        before->recorded++;
        return 0;
    }
    if (before) {
        before->until_position = record->position;
        before->until_us = record->receive_time_us;
    }
    history->challenger = NOT_LIVE;
    if (in->ended)
        return 0;
    int r = add(history, record, POLICY_CHALLENGER, in->snapshot_id, in->policy, in->file_count,
                ret_error);
    if (r < 0)
        return r;
    history->challenger = history->count - 1;
    struct policy_adoption *now = &history->adoptions[history->challenger];
    now->share = in->share;
    now->experiment = arena_text(&history->names, in->name);
    now->key = arena_text(&history->names, in->key);
    if (!now->experiment.data || !now->key.data)
        return names_are_full(history, ret_error);
    return 0;
}

static int take_shadow(struct policy_history *history, const struct record *record,
                       struct error *ret_error) {
    const struct snapshot_record *in = &record->snapshot;
    struct policy_adoption *before = find(history, POLICY_SHADOW, in->snapshot_id);
    if (before) {
        before->recorded++;
        return 0;
    }
    return add(history, record, POLICY_SHADOW, in->snapshot_id, in->name, in->file_count,
               ret_error);
}

static int take_built(struct policy_history *history, const struct record *record,
                      struct error *ret_error) {
    const struct generation_record *in = &record->generation;
    if (in->file_count == 0)
        return 0;
    uint64_t id = in->snapshot_id ? in->snapshot_id /* 0: an old record */
                                  : snapshot_files_id(in->files, in->file_count);
    struct policy_adoption *before = find(history, POLICY_BUILT, id);
    if (before) {
        before->recorded++;
        return 0;
    }
    return add(history, record, POLICY_BUILT, id, TEXT_LITERAL(""), in->file_count, ret_error);
}

/* Of the types that are scanned for. */
static int take(struct policy_history *history, const struct record *record,
                struct error *ret_error) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        count_transaction(history);
        break;
    case RECORD_SNAPSHOT:
        return take_live(history, record, ret_error);
    case RECORD_SHADOW:
        return take_shadow(history, record, ret_error);
    case RECORD_EXPERIMENT:
        return take_challenger(history, record, ret_error);
    case RECORD_GENERATION:
        return take_built(history, record, ret_error);
    case RECORD_OUTCOME:
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_ENGINE:
    case RECORD_AMENDMENT:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

/* ---- all records ---- */

struct scan {
    struct policy_history *history;
    uint64_t types; /* bit n: records of type n */
    struct progress *progress;
    uint64_t done, total; /* bytes of the parts that are read */
};

/* Of a part without records the types mean nothing. */
static bool may_have(const struct scan *scan, size_t index) {
    struct archive_part part = archive_parts_part(scan->history->parts, index);
    return part.first <= part.last && (part.types & scan->types) != 0;
}

/* Transactions are many: they are counted without being decoded. */
static int take_stored(struct policy_history *history, struct archive_part_reader *reader,
                       const struct archive_part_record *stored, struct error *ret_error) {
    struct record record;
    if (stored->type == RECORD_TRANSACTION) {
        count_transaction(history);
        return 0;
    }
    arena_reset(&history->record);
    int r = archive_part_decode(reader, &history->record, &record, ret_error);
    return r < 0 ? r : take(history, &record, ret_error);
}

static int scan_part(struct scan *scan, size_t index, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record record;
    int r = archive_part_open(scan->history->parts, index, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    for (uint64_t read = 0; (r = archive_part_next(reader, &record, ret_error)) > 0; read++) {
        if (read % PROGRESS_STEP == 0 &&
            progress_update(scan->progress, "reading", scan->done + archive_part_offset(reader),
                            scan->total) != 0)
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        else if (scan->types >> record.type & 1)
            r = take_stored(scan->history, reader, &record, ret_error);
        if (r < 0)
            break;
    }
    archive_part_close(reader);
    scan->done += archive_parts_size(scan->history->parts, index);
    return r;
}

/* Records after the last sync mark, in the arena: a policy that was adopted just now is among them.
 * A writer may be at work or have crashed there, so what cannot be read is the end. */
static int next_unsynced(struct archive_reader *reader, struct arena *arena,
                         struct record *ret_record, struct error *ret_error) {
    arena_reset(arena);
    int r = archive_reader_next(reader, arena, ret_record, ret_error);
    return r == -ERROR_DAMAGED ? 0 : r;
}

static int scan_unsynced(struct policy_history *history, uint64_t types, struct error *ret_error) {
    struct archive_reader *reader;
    struct record record;
    struct archive_place synced = archive_parts_end(history->parts);
    int r = archive_reader_open(history->archive, synced, &reader, ret_error);
    if (r < 0)
        return r;
    history->end = synced.position;
    while ((r = next_unsynced(reader, &history->record, &record, ret_error)) > 0) {
        history->end = record.position;
        r = types >> record.type & 1 ? take(history, &record, ret_error) : 0;
        if (r < 0)
            break;
    }
    archive_reader_close(reader);
    return r;
}

static int scan_all(struct policy_history *history, uint64_t types, struct progress *progress,
                    struct error *ret_error) {
    struct scan scan = {.history = history, .types = types, .progress = progress};
    size_t parts = archive_parts_count(history->parts);
    for (size_t i = 0; i < parts; i++)
        scan.total += may_have(&scan, i) ? archive_parts_size(history->parts, i) : 0;
    int r = 0;
    for (size_t i = 0; i < parts && r == 0; i++)
        if (may_have(&scan, i))
            r = scan_part(&scan, i, ret_error);
    return r < 0 ? r : scan_unsynced(history, types, ret_error);
}

int policy_history_open(const struct policy_history_options *options, struct progress *progress,
                        struct policy_history **ret_history, struct error *ret_error) {
    struct policy_history *history = check_calloc(1, sizeof *history);
    uint64_t types = 1u << RECORD_SNAPSHOT | 1u << RECORD_SHADOW | 1u << RECORD_EXPERIMENT;
    history->archive = text_copy(text_of(options->archive));
    history->live = history->challenger = NOT_LIVE;
    arena_init(&history->names, NAMES_MAX);
    arena_init(&history->record, RECORD_BYTES_MAX);
    if (options->counts_transactions)
        types |= 1u << RECORD_TRANSACTION;
    int r = archive_parts_open(options->archive, &history->parts, ret_error);
    if (r == 0)
        r = scan_all(history, types, progress, ret_error);
    if (r == 0 && history->end == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there are no records in %s: is it an archive?",
                      options->archive);
    if (r < 0) {
        policy_history_close(history);
        return r;
    }
    *ret_history = history;
    return 0;
}

int policy_history_add_built(struct policy_history *history, struct progress *progress,
                             struct error *ret_error) {
    return scan_all(history, 1u << RECORD_GENERATION, progress, ret_error);
}

void policy_history_close(struct policy_history *history) {
    if (!history)
        return;
    archive_parts_close(history->parts);
    arena_deinit(&history->names);
    arena_deinit(&history->record);
    free(history->adoptions);
    free(history->archive);
    free(history);
}

const char *policy_history_archive(const struct policy_history *history) {
    return history->archive;
}

uint64_t policy_history_end(const struct policy_history *history) {
    return history->end;
}

size_t policy_history_count(const struct policy_history *history) {
    return history->count;
}

const struct policy_adoption *policy_history_at(const struct policy_history *history,
                                                size_t index) {
    check(index < history->count);
    return &history->adoptions[index];
}

uint64_t policy_adoption_records(const struct policy_adoption *adoption,
                                 const struct policy_history *history) {
    if (adoption->use != POLICY_LIVE && adoption->use != POLICY_CHALLENGER)
        return 0;
    uint64_t last =
        adoption->until_position ? adoption->until_position - 1 : policy_history_end(history);
    return last - adoption->position;
}

/* ---- the files of one ---- */

/* Shown if it can do no harm to a terminal. */
static int refuse_path(struct text path, size_t number, struct error *ret_error) {
    bool is_shown = path.length < 200 && text_is_clean(path, NULL);
    return error_set(ret_error, ERROR_DAMAGED,
                     "its file %zu%s%.*s%s has a path that no file of a policy can have", number,
                     is_shown ? ", \"" : "", is_shown ? (int)path.length : 0, path.data,
                     is_shown ? "\"," : "");
}

static int check_files(const struct policy_adoption *adoption, const struct policy_version *version,
                       struct error *ret_error) {
    for (size_t i = 0; i < version->file_count; i++) {
        struct text path = version->files[i].path;
        if (!policy_path_is_inside(path))
            return refuse_path(path, i + 1, ret_error);
        if (i > 0 && text_compare(version->files[i - 1].path, path) >= 0)
            return error_set(ret_error, ERROR_DAMAGED, "its files are not in the order of paths");
    }
    uint64_t id = snapshot_files_id(version->files, version->file_count);
    if (id != adoption->snapshot_id)
        return error_set(ret_error, ERROR_DAMAGED,
                         "it names the policy %016" PRIx64
                         ", but its files are those of %016" PRIx64,
                         adoption->snapshot_id, id);
    return 0;
}

static int check_record(const struct record *record, const struct policy_adoption *adoption,
                        struct policy_version *version, struct error *ret_error) {
    version->files = record->snapshot.files;
    version->file_count = record->snapshot.file_count;
    if (record->type == RECORD_GENERATION) {
        version->files = record->generation.files;
        version->file_count = record->generation.file_count;
    } else if (record->type == RECORD_EXPERIMENT) {
        version->files = record->experiment.files;
        version->file_count = record->experiment.file_count;
    }
    return check_files(adoption, version, ret_error);
}

/* Copied into the arena: what is decoded in place lives no longer than the reader. */
static int read_stored(const struct policy_history *history, uint64_t position, struct arena *arena,
                       struct record *ret_record, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record stored;
    size_t part = archive_parts_find(history->parts, position - 1);
    int r = archive_part_open(history->parts, part, position - 1, false, &reader, ret_error);
    if (r < 0)
        return r;
    r = archive_part_next(reader, &stored, ret_error);
    if (r > 0) {
        r = record_decode(stored.type, stored.payload.data, stored.payload.length, arena,
                          ret_record, ret_error);
        ret_record->position = stored.position;
    }
    archive_part_close(reader);
    return r;
}

static int read_unsynced(const struct policy_history *history, uint64_t position,
                         struct arena *arena, struct record *ret_record, struct error *ret_error) {
    struct archive_reader *reader;
    int r = archive_reader_open(history->archive, archive_parts_end(history->parts), &reader,
                                ret_error);
    if (r < 0)
        return r;
    *ret_record = (struct record){.position = 0};
    while ((r = next_unsynced(reader, arena, ret_record, ret_error)) > 0)
        if (ret_record->position == position)
            break;
    archive_reader_close(reader);
    return r < 0 ? r : 0;
}

static bool is_of_use(const struct record *record, enum policy_use use) {
    static const enum record_type types[] = {[POLICY_LIVE] = RECORD_SNAPSHOT,
                                             [POLICY_CHALLENGER] = RECORD_EXPERIMENT,
                                             [POLICY_SHADOW] = RECORD_SHADOW,
                                             [POLICY_BUILT] = RECORD_GENERATION};
    return record->type == types[use];
}

int policy_history_load(const struct policy_history *history,
                        const struct policy_adoption *adoption, struct policy_version *ret_version,
                        struct error *ret_error) {
    struct policy_version version = {0};
    struct record record = {0};
    uint64_t position = adoption->position;
    arena_init(&version.arena, RECORD_BYTES_MAX);
    bool is_synced = position <= archive_parts_end(history->parts).position;
    int r = (is_synced ? read_stored : read_unsynced)(history, position, &version.arena, &record,
                                                      ret_error);
    /* A write that failed has been undone, or another file is there now. */
    if (r == 0 && (record.position != position || !is_of_use(&record, adoption->use)))
        r = error_set(ret_error, ERROR_DAMAGED, "%s: record %" PRIu64 " has disappeared",
                      history->archive, position);
    else if (r == 0 && check_record(&record, adoption, &version, ret_error) < 0)
        r = error_prefix(ret_error, "%s: the policy at position %" PRIu64, history->archive,
                         position);
    if (r < 0)
        policy_version_deinit(&version);
    else
        *ret_version = version;
    return r;
}

void policy_version_deinit(struct policy_version *version) {
    arena_deinit(&version->arena);
    *version = (struct policy_version){0};
}
