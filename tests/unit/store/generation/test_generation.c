/* Generations: what is published is what is read, whole or not at all. */
#include "core/base/hash.h"
#include "core/store/generation/generation_folder.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/generation/manifest.h"
#include "core/store/overlay/overlay.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The naive table: an array, sorted. */
struct row {
    size_t entity;
    struct text key;
    struct buffer state; /* encoded */
};

struct id_row {
    uint64_t id_hash;
    struct known_id known;
};

struct content {
    struct row *rows;
    size_t row_count;
    struct id_row *ids;
    size_t id_count;
    struct snapshot_record snapshot;
    struct tally tally;
    struct archive_place place;
    const struct list_table *lists; /* NULL: none */
};

struct bench {
    char *root;
    struct snapshot *snapshot;
    struct traffic random;
    struct content content;
};

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    if (a->entity != b->entity)
        return a->entity < b->entity ? -1 : 1;
    return text_compare(a->key, b->key);
}

static int compare_ids(const void *left, const void *right) {
    const struct id_row *a = left, *b = right;
    return (a->id_hash > b->id_hash) - (a->id_hash < b->id_hash);
}

/* Any bytes, of any length that LMDB takes; many are beginnings of others. */
static struct text random_key(struct traffic *random, size_t number) {
    size_t length = 1 + (size_t)traffic_random(random, traffic_random(random, 20) ? 12 : 511);
    char *key = arena_alloc(&random->arena, length);
    for (size_t i = 0; i < length; i++)
        key[i] = (char)(traffic_random(random, 3) * 127);
    if (length > 4)
        memcpy(key + length - 4, &number, 4);
    return (struct text){.data = key, .length = length};
}

static void random_state(struct bench *bench, struct row *row) {
    const struct plan *plan = &bench->snapshot->plan;
    struct state state = {0};
    uint64_t entries =
        1 + traffic_random(&bench->random, traffic_random(&bench->random, 30) ? 4 : 300);
    for (uint64_t i = 0; i < entries; i++) {
        struct entry entry = {.time_us = TRAFFIC_START_US +
                                         (int64_t)traffic_random(&bench->random, 3600000000),
                              .id_hash = traffic_random(&bench->random, UINT64_MAX),
                              .transaction = true};
        state_apply(&state, &plan->entities[row->entity], plan->lateness_us, &entry);
    }
    state_encode(&state, &plan->entities[row->entity], &row->state);
    state_deinit(&state);
}

static void make_content(struct bench *bench, size_t rows, size_t ids) {
    struct content *content = &bench->content;
    content->rows = calloc(rows, sizeof *content->rows);
    for (size_t i = 0; i < rows; i++) {
        content->rows[i].entity =
            traffic_random(&bench->random, 3) ? 0 : 2; /* none in the second */
        content->rows[i].key = random_key(&bench->random, i);
    }
    qsort(content->rows, rows, sizeof *content->rows, compare_rows);
    for (size_t i = 0; i < rows; i++)
        if (i == 0 ||
            compare_rows(&content->rows[content->row_count - 1], &content->rows[i]) != 0) {
            content->rows[content->row_count] = content->rows[i];
            random_state(bench, &content->rows[content->row_count++]);
        }
    content->ids = calloc(ids, sizeof *content->ids);
    content->id_count = ids;
    for (size_t i = 0; i < ids; i++)
        content->ids[i] =
            (struct id_row){.id_hash = traffic_random(&bench->random, UINT64_MAX),
                            .known = {.position = i + 1, .label = (enum label)(i % LABEL_COUNT)}};
    qsort(content->ids, ids, sizeof *content->ids, compare_ids);
    content->place = (struct archive_place){.position = ids + 10, .chain = 0xc4a1};
    content->tally = (struct tally){.transactions = ids,
                                    .outcomes = 5,
                                    .labels = {0, 1, 2, 3, 4},
                                    .newest_event_time_us = TRAFFIC_START_US + 5};
    content->snapshot = (struct snapshot_record){.snapshot_id = bench->snapshot->id,
                                                 .name = bench->snapshot->name,
                                                 .files = bench->snapshot->files,
                                                 .file_count = bench->snapshot->file_count};
}

