/* A rollback that is killed, or refused by the system, at every call that changes a file: the
 * folder has all of one policy and all other files at any time, the old files are never lost, and
 * what fails has changed nothing. Linked so that those calls come through here. */
#include "clients/cli/policy/policy_rollback.h"
#include "core/policy/load/snapshot.h"
#include "tests/unit/store/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the calls ---- */

static struct {
    unsigned left;            /* calls until something happens; 0: nothing will */
    int number;               /* errno of the failure; 0: the process is killed */
    bool has_no_rename_flags; /* as on file systems that know none */
    bool gives_nothing;       /* as for a user who owns neither the files nor is in their group */
    gid_t given_group;        /* as for a user who is in this group alone; 0: it gives any */
} calls;

/* true: the call fails. Or it does not return. */
static bool strike(void) {
    if (calls.left == 0 || --calls.left > 0)
        return false;
    if (calls.number == 0)
        _exit(9);
    errno = calls.number;
    return true;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters {                                                                 \
        return strike() ? -1 : __real_##name arguments;                                            \
    }

WRAP(fsync, (int descriptor), (descriptor))
WRAP(fchmod, (int descriptor, mode_t mode), (descriptor, mode))

int __real_fchown(int descriptor, uid_t owner, gid_t group);
int __wrap_fchown(int descriptor, uid_t owner, gid_t group);
int __wrap_fchown(int descriptor, uid_t owner, gid_t group) {
    if (strike())
        return -1;
    bool is_others = group != (gid_t)-1 && group != calls.given_group;
    if (calls.gives_nothing || (calls.given_group && is_others)) {
        errno = EPERM;
        return -1;
    }
    return __real_fchown(descriptor, owner, group);
}

WRAP(mkdirat, (int directory, const char *name, mode_t mode), (directory, name, mode))
WRAP(linkat, (int from, const char *name, int to, const char *new_name, int flags),
     (from, name, to, new_name, flags))
WRAP(renameat, (int from, const char *name, int to, const char *new_name),
     (from, name, to, new_name))
WRAP(rename, (const char *name, const char *new_name), (name, new_name))
WRAP(symlink, (const char *target, const char *name), (target, name))
WRAP(unlink, (const char *name), (name))
WRAP(unlinkat, (int directory, const char *name, int flags), (directory, name, flags))

int __real_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
int __wrap_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
int __wrap_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
    if (strike())
        return -1;
    if (calls.has_no_rename_flags) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(from, name, to, new_name, flags);
}

/* What happens between the opening of the old folder and its lock; NULL: nothing. */
static const struct scene *replaced_before_lock;
static void replace_folder(const struct scene *scene);

int __real_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation) {
    if (replaced_before_lock)
        replace_folder(replaced_before_lock);
    return __real_flock(descriptor, operation);
}

/* What is removed once somebody has seen that it is there; NULL: nothing. */
static const char *removed_when_seen;

int __real_fstatat64(int directory, const char *name, struct stat *status, int flags);
int __wrap_fstatat64(int directory, const char *name, struct stat *status, int flags);
int __wrap_fstatat64(int directory, const char *name, struct stat *status, int flags) {
    int r = __real_fstatat64(directory, name, status, flags);
    if (removed_when_seen && strcmp(name, removed_when_seen) == 0)
        assert_int_equal(__real_unlinkat(directory, name, AT_REMOVEDIR), 0);
    return r;
}

/* The last thing that a killed process did may be half done. */
ssize_t __real_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size, off_t offset) {
    if (calls.left == 1)
        __real_pwrite64(descriptor, bytes, size / 2, offset);
    return strike() ? -1 : __real_pwrite64(descriptor, bytes, size, offset);
}

/* ---- the policies ---- */

#define FILE_OF(path, content) {TEXT_LITERAL(path), TEXT_LITERAL(content)}

static const struct policy_file old_files[] = {
    FILE_OF("lists.yaml", "lists: {x: {about: x, file: lists/x.txt}}\n"),
    FILE_OF("lists/x.txt", "1\n"),
    FILE_OF("policy.yaml", "policy: {name: old}\n"),
    FILE_OF("rules/a.yaml", "rules: []\n"),
};
static const struct policy_file new_files[] = {
    FILE_OF("policy.yaml", "policy: {name: new}\n"),
    FILE_OF("rules/a.yaml", "rules: []\n"),
    FILE_OF("rules/more/b.yaml", "rules: []\n"),
};
static const struct policy_file other_files[] = {
    FILE_OF(".git/HEAD", "ref\n"),
    FILE_OF("README", "how\n"),
    FILE_OF("doc/a/page", "text\n"),
    FILE_OF("rules/NOTES", "notes\n"),
};
#define COUNT(files) (sizeof(files) / sizeof *(files))

