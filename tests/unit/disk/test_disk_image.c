/* The states that a disk may have after a crash: those that disk_image_new() makes are compared
 * with those of two small disks that run through everything that may happen.
 *
 * Of bytes: a cache and a disk, where at any moment a block is written back or the size is
 * committed. Of names: all sets of operations, taken by the definition of what may be missing. */
#include "tests/unit/unit.h"

#include "state_set.h"
#include "tests/disk/disk_image.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"

#include "core/base/check.h"

#include <sys/stat.h>
#include <unistd.h>

#define ROOT      1
#define FILE_NODE 10

/* ---- bytes ---- */

#define STEPS_MAX  5
#define BLOCKS     3
#define SIZE_MOST  ((size_t)BLOCKS * DISK_BLOCK)
#define BASE_BYTES 700

struct model_step {
    enum disk_kind kind; /* DISK_WRITE, DISK_TRUNCATE, DISK_SYNC */
    size_t offset, length;
    char letter;
};

struct model {
    struct model_step steps[STEPS_MAX];
    size_t count;
    bool is_ordered;
    char cache[STEPS_MAX + 1][SIZE_MOST]; /* after so many steps */
    size_t sizes[STEPS_MAX + 1];
    size_t synced; /* steps that the last sync covers, it included */
    struct state_set states;
    struct state_set visited;
};

static void run_steps(struct model *model) {
    memset(model->cache, 0, sizeof model->cache);
    memset(model->cache[0], 'o', BASE_BYTES);
    model->sizes[0] = BASE_BYTES;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_step *step = &model->steps[i];
        char *cache = model->cache[i + 1];
        memcpy(cache, model->cache[i], SIZE_MOST);
        model->sizes[i + 1] = model->sizes[i];
        if (step->kind == DISK_WRITE) {
            memset(cache + step->offset, step->letter, step->length);
            if (step->offset + step->length > model->sizes[i])
                model->sizes[i + 1] = step->offset + step->length;
        } else if (step->kind == DISK_TRUNCATE) {
            memset(cache + step->length, 0, SIZE_MOST - step->length);
            model->sizes[i + 1] = step->length;
        } else {
            model->synced = i + 1;
        }
    }
}

/* Runs of equal bytes: "512o 100a" */
static void describe(char *text, const char *bytes, size_t size) {
    size_t at = (size_t)sprintf(text, "%zu:", size);
    for (size_t i = 0, end; i < size; i = end) {
        for (end = i; end < size && bytes[end] == bytes[i]; end++)
            ;
        at += (size_t)sprintf(text + at, " %zu%c", end - i, bytes[i] ? bytes[i] : '0');
    }
}

/* What the disk of the model has: the size after `committed` steps, block b as after versions[b].
 */
static void add_state(struct model *model, const size_t *versions, size_t size) {
    char bytes[SIZE_MOST], text[4096];
    for (size_t b = 0; b < BLOCKS; b++)
        memcpy(bytes + b * DISK_BLOCK, model->cache[versions[b]] + b * DISK_BLOCK, DISK_BLOCK);
    describe(text, bytes, size);
    state_set_add(&model->states, text);
}

static bool step_touches(const struct model_step *step, size_t block) {
    return step->kind == DISK_WRITE && step->offset < (block + 1) * DISK_BLOCK &&
           step->offset + step->length > block * DISK_BLOCK;
}

/* The size becomes that of `now`; what must be on disk before is written back. */
static void commit(const struct model *model, size_t now, size_t from, size_t *versions) {
    for (size_t b = 0; b < BLOCKS; b++) {
        for (size_t i = from; i < now; i++) {
            const struct model_step *step = &model->steps[i];
            bool cuts = step->kind == DISK_TRUNCATE && step->length < (b + 1) * DISK_BLOCK;
            bool is_new = (b + 1) * DISK_BLOCK > model->sizes[model->synced];
            if ((cuts || (model->is_ordered && is_new && step_touches(step, b))) &&
                versions[b] < i + 1)
                versions[b] = i + 1;
        }
    }
}