static int set_up_size(void **state, size_t rows, size_t ids) {
    struct bench *bench = calloc(1, sizeof *bench);
    bench->root = scratch_make();
    bench->snapshot = traffic_policy("");
    traffic_init(&bench->random, 11);
    make_content(bench, rows, ids);
    *state = bench;
    return 0;
}

static int set_up(void **state) {
    return set_up_size(state, 300, 500);
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < bench->content.row_count; i++)
        buffer_deinit(&bench->content.rows[i].state);
    free(bench->content.rows);
    free(bench->content.ids);
    traffic_deinit(&bench->random);
    snapshot_unref(bench->snapshot);
    scratch_remove(bench->root);
    free(bench);
    return 0;
}

static struct text state_text(const struct row *row) {
    return buffer_text(&row->state);
}

static struct generation_writer *writer_open(const struct bench *bench) {
    struct generation_writer *writer = NULL;
    struct error error;
    if (generation_writer_open(bench->root, &bench->snapshot->plan, &writer, &error) < 0)
        fail_msg("%s", error.text);
    return writer;
}

static void fill(const struct bench *bench, struct generation_writer *writer) {
    const struct content *content = &bench->content;
    struct error error;
    for (size_t i = 0; i < content->row_count; i++) {
        const struct row *row = &content->rows[i];
        if (generation_writer_state(writer, row->entity, row->key, state_text(row), &error) < 0)
            fail_msg("%s", error.text);
    }
    for (size_t i = 0; i < content->id_count; i++)
        if (generation_writer_id(writer, content->ids[i].id_hash, content->ids[i].known, &error) <
            0)
            fail_msg("%s", error.text);
}

/* Everything that follows the last key. */
static struct generation_manifest finish(const struct bench *bench,
                                         struct generation_writer *writer, int64_t now_us,
                                         const char *version) {
    const struct content *content = &bench->content;
    const struct generation_description description = {.place = content->place,
                                                       .snapshot = &content->snapshot,
                                                       .tally = &content->tally,
                                                       .lists = content->lists,
                                                       .now_us = now_us,
                                                       .version = version};
    struct generation_manifest manifest;
    struct error error;
    if (generation_writer_finish(writer, &description, &error) < 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < generation_writer_checks(writer); i++)
        if (generation_writer_check(writer, i, &error) < 0)
            fail_msg("%s", error.text);
    if (generation_writer_publish(writer, &manifest, &error) < 0)
        fail_msg("%s", error.text);
    return manifest;
}

static struct generation_manifest publish_at(const struct bench *bench, int64_t now_us) {
    struct generation_writer *writer = writer_open(bench);
    fill(bench, writer);
    struct generation_manifest manifest = finish(bench, writer, now_us, "0.1.0");
    generation_writer_close(writer);
    return manifest;
}

static struct generation_manifest publish(const struct bench *bench) {
    return publish_at(bench, 1234567);
}

static struct generation *open_current(const struct bench *bench, bool full) {
    struct generation *generation = NULL;
    struct error error;
    if (generation_open_current(bench->root, full, &generation, &error) < 0)
        fail_msg("%s", error.text);
    return generation;
}

static void refuse(const struct bench *bench, bool full, enum error_code code, const char *word) {
    struct generation *generation = NULL;
    struct error error = {0};
    int r = generation_open_current(bench->root, full, &generation, &error);
    if (r >= 0)
        fail_msg("it opened");
    if (r != -(int)code || (word && !strstr(error.text, word)))
        fail_msg("%s: %s", error_code_name(error.code), error.text);
}

