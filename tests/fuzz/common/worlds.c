#include "worlds.h"

#include "batch/prune/prune.h"
#include "batch/rebuild/rebuild.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/known_id.h"
#include "core/store/rewrite/archive_rewrite.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRANSACTIONS  300
#define SEGMENT_BYTES 6000
#define NOW_US        (REPLAY_ARCHIVE_START_US + INT64_C(365) * 86400 * 1000000)

static void must(int r, const struct error *error) {
    if (r < 0) {
        fprintf(stderr, "%s\n", error->text);
        abort();
    }
}

/* ---- folders ---- */

static const char *walked;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type;
    return place->level == 0 ? 0 : remove(path);
}

void worlds_clear(const char *folder) {
    check(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void make_folders(const char *folder, const char *name) {
    for (const char *end = strchr(name, '/'); end; end = strchr(end + 1, '/')) {
        char path[512];
        snprintf(path, sizeof path, "%s/%.*s", folder, (int)(end - name), name);
        if (mkdir(path, 0700) < 0)
            check(errno == EEXIST);
    }
}

void worlds_write(const char *folder, const struct world_file *file, struct text bytes) {
    char path[512], target[512];
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    make_folders(folder, file->name);
    if (!file->is_link) {
        scratch_write(path, bytes.data, bytes.length);
        return;
    }
    snprintf(target, sizeof target, "%.*s", TEXT_ARGS(bytes));
    if (bytes.length > 0 && strlen(target) > 0) /* there is no link to nothing */
        check(symlink(target, path) == 0);
}

uint64_t worlds_first_of(const struct worlds *worlds, size_t file, bool *ret_sealed) {
    const char *name = strrchr(worlds->files[file].name, '/');
    unsigned long long first;
    char suffix[16] = "";
    if (!name || sscanf(name, "/%20llu.%15s", &first, suffix) != 2)
        return 0;
    *ret_sealed = strcmp(suffix, "seg.zst") == 0;
    return *ret_sealed || strcmp(suffix, "seg") == 0 ? first : 0;
}

static struct worlds *taking;
static enum world taking_as;

static struct text take_link(const char *path) {
    char *target = check_calloc(1, 512);
    ssize_t length = readlink(path, target, 511);
    check(length > 0);
    return (struct text){.data = target, .length = (size_t)length};
}

static int take_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)place;
    const char *name = path + strlen(walked) + 1;
    if (type != FTW_F && type != FTW_SL)
        return 0;
    size_t i = 0;
    while (i < taking->file_count && strcmp(taking->files[i].name, name) != 0)
        i++;
    struct world_file *file = &taking->files[i];
    if (i == taking->file_count) {
        check(taking->file_count < WORLD_FILES_MAX);
        taking->file_count++;
        file->name = text_copy(text_of(name));
        file->is_link = type == FTW_SL;
    }
    file->in[taking_as].is_there = true;
    file->in[taking_as].bytes = file->is_link ? take_link(path) : scratch_read(path);
    return 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct world_file *)a)->name, ((const struct world_file *)b)->name);
}

/* In the order of names: that of a folder's entries is not the same every time. */
static void take_files(const char *folder, enum world world, struct worlds *worlds) {
    taking = worlds;
    taking_as = world;
    walked = folder;
    check(nftw(folder, take_one, 16, FTW_PHYS) == 0);
    qsort(worlds->files, worlds->file_count, sizeof *worlds->files, compare_names);
}

/* ---- what is in them ---- */

static void take_payloads(const char *archive, uint64_t payloads[WORLD_RECORDS_MAX],
                          uint64_t chains[WORLD_RECORDS_MAX], uint64_t *ret_last) {
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    struct error error;
    int r;
    arena_init(&arena, 4 << 20);
    must(archive_reader_open(archive, (struct archive_place){0}, &reader, &error), &error);
    while ((r = archive_reader_next(reader, &arena, &record, &error)) == 1) {
        const struct archive_frame *frame = archive_reader_frame(reader);
        check(record.position < WORLD_RECORDS_MAX);
        payloads[record.position] = hash64(frame->payload.data, frame->payload.length, 0);
        chains[record.position] = archive_reader_place(reader).chain;
        *ret_last = record.position;
        arena_reset(&arena);
    }
    must(r, &error);
    archive_reader_close(reader);
    arena_deinit(&arena);
}

