/* Target: a data folder, its archive and its tables, with files damaged, lost and exchanged.
 *
 *   input  u8 which of the folders of worlds.h it is; u8 of every eight one: also rebuild;
 *          bits 3, 4 and 5: read from a place within, read a part alone, and all files become those
 *          of the next world while it is read; then what happens to its files, CHANGES_MAX at most,
 * each: u8 what, u8 file, u24, u16
 *
 * What must hold: each record, state and id that is read is one that was written there, or there is
 * an error; a folder that nothing has happened to is read to its end; records that are missing are
 * never a clean end while a later segment is there; an archive that verifies has no sealed segment
 * with a changed byte; what a server appends after opening such a folder can be read behind all
 * else; and a rebuild has the states of all records, or says why not. Of a segment that is forged
 * only that each error has a message. */
#include "common/damage.h"
#include "common/forge.h"
#include "common/worlds.h"

#include "common/target.h"

#include "batch/rebuild/rebuild.h"
#include "batch/verify/archive_verify.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/generation/generation_base.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CHANGES_MAX 6
#define ARENA_BYTES ((size_t)4 << 20)
#define APPENDED    "appended"

static struct worlds worlds;
static struct damage damage;
static char *folder;
static char archive[256], generations[256];
static struct arena arena;
static struct snapshot *policy;
static bool is_untouched; /* all files are those of one world */

/* Of what was written: whoever can write right checksums can write anything. */
#define holds(condition, ...) property(damage.is_forged || (condition), __VA_ARGS__)

static void clean_up(void) {
    scratch_remove(folder);
}

void target_start(void) {
    folder = scratch_make();
    atexit(clean_up);
    worlds_make(folder, &worlds);
    snprintf(archive, sizeof archive, "%s/" WORLD_ARCHIVE, folder);
    snprintf(generations, sizeof generations, "%s/" WORLD_GENERATIONS, folder);
    arena_init(&arena, ARENA_BYTES);
    damage_init(&damage, &worlds);
    policy = replay_archive_policy(REPLAY_FIRST);
}

/* ---- its files ---- */

static void write_folder(enum world world) {
    is_untouched = true;
    worlds_clear(folder);
    for (size_t i = 0; i < worlds.file_count; i++) {
        is_untouched &= damage_is_as_in(&damage, i, world);
        if (damage.now[i].is_there)
            worlds_write(folder, &worlds.files[i], damage.now[i].bytes);
    }
}

/* ---- the archive ---- */

static void must_be_written(const struct record *record, const struct archive_frame *frame) {
    uint64_t hash = hash64(frame->payload.data, frame->payload.length, 0);
    holds(record->position <= worlds.last[WORLD_ERASED], "record %llu of %llu",
          (unsigned long long)record->position, (unsigned long long)worlds.last[WORLD_ERASED]);
    holds(hash == worlds.payloads[0][record->position] ||
              hash == worlds.payloads[1][record->position],
          "record %llu is not what was written", (unsigned long long)record->position);
}

static void must_have_message(const struct error *error) {
    property(error->text[0] && (int)error->code > 0, "an error without a message");
}

/* Reads all of it. appended: the position of a record of this process, behind which nothing is; 0:
 * there is none. Returns whether it ended cleanly. */
static bool read_archive(uint64_t appended, struct archive_place *ret_end) {
    struct archive_reader *reader;
    struct error error = {0};
    struct record record;
    uint64_t before = 0;
    int r = archive_reader_open(archive, (struct archive_place){0}, &reader, &error);
    if (r < 0) {
        must_have_message(&error);
        return false;
    }
    for (;;) {
        arena_reset(&arena);
        r = archive_reader_next(reader, &arena, &record, &error);
        if (r != 1)
            break;
        const struct archive_frame *frame = archive_reader_frame(reader);
        holds(record.position == before + 1 || (record.position > before && frame->chain == 0) ||
                  before == 0 || worlds.payloads[0][before] == 0 ||
                  record.position == archive_reader_place(reader).position,
              "record %llu after %llu", (unsigned long long)record.position,
              (unsigned long long)before);
        before = record.position;
        if (appended && record.position == appended)
            holds(record.type == RECORD_ENGINE && text_is(record.engine.node, APPENDED),
                  "another record than was appended");
        else
            must_be_written(&record, frame);
    }
    if (r < 0)
        must_have_message(&error);
    *ret_end = archive_reader_place(reader);
    holds(r < 0 || !appended || ret_end->position == appended,
          "what was appended at %llu is gone: the end is %llu", (unsigned long long)appended,
          (unsigned long long)ret_end->position);
    archive_reader_close(reader);
    return r == 0;
}