static void assert_published(const struct bench *bench, const struct generation *generation) {
    const struct content *content = &bench->content;
    size_t next = 0;
    for (size_t entity = 0; entity < bench->snapshot->plan.entity_count; entity++) {
        struct generation_cursor *cursor = generation_cursor_open(generation, entity);
        struct text key, value;
        while (generation_cursor_next(cursor, &key, &value)) {
            assert_true(next < content->row_count);
            assert_int_equal(content->rows[next].entity, entity);
            assert_true(text_equal(key, content->rows[next].key));
            assert_true(text_equal(value, state_text(&content->rows[next])));
            next++;
        }
        generation_cursor_close(cursor);
    }
    assert_int_equal(next, content->row_count);
    for (size_t i = 0; i < content->row_count; i++) {
        const struct row *row = &content->rows[i];
        assert_true(
            text_equal(generation_state(generation, row->entity, row->key), state_text(row)));
        assert_int_equal(generation_state(generation, 1, row->key).length, 0);
    }
    for (size_t i = 0; i < content->id_count; i++) {
        struct known_id known;
        assert_true(generation_find_id(generation, content->ids[i].id_hash, &known));
        assert_int_equal(known.position, content->ids[i].known.position);
        assert_int_equal(known.label, content->ids[i].known.label);
        assert_false(generation_find_id(generation, content->ids[i].id_hash + 1, &known));
    }
    struct text long_key = {.data = (const char *)memset(malloc(600), 'k', 600), .length = 600};
    assert_int_equal(generation_state(generation, 0, long_key).length, 0);
    assert_int_equal(generation_state(generation, 0, TEXT_LITERAL("")).length, 0);
    free((char *)(uintptr_t)long_key.data);
    size_t files;
    const struct policy_file *file = generation_files(generation, &files);
    assert_int_equal(files, content->snapshot.file_count);
    for (size_t i = 0; i < files; i++) {
        assert_true(text_equal(file[i].path, content->snapshot.files[i].path));
        assert_true(text_equal(file[i].content, content->snapshot.files[i].content));
    }
}

static void what_is_published_is_read(void **state) {
    struct bench *bench = *state;
    struct generation_manifest manifest = publish(bench);
    assert_int_equal(manifest.states, bench->content.row_count);
    assert_int_equal(manifest.ids, bench->content.id_count);
    for (int full = 0; full < 2; full++) {
        struct generation *generation = open_current(bench, full);
        struct error error;
        assert_int_equal(generation_bind(generation, &bench->snapshot->plan, &error), 0);
        assert_published(bench, generation);
        const struct generation_manifest *read = generation_manifest(generation);
        assert_memory_equal(read, &manifest, sizeof manifest);
        assert_int_equal(read->plan_id, bench->snapshot->plan.id);
        assert_int_equal(read->snapshot_id, bench->snapshot->id);
        assert_int_equal(read->place.position, bench->content.place.position);
        assert_int_equal(read->place.chain, bench->content.place.chain);
        assert_int_equal(read->created_time_us, 1234567);
        assert_string_equal(read->version, "0.1.0");
        struct tally tally = generation_tally(generation);
        assert_memory_equal(&tally, &bench->content.tally, sizeof tally);
        generation_close(generation);
    }
    /* No lock file of LMDB's, nothing hidden left behind. */
    assert_false(scratch_exists(scratch_path(bench->root, ".new")));
    assert_false(scratch_exists(scratch_path(bench->root, "current/tables.mdb-lock")));
}

/* Enough to need many LMDB transactions and the map to grow several times. */
static int set_up_much(void **state) {
    return set_up_size(state, (unsigned)asked_steps(20000), 10 * asked_steps(20000));
}

/* So many that they take several parts. */
static struct list_table *some_lists(uint64_t entries) {
    struct list_table *lists = list_table_new();
    char value[16];
    for (uint64_t i = 1; i <= entries; i++) {
        snprintf(value, sizeof value, "card-%d", (int)i);
        const struct record record = {.type = RECORD_LIST_CHANGE,
                                      .position = i,
                                      .receive_time_us = TRAFFIC_START_US,
                                      .list_change = {.list = TEXT_LITERAL("cards"),
                                                      .entry = text_of(value),
                                                      .reason = TEXT_LITERAL("reported")}};
        list_table_apply(lists, &record);
    }
    return lists;
}

