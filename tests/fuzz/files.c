/* Target: the small files beside the archive and the tables, each of one kind.
 *
 *   input  u8 kind (of kinds below, modulo their number); u8 bit 0: its checksum is corrected
 * first; then the file
 *
 * A file must be refused with a message, or it can be written again, and what is written reads back
 * as the same. */
#include "common/target.h"

#include "batch/backup/backup_point.h"
#include "clients/cli/replay/replay_checkpoint.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/hash_wide.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/archive/archive_epoch.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment.h"
#include "core/store/backups/backup_summary.h"
#include "core/store/generation/manifest.h"
#include "core/store/ingest/erasure_request.h"
#include "core/store/nights/night_acceptance.h"
#include "core/store/nights/night_journal.h"
#include "core/store/pseudonyms/key_ledger.h"
#include "tests/unit/store/scratch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;
static int directory;
static struct arena arena;
static struct buffer fixed; /* the file, with its checksum corrected */
static struct buffer again; /* written from what was read */
static struct pseudonym_keys *keys;

static void clean_up(void) {
    close(directory);
    scratch_remove(folder);
}

void target_start(void) {
    static const char text[] =
        "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
        "k2 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f "
        "from 2026-06-01T00:00:00Z\n";
    struct error error;
    folder = scratch_make();
    directory = open(folder, O_RDONLY | O_DIRECTORY);
    property(directory >= 0 && mkdirat(directory, ERASURE_FOLDER, 0700) == 0, "%s", folder);
    atexit(clean_up);
    arena_init(&arena, 4 << 20);
    buffer_init(&fixed);
    buffer_init(&again);
    property(pseudonym_keys_parse(text_of(text), "keys", &keys, &error) == 0, "%s", error.text);
}

static void put(const char *name, struct text bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    scratch_write(path, bytes.data, bytes.length);
}

/* What was written under that name. */
static struct text get(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return scratch_read(path);
}

static bool refused(int r, const struct error *error) {
    property(r >= 0 || (error->text[0] && r == -(int)error->code), "refused without a message");
    return r < 0;
}

static void must_equal(struct text a, struct text b, const char *what) {
    property(text_equal(a, b), "%s: written twice it differs:\n%" TEXT_FORMAT "\n%" TEXT_FORMAT,
             what, TEXT_ARGS(a), TEXT_ARGS(b));
}

/* ---- checksums ---- */

static void fix_manifest(struct text file) {
    char hex[HASH_HEX_SIZE];
    json_t *object = json_loadb(file.data, file.length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object)) {
        json_object_del(object, "checksum");
        char *rest = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
        hash_hex(hash64(rest, strlen(rest), 0), hex);
        free(rest);
        json_object_set_new(object, "checksum", json_string(hex));
        char *whole = json_dumps(object, JSON_COMPACT);
        buffer_append(&fixed, whole, strlen(whole));
        free(whole);
    }
    json_decref(object);
}

/* In place of whatever stands from the last ,"checksum": on. */
static void fix_point(struct text file) {
    static const char member[] = ",\"checksum\":\"";
    uint8_t digest[32];
    char hex[BACKUP_HEX_SIZE];
    size_t length = file.length;
    for (size_t at = 0; at + sizeof member <= file.length; at++)
        if (memcmp(file.data + at, member, sizeof member - 1) == 0)
            length = at;
    struct sha256 *sha = sha256_new();
    sha256_add(sha, file.data, length);
    sha256_finish(sha, digest);
    backup_hex(digest, hex);
    buffer_append(&fixed, file.data, length);
    buffer_printf(&fixed, "%s%s\"}\n", member, hex);
}

static void fix_begin(struct text file) {
    uint8_t header[ARCHIVE_BEGIN_HEADER_SIZE] = {0};
    size_t head = file.length < sizeof header ? file.length : sizeof header;
    memcpy(header, file.data, head);
    const uint8_t *kept = (const uint8_t *)file.data + head;
    size_t size = file.length - head;
    store_u64(header + 88, size);
    store_u64(header + 96, hash64(kept, size, 0));
    store_u32(header + 12, crc32c(crc32c(0, header, 12), header + 16, sizeof header - 16));
    buffer_append(&fixed, header, sizeof header);
    buffer_append(&fixed, kept, size);
}