static void must_not_end_early(struct archive_place end) {
    bool sealed;
    for (size_t i = 0; i < worlds.file_count; i++)
        holds(!damage_is_original(&damage, i) ||
                  worlds_first_of(&worlds, i, &sealed) <= end.position + 1 ||
                  worlds_first_of(&worlds, i, &sealed) > worlds.last[WORLD_ERASED],
              "a clean end at record %llu, in front of %s", (unsigned long long)end.position,
              worlds.files[i].name);
}

struct listener {
    struct archive_verify_listener listener;
    size_t faults;
};

static void take_fault(struct archive_verify_listener *self, const struct error *fault) {
    must_have_message(fault);
    holds(!is_untouched, "an untouched archive is damaged: %s", fault->text);
    ((struct listener *)self)->faults++;
}

static bool has_plain_twin(size_t sealed_file) {
    for (size_t i = 0; i < worlds.file_count; i++) {
        size_t length = strlen(worlds.files[i].name);
        if (damage.now[i].is_there &&
            strncmp(worlds.files[i].name, worlds.files[sealed_file].name, length) == 0 &&
            i != sealed_file)
            return true;
    }
    return false;
}

static void verify_archive(bool reads_cleanly, struct archive_place end) {
    const struct archive_verify_options options = {.archive = archive, .threads = 1};
    struct listener listener = {.listener = {.fault = take_fault}};
    struct archive_verify_report report;
    struct error error = {0};
    int r = archive_verify_run(&options, NULL, &listener.listener, &report, &error);
    if (r < 0)
        must_have_message(&error);
    holds(!is_untouched || (r == 0 && report.damaged == 0), "an untouched archive is damaged: %s",
          error.text);
    if (r < 0)
        return;
    holds(report.damaged == listener.faults, "%zu faults for %zu segments", listener.faults,
          report.damaged);
    if (report.damaged > 0)
        return;
    holds(reads_cleanly && end.position == report.end.position,
          "it verifies up to %llu, but reads up to %llu", (unsigned long long)report.end.position,
          (unsigned long long)end.position);
    for (size_t i = 0; i < worlds.file_count; i++) {
        bool sealed = false;
        uint64_t first = worlds_first_of(&worlds, i, &sealed);
        if (damage.now[i].is_there && sealed && first > report.begin.place.position &&
            first <= report.end.position && !has_plain_twin(i))
            holds(damage_is_original(&damage, i), "%s is not as it was, and verifies",
                  worlds.files[i].name);
    }
}

/* As a server opens it, and goes on. */
static void append_to_archive(void) {
    struct archive *opened;
    struct archive_recovery recovery;
    struct archive_examination seen;
    struct archive_place end;
    struct error error = {0};
    int examined = archive_examine(archive, &seen, &error);
    if (examined < 0)
        must_have_message(&error);
    int r = archive_open(archive, NULL, &opened, &recovery, &error);
    holds((examined < 0) == (r < 0), "the doctor and the server disagree about it: %s", error.text);
    holds(!is_untouched || r == 0, "an untouched archive cannot be opened: %s", error.text);
    if (r < 0) {
        must_have_message(&error);
        return;
    }
    struct record record = {
        .type = RECORD_ENGINE,
        .receive_time_us = archive_time(opened),
        .engine = {.version = TEXT_LITERAL("1"), .node = TEXT_LITERAL(APPENDED)}};
    archive_append(opened, &record);
    r = archive_write(opened, &error);
    if (r < 0)
        must_have_message(&error);
    archive_close(opened);
    bool is_clean = read_archive(r == 0 ? record.position : 0, &end);
    holds(!is_untouched || is_clean, "an untouched archive cannot be read any more");
}

/* ---- from places within ---- */

/* Everything becomes what it is in another world, as by a prune or an erasure meanwhile. */
static void change_world(enum world world) {
    worlds_clear(folder);
    for (size_t i = 0; i < worlds.file_count; i++)
        if (worlds.files[i].in[world].is_there)
            worlds_write(folder, &worlds.files[i], worlds.files[i].in[world].bytes);
}