static struct generation_manifest publish_lists(struct bench *bench,
                                                const struct list_table *lists) {
    bench->content.lists = lists;
    struct generation_manifest manifest = publish(bench);
    bench->content.lists = NULL;
    return manifest;
}

static void what_was_added_to_lists_is_read(void **state) {
    struct bench *bench = *state;
    struct list_table *lists = some_lists(2500);
    struct generation_manifest none = publish(bench);
    struct generation_manifest with = publish_lists(bench, lists);
    assert_int_not_equal(with.id, none.id);
    assert_int_equal(with.state_hash, none.state_hash); /* of entities alone */
    struct generation *generation = open_current(bench, true);
    struct list_table *read = generation_take_lists(generation);
    assert_true(list_table_hash(read) == list_table_hash(lists));
    assert_int_equal(list_table_entries(read), 2500);
    list_table_free(read);
    generation_close(generation);
    list_table_free(lists);
    lists = some_lists(2499);
    assert_int_not_equal(publish_lists(bench, lists).id, with.id);
    list_table_free(lists);
    /* A table without changes is none: it is the generation that it was. */
    lists = list_table_new();
    assert_int_equal(publish_lists(bench, lists).id, none.id);
    generation = open_current(bench, false);
    read = generation_take_lists(generation);
    assert_int_equal(list_table_entries(read), 0);
    list_table_free(read);
    generation_close(generation);
    list_table_free(lists);
}

static void the_map_grows_with_the_content(void **state) {
    struct bench *bench = *state;
    struct policy_file files[3] = {{.path = TEXT_LITERAL("a")}, {.path = TEXT_LITERAL("large")}};
    files[2] = bench->snapshot->files[0];
    size_t size = 40u << 20;
    char *large = malloc(size);
    for (size_t i = 0; i < size; i++)
        large[i] = (char)(i >> 9);
    files[1].content = (struct text){.data = large, .length = size};
    bench->content.snapshot.files = files;
    bench->content.snapshot.file_count = 3;
    publish(bench);
    struct generation *generation = open_current(bench, true);
    struct error error;
    assert_int_equal(generation_bind(generation, &bench->snapshot->plan, &error), 0);
    assert_published(bench, generation);
    generation_close(generation);
    free(large);
}

static void nothing_is_a_generation_too(void **state) {
    struct bench *bench = *state;
    struct content content = bench->content;
    bench->content = (struct content){.tally = {.newest_event_time_us = INT64_MIN}};
    publish(bench);
    struct generation *generation = open_current(bench, true);
    struct error error;
    assert_int_equal(generation_bind(generation, &bench->snapshot->plan, &error), 0);
    assert_published(bench, generation);
    assert_int_equal(generation_tally(generation).newest_event_time_us, INT64_MIN);
    generation_close(generation);
    bench->content = content;
}

static void it_is_bound_to_its_plan(void **state) {
    struct bench *bench = *state;
    publish(bench);
    struct snapshot *other =
        traffic_policy("    - {name: count_2h, aggregate: count, window: 2h}\n");
    struct generation *generation = open_current(bench, false);
    struct error error;
    assert_int_equal(generation_bind(generation, &other->plan, &error), -ERROR_INVALID);
    assert_int_equal(generation_bind(generation, &bench->snapshot->plan, &error), 0);
    generation_close(generation);
    snapshot_unref(other);
}

/* ---------------------------------------------------------------------------------------------
 * Publication */

static size_t count_generations(const struct bench *bench) {
    char *command = NULL;
    assert_true(asprintf(&command, "ls -d %s/g-* | wc -l", bench->root) > 0);
    FILE *pipe = popen(command, "r");
    unsigned count = 0;
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    free(command);
    return count;
}

