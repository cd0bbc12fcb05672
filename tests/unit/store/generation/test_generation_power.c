/* The power fails while a generation is published, or behind that: what `current` points to is
 * whole. Linked with --wrap for the calls below, which note what is on the disk, and cut the power
 * at each of them. */
#include "core/store/generation/generation_publish.h"
#include "core/store/generation/tally.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------
 * The disk: what each file and folder was when it was synced last */

struct name {
    char name[256], target[256]; /* target: of a link */
    mode_t mode;
    ino_t inode;
};

struct names {
    struct name *items;
    size_t count;
};

struct node {
    ino_t inode;
    int held; /* open, so that the number is of no other file */
    struct text bytes;
    struct names names;
};

static struct {
    struct node *nodes;
    size_t count;
} disk;

static struct names list(const char *path) {
    struct names names = {0};
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        assert_int_equal(fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW), 0);
        struct name name = {.mode = status.st_mode, .inode = status.st_ino};
        snprintf(name.name, sizeof name.name, "%s", entry->d_name);
        if (S_ISLNK(name.mode))
            assert_true(
                readlinkat(dirfd(folder), entry->d_name, name.target, sizeof name.target - 1) > 0);
        names.items = realloc(names.items, (names.count + 1) * sizeof *names.items);
        assert_non_null(names.items);
        names.items[names.count++] = name;
    }
    closedir(folder);
    return names;
}

static struct node *find(ino_t inode) {
    for (size_t i = 0; i < disk.count; i++)
        if (disk.nodes[i].inode == inode)
            return &disk.nodes[i];
    return NULL;
}

static void forget(struct node *node) {
    free((char *)(uintptr_t)node->bytes.data);
    free(node->names.items);
    node->bytes = (struct text){0};
    node->names = (struct names){0};
}

static void note_synced(int descriptor) {
    struct stat status;
    char path[64];
    assert_int_equal(fstat(descriptor, &status), 0);
    struct node *node = find(status.st_ino);
    if (!node) {
        disk.nodes = realloc(disk.nodes, (disk.count + 1) * sizeof *disk.nodes);
        assert_non_null(disk.nodes);
        node = &disk.nodes[disk.count++];
        *node = (struct node){.inode = status.st_ino, .held = dup(descriptor)};
        assert_true(node->held >= 0);
    }
    forget(node);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (S_ISDIR(status.st_mode))
        node->names = list(path);
    else
        node->bytes = scratch_read(path);
}

static void disk_free(void) {
    for (size_t i = 0; i < disk.count; i++) {
        forget(&disk.nodes[i]);
        close(disk.nodes[i].held);
    }
    free(disk.nodes);
    disk.nodes = NULL;
    disk.count = 0;
}

/* Three of the disks that there may be. Names that were not synced are not there, or only links
 * are, or all. Bytes that were not synced are never there. */
enum left { NAMES_SYNCED, NAMES_OF_LINKS, NAMES_ALL, LEFT_COUNT };

static const char *const left_names[] = {"synced names", "synced names and links", "all names"};

static void put(enum left left, const char *from, ino_t inode, const char *to);

static void put_name(enum left left, const char *from, const struct name *name, const char *to) {
    const struct node *file = find(name->inode);
    char inside[512], target[512];
    assert_true(snprintf(inside, sizeof inside, "%s/%s", from, name->name) < (int)sizeof inside);
    assert_true(snprintf(target, sizeof target, "%s/%s", to, name->name) < (int)sizeof target);
    if (S_ISLNK(name->mode)) {
        assert_int_equal(symlink(name->target, target), 0);
    } else if (S_ISDIR(name->mode)) {
        assert_int_equal(mkdir(target, 0700), 0);
        put(left, inside, name->inode, target);
    } else {
        scratch_write(target, file ? file->bytes.data : "", file ? file->bytes.length : 0);
    }
}

/* from: the folder as programs see it, which need not have the name any more. */
static void put(enum left left, const char *from, ino_t inode, const char *to) {
    const struct node *node = find(inode);
    if (left != NAMES_ALL && node)
        for (size_t i = 0; i < node->names.count; i++)
            if (left == NAMES_SYNCED || !S_ISLNK(node->names.items[i].mode))
                put_name(left, from, &node->names.items[i], to);
    if (left == NAMES_SYNCED || !scratch_exists(from))
        return;
    struct names now = list(from);
    for (size_t i = 0; i < now.count; i++)
        if (left == NAMES_ALL || S_ISLNK(now.items[i].mode))
            put_name(left, from, &now.items[i], to);
    free(now.items);
}

/* ---------------------------------------------------------------------------------------------
 * Cutting the power */