static bool may_write_back(const struct model *model, size_t block, size_t committed, size_t now) {
    for (size_t i = committed; i < now; i++) {
        if (model->steps[i].kind == DISK_TRUNCATE && model->steps[i].length <= block * DISK_BLOCK)
            return false;
    }
    return true;
}

static void explore(struct model *model, size_t now, size_t committed, const size_t *versions) {
    char key[64];
    snprintf(key, sizeof key, "%zu %zu %zu %zu %zu", now, committed, versions[0], versions[1],
             versions[2]);
    if (!state_set_add(&model->visited, key))
        return;
    if (now == model->count) {
        size_t size = model->sizes[committed];
        add_state(model, versions, size);
        if (committed < now && model->steps[committed].kind == DISK_WRITE) {
            size_t torn[BLOCKS];
            memcpy(torn, versions, sizeof torn);
            if (model->is_ordered)
                commit(model, committed + 1, committed, torn);
            for (size_t border = DISK_BLOCK; border < model->sizes[committed + 1];
                 border += DISK_BLOCK) {
                if (border > size)
                    add_state(model, torn, border);
            }
        }
    }
    if (now < model->count)
        explore(model, now + 1, committed, versions);
    size_t next[BLOCKS];
    for (size_t b = 0; b < BLOCKS; b++) {
        if (versions[b] < now && may_write_back(model, b, committed, now)) {
            memcpy(next, versions, sizeof next);
            next[b] = now;
            explore(model, now, committed, next);
        }
    }
    if (committed < now) {
        memcpy(next, versions, sizeof next);
        commit(model, now, committed, next);
        explore(model, now, now, next);
    }
}

static struct disk_journal *journal_of(const struct model *model) {
    struct disk_journal *journal = disk_journal_new(ROOT);
    char letters[SIZE_MOST];
    memset(letters, 'o', sizeof letters);
    disk_journal_add(
        journal,
        &(struct disk_op){.kind = DISK_CREATE, .node = FILE_NODE, .folder = ROOT, .name = "f"});
    disk_journal_add(journal, &(struct disk_op){.kind = DISK_WRITE,
                                                .node = FILE_NODE,
                                                .length = BASE_BYTES,
                                                .bytes = letters});
    disk_journal_add(journal, &(struct disk_op){.kind = DISK_SYNC_ALL, .begin = 2});
    for (size_t i = 0; i < model->count; i++) {
        const struct model_step *step = &model->steps[i];
        memset(letters, step->letter, sizeof letters);
        disk_journal_add(journal, &(struct disk_op){.kind = step->kind,
                                                    .node = FILE_NODE,
                                                    .offset = step->offset,
                                                    .length = step->length,
                                                    .bytes = step->letter ? letters : NULL,
                                                    .begin = 3 + i});
    }
    return journal;
}

static void compare_bytes(struct model *model, size_t seeds) {
    model->states = model->visited = (struct state_set){0};
    model->synced = 0;
    run_steps(model);
    size_t start[BLOCKS] = {model->synced, model->synced, model->synced};
    explore(model, model->synced, model->synced, start);
    struct disk_journal *journal = journal_of(model);
    struct state_set made = {0};
    const struct disk_rules rules = {.is_ordered = model->is_ordered};
    for (size_t seed = 0; seed < seeds && made.count < model->states.count; seed++) {
        struct disk_image *image =
            disk_image_new(journal, disk_journal_length(journal), seed, &rules);
        assert_int_equal(image->count, 1);
        char text[4096];
        describe(text, (char *)image->nodes[0].bytes, (size_t)image->nodes[0].size);
        if (!state_set_has(&model->states, text))
            fail_msg("seed %zu makes a state that no disk has: %s", seed, text);
        state_set_add(&made, text);
        disk_image_free(image);
    }
    for (size_t i = 0; i < model->states.count; i++) {
        if (!state_set_has(&made, model->states.states[i]))
            fail_msg("%zu seeds never make %s", seeds, model->states.states[i]);
    }
    state_set_deinit(&made);
    state_set_deinit(&model->states);
    state_set_deinit(&model->visited);
    disk_journal_free(journal);
}