static void none_yet(void **state) {
    struct bench *bench = *state;
    refuse(bench, false, ERROR_NOT_FOUND, "no generation has been published yet");
    struct generation *generation;
    struct error error;
    assert_int_equal(
        generation_open_current(scratch_path(bench->root, "no/such"), false, &generation, &error),
        -ERROR_NOT_FOUND);
    /* One that is not published leaves nothing. */
    struct generation_writer *writer = writer_open(bench);
    fill(bench, writer);
    assert_true(scratch_exists(scratch_path(bench->root, ".new")));
    generation_writer_close(writer);
    assert_false(scratch_exists(scratch_path(bench->root, ".new")));
    refuse(bench, false, ERROR_NOT_FOUND, NULL);
}

static void one_is_built_at_a_time(void **state) {
    struct bench *bench = *state;
    struct generation_writer *writer = writer_open(bench);
    struct generation_writer *second = NULL;
    struct error error;
    assert_int_equal(generation_writer_open(bench->root, &bench->snapshot->plan, &second, &error),
                     -ERROR_EXISTS);
    assert_non_null(strstr(error.text, "another process"));
    fill(bench, writer); /* undisturbed */
    finish(bench, writer, 0, "");
    generation_writer_close(writer);
    generation_close(open_current(bench, true));
}