static uint64_t old_id(void) {
    return snapshot_files_id(old_files, COUNT(old_files));
}

static uint64_t new_id(void) {
    return snapshot_files_id(new_files, COUNT(new_files));
}

static void make_folders(const char *folder, struct text path) {
    for (size_t i = 0; i < path.length; i++)
        if (path.data[i] == '/') {
            char *above = text_copy((struct text){path.data, i});
            mkdir(scratch_path(folder, above), 0755);
            free(above);
        }
}

static void put_files(const char *folder, const struct policy_file *files, size_t count) {
    mkdir(folder, 0755);
    for (size_t i = 0; i < count; i++) {
        make_folders(folder, files[i].path);
        scratch_write(scratch_path(folder, files[i].path.data), files[i].content.data,
                      files[i].content.length);
    }
}

/* Whether the folder has the files, with their contents. */
static bool has_files(const char *folder, const struct policy_file *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *path = scratch_path(folder, files[i].path.data);
        if (!scratch_exists(path))
            return false;
        struct text content = scratch_read(path);
        bool is_same = text_equal(content, files[i].content);
        free((char *)(uintptr_t)content.data);
        if (!is_same)
            return false;
    }
    return true;
}

/* The id that a server would give to what is in the folder; 0: it is no folder. */
static uint64_t id_of(const char *path) {
    struct policy_folder *folder;
    struct error error;
    size_t count;
    if (policy_folder_read(path, &folder, &error) < 0)
        return 0;
    const struct policy_file *files = policy_folder_files(folder, &count);
    uint64_t id = snapshot_files_id(files, count);
    policy_folder_free(folder);
    return id;
}

/* ---- the place ---- */

struct scene {
    char *place;
    char *folder; /* of the policy, in it */
    char *path;   /* what is given to the rollback: the folder, or a link to it */
};

static void scene_make(struct scene *scene, bool is_link) {
    scene->place = scratch_make();
    scene->folder = strdup(scratch_path(scene->place, "policy"));
    scene->path = strdup(is_link ? scratch_path(scene->place, "current") : scene->folder);
    put_files(scene->folder, old_files, COUNT(old_files));
    put_files(scene->folder, other_files, COUNT(other_files));
    if (is_link)
        assert_int_equal(symlink("policy", scene->path), 0);
}

static void scene_remove(struct scene *scene) {
    scratch_remove(scene->place);
    free(scene->folder);
    free(scene->path);
}

/* As another rollback, or a deployment: the old folder has another name then. */
static void replace_folder(const struct scene *scene) {
    replaced_before_lock = NULL;
    assert_int_equal(rename(scene->folder, scratch_path(scene->place, "moved")), 0);
    put_files(scene->folder, old_files, COUNT(old_files));
}

static int roll_back(const struct scene *scene, struct rolled_back *ret_done,
                     struct error *ret_error) {
    const struct rollback rollback = {.folder = scene->path,
                                      .old_files = old_files,
                                      .old_count = COUNT(old_files),
                                      .new_files = new_files,
                                      .new_count = COUNT(new_files),
                                      .new_id = new_id()};
    return policy_rollback(&rollback, ret_done, ret_error);
}

static bool is_in_place(const struct scene *scene, uint64_t id) {
    bool is_somewhere = false;
    DIR *place = opendir(scene->place);
    const struct dirent *entry;
    while ((entry = readdir(place)))
        is_somewhere |= strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, ".") != 0 &&
                        id_of(scratch_path(scene->place, entry->d_name)) == id;
    closedir(place);
    return is_somewhere;
}

/* One of the policies, all other files, and the old ones somewhere. A link leaves the others where
 * they are. */
static void expect_whole(const struct scene *scene) {
    uint64_t id = id_of(scene->path);
    assert_true(id == old_id() || id == new_id());
    assert_true(is_in_place(scene, old_id()));
    assert_true(has_files(scene->folder, other_files, COUNT(other_files)));
}