uint64_t worlds_content(struct generation *generation) {
    size_t count;
    const struct policy_file *files = generation_files(generation, &count);
    struct snapshot *snapshot;
    struct buffer messages;
    struct text key, value;
    struct known_id known;
    struct error error;
    uint64_t hash = 0, id;
    buffer_init(&messages);
    must(snapshot_load(files, count, &snapshot, &messages, &error), &error);
    must(generation_bind(generation, &snapshot->plan, &error), &error);
    for (size_t entity = 0; entity < snapshot->plan.entity_count; entity++) {
        struct generation_cursor *cursor = generation_cursor_open(generation, entity);
        while (generation_cursor_next(cursor, &key, &value))
            hash = hash64(key.data, key.length, hash64(value.data, value.length, hash));
        generation_cursor_close(cursor);
    }
    struct generation_cursor *cursor = generation_cursor_open_ids(generation);
    while (generation_cursor_next_id(cursor, &id, &known))
        hash = hash64(&id, sizeof id, hash + known.position + (uint64_t)known.label);
    generation_cursor_close(cursor);
    struct list_table *lists = generation_take_lists(generation);
    hash += list_table_hash(lists);
    list_table_free(lists);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
    return hash;
}

/* Closes them. */
static void take_tables(struct worlds *worlds, struct generation *generation) {
    uint64_t id = generation_manifest(generation)->id;
    for (size_t i = 0; i < worlds->table_count; i++)
        check(worlds->tables[i].id != id);
    check(worlds->table_count < WORLD_TABLES_MAX);
    worlds->tables[worlds->table_count].id = id;
    worlds->tables[worlds->table_count++].content = worlds_content(generation);
    generation_close(generation);
}

/* ---- making them ---- */

struct folders {
    char archive[256], generations[256], policy[256];
};

static void build(const struct folders *folders, struct archive_place until,
                  struct worlds *worlds) {
    const struct rebuild_options options = {.archive = folders->archive,
                                            .generations = folders->generations,
                                            .policy = folders->policy,
                                            .until = until,
                                            .threads = 1,
                                            .memory_bytes = REBUILD_MEMORY_MIN,
                                            .now_us = NOW_US,
                                            .version = "test"};
    struct rebuild_report report;
    struct generation *generation;
    struct error error;
    must(rebuild_run(&options, NULL, &report, &error), &error);
    worlds->state_hash = report.manifest.state_hash;
    rebuild_report_deinit(&report);
    must(generation_open_current(folders->generations, true, &generation, &error), &error);
    take_tables(worlds, generation);
}

/* Seals the first half, and builds tables up to there and up to the end. */
static void seal_and_build(const struct folders *folders, struct worlds *worlds) {
    struct archive_parts *parts;
    struct archive_seal_report report;
    struct error error;
    must(archive_parts_open(folders->archive, &parts, &error), &error);
    check(archive_parts_count(parts) >= 5);
    struct archive_part part = archive_parts_part(parts, archive_parts_count(parts) / 2);
    struct archive_place middle = {.position = part.last, .chain = part.chain};
    archive_parts_close(parts);
    must(archive_seal(folders->archive, middle.position, NULL, &report, &error), &error);
    check(report.sealed >= 2);
    build(folders, middle, worlds);
    build(folders, (struct archive_place){0}, worlds);
}

/* Takes the score out of decisions, which no state depends on. */
static int rewrite(struct archive_rewriter *self, const struct archive_part_record *record,
                   struct buffer *ret_payload, struct error *ret_error) {
    struct arena arena;
    struct record left;
    (void)self;
    if (record->type != RECORD_TRANSACTION)
        return 0;
    arena_init(&arena, 1 << 20);
    int r = record_decode(record->type, record->payload.data, record->payload.length, &arena, &left,
                          ret_error);
    left.transaction.decision.score = 0;
    if (r == 0)
        record_encode(&left, ret_payload);
    arena_deinit(&arena);
    return r < 0 ? r : 1;
}