static void a_crash_hash_leaves_nothing_for_long(void **state) {
    struct bench *bench = *state;
    pid_t child = fork();
    if (child == 0) {
        struct generation_writer *writer = writer_open(bench);
        fill(bench, writer);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(scratch_exists(scratch_path(bench->root, ".new/tables.mdb")));
    assert_int_equal(mkdir(scratch_path(bench->root, ".replaced"), 0700), 0);
    scratch_write(scratch_path(bench->root, ".replaced/manifest.json"), "x", 1);
    assert_int_equal(symlink("g-nowhere", scratch_path(bench->root, ".current")), 0);
    refuse(bench, false, ERROR_NOT_FOUND, NULL);
    publish(bench);
    assert_false(scratch_exists(scratch_path(bench->root, ".new")));
    assert_false(scratch_exists(scratch_path(bench->root, ".replaced")));
    assert_false(scratch_exists(scratch_path(bench->root, ".current")));
    generation_close(open_current(bench, true));
}

/* A generation that was moved to another disk, with a link in its place, and a folder that was
 * created on another disk. What the links point to stays. */
static void links_are_not_followed(void **state) {
    struct bench *bench = *state;
    static const char *const links[] = {"g-00000000000000000001-0123456789abcdef", ".new",
                                        ".replaced"};
    assert_int_equal(mkdir(scratch_path(bench->root, "elsewhere"), 0700), 0);
    scratch_write(scratch_path(bench->root, "elsewhere/tables.mdb"), "x", 1);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(symlink("elsewhere", scratch_path(bench->root, links[i])), 0);
    struct generation_writer *writer = writer_open(bench);
    fill(bench, writer);
    finish(bench, writer, 0, "");
    size_t removed;
    struct error error;
    assert_int_equal(generation_writer_retain(writer, 1, 0, &removed, &error), 0);
    assert_int_equal(removed, 0);
    generation_writer_close(writer);
    assert_true(scratch_exists(scratch_path(bench->root, "elsewhere/tables.mdb")));
    assert_true(scratch_exists(scratch_path(bench->root, links[0])));
    publish(bench); /* nothing is in its way */
}

static void the_same_content_is_the_same_generation(void **state) {
    struct bench *bench = *state;
    struct generation_manifest first = publish_at(bench, 1000);
    struct generation_manifest again = publish_at(bench, 2000);
    assert_int_equal(again.id, first.id);
    assert_int_equal(again.content_hash, first.content_hash);
    assert_int_equal(again.state_hash, first.state_hash);
    assert_int_equal(again.created_time_us, 1000); /* the first is the one that is there */
    assert_int_equal(count_generations(bench), 1);

    /* Any difference makes another one; the one before can still be used and come back. */
    struct generation *old = open_current(bench, false);
    bench->content.ids[3].known.position--;
    struct generation_manifest ids = publish(bench);
    assert_int_not_equal(ids.content_hash, first.content_hash);
    assert_int_equal(ids.state_hash, first.state_hash);
    bench->content.ids[3].known.position++;
    bench->content.place.chain++;
    struct generation_manifest place = publish(bench);
    assert_int_equal(place.content_hash, first.content_hash);
    assert_int_not_equal(place.id, first.id);
    bench->content.place.chain--;
    bench->content.row_count--;
    struct generation_manifest states = publish(bench);
    assert_int_not_equal(states.state_hash, first.state_hash);
    bench->content.row_count++;
    bench->content.snapshot.file_count--;
    assert_int_not_equal(publish(bench).content_hash, first.content_hash);
    bench->content.snapshot.file_count++;
    assert_int_equal(count_generations(bench), 5);
    assert_int_equal(publish(bench).id, first.id);
    assert_int_equal(count_generations(bench), 5);

    struct generation *current = open_current(bench, true);
    assert_int_equal(generation_manifest(current)->id, first.id);
    generation_close(current);
    struct error error;
    assert_int_equal(generation_bind(old, &bench->snapshot->plan, &error), 0);
    assert_published(bench, old);
    generation_close(old);
}

/* Rebuilding is how a damaged generation is repaired, though it is the same one again. */
static void a_damaged_one_is_replaced(void **state) {
    struct bench *bench = *state;
    publish(bench);
    const char *path = scratch_path(bench->root, "current/tables.mdb");
    struct text bytes = scratch_read(path);
    ((char *)(uintptr_t)bytes.data)[bytes.length / 2] ^= 1;
    scratch_write(path, bytes.data, bytes.length);
    free((char *)(uintptr_t)bytes.data);
    refuse(bench, true, ERROR_DAMAGED, NULL);
    publish(bench);
    assert_int_equal(count_generations(bench), 1);
    generation_close(open_current(bench, true));
}

static void keys_must_ascend(void **state) {
    struct bench *bench = *state;
    const struct row *row = &bench->content.rows[0];
    struct error error;
    struct generation_writer *writer = writer_open(bench);
    assert_int_equal(generation_writer_state(writer, 0, TEXT_LITERAL("b"), state_text(row), &error),
                     0);
    assert_int_equal(generation_writer_state(writer, 0, TEXT_LITERAL("b"), state_text(row), &error),
                     -ERROR_INTERNAL);
    assert_int_equal(generation_writer_state(writer, 0, TEXT_LITERAL("a"), state_text(row), &error),
                     -ERROR_INTERNAL);
    assert_int_equal(generation_writer_state(writer, 1, TEXT_LITERAL("a"), state_text(row), &error),
                     0);
    char key[GENERATION_KEY_MAX + 1];
    memset(key, 'z', sizeof key);
    struct text longest = {.data = key, .length = GENERATION_KEY_MAX};
    struct text too_long = {.data = key, .length = GENERATION_KEY_MAX + 1};
    assert_int_equal(generation_writer_state(writer, 1, longest, state_text(row), &error), 0);
    assert_int_equal(generation_writer_state(writer, 2, too_long, state_text(row), &error),
                     -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "card_merchant"));
    assert_int_equal(generation_writer_state(writer, 2, TEXT_LITERAL(""), state_text(row), &error),
                     -ERROR_TOO_LARGE);
    const struct known_id known = {.position = 1};
    assert_int_equal(generation_writer_id(writer, 5, known, &error), 0);
    assert_int_equal(generation_writer_id(writer, 5, known, &error), -ERROR_INTERNAL);
    generation_writer_close(writer);
}

/* ---------------------------------------------------------------------------------------------
 * Damage */