static void test_bytes(void **state) {
    (void)state;
    uint64_t random = asked_seed(1);
    size_t rounds = asked_steps(150);
    for (size_t round = 0; round < rounds; round++) {
        struct model model = {.count = 1 + split_mix(&random) % 4, .is_ordered = round % 2};
        for (size_t i = 0; i < model.count; i++) {
            struct model_step *step = &model.steps[i];
            uint64_t kind = split_mix(&random) % 8;
            step->kind = kind == 0 ? DISK_SYNC : kind < 3 ? DISK_TRUNCATE : DISK_WRITE;
            if (step->kind == DISK_TRUNCATE) {
                step->length = split_mix(&random) % SIZE_MOST;
            } else if (step->kind == DISK_WRITE) {
                step->letter = split_mix(&random) % 6 ? (char)('a' + i) : 0;
                step->offset = split_mix(&random) % (SIZE_MOST - 1);
                step->length = 1 + split_mix(&random) % (SIZE_MOST - step->offset);
            }
        }
        compare_bytes(&model, 200000);
    }
}

/* ---- names ---- */

#define NAMES_MAX 7
#define FOLDERS   2 /* the root and one in it */
#define NAMES     3
#define ENTRIES   (FOLDERS * NAMES)

struct name_step {
    enum disk_kind kind;
    size_t from, to; /* entries: folder * NAMES + name */
    size_t begin;    /* of a sync, in steps */
    uint32_t made;   /* the file's mode, which is how it is known */
};

static const char *const names[NAMES] = {"a", "b", "c"};

static size_t domain(enum disk_order order, size_t entry) {
    return order == DISK_ORDER_JOURNAL ? 0 : order == DISK_ORDER_FOLDER ? entry / NAMES : entry;
}

static bool is_naming(const struct name_step *step) {
    return step->kind != DISK_SYNC;
}

static bool share(enum disk_order order, const struct name_step *a, const struct name_step *b) {
    return domain(order, a->from) == domain(order, b->from) ||
           domain(order, a->from) == domain(order, b->to) ||
           domain(order, a->to) == domain(order, b->from) ||
           domain(order, a->to) == domain(order, b->to);
}

/* Is this set of operations (bits) one that a disk may have? */
static bool is_legal(const struct name_step *steps, size_t count, unsigned set,
                     enum disk_order order) {
    for (size_t j = 0; j < count; j++) {
        for (size_t i = 0; i < count; i++) {
            if (steps[j].kind == DISK_SYNC && is_naming(&steps[i]) && i < steps[j].begin &&
                !(set >> i & 1) &&
                (steps[i].from / NAMES == steps[j].from || steps[i].to / NAMES == steps[j].from))
                return false; /* it was synced */
            if (is_naming(&steps[i]) && is_naming(&steps[j]) && i < j && set >> j & 1 &&
                !(set >> i & 1) && share(order, &steps[i], &steps[j]))
                return false; /* a later one is there */
        }
    }
    return true;
}

static void state_of_set(const struct name_step *steps, size_t count, unsigned set, char *text) {
    uint32_t live[ENTRIES] = {0}, disk[ENTRIES] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct name_step *step = &steps[i];
        if (!is_naming(step))
            continue;
        uint32_t moved = step->kind == DISK_CREATE ? step->made : live[step->from];
        uint32_t back = step->kind == DISK_EXCHANGE ? live[step->to] : 0;
        uint32_t *trees[] = {live, disk};
        for (size_t t = 0; t < 2; t++) {
            if (t == 1 && !(set >> i & 1))
                continue;
            if (step->kind != DISK_CREATE)
                trees[t][step->from] = back;
            if (step->kind != DISK_UNLINK)
                trees[t][step->to] = moved;
        }
    }
    size_t at = 0;
    for (size_t e = 0; e < ENTRIES; e++)
        at += (size_t)sprintf(text + at, "%u ", disk[e]);
}