/* What follows the place, with another world from some record on. */
static void read_behind(enum world world, bool is_changed, struct chance *chance) {
    uint64_t position = chance_below(chance, worlds.last[WORLD_ERASED] + 3), count = 0;
    bool is_right = chance_below(chance, 4) > 0;
    struct archive_place after = {.position = position, .chain = worlds.chains[position]}, synced;
    struct archive_reader *reader;
    struct error error = {0};
    struct record record;
    if (is_changed && chance_below(chance, 4) == 0) { /* as one that has just been begun */
        worlds_clear(folder);
        holds(mkdir(archive, 0700) == 0, "%s", archive);
        position = 0;
        after = (struct archive_place){0};
    }
    after.chain ^= is_right ? 0 : chance_next(chance) | 1;
    int r = archive_reader_open(archive, after, &reader, &error);
    holds(!is_untouched || !is_right || r == 0 || position > worlds.last[world] ||
              world == WORLD_PRUNED,
          "record %llu is not found: %s", (unsigned long long)position, error.text);
    holds(r < 0 || position == 0 || is_right, "another chain is taken");
    if (r < 0) {
        must_have_message(&error);
        return;
    }
    r = archive_reader_synced(reader, &synced, &error);
    holds(r < 0 || synced.position <= worlds.last[WORLD_ERASED], "synced beyond its end");
    uint64_t change_at = chance_below(chance, 40);
    for (;;) {
        if (is_changed && count == change_at)
            change_world((enum world)((world + 1) % WORLD_COUNT));
        arena_reset(&arena);
        r = archive_reader_next(reader, &arena, &record, &error);
        if (r != 1)
            break;
        holds(record.position > position, "a record at or before the place");
        position = record.position;
        must_be_written(&record, archive_reader_frame(reader));
        count++;
    }
    if (r < 0)
        must_have_message(&error);
    archive_reader_close(reader);
}

/* One of its records, asked for by its byte; and the ones behind that place. */
static void read_again(struct archive_part_reader *reader, uint64_t offset,
                       struct archive_place place, uint64_t payload, struct chance *chance) {
    struct archive_part_record found;
    struct error error = {0};
    int r = archive_part_read_at(reader, offset, place.position, &found, &error);
    holds(r < 0 || hash64(found.payload.data, found.payload.length, 0) == payload,
          "record %llu reads otherwise", (unsigned long long)place.position);
    holds(r == 0 || !is_untouched, "record %llu: %s", (unsigned long long)place.position,
          error.text);
    uint64_t elsewhere = offset + chance_below(chance, 4096);
    r = archive_part_read_at(reader, elsewhere, place.position, &found, &error);
    holds(r < 0 || elsewhere == offset, "record %llu at another byte",
          (unsigned long long)place.position);
    if (r < 0)
        must_have_message(&error);
    r = archive_part_resume(reader, elsewhere, place, &error);
    for (size_t i = 0; i < 3 && r == 0; i++) /* what is no place of a frame is damage */
        r = archive_part_next(reader, &found, &error) == 1 ? 0 : -1;
}

static void read_part(struct archive_part_reader *reader, bool is_skimmed, struct chance *chance) {
    struct archive_part_record found;
    struct archive_place place = {0};
    struct error error = {0};
    uint64_t offset = 0, payload = 0;
    int r;
    while ((r = archive_part_next(reader, &found, &error)) == 1) {
        uint64_t hash = hash64(found.payload.data, found.payload.length, 0);
        holds(found.position <= worlds.last[WORLD_ERASED], "a record beyond the end");
        holds((is_skimmed && found.type == RECORD_TRANSACTION) ||
                  hash == worlds.payloads[0][found.position] ||
                  hash == worlds.payloads[1][found.position],
              "record %llu is not what was written", (unsigned long long)found.position);
        if (chance_below(chance, 16) == 0) {
            offset = archive_part_record_offset(reader);
            place = archive_part_place(reader);
            payload = hash;
        }
    }
    if (r < 0)
        must_have_message(&error);
    if (place.chain != 0) /* it is no head */
        read_again(reader, offset, place, payload, chance);
}