static void wrong_bytes_in_the_tables_are_found(void **state) {
    struct bench *bench = *state;
    publish(bench);
    const char *path = scratch_path(bench->root, "current/tables.mdb");
    struct text bytes = scratch_read(path);
    int descriptor = open(path, O_WRONLY);
    for (size_t at = 0; at < bytes.length; at += 61) {
        char wrong = (char)(bytes.data[at] ^ 0x10);
        assert_int_equal(pwrite(descriptor, &wrong, 1, (off_t)at), 1);
        refuse(bench, true, ERROR_DAMAGED, "tables.mdb");
        assert_int_equal(pwrite(descriptor, &bytes.data[at], 1, (off_t)at), 1);
    }
    generation_close(open_current(bench, true));
    /* Its size is always checked. */
    assert_int_equal(ftruncate(descriptor, (off_t)bytes.length - 4096), 0);
    refuse(bench, false, ERROR_DAMAGED, "bytes, but the manifest says");
    assert_int_equal(ftruncate(descriptor, 0), 0);
    refuse(bench, false, ERROR_DAMAGED, "bytes, but the manifest says");
    close(descriptor);
    assert_int_equal(unlink(path), 0);
    refuse(bench, false, ERROR_DAMAGED, "tables.mdb is missing");
    free((char *)(uintptr_t)bytes.data);
}

/* Damage in what is sampled is found without reading everything. */
static void samples_find_what_is_no_state(void **state) {
    struct bench *bench = *state;
    publish(bench);
    const char *path = scratch_path(bench->root, "current/tables.mdb");
    struct text bytes = scratch_read(path);
    const struct row *first = &bench->content.rows[0];
    char *at = memmem(bytes.data, bytes.length, first->state.bytes, first->state.length);
    assert_non_null(at);
    at[0] ^= 0x40; /* the version of its encoding */
    scratch_write(path, bytes.data, bytes.length);
    struct generation *generation = open_current(bench, false);
    struct error error;
    assert_int_equal(generation_bind(generation, &bench->snapshot->plan, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "card"));
    generation_close(generation);
    free((char *)(uintptr_t)bytes.data);
}

static void wrong_bytes_in_the_manifest_are_found(void **state) {
    struct bench *bench = *state;
    publish(bench);
    const char *path = scratch_path(bench->root, "current/manifest.json");
    struct text text = scratch_read(path);
    char *bytes = (char *)(uintptr_t)text.data;
    for (size_t at = 0; at < text.length; at++) {
        bytes[at] ^= 1;
        scratch_write(path, bytes, text.length);
        struct generation *generation = NULL;
        struct error error = {0};
        int r = generation_open_current(bench->root, false, &generation, &error);
        if (r != -ERROR_DAMAGED && r != -ERROR_UNSUPPORTED)
            fail_msg("byte %zu: %d", at, r);
        assert_non_null(strstr(error.text, "manifest.json"));
        bytes[at] ^= 1;
    }
    for (size_t length = 0; length + 1 < text.length; length += 7) {
        scratch_write(path, bytes, length);
        refuse(bench, false, ERROR_DAMAGED, "manifest.json");
    }
    assert_int_equal(unlink(path), 0);
    refuse(bench, false, ERROR_DAMAGED, "manifest.json");
    scratch_write(path, bytes, text.length);
    generation_close(open_current(bench, true));
    free(bytes);
}

/* Writes the manifest anew after a change that keeps its checksum right. */
static void change_manifest(const struct bench *bench, void (*change)(struct manifest *manifest)) {
    const char *path = scratch_path(bench->root, "current/manifest.json");
    struct text text = scratch_read(path);
    struct manifest manifest;
    struct error error;
    assert_int_equal(manifest_parse(text.data, text.length, &manifest, &error), 0);
    change(&manifest);
    char *bytes = manifest_format(&manifest);
    scratch_write(path, bytes, strlen(bytes));
    free(bytes);
    manifest_deinit(&manifest);
    free((char *)(uintptr_t)text.data);
}