/* ---- tests ---- */

static int set_up(void **state) {
    (void)state;
    memset(&calls, 0, sizeof calls);
    return 0;
}

/* 0: it came to its end before that many calls. */
static int roll_back_in_a_child(const struct scene *scene, unsigned calls_until) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rolled_back done;
        struct error error;
        calls.left = calls_until;
        int r = roll_back(scene, &done, &error);
        if (r == 0)
            rolled_back_deinit(&done);
        _exit(r < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status);
}

/* Returns at how many calls it was killed. */
static unsigned kill_at_every_call(bool is_link) {
    unsigned kills = 0, exchanged = 0;
    int status;
    do {
        struct scene scene;
        scene_make(&scene, is_link);
        status = roll_back_in_a_child(&scene, kills + 1);
        expect_whole(&scene);
        exchanged += id_of(scene.path) == new_id();
        /* Whatever it left behind, the next one succeeds. */
        if (status != 0 && id_of(scene.path) == old_id()) {
            assert_int_equal(roll_back_in_a_child(&scene, 0), 0);
            expect_whole(&scene);
            assert_true(id_of(scene.path) == new_id());
        }
        kills += status != 0;
        scene_remove(&scene);
    } while (status != 0);
    assert_true(exchanged >= 1 && exchanged < kills);
    return kills;
}

static void killed_at_every_call(void **state) {
    (void)state;
    assert_true(kill_at_every_call(false) > 40);
    assert_true(kill_at_every_call(true) > 20);
}

/* Returns at how many calls it failed. */
static unsigned fail_at_every_call(bool is_link, int number) {
    unsigned fails = 0, refused = 0;
    bool is_over;
    do {
        struct scene scene;
        struct rolled_back done;
        struct error error;
        scene_make(&scene, is_link);
        uint64_t before = scratch_fingerprint(scene.place);
        calls.number = number;
        calls.left = ++fails;
        int r = roll_back(&scene, &done, &error);
        is_over = calls.left > 0;
        calls.left = 0;
        expect_whole(&scene);
        if (r < 0) {
            assert_int_equal(r, -ERROR_SYSTEM);
            assert_non_null(strstr(error.text, strerror(number)));
            assert_true(scratch_fingerprint(scene.place) == before);
            refused++;
        } else {
            assert_true(id_of(scene.path) == new_id());
            assert_true(id_of(done.old_folder) == old_id());
            rolled_back_deinit(&done);
        }
        scene_remove(&scene);
    } while (!is_over);
    assert_true(refused > 15);
    return fails;
}

static void refused_at_every_call(void **state) {
    (void)state;
    assert_true(fail_at_every_call(false, ENOSPC) > 40);
    assert_true(fail_at_every_call(true, EIO) > 20);
}

/* Nobody may read the new files before they are whole, and then as many as could read the old. */
static void access_is_that_of_the_old_files(void **state) {
    (void)state;
    struct scene scene;
    struct rolled_back done;
    struct error error;
    struct stat status;
    scene_make(&scene, false);
    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(chown(scene.folder, 1234, 2345), 0);
        assert_int_equal(chown(scratch_path(scene.folder, "doc"), 3456, 4567), 0);
    }
    assert_int_equal(chmod(scene.folder, 02751), 0);
    assert_int_equal(chmod(scratch_path(scene.folder, "policy.yaml"), 0604), 0);
    assert_int_equal(chmod(scratch_path(scene.folder, "doc"), 0711), 0);
    assert_int_equal(roll_back(&scene, &done, &error), 0);
    static const struct {
        const char *path;
        mode_t mode;
    } modes[] = {{".", 02751},  {"rules", 02751},      {"rules/more/b.yaml", 0604},
                 {"doc", 0711}, {"policy.yaml", 0604}, {"README", 0600}};
    for (size_t i = 0; i < COUNT(modes); i++) {
        assert_int_equal(stat(scratch_path(scene.folder, modes[i].path), &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i].mode);
        bool is_other = strcmp(modes[i].path, "README") == 0;
        bool is_doc = strcmp(modes[i].path, "doc") == 0;
        assert_int_equal(status.st_uid, !is_root || is_other ? geteuid() : is_doc ? 3456 : 1234);
        assert_int_equal(status.st_gid, !is_root || is_other ? getegid() : is_doc ? 4567 : 2345);
    }
    rolled_back_deinit(&done);
    scene_remove(&scene);
}