static void append(const char *archive, struct erasure_record erasure) {
    struct archive *opened;
    struct archive_recovery recovery;
    struct error error;
    must(archive_open(archive, NULL, &opened, &recovery, &error), &error);
    struct record record = {
        .type = RECORD_ERASURE, .receive_time_us = archive_time(opened), .erasure = erasure};
    archive_append(opened, &record);
    archive_close(opened);
}

static void erase(const struct folders *folders) {
    static const struct erased_key key = {.field = TEXT_LITERAL("email"), .hash = 1};
    struct erased_segment segments[2];
    struct archive_rewriter rewriter = {.rewrite = rewrite};
    struct archive_rewriting *rewriting;
    struct archive_parts *parts;
    struct error error;
    append(folders->archive, (struct erasure_record){.number = 1, .keys = &key, .key_count = 1});
    must(archive_parts_open(folders->archive, &parts, &error), &error);
    must(archive_rewriting_begin(folders->archive, 1, &rewriting, &error), &error);
    for (size_t i = 0; i < 2; i++) {
        struct archive_part part = archive_parts_part(parts, i);
        must(archive_rewriting_segment(rewriting, part.day, part.first, &rewriter, &segments[i],
                                       &error),
             &error);
        check(segments[i].records > 0);
    }
    must(archive_rewriting_commit(rewriting, &error), &error);
    archive_rewriting_end(rewriting);
    archive_parts_close(parts);
    append(folders->archive,
           (struct erasure_record){.number = 1,
                                   .keys = &key,
                                   .key_count = 1,
                                   .done = true,
                                   .records = segments[0].records + segments[1].records,
                                   .segments = segments,
                                   .segment_count = 2});
}

static void prune(const struct folders *folders, struct worlds *worlds) {
    struct prune_options options = {.archive = folders->archive,
                                    .generations = folders->generations,
                                    .before_us = REPLAY_ARCHIVE_START_US +
                                                 TRANSACTIONS / 2 * 200 * REPLAY_ARCHIVE_SECOND,
                                    .now_us = NOW_US,
                                    .version = "test",
                                    .memory_bytes = REBUILD_MEMORY_MIN,
                                    .threads = 1};
    struct prune_report report;
    struct generation *base;
    struct error error;
    bool is_done;
    must(prune_run(&options, NULL, &is_done, &report, &error), &error);
    check(report.segments >= 2 && report.segments_kept >= 2);
    must(generation_open_base(folders->archive, 0, true, &base, &error), &error);
    take_tables(worlds, base);
}

void worlds_make(const char *folder, struct worlds *ret_worlds) {
    static const struct replay_archive_kind kind = {
        .transactions = TRANSACTIONS, .policies = true, .segment_bytes = SEGMENT_BYTES};
    struct folders folders;
    char *beside = scratch_make();
    memset(ret_worlds, 0, sizeof *ret_worlds);
    snprintf(folders.archive, sizeof folders.archive, "%s/" WORLD_ARCHIVE, folder);
    snprintf(folders.generations, sizeof folders.generations, "%s/" WORLD_GENERATIONS, folder);
    snprintf(folders.policy, sizeof folders.policy, "%s",
             replay_archive_folder(beside, REPLAY_FIRST));
    replay_archive_write(folders.archive, &kind);
    seal_and_build(&folders, ret_worlds);
    take_files(folder, WORLD_WRITTEN, ret_worlds);
    take_payloads(folders.archive, ret_worlds->payloads[0], ret_worlds->chains,
                  &ret_worlds->last[WORLD_WRITTEN]);
    erase(&folders);
    take_files(folder, WORLD_ERASED, ret_worlds);
    take_payloads(folders.archive, ret_worlds->payloads[1], ret_worlds->chains,
                  &ret_worlds->last[WORLD_ERASED]);
    ret_worlds->last[WORLD_PRUNED] = ret_worlds->last[WORLD_ERASED];
    prune(&folders, ret_worlds);
    take_files(folder, WORLD_PRUNED, ret_worlds);
    worlds_clear(folder);
    scratch_remove(beside);
}