static void state_of_image(const struct disk_image *image, char *text) {
    uint32_t disk[ENTRIES] = {0};
    for (size_t i = 0; i < image->count; i++) {
        const struct disk_image_node *node = &image->nodes[i];
        if (node->kind == DISK_IMAGE_FOLDER)
            continue;
        const char *name = strrchr(node->path, '/');
        size_t folder = name ? 1 : 0;
        name = name ? name + 1 : node->path;
        disk[folder * NAMES + (size_t)(name[0] - 'a')] = node->mode;
    }
    size_t at = 0;
    for (size_t e = 0; e < ENTRIES; e++)
        at += (size_t)sprintf(text + at, "%u ", disk[e]);
}

static uint64_t folder_node(size_t entry) {
    return entry / NAMES ? 2 : ROOT;
}

static struct disk_journal *journal_of_names(const struct name_step *steps, size_t count) {
    struct disk_journal *journal = disk_journal_new(ROOT);
    disk_journal_add(
        journal, &(struct disk_op){.kind = DISK_MKDIR, .node = 2, .folder = ROOT, .name = "sub"});
    disk_journal_add(journal, &(struct disk_op){.kind = DISK_SYNC, .node = ROOT, .begin = 1});
    for (size_t i = 0; i < count; i++) {
        const struct name_step *step = &steps[i];
        struct disk_op op = {
            .kind = step->kind,
            .node = step->kind == DISK_SYNC ? (step->from ? 2 : ROOT) : 100 + i,
            .folder = folder_node(step->from),
            .name = names[step->from % NAMES],
            .other_folder = folder_node(step->to),
            .other_name = names[step->to % NAMES],
            .begin = 2 + step->begin * 2, /* each step is two operations */
        };
        assert_true(disk_journal_add(journal, &op));
        struct disk_op more = {.kind = DISK_MARK};
        if (step->kind == DISK_CREATE)
            more = (struct disk_op){.kind = DISK_MODE, .node = 100 + i, .offset = step->made};
        disk_journal_add(journal, &more);
    }
    return journal;
}

static void compare_names(const struct name_step *steps, size_t count, enum disk_order order) {
    struct state_set legal = {0}, made = {0};
    char text[256];
    for (unsigned set = 0; set < 1u << count; set++) {
        if (is_legal(steps, count, set, order)) {
            state_of_set(steps, count, set, text);
            state_set_add(&legal, text);
        }
    }
    struct disk_journal *journal = journal_of_names(steps, count);
    const struct disk_rules rules = {.order = order};
    for (uint64_t seed = 0; seed < 20000 && made.count < legal.count; seed++) {
        struct disk_image *image =
            disk_image_new(journal, disk_journal_length(journal), seed, &rules);
        state_of_image(image, text);
        if (!state_set_has(&legal, text))
            fail_msg("order %d, seed %u makes a state that no disk has: %s", (int)order,
                     (unsigned)seed, text);
        state_set_add(&made, text);
        disk_image_free(image);
    }
    assert_int_equal(made.count, legal.count);
    state_set_deinit(&legal);
    state_set_deinit(&made);
    disk_journal_free(journal);
}

static size_t make_steps(struct name_step *steps, uint64_t *random) {
    uint32_t live[ENTRIES] = {0};
    size_t wanted = 1 + split_mix(random) % NAMES_MAX, count = 0;
    while (count < wanted) {
        struct name_step step = {.from = split_mix(random) % ENTRIES,
                                 .to = split_mix(random) % ENTRIES};
        bool is_there = live[step.from], is_other = step.from != step.to;
        switch (split_mix(random) % 6) {
        case 0:
        case 1:
            step = (struct name_step){DISK_CREATE, step.from, step.from, 0, 0400 + (unsigned)count};
            if (is_there)
                continue;
            live[step.to] = step.made;
            break;
        case 2:
            step.kind = DISK_RENAME;
            if (!is_there || !is_other)
                continue;
            live[step.to] = live[step.from];
            live[step.from] = 0;
            break;
        case 3:
            step.kind = DISK_EXCHANGE;
            if (!is_there || !is_other || !live[step.to])
                continue;
            uint32_t moved = live[step.from];
            live[step.from] = live[step.to];
            live[step.to] = moved;
            break;
        case 4:
            step = (struct name_step){.kind = DISK_UNLINK, .from = step.from, .to = step.from};
            if (!is_there)
                continue;
            live[step.from] = 0;
            break;
        default:
            step = (struct name_step){.kind = DISK_SYNC,
                                      .from = split_mix(random) % FOLDERS,
                                      .begin = count - (count ? split_mix(random) % 2 : 0)};
            break;
        }
        steps[count++] = step;
    }
    return count;
}