#define DAEMON 1 /* a user that a Linux system has, and that is not in the group 0 */

/* Whoever may not give the new files away does nothing if somebody could not read them then. */
static void nobody_loses_access(void **state) {
    static const struct {
        uid_t owner; /* 0: of this process */
        gid_t group;
        mode_t mode;
        bool is_refused;
    } cases[] = {{1234, 2345, 0640, true},  {1234, 2345, 0600, true}, {0, 2345, 0640, true},
                 {1234, 2345, 0644, false}, {0, 2345, 0600, false},   {1234, 0, 0640, false},
                 {1234, 0, 0600, true},     {DAEMON, 0, 0640, true}};
    (void)state;
    if (geteuid() != 0 || !getpwuid(DAEMON))
        skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scene scene;
        struct rolled_back done;
        struct error error;
        scene_make(&scene, false);
        assert_int_equal(chown(scene.folder, cases[i].owner, cases[i].group), 0);
        assert_int_equal(chmod(scratch_path(scene.folder, "policy.yaml"), cases[i].mode), 0);
        uint64_t before = scratch_fingerprint(scene.place);
        calls.gives_nothing = true;
        int r = roll_back(&scene, &done, &error);
        calls.gives_nothing = false;
        if (cases[i].is_refused) {
            assert_int_equal(r, -ERROR_SYSTEM);
            assert_non_null(strstr(error.text, "Nothing was changed; run this as root"));
            assert_true(scratch_fingerprint(scene.place) == before);
        } else {
            assert_int_equal(r, 0);
            assert_true(id_of(scene.path) == new_id());
            rolled_back_deinit(&done);
        }
        scene_remove(&scene);
    }
}

/* The group that a draft is given by the folder around it is not always one that its owner could
 * give it back. */
static void a_group_that_cannot_come_back(void **state) {
    (void)state;
    if (geteuid() != 0)
        skip();
    struct scene scene;
    struct rolled_back done;
    struct error error;
    struct stat status;
    scene_make(&scene, false);
    assert_int_equal(chown(scene.place, 0, 3456), 0);
    assert_int_equal(chmod(scene.place, 02755), 0);
    assert_int_equal(chown(scene.folder, 0, 2345), 0);
    calls.given_group = 2345;
    int r = roll_back(&scene, &done, &error);
    calls.given_group = 0;
    assert_int_equal(r, 0);
    assert_int_equal(stat(scratch_path(scene.folder, "policy.yaml"), &status), 0);
    assert_int_equal(status.st_gid, 2345);
    rolled_back_deinit(&done);
    scene_remove(&scene);
}

/* Without the exchange nothing is done; through a link it needs none. */
static void a_file_system_without_the_exchange(void **state) {
    (void)state;
    for (int is_link = 0; is_link <= 1; is_link++) {
        struct scene scene;
        struct rolled_back done;
        struct error error;
        scene_make(&scene, is_link);
        uint64_t before = scratch_fingerprint(scene.place);
        calls.has_no_rename_flags = true;
        int r = roll_back(&scene, &done, &error);
        if (is_link) {
            assert_int_equal(r, 0);
            assert_true(id_of(scene.path) == new_id());
            rolled_back_deinit(&done);
        } else {
            assert_int_equal(r, -ERROR_SYSTEM);
            assert_non_null(strstr(error.text, "its file system cannot do that"));
            assert_true(scratch_fingerprint(scene.place) == before);
        }
        scene_remove(&scene);
    }
}

/* A policy of another id than it should be never gets its place. */
static void what_is_read_back_is_compared(void **state) {
    (void)state;
    struct scene scene;
    struct rolled_back done;
    struct error error;
    scene_make(&scene, false);
    uint64_t before = scratch_fingerprint(scene.place);
    const struct rollback rollback = {.folder = scene.path,
                                      .old_files = old_files,
                                      .old_count = COUNT(old_files),
                                      .new_files = new_files,
                                      .new_count = COUNT(new_files),
                                      .new_id = new_id() + 1};
    assert_int_equal(policy_rollback(&rollback, &done, &error), -ERROR_DAMAGED);
    assert_true(scratch_fingerprint(scene.place) == before);
    scene_remove(&scene);
}