static void fix_epoch(struct text file) {
    size_t length = file.length;
    const char *last = memmem(file.data, file.length, "hash ", 5);
    if (last)
        length = (size_t)(last - file.data);
    buffer_append(&fixed, file.data, length);
    buffer_printf(&fixed, "hash %016" PRIx64 "\n", hash64(file.data, length, 0));
}

static void fix_request(struct text file) {
    if (file.length < 8)
        return;
    buffer_append_u64(&fixed, hash64(file.data + 8, file.length - 8, 0));
    buffer_append(&fixed, file.data + 8, file.length - 8);
}

static void fix_checkpoint(struct text file) {
    if (file.length < 8)
        return;
    buffer_append(&fixed, file.data, file.length - 8);
    buffer_append_u64(&fixed, hash64(file.data, file.length - 8, 0));
}

/* ---- the kinds: true: it was read ---- */

static bool run_manifest(struct text file) {
    struct manifest manifest, back;
    struct error error;
    if (refused(manifest_parse(file.data, file.length, &manifest, &error), &error))
        return false;
    char *text = manifest_format(&manifest);
    manifest_deinit(&manifest);
    property(manifest_parse(text, strlen(text), &back, &error) == 0, "%s\n%s", error.text, text);
    char *second = manifest_format(&back);
    must_equal(text_of(text), text_of(second), "manifest");
    manifest_deinit(&back);
    free(text);
    free(second);
    return true;
}

static bool run_point(struct text file) {
    struct backup_point point, back;
    struct error error;
    if (refused(backup_point_parse(file.data, file.length, &point, &error), &error))
        return false;
    buffer_clear(&again);
    backup_point_format(&point, &again);
    for (size_t i = 0; i < point.count; i++)
        property(backup_path_is_safe(point.files[i].path), "\"%s\" leads out of the folder",
                 point.files[i].path);
    backup_point_bytes(&point);
    property(backup_point_parse((char *)again.bytes, again.length, &back, &error) == 0, "%s",
             error.text);
    size_t first = again.length;
    backup_point_format(&back, &again);
    must_equal((struct text){(char *)again.bytes, first},
               (struct text){(char *)again.bytes + first, again.length - first}, "point");
    const char *segment;
    backup_point_relation(&point, &back, &segment);
    backup_point_drop_tables(&back);
    backup_point_deinit(&point);
    backup_point_deinit(&back);
    return true;
}

static bool run_begin(struct text file) {
    struct archive_begin begin;
    struct archive_kept record;
    struct buffer kept;
    struct error error;
    put(ARCHIVE_BEGIN_FILE, file);
    if (refused(archive_begin_look(directory, &begin, &error), &error))
        return false;
    buffer_init(&kept);
    bool is_read = !refused(archive_begin_load(directory, &begin, &kept, &error), &error);
    size_t offset = 0;
    uint64_t before = 0;
    while (is_read && archive_begin_next(&kept, &offset, &record)) {
        property(record.position > before && record.position <= begin.place.position,
                 "a kept record at %" PRIu64, record.position);
        before = record.position;
    }
    if (is_read && begin.types >> RECORD_TYPE_COUNT == 0) {
        struct archive_begin written = begin;
        property(archive_begin_write(directory, &written, &kept, &error) == 0, "%s", error.text);
        property(archive_begin_look(directory, &begin, &error) == 0, "%s", error.text);
    }
    buffer_deinit(&kept);
    return is_read;
}

static bool run_epoch(struct text file) {
    struct archive_epoch epoch;
    struct error error;
    put(EPOCH_FILE, file);
    if (refused(archive_epoch_read(directory, &epoch, &error), &error))
        return false;
    property(epoch.number > 0, "an epoch of number 0");
    property(archive_epoch_write(directory, &epoch, &error) == 0, "%s", error.text);
    struct text written = get(EPOCH_FILE);
    struct archive_epoch back;
    property(archive_epoch_read(directory, &back, &error) == 0 && back.number == epoch.number &&
                 back.count == epoch.count,
             "an epoch that was written differs");
    free((char *)(uintptr_t)written.data);
    archive_epoch_deinit(&epoch);
    archive_epoch_deinit(&back);
    return true;
}