static void test_names(void **state) {
    (void)state;
    uint64_t random = asked_seed(1);
    size_t rounds = asked_steps(200);
    for (size_t round = 0; round < rounds; round++) {
        struct name_step steps[NAMES_MAX];
        size_t count = make_steps(steps, &random);
        compare_names(steps, count, DISK_ORDER_JOURNAL);
        compare_names(steps, count, DISK_ORDER_FOLDER);
        compare_names(steps, count, DISK_ORDER_NAME);
    }
}

/* ---- what the header says, by example ---- */

static void add(struct disk_journal *journal, struct disk_op op) {
    assert_true(disk_journal_add(journal, &op));
}

/* A draft is written and renamed; with and without its sync before. */
static struct disk_journal *draft(bool is_synced) {
    struct disk_journal *journal = disk_journal_new(ROOT);
    add(journal, (struct disk_op){.kind = DISK_CREATE, .node = 5, .folder = ROOT, .name = "new"});
    add(journal, (struct disk_op){.kind = DISK_WRITE, .node = 5, .length = 3, .bytes = "abc"});
    if (is_synced)
        add(journal, (struct disk_op){.kind = DISK_DATASYNC, .node = 5, .begin = 2});
    add(journal, (struct disk_op){.kind = DISK_RENAME,
                                  .folder = ROOT,
                                  .name = "new",
                                  .other_folder = ROOT,
                                  .other_name = "f"});
    add(journal,
        (struct disk_op){.kind = DISK_SYNC, .node = ROOT, .begin = disk_journal_length(journal)});
    return journal;
}

static size_t count_empty(const struct disk_journal *journal, const struct disk_rules *rules) {
    size_t empty = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk_image *image =
            disk_image_new(journal, disk_journal_length(journal), seed, rules);
        if (rules->forgets_syncs) {
            empty += image->count == 0 || image->nodes[0].size == 0;
        } else {
            assert_int_equal(image->count, 1);
            assert_string_equal(image->nodes[0].path, "f");
            empty += image->nodes[0].size == 0;
        }
        disk_image_free(image);
    }
    return empty;
}

static void test_syncs(void **state) {
    (void)state;
    struct disk_journal *safe = draft(true), *unsafe = draft(false);
    assert_int_equal(count_empty(safe, &(struct disk_rules){0}), 0);
    assert_true(count_empty(unsafe, &(struct disk_rules){0}) > 10);
    assert_true(count_empty(safe, &(struct disk_rules){.forgets_syncs = true}) > 10);
    assert_true(count_empty(safe, &(struct disk_rules){.forgets_datasyncs = true}) > 10);
    assert_int_equal(count_empty(unsafe, &(struct disk_rules){.is_killed = true}), 0);
    disk_journal_free(safe);
    disk_journal_free(unsafe);
}

/* What is written during a sync may be on disk or not; what was written before is. */
static void test_write_during_sync(void **state) {
    (void)state;
    struct disk_journal *journal = disk_journal_new(ROOT);
    add(journal, (struct disk_op){.kind = DISK_CREATE, .node = 5, .folder = ROOT, .name = "f"});
    add(journal, (struct disk_op){.kind = DISK_SYNC, .node = ROOT, .begin = 1});
    add(journal, (struct disk_op){.kind = DISK_WRITE, .node = 5, .length = 3, .bytes = "abc"});
    add(journal,
        (struct disk_op){.kind = DISK_WRITE, .node = 5, .offset = 3, .length = 1, .bytes = "d"});
    add(journal, (struct disk_op){.kind = DISK_DATASYNC, .node = 5, .begin = 3});
    size_t with = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk_image *image = disk_image_new(journal, 5, seed, &(struct disk_rules){0});
        assert_true(image->nodes[0].size >= 3);
        assert_memory_equal(image->nodes[0].bytes, "abc", 3);
        with += image->nodes[0].size == 4 && image->nodes[0].bytes[3] == 'd';
        disk_image_free(image);
    }
    assert_in_range(with, 10, 190);
    disk_journal_free(journal);
}