/* It looks as if it were not of the policy, and would come along. */
static void a_rule_that_was_added_since(void **state) {
    static const struct policy_file added[] = {FILE_OF("rules/more.yaml", "rules: []\n")};
    (void)state;
    struct scene scene;
    struct rolled_back done;
    struct error error;
    scene_make(&scene, false);
    put_files(scene.folder, added, COUNT(added));
    uint64_t before = scratch_fingerprint(scene.place);
    assert_int_equal(roll_back(&scene, &done, &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.text, "was changed meanwhile; nothing was replaced"));
    assert_true(scratch_fingerprint(scene.place) == before);
    scene_remove(&scene);
}

/* Two at a time would both take the other files along, and the second one find none of them. */
static void one_at_a_time(void **state) {
    (void)state;
    for (int is_link = 0; is_link <= 1; is_link++) {
        struct scene scene;
        struct rolled_back done;
        struct error error;
        scene_make(&scene, is_link);
        uint64_t before = scratch_fingerprint(scene.place);
        int other = open(scene.folder, O_RDONLY | O_DIRECTORY);
        assert_int_equal(flock(other, LOCK_EX), 0);
        assert_int_equal(roll_back(&scene, &done, &error), -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, "another rollback"));
        assert_true(scratch_fingerprint(scene.place) == before);
        close(other);
        replaced_before_lock = &scene;
        assert_int_equal(roll_back(&scene, &done, &error), -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, "was replaced meanwhile"));
        assert_true(id_of(scene.path) == old_id());
        assert_int_equal(roll_back(&scene, &done, &error), 0);
        rolled_back_deinit(&done);
        scene_remove(&scene);
    }
}

/* A server that has opened the old folder is still reading while the rollback removes from it what
 * is not of the policy. */
static void the_old_folder_is_still_read(void **state) {
    (void)state;
    struct scene scene;
    scene_make(&scene, false);
    assert_int_equal(mkdir(scratch_path(scene.folder, "moved-along"), 0755), 0);
    removed_when_seen = "moved-along";
    uint64_t id = id_of(scene.folder);
    removed_when_seen = NULL;
    assert_true(id == old_id());
    assert_false(scratch_exists(scratch_path(scene.folder, "moved-along")));
    scene_remove(&scene);
}

/* Names would grow with each rollback otherwise, until there is no room for one more. */
static void a_link_back_and_forth(void **state) {
    (void)state;
    struct scene scene;
    char name[64];
    scene_make(&scene, true);
    for (unsigned i = 0; i < 6; i++) {
        struct rolled_back done;
        struct error error;
        bool is_back = i % 2 == 0;
        const struct rollback rollback = {
            .folder = scene.path,
            .old_files = is_back ? old_files : new_files,
            .old_count = is_back ? COUNT(old_files) : COUNT(new_files),
            .new_files = is_back ? new_files : old_files,
            .new_count = is_back ? COUNT(new_files) : COUNT(old_files),
            .new_id = is_back ? new_id() : old_id()};
        assert_int_equal(policy_rollback(&rollback, &done, &error), 0);
        assert_true(id_of(scene.path) == rollback.new_id);
        int length = snprintf(name, sizeof name, "policy.%016" PRIx64, rollback.new_id);
        if (i > 1) /* the names of the rollbacks before are taken */
            snprintf(name + length, sizeof name - (size_t)length, "-%u", i / 2 + 1);
        assert_string_equal(strrchr(done.new_folder, '/') + 1, name);
        rolled_back_deinit(&done);
    }
    scene_remove(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(killed_at_every_call, set_up),
        cmocka_unit_test_setup(refused_at_every_call, set_up),
        cmocka_unit_test_setup(access_is_that_of_the_old_files, set_up),
        cmocka_unit_test_setup(nobody_loses_access, set_up),
        cmocka_unit_test_setup(a_group_that_cannot_come_back, set_up),
        cmocka_unit_test_setup(a_file_system_without_the_exchange, set_up),
        cmocka_unit_test_setup(what_is_read_back_is_compared, set_up),
        cmocka_unit_test_setup(a_rule_that_was_added_since, set_up),
        cmocka_unit_test_setup(one_at_a_time, set_up),
        cmocka_unit_test_setup(the_old_folder_is_still_read, set_up),
        cmocka_unit_test_setup(a_link_back_and_forth, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