static bool run_journal(struct text file) {
    static struct night_journal journal, back;
    struct error error;
    put(NIGHT_JOURNAL_NAME, file);
    if (refused(night_journal_read(directory, &journal, &error), &error))
        return false;
    property(night_journal_write(directory, &journal, &error) == 0, "%s", error.text);
    struct text first = get(NIGHT_JOURNAL_NAME);
    property(night_journal_read(directory, &back, &error) == 0, "%s", error.text);
    property(night_journal_write(directory, &back, &error) == 0, "%s", error.text);
    struct text second = get(NIGHT_JOURNAL_NAME);
    must_equal(first, second, "journal");
    night_journal_is_complete(&journal);
    night_journal_models_failed(&journal);
    free((char *)(uintptr_t)first.data);
    free((char *)(uintptr_t)second.data);
    return true;
}

static bool run_summary(struct text file) {
    static struct night_summary summary, back;
    struct error error;
    put(NIGHT_SUMMARY_NAME, file);
    if (refused(night_summary_read_from(directory, &summary, &error), &error))
        return false;
    property(night_summary_write(directory, &summary, &error) == 0, "%s", error.text);
    property(night_summary_read_from(directory, &back, &error) == 0, "%s", error.text);
    property(strcmp(summary.date, back.date) == 0 && strcmp(summary.step, back.step) == 0 &&
                 strcmp(summary.reason, back.reason) == 0 &&
                 summary.last_success_us == back.last_success_us &&
                 summary.failed_us == back.failed_us && summary.held_back == back.held_back &&
                 memcmp(summary.findings, back.findings, sizeof back.findings) == 0 &&
                 summary.models_failed == back.models_failed,
             "a summary that was written differs");
    return true;
}

static bool run_acceptance(struct text file) {
    struct night_acceptance acceptance, back;
    struct error error;
    put(NIGHT_ACCEPTANCE_NAME, file);
    if (refused(night_acceptance_read(directory, &acceptance, &error), &error))
        return false;
    if (!refused(night_acceptance_write(directory, &acceptance, &error), &error)) {
        property(night_acceptance_read(directory, &back, &error) == 0, "%s", error.text);
        property(back.threshold_count == acceptance.threshold_count &&
                     back.cutoffs == acceptance.cutoffs && back.at_us == acceptance.at_us &&
                     strcmp(back.reason, acceptance.reason) == 0,
                 "an acceptance that was written differs");
        property(night_acceptance_remove(directory, &back, &error) == 0, "%s", error.text);
        night_acceptance_deinit(&back);
    }
    night_acceptance_deinit(&acceptance);
    return true;
}

static bool run_backup_summary(struct text file) {
    static struct backup_summary summary, back;
    struct error error;
    put(BACKUP_SUMMARY_NAME, file);
    if (refused(backup_summary_read(folder, &summary, &error), &error))
        return false;
    property(backup_summary_write(folder, &summary, &error) == 0, "%s", error.text);
    property(backup_summary_read(folder, &back, &error) == 0, "%s", error.text);
    property(summary.point == back.point && summary.bytes == back.bytes &&
                 summary.place.position == back.place.position &&
                 strcmp(summary.folder, back.folder) == 0,
             "a summary that was written differs");
    return true;
}

/* Its keys concern the transactions that have them, and no others. */
static void check_keys(const struct erasure_record *erasure) {
    static const struct transaction paid = {.fields = {[FIELD_EMAIL] = TEXT_LITERAL("a@x.org")}};
    const struct erased_key key = {TEXT_LITERAL("email"), hash_text(TEXT_LITERAL("a@x.org"))};
    bool has_key = false;
    for (size_t i = 0; i < erasure->key_count; i++)
        has_key |=
            text_equal(erasure->keys[i].field, key.field) && erasure->keys[i].hash == key.hash;
    property(erasure_concerns(&key, 1, &paid), "its own key");
    property(erasure_concerns(erasure->keys, erasure->key_count, &paid) == has_key,
             "a transaction that it does not concern");
}