static void read_parts(enum world world, bool is_changed, struct chance *chance) {
    struct archive_parts *parts;
    struct archive_part_reader *reader;
    struct error error = {0};
    int r = archive_parts_open(archive, &parts, &error);
    holds(!is_untouched || r == 0, "untouched parts cannot be opened: %s", error.text);
    if (r < 0) {
        must_have_message(&error);
        return;
    }
    uint64_t position = chance_below(chance, worlds.last[WORLD_ERASED] + 1);
    const struct archive_place place = {.position = position, .chain = worlds.chains[position]};
    r = archive_parts_holds(parts, place, &error);
    holds(!is_untouched || world == WORLD_PRUNED || r == (position <= worlds.last[world]),
          "record %llu is not held", (unsigned long long)position);
    if (is_changed)
        change_world((enum world)((world + 1) % WORLD_COUNT));
    size_t count = archive_parts_count(parts);
    if (count > 0) {
        bool is_skimmed = chance_below(chance, 4) == 0;
        r = archive_part_open(parts, chance_below(chance, count),
                              chance_below(chance, 4) ? 0 : position, chance_below(chance, 2),
                              &reader, &error);
        if (r == 0 && is_skimmed)
            archive_part_skim(reader);
        if (r == 0)
            read_part(reader, is_skimmed, chance);
        else
            must_have_message(&error);
        if (r == 0)
            archive_part_close(reader);
    }
    archive_parts_close(parts);
}

/* ---- the tables ---- */

static void must_be_tables(struct generation *generation) {
    uint64_t id = generation_manifest(generation)->id;
    for (size_t i = 0; i < worlds.table_count; i++)
        if (worlds.tables[i].id == id) {
            holds(worlds.tables[i].content == worlds_content(generation),
                  "tables %016llx have another content", (unsigned long long)id);
            generation_close(generation);
            return;
        }
    holds(false, "nobody has built tables %016llx", (unsigned long long)id);
    generation_close(generation);
}

/* Without reading all of it first, LMDB ends the process where it meets a damaged page: so only
 * tables whose bytes were written together. */
static bool are_tables_whole(void) {
    for (size_t i = 0; i < worlds.file_count; i++) {
        bool is_some = false;
        if (!damage.now[i].is_there || !strstr(worlds.files[i].name, "tables.mdb"))
            continue;
        for (size_t j = 0; j < worlds.file_count; j++)
            for (enum world world = 0; world < WORLD_COUNT; world++)
                is_some |= strstr(worlds.files[j].name, "tables.mdb") &&
                           worlds.files[j].in[world].is_there &&
                           text_equal(damage.now[i].bytes, worlds.files[j].in[world].bytes);
        if (!is_some)
            return false;
    }
    return true;
}

static void open_tables(bool full) {
    struct generation *generation;
    struct generation_manifest manifest;
    struct error error = {0};
    int r = generation_open_current(generations, full, &generation, &error);
    holds(!is_untouched || r == 0, "untouched tables cannot be opened: %s", error.text);
    if (r < 0)
        must_have_message(&error);
    else
        must_be_tables(generation);
    if (generation_current_manifest(generations, &manifest, &error) < 0)
        must_have_message(&error);
    r = generation_open_base(archive, 0, full, &generation, &error);
    holds(!is_untouched || r >= 0, "an untouched beginning cannot be opened: %s", error.text);
    if (r < 0)
        must_have_message(&error);
    else if (r == 0)
        must_be_tables(generation);
    for (size_t i = 0; i < worlds.file_count; i++) {
        char name[128];
        if (sscanf(worlds.files[i].name, WORLD_GENERATIONS "/%127[^/]/manifest.json", name) != 1 ||
            strcmp(name, "current") == 0)
            continue;
        r = generation_open(generations, name, full, &generation, &error);
        if (r < 0)
            must_have_message(&error);
        else
            must_be_tables(generation);
    }
}