static void by_later_lmdb(struct manifest *manifest) {
    snprintf(manifest->lmdb, sizeof manifest->lmdb, "1.0.0");
}

static void by_this_lmdb(struct manifest *manifest) {
    snprintf(manifest->lmdb, sizeof manifest->lmdb, "0.9.99");
}

static void with_fewer_ids(struct manifest *manifest) {
    manifest->generation.ids--;
}

static void with_fewer_states(struct manifest *manifest) {
    manifest->entities[0].states--;
    manifest->generation.states--;
}

static void with_another_entity(struct manifest *manifest) {
    manifest->entities[0].name[0] = 'b';
}

static void other_makers_are_named(void **state) {
    struct bench *bench = *state;
    publish(bench);
    change_manifest(bench, by_later_lmdb);
    refuse(bench, false, ERROR_UNSUPPORTED, "rebuild it from the archive");
    change_manifest(bench, by_this_lmdb);
    generation_close(open_current(bench, true));
    const char *path = scratch_path(bench->root, "current/manifest.json");
    const char later[] = "{\"format\": 2, \"anything\": []}";
    struct text text = scratch_read(path);
    scratch_write(path, later, sizeof later - 1);
    refuse(bench, false, ERROR_UNSUPPORTED, "generation format 2");
    scratch_write(path, text.data, text.length);
    free((char *)(uintptr_t)text.data);
    /* A manifest that is whole, but of other tables. */
    change_manifest(bench, with_fewer_ids);
    refuse(bench, false, ERROR_DAMAGED, "manifest says");
    publish(bench);
    change_manifest(bench, with_fewer_states);
    refuse(bench, false, ERROR_DAMAGED, "manifest says");
    publish(bench);
    change_manifest(bench, with_another_entity);
    refuse(bench, false, ERROR_DAMAGED, "state:bard");
}

static void current_points_to_a_generation_beside_it(void **state) {
    struct bench *bench = *state;
    publish(bench);
    const char *current = scratch_path(bench->root, "current");
    const char *targets[] = {"g-00000000000000000510-0000000000000000", "../elsewhere/g-1", "/tmp",
                             "g-../../tmp"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        assert_int_equal(unlink(current), 0);
        assert_int_equal(symlink(targets[i], current), 0);
        refuse(bench, false, ERROR_DAMAGED, NULL);
    }
    assert_int_equal(unlink(current), 0);
    scratch_write(current, "", 0);
    refuse(bench, false, ERROR_DAMAGED, "is not a link");
    assert_int_equal(unlink(current), 0);
    /* A folder under another generation's name. */
    struct generation_manifest manifest = publish(bench);
    char *folder = generation_folder_format(manifest.place.position, manifest.id);
    const char *wrong = "g-00000000000000000001-0000000000000001";
    assert_int_equal(rename(scratch_path(bench->root, folder), scratch_path(bench->root, wrong)),
                     0);
    assert_int_equal(unlink(current), 0);
    assert_int_equal(symlink(wrong, current), 0);
    refuse(bench, false, ERROR_DAMAGED, "another generation");
    free(folder);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_MUCH(name) cmocka_unit_test_setup_teardown(name, set_up_much, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_published_is_read),
        TEST(what_was_added_to_lists_is_read),
        TEST_MUCH(the_map_grows_with_the_content),
        TEST(nothing_is_a_generation_too),
        TEST(it_is_bound_to_its_plan),
        TEST(none_yet),
        TEST(one_is_built_at_a_time),
        TEST(a_crash_hash_leaves_nothing_for_long),
        TEST(links_are_not_followed),
        TEST(the_same_content_is_the_same_generation),
        TEST(a_damaged_one_is_replaced),
        TEST(keys_must_ascend),
        TEST(wrong_bytes_in_the_tables_are_found),
        TEST(samples_find_what_is_no_state),
        TEST(wrong_bytes_in_the_manifest_are_found),
        TEST(other_makers_are_named),
        TEST(current_points_to_a_generation_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