static bool run_request(struct text file) {
    struct erasure_record erasure;
    struct error error;
    put(ERASURE_FOLDER "/request", file);
    arena_reset(&arena);
    if (refused(erasure_request_read(folder, &arena, &erasure, &error), &error))
        return false;
    property(erasure_request_write(folder, &erasure, &error) == 0, "%s", error.text);
    property(erasure_request_read(folder, &arena, &erasure, &error) == 0, "%s", error.text);
    property(erasure_request_exists(folder), "a request that was written");
    check_keys(&erasure);
    erasure_request_remove(folder);
    property(!erasure_request_exists(folder) &&
                 erasure_request_read(folder, &arena, &erasure, &error) == 1,
             "a request that was removed");
    return true;
}

static bool run_checkpoint(struct text file) {
    struct replay_checkpoint checkpoint, back;
    struct error error;
    replay_checkpoint_init(&checkpoint);
    bool is_read = !refused(replay_checkpoint_decode(file, &checkpoint, &error), &error);
    if (is_read) {
        buffer_clear(&again);
        replay_checkpoint_encode(&checkpoint, &again);
        replay_checkpoint_init(&back);
        property(replay_checkpoint_decode(buffer_text(&again), &back, &error) == 0, "%s",
                 error.text);
        size_t first = again.length;
        replay_checkpoint_encode(&back, &again);
        must_equal((struct text){(char *)again.bytes, first},
                   (struct text){(char *)again.bytes + first, again.length - first}, "checkpoint");
        replay_checkpoint_deinit(&back);
    }
    replay_checkpoint_deinit(&checkpoint);
    return is_read;
}

static bool run_keys(struct text file) {
    struct pseudonym_keys *read;
    struct error error;
    if (refused(pseudonym_keys_parse(file, "keys", &read, &error), &error))
        return false;
    const struct pseudonym_key *key;
    for (size_t i = 0; (key = pseudonym_keys_get(read, i)); i++)
        property(pseudonym_keys_find(read, pseudonym_key_id(key)) == key &&
                     key->from_us < key->until_us,
                 "a key that cannot be found");
    pseudonym_keys_at(read, INT64_C(1767225600000000));
    pseudonym_keys_free(read);
    return true;
}

static bool run_ledger(struct text file) {
    struct buffer missing;
    struct error error;
    put(KEY_LEDGER_NAME, file);
    buffer_init(&missing);
    property(key_ledger_exists(folder), "a ledger that is there");
    key_ledger_missing(folder, keys, &missing);
    bool is_read = !refused(key_ledger_check(folder, keys, &error), &error);
    if (is_read)
        property(key_ledger_check(folder, keys, &error) == 0, "%s", error.text);
    buffer_deinit(&missing);
    return is_read;
}

static const struct kind {
    bool (*run)(struct text file);
    void (*fix)(struct text file); /* NULL: it has no checksum */
} kinds[] = {
    {run_manifest, fix_manifest},     {run_point, fix_point},     {run_begin, fix_begin},
    {run_epoch, fix_epoch},           {run_journal, NULL},        {run_summary, NULL},
    {run_acceptance, NULL},           {run_backup_summary, NULL}, {run_request, fix_request},
    {run_checkpoint, fix_checkpoint}, {run_keys, NULL},           {run_ledger, NULL},
};
#define KINDS (sizeof kinds / sizeof *kinds)

bool target_run(const uint8_t *bytes, size_t size) {
    if (size < 2)
        return false;
    const struct kind *kind = &kinds[bytes[0] % KINDS];
    struct text file = {.data = (const char *)bytes + 2, .length = size - 2};
    if (kind->fix && bytes[1] & 1) {
        buffer_clear(&fixed);
        kind->fix(file);
        file = buffer_text(&fixed);
    }
    return kind->run(file);
}

/* ---- seeds ---- */

static void add(struct seeds *seeds, unsigned kind, unsigned fix, struct text file) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, (uint8_t)kind);
    buffer_append_u8(&seed, (uint8_t)fix);
    buffer_append(&seed, file.data, file.length);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