static struct {
    char *root;   /* NULL: nobody looks */
    uint64_t old; /* id of what is published; 0: nothing is */
    uint64_t new; /* what must be there; 0: the old one or another one that is whole */
    unsigned times, found_none, found_old, found_new;
} power;

static void cut(enum left left) {
    char *after = scratch_make();
    struct stat status;
    assert_int_equal(stat(power.root, &status), 0);
    put(left, power.root, status.st_ino, after);
    struct generation *generation = NULL;
    struct error error;
    uint64_t id = 0;
    int r = generation_open_current(after, true, &generation, &error);
    if (r == 0)
        id = generation_manifest(generation)->id;
    else if (r != -ERROR_NOT_FOUND || power.old != 0 || power.new != 0)
        fail_msg("after cut %u of the power, which has left %s: %s", power.times, left_names[left],
                 error.text);
    if (power.new != 0)
        assert_int_equal(id, power.new);
    power.found_none += id == 0;
    power.found_old += id != 0 && id == power.old;
    power.found_new += id != 0 && id != power.old;
    generation_close(generation);
    scratch_remove(after);
}

static void look(void) {
    if (!power.root)
        return;
    power.times++;
    for (enum left left = 0; left < LEFT_COUNT; left++)
        cut(left);
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_renameat(int from, const char *name, int to, const char *other);
int __wrap_renameat(int from, const char *name, int to, const char *other);
int __real_symlinkat(const char *target, int directory, const char *name);
int __wrap_symlinkat(const char *target, int directory, const char *name);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);

int __wrap_fsync(int descriptor) {
    look();
    int r = __real_fsync(descriptor);
    if (r == 0 && power.root)
        note_synced(descriptor);
    return r;
}

int __wrap_renameat(int from, const char *name, int to, const char *other) {
    look();
    return __real_renameat(from, name, to, other);
}

int __wrap_symlinkat(const char *target, int directory, const char *name) {
    look();
    return __real_symlinkat(target, directory, name);
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
    look();
    return __real_unlinkat(directory, name, flags);
}

/* --------------------------------------------------------------------------------------------- */

/* Of so many states; by one thread. */
static uint64_t publish(const struct snapshot *policy, unsigned states) {
    const struct snapshot_record snapshot = {.snapshot_id = policy->id,
                                             .name = policy->name,
                                             .files = policy->files,
                                             .file_count = policy->file_count};
    const struct tally tally = {.transactions = states, .newest_event_time_us = TRAFFIC_START_US};
    const struct generation_description description = {.place = {.position = states, .chain = 1},
                                                       .snapshot = &snapshot,
                                                       .tally = &tally,
                                                       .now_us = 1,
                                                       .version = "0.1.0"};
    const struct entry entry = {.time_us = TRAFFIC_START_US, .id_hash = 1, .transaction = true};
    struct state state = {0};
    struct buffer encoded = {0};
    struct generation_writer *writer = NULL;
    struct generation_manifest manifest = {0};
    struct error error;
    size_t removed;
    state_apply(&state, &policy->plan.entities[0], policy->plan.lateness_us, &entry);
    state_encode(&state, &policy->plan.entities[0], &encoded);
    int r = generation_writer_open(power.root, &policy->plan, &writer, &error);
    for (unsigned i = 0; r == 0 && i < states; i++) {
        char key[16];
        snprintf(key, sizeof key, "card-%06u", i);
        r = generation_writer_state(writer, 0, text_of(key), buffer_text(&encoded), &error);
    }
    if (r == 0)
        r = generation_writer_finish(writer, &description, &error);
    for (size_t i = 0; r == 0 && i < generation_writer_checks(writer); i++)
        r = generation_writer_check(writer, i, &error);
    if (r == 0)
        r = generation_writer_publish(writer, &manifest, &error);
    if (r == 0) {
        power.new = manifest.id;
        look();
        r = generation_writer_retain(writer, 1, 0, &removed, &error);
    }
    if (r < 0)
        fail_msg("%s", error.text);
    look();
    generation_writer_close(writer);
    buffer_deinit(&encoded);
    state_deinit(&state);
    return manifest.id;
}

static void what_current_points_to_is_whole(void **state) {
    struct snapshot *policy = traffic_policy("");
    (void)state;
    power.root = scratch_make();
    uint64_t first = publish(policy, 500);
    assert_true(power.found_none > 4 && power.found_new > 2 && power.found_old == 0);
    power.old = first;
    power.new = power.found_none = 0;
    assert_int_not_equal(publish(policy, 900), first);
    assert_true(power.found_none == 0 && power.found_old > 8);
    char *root = power.root;
    power.root = NULL;
    disk_free();
    scratch_remove(root);
    snapshot_unref(policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_current_points_to_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