/* With the features that the tables have. */
static void rebuild(void) {
    const struct rebuild_options options = {.archive = archive,
                                            .generations = generations,
                                            .snapshot = policy,
                                            .threads = 1,
                                            .memory_bytes = REBUILD_MEMORY_MIN,
                                            .now_us = 1,
                                            .version = "test"};
    struct rebuild_report report;
    struct error error = {0};
    int r = rebuild_run(&options, NULL, &report, &error);
    holds(!is_untouched || r == 0, "untouched folders cannot be rebuilt: %s", error.text);
    if (r < 0) {
        must_have_message(&error);
        return;
    }
    holds(report.manifest.place.position < worlds.last[WORLD_WRITTEN] ||
              report.manifest.state_hash == worlds.state_hash,
          "a rebuild has other states");
    rebuild_report_deinit(&report);
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct cursor cursor = cursor_of(bytes, size);
    struct archive_place end = {0};
    enum world world = (enum world)(cursor_u8(&cursor) % WORLD_COUNT);
    uint8_t how = cursor_u8(&cursor);
    damage_begin(&damage, world);
    for (int i = 0; i < CHANGES_MAX && cursor_left(&cursor) > 0; i++)
        damage_change(&damage, &cursor);
    write_folder(world);
    bool is_clean = read_archive(0, &end);
    holds(!is_untouched || (is_clean && end.position == worlds.last[world]),
          "an untouched archive reads up to %llu", (unsigned long long)end.position);
    if (is_clean)
        must_not_end_early(end);
    verify_archive(is_clean, end);
    open_tables(true);
    if (are_tables_whole())
        open_tables(false);
    if (how % 8 == 1)
        rebuild();
    struct chance chance = {.state = hash64(bytes, size, 0)};
    bool is_changed = how >> 5 & 1;
    if (how >> 3 & 1)
        read_behind(world, is_changed, &chance);
    if (is_changed)
        write_folder(world);
    if (how >> 4 & 1)
        read_parts(world, is_changed, &chance);
    if (is_changed)
        write_folder(world);
    append_to_archive();
    return is_clean;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct buffer seed;
    buffer_init(&seed);
    for (unsigned world = 0; world < WORLD_COUNT; world++)
        for (unsigned how = 0; how < 2; how++) {
            buffer_clear(&seed);
            buffer_append_u8(&seed, (uint8_t)world);
            buffer_append_u8(&seed, (uint8_t)how);
            seeds->add(seeds, seed.bytes, seed.length);
        }
    for (unsigned i = 0; i < 24 * WORLD_COUNT; i++) {
        const uint8_t within[] = {(uint8_t)(i % WORLD_COUNT),
                                  (uint8_t)(8 * (1 + i / 3 % 7)),
                                  9 * 21,
                                  (uint8_t)i,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0};
        seeds->add_any(seeds, within, i % 2 ? 2 : sizeof within);
    }
    /* Each forgery of the first sealed segment, and of plain ones. */
    for (size_t i = 0, sealed_count = 0, plain = 0; i < worlds.file_count; i++) {
        bool sealed = false;
        if (worlds_first_of(&worlds, i, &sealed) == 0 ||
            !worlds.files[i].in[WORLD_WRITTEN].is_there ||
            (sealed ? sealed_count++ > 0 : plain++ % 2 > 0))
            continue;
        for (unsigned how = 0; how < FORGERIES; how++) {
            const uint8_t one[] = {0, 8 * 3, DAMAGE_FORGED, (uint8_t)i, 3, 0, 0, (uint8_t)how, 0};
            seeds->add_any(seeds, one, sizeof one);
        }
    }
    for (size_t i = 0; i < worlds.file_count; i++) {
        bool is_of_prune = !worlds.files[i].in[WORLD_WRITTEN].is_there, is_sealed;
        if (worlds_first_of(&worlds, i, &is_sealed) > 0 ||
            strstr(worlds.files[i].name, "tables.mdb"))
            continue;
        for (unsigned how = 0; how < MANIFEST_FORGERIES; how++) {
            const uint8_t one[] = {is_of_prune ? WORLD_PRUNED : 0,
                                   0,
                                   DAMAGE_FORGED,
                                   (uint8_t)i,
                                   0,
                                   0,
                                   0,
                                   (uint8_t)how,
                                   0};
            seeds->add_any(seeds, one, sizeof one);
        }
    }
    /* Later files alone, so that a record comes before the damage. */
    for (unsigned what = 0; what < 9; what++) {
        buffer_clear(&seed);
        buffer_append(&seed, (const uint8_t[]){0, 0, (uint8_t)what}, 3);
        for (size_t i = 0; i < worlds.file_count; i++)
            if (strstr(worlds.files[i].name, "manifest.json"))
                buffer_append_u8(&seed, (uint8_t)i);
        seed.length = 4;
        buffer_append(&seed, "\x50\x01\x00\x02\x00", 5);
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}