/* With its checksum as it is, and corrected. */
static void add_both(struct seeds *seeds, unsigned kind, struct text file) {
    add(seeds, kind, 0, file);
    add(seeds, kind, 1, file);
}

/* A file that was written under this name. */
static void add_written(struct seeds *seeds, unsigned kind, const char *name) {
    struct text file = get(name);
    if (kinds[kind].fix)
        add_both(seeds, kind, file);
    else
        add(seeds, kind, 0, file);
    free((char *)(uintptr_t)file.data);
}

static void add_manifest(struct seeds *seeds) {
    struct manifest manifest = {.generation = {.id = 1,
                                               .place = {.position = 7, .chain = 8},
                                               .states = 3,
                                               .ids = 4,
                                               .epoch = 2,
                                               .version = "1.0"},
                                .tally = {.transactions = 4, .outcomes = 2},
                                .file_size = 4096,
                                .lmdb = "0.9.24",
                                .entities = {{(char *)(uintptr_t)"card", 3}},
                                .entity_count = 1};
    manifest.generation.id = manifest_id(&manifest.generation);
    char *text = manifest_format(&manifest);
    add_both(seeds, 0, text_of(text));
    free(text);
}

static void add_point(struct seeds *seeds) {
    static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct backup_point point = {.number = 3,
                                 .made_us = 5,
                                 .version = "1.0",
                                 .place = {.position = 9, .chain = 10},
                                 .tables = text_copy(TEXT_LITERAL("g-1")),
                                 .tables_place = {.position = 9, .chain = 10}};
    struct backup_file file = {.path = text_copy(TEXT_LITERAL("archive/2026-01-01/1.seg.zst")),
                               .bytes = 100,
                               .mode = 0640,
                               .is_segment = true,
                               .first = 1,
                               .last = 9,
                               .chain = 10,
                               .time_before_us = INT64_MIN};
    struct backup_file other = {
        .path = text_copy(TEXT_LITERAL("generations/g-1/tables.mdb")), .bytes = 5, .source = "1:2"};
    snprintf(file.sha256, sizeof file.sha256, "%s", hex);
    snprintf(file.seal, sizeof file.seal, "%s", hex);
    snprintf(other.sha256, sizeof other.sha256, "%s", hex);
    backup_point_add(&point, file);
    backup_point_add(&point, other);
    struct buffer text;
    buffer_init(&text);
    backup_point_format(&point, &text);
    add_both(seeds, 1, buffer_text(&text));
    buffer_deinit(&text);
    backup_point_deinit(&point);
}

static void add_begin(struct seeds *seeds) {
    struct archive_begin begin = {.place = {.position = 40, .chain = 5},
                                  .day = 20000,
                                  .bases = {{1, 2}, {3, 4}},
                                  .base_count = 2};
    struct buffer kept;
    struct error error;
    buffer_init(&kept);
    archive_begin_keep(&kept, RECORD_SNAPSHOT, 1, TEXT_LITERAL("policy"));
    archive_begin_keep(&kept, RECORD_BRAKE, 30, TEXT_LITERAL(""));
    property(archive_begin_write(directory, &begin, &kept, &error) == 0, "%s", error.text);
    buffer_deinit(&kept);
    add_written(seeds, 2, ARCHIVE_BEGIN_FILE);
}

static void add_epoch(struct seeds *seeds) {
    static char names[2][SEGMENT_FILE_NAME_SIZE] = {"2026-01-01/00000000000000000001.seg.zst",
                                                    "2026-01-02/00000000000000000071.seg.zst"};
    struct archive_epoch epoch = {.number = 3, .names = names, .count = 2};
    struct error error;
    property(archive_epoch_write(directory, &epoch, &error) == 0, "%s", error.text);
    add_written(seeds, 3, EPOCH_FILE);
}