/* A number of a node is used again; nodes that are not ours are counted, and do nothing. */
static void test_other_nodes(void **state) {
    (void)state;
    struct disk_journal *journal = disk_journal_new(ROOT);
    struct disk_op elsewhere = {.kind = DISK_WRITE, .node = 99, .length = 1, .bytes = "x"};
    assert_false(disk_journal_add(journal, &elsewhere));
    assert_false(disk_journal_add(
        journal, &(struct disk_op){.kind = DISK_UNLINK, .folder = 98, .name = "f"}));
    add(journal, (struct disk_op){.kind = DISK_CREATE, .node = 5, .folder = ROOT, .name = "f"});
    add(journal, (struct disk_op){.kind = DISK_WRITE, .node = 5, .length = 3, .bytes = "abc"});
    add(journal, (struct disk_op){.kind = DISK_UNLINK, .folder = ROOT, .name = "f"});
    add(journal, (struct disk_op){.kind = DISK_CREATE, .node = 5, .folder = ROOT, .name = "g"});
    assert_int_equal(disk_journal_length(journal), 6);
    struct disk_image *image =
        disk_image_new(journal, 6, 1, &(struct disk_rules){.is_killed = true});
    assert_int_equal(image->count, 1);
    assert_string_equal(image->nodes[0].path, "g");
    assert_int_equal(image->nodes[0].size, 0);
    disk_image_free(image);
    disk_journal_free(journal);
}

/* ---- folders of files ---- */

static void test_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/harrier-disk-XXXXXX", difference[256], path[128];
    assert_non_null(mkdtemp(folder));
    struct disk_journal *journal = disk_journal_new(ROOT);
    static char bytes[9000];
    memset(bytes + 8500, 'x', 100);
    add(journal, (struct disk_op){.kind = DISK_MKDIR, .node = 2, .folder = ROOT, .name = "sub"});
    add(journal, (struct disk_op){.kind = DISK_CREATE, .node = 3, .folder = 2, .name = "f"});
    add(journal, (struct disk_op){
                     .kind = DISK_WRITE, .node = 3, .offset = 5, .length = 9000, .bytes = bytes});
    add(journal,
        (struct disk_op){.kind = DISK_WRITE, .node = 3, .offset = 9005, .length = 1 << 20});
    add(journal, (struct disk_op){.kind = DISK_SYMLINK,
                                  .node = 4,
                                  .folder = ROOT,
                                  .name = "l",
                                  .length = 5,
                                  .bytes = "sub/f"});
    const struct disk_rules rules = {.is_killed = true};
    struct disk_image *image = disk_image_new(journal, 5, 1, &rules);
    assert_int_equal(disk_image_write(image, folder), 0);
    assert_true(disk_image_equals(image, folder, difference, sizeof difference));
    snprintf(path, sizeof path, "%s/l", folder);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 9005 + (1 << 20));
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 8600, SEEK_SET), 0);
    assert_int_equal(fputc('y', file), 'y');
    fclose(file);
    assert_false(disk_image_equals(image, folder, difference, sizeof difference));
    assert_string_equal(difference, "sub/f differs");
    assert_int_equal(disk_image_replace(image, folder), 0);
    assert_true(disk_image_equals(image, folder, difference, sizeof difference));
    snprintf(path, sizeof path, "%s/more", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(disk_image_equals(image, folder, difference, sizeof difference));
    disk_image_free(image);
    image = disk_image_new(journal, 0, 1, &rules);
    assert_int_equal(disk_image_replace(image, folder), 0);
    assert_int_equal(rmdir(folder), 0);
    disk_image_free(image);
    disk_journal_free(journal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_syncs),       cmocka_unit_test(test_write_during_sync),
        cmocka_unit_test(test_other_nodes), cmocka_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