static void add_nights(struct seeds *seeds) {
    static struct night_journal journal;
    struct night_summary summary = {.date = "2026-01-31", .step = "verify", .reason = "because"};
    static char names[2][NIGHT_ACCEPTED_NAME] = {"amount_p995", "usual"};
    struct night_acceptance acceptance = {.night = "2026-01-31",
                                          .source = "console:ada",
                                          .reason = "sale",
                                          .thresholds = names,
                                          .threshold_count = 2,
                                          .cutoffs = 1 << VERDICT_REVIEW};
    struct error error;
    night_journal_init(&journal, "2026-01-31", 77);
    journal.steps[NIGHT_STEP_REBUILD] =
        (struct night_step_entry){.state = NIGHT_STEP_DONE, .began_us = 78, .attempts = 1};
    journal.steps[NIGHT_STEP_TRAIN] =
        (struct night_step_entry){.state = NIGHT_STEP_FAILED, .reason = "no \"labels\""};
    journal.held_lines = 1;
    snprintf(journal.held[0].text, sizeof journal.held[0].text, "amount_p995: 5 -> 50");
    property(night_journal_write(directory, &journal, &error) == 0, "%s", error.text);
    add_written(seeds, 4, NIGHT_JOURNAL_NAME);
    property(night_summary_write(directory, &summary, &error) == 0, "%s", error.text);
    add_written(seeds, 5, NIGHT_SUMMARY_NAME);
    property(night_acceptance_write(directory, &acceptance, &error) == 0, "%s", error.text);
    add_written(seeds, 6, NIGHT_ACCEPTANCE_NAME);
}

static void add_others(struct seeds *seeds) {
    static const struct erased_key erased[] = {{TEXT_LITERAL("card"), 5}, {TEXT_LITERAL("ip"), 6}};
    const struct backup_summary summary = {.last_success_us = 5,
                                           .place = {.position = 9, .chain = 10},
                                           .point = 3,
                                           .bytes = 100,
                                           .folder = "/backups"};
    const struct erasure_record erasure = {
        .number = 1, .keys = erased, .key_count = 2, .source = TEXT_LITERAL("ada")};
    struct replay_checkpoint checkpoint;
    struct error error;
    property(backup_summary_write(folder, &summary, &error) == 0, "%s", error.text);
    add_written(seeds, 7, BACKUP_SUMMARY_NAME);
    property(erasure_request_write(folder, &erasure, &error) == 0, "%s", error.text);
    add_written(seeds, 8, ERASURE_FOLDER "/request");
    replay_checkpoint_init(&checkpoint);
    checkpoint.until.position = 9;
    checkpoint.reported = 4;
    buffer_append(&checkpoint.identity, "policy\0a\0", 9);
    buffer_append(&checkpoint.remarks, "a remark\n", 9);
    buffer_clear(&again);
    replay_checkpoint_encode(&checkpoint, &again);
    replay_checkpoint_deinit(&checkpoint);
    struct text encoded = {.data = text_copy(buffer_text(&again)), .length = again.length};
    add_both(seeds, 9, encoded);
    free((char *)(uintptr_t)encoded.data);
    add(seeds, 10, 0,
        TEXT_LITERAL("# keys\n\n"
                     "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f from "
                     "2025-01-01T00:00:00Z\n"
                     "k2 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= from "
                     "2027-01-01T00:00:00Z\n"
                     "old 101112131415161718191a1b1c1d1e1f000102030405060708090a0b0c0d0e0f until "
                     "2026-01-01T00:00:00Z\n"));
    unlinkat(directory, KEY_LEDGER_NAME, 0);
    property(key_ledger_check(folder, keys, &error) == 0, "%s", error.text);
    add_written(seeds, 11, KEY_LEDGER_NAME);
}

struct refused {
    struct bad_case taker;
    struct seeds *seeds;
};

static void take_keys(struct bad_case *self, struct text name, struct text content) {
    const struct refused *refused = (const struct refused *)self;
    struct buffer seed;
    if (!text_is(name, "file keys"))
        return;
    buffer_init(&seed);
    buffer_append(&seed, (const uint8_t[]){10, 0}, 2);
    buffer_append(&seed, content.data, content.length);
    refused->seeds->add_any(refused->seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void end_case(struct bad_case *self) {
    (void)self;
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct refused refused = {.taker = {.take = take_keys, .end = end_case}, .seeds = seeds};
    bad_cases(root, "files", &refused.taker);
    add_manifest(seeds);
    add_point(seeds);
    add_begin(seeds);
    add_epoch(seeds);
    add_nights(seeds);
    add_others(seeds);
}
