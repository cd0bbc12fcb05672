/* The tree is HEAD's with the policy's files changed, made in an index in memory: what somebody has
 * staged in the repository is neither committed nor lost. Afterwards the same files are updated in
 * the repository's own index, so that `git status` shows no difference. */
#include "git_commit.h"

#include "core/base/buffer.h"

#include <git2.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct work {
    const struct git_change *change;
    git_repository *repository;
    git_index *index; /* in memory */
    git_commit *head; /* NULL: the first commit */
    git_tree *head_tree, *tree;
    git_signature *author, *committer;
    char prefix[PATH_MAX]; /* of the folder in the repository: "" or "policies/cards/" */
};

static int fail(const char *what, struct error *ret_error) {
    const git_error *last = git_error_last();
    return error_set(ret_error, ERROR_SYSTEM, "%s: %s", what, last ? last->message : "no reason");
}

/* Is the policy one of the repository's files? A folder that only happens to be below one, ignored
 * or not added yet, is none of its business. */
static bool is_tracked(git_repository *repository, const char *prefix) {
    char path[PATH_MAX + 16];
    git_index *index;
    if (git_repository_index(&index, repository) < 0)
        return false;
    snprintf(path, sizeof path, "%spolicy.yaml", prefix);
    bool is_there = git_index_get_bypath(index, path, 0) != NULL;
    git_index_free(index);
    return is_there;
}

/* 1: it is there; 0: the folder is in none, or a link. */
static int open_repository(const char *folder, git_repository **ret_repository,
                           char prefix[PATH_MAX], struct error *ret_error) {
    char real[PATH_MAX], root[PATH_MAX];
    struct stat status;
    char *trimmed = text_copy(text_of(folder));
    for (size_t length = strlen(trimmed); length > 1 && trimmed[length - 1] == '/';)
        trimmed[--length] = '\0';
    bool is_folder = lstat(trimmed, &status) == 0 && S_ISDIR(status.st_mode);
    free(trimmed);
    if (!is_folder || !realpath(folder, real))
        return 0;
    int r = git_repository_open_ext(ret_repository, real, 0, NULL);
    if (r == GIT_ENOTFOUND)
        return 0;
    if (r < 0)
        return fail("the repository cannot be opened", ret_error);
    const char *top = git_repository_workdir(*ret_repository);
    if (!top || !realpath(top, root))
        return 0; /* a bare one */
    size_t length = strlen(root);
    if (strcmp(real, root) == 0)
        prefix[0] = '\0';
    else if (strncmp(real, root, length) == 0 && real[length] == '/')
        snprintf(prefix, PATH_MAX, "%s/", real + length + 1);
    else
        return 0;
    return is_tracked(*ret_repository, prefix);
}

static int read_head(struct work *work, struct error *ret_error) {
    git_reference *head = NULL;
    int r = git_repository_head(&head, work->repository);
    if (r == GIT_EUNBORNBRANCH || r == GIT_ENOTFOUND)
        return 0;
    if (r == 0)
        r = git_reference_peel((git_object **)&work->head, head, GIT_OBJECT_COMMIT);
    git_reference_free(head);
    if (r == 0)
        r = git_commit_tree(&work->head_tree, work->head);
    if (r == 0)
        r = git_index_read_tree(work->index, work->head_tree);
    return r < 0 ? fail("HEAD cannot be read", ret_error) : 0;
}

static const char *path_in(const struct work *work, struct text path, struct buffer *buffer) {
    buffer_clear(buffer);
    buffer_append_string(buffer, work->prefix);
    buffer_append(buffer, path.data, path.length);
    buffer_append_u8(buffer, '\0');
    return (const char *)buffer->bytes;
}

static int put_file(struct work *work, const struct policy_file *file, const char *path) {
    const git_index_entry *before = git_index_get_bypath(work->index, path, 0);
    git_index_entry entry = {.path = path,
                             .mode = before && before->mode == GIT_FILEMODE_BLOB_EXECUTABLE
                                         ? GIT_FILEMODE_BLOB_EXECUTABLE
                                         : GIT_FILEMODE_BLOB};
    int r = git_blob_create_from_buffer(&entry.id, work->repository, file->content.data,
                                        file->content.length);
    return r < 0 ? r : git_index_add(work->index, &entry);
}

static int make_tree(struct work *work, struct error *ret_error) {
    const struct git_change *change = work->change;
    struct buffer path;
    git_oid id;
    int r = 0;
    buffer_init(&path);
    for (size_t i = 0; i < change->old_files->count; i++)
        if (!file_set_find(change->new_files, change->old_files->files[i].path))
            git_index_remove(work->index, path_in(work, change->old_files->files[i].path, &path),
                             0); /* one that git does not have is gone already */
    for (size_t i = 0; i < change->new_files->count && r == 0; i++)
        r = put_file(work, &change->new_files->files[i],
                     path_in(work, change->new_files->files[i].path, &path));
    buffer_deinit(&path);
    if (r == 0)
        r = git_index_write_tree_to(&id, work->index, work->repository);
    if (r == 0)
        r = git_tree_lookup(&work->tree, work->repository, &id);
    return r < 0 ? fail("the files cannot be stored", ret_error) : 0;
}

/* People have names only; git wants an address. */
static int sign(const char *name, git_signature **ret_signature) {
    char address[160];
    snprintf(address, sizeof address, strchr(name, '@') ? "%s" : "%s@harrier-console", name);
    return git_signature_now(ret_signature, name, address);
}

static int write_commit(struct work *work, char ret_id[GIT_ID_SIZE], struct error *ret_error) {
    const struct git_change *change = work->change;
    const git_commit *parents[] = {work->head};
    struct buffer message;
    git_oid id;
    buffer_init(&message);
    buffer_printf(&message, "%s\n", change->message);
    if (*change->comment)
        buffer_printf(&message, "\n%s\n", change->comment);
    if (strcmp(change->author, change->committer) != 0)
        buffer_printf(&message, "\nApproved-by: %s\n", change->committer);
    buffer_append_u8(&message, '\0');
    int r = sign(change->author, &work->author);
    if (r == 0)
        r = sign(change->committer, &work->committer);
    if (r == 0)
        r = git_commit_create(&id, work->repository, "HEAD", work->author, work->committer, NULL,
                              (const char *)message.bytes, work->tree, work->head ? 1 : 0,
                              work->head ? parents : NULL);
    buffer_deinit(&message);
    if (r < 0)
        return fail("the commit cannot be made", ret_error);
    git_oid_tostr(ret_id, GIT_ID_SIZE, &id);
    return 0;
}

/* For `git status` only: a failure is of no consequence. */
static void update_index(struct work *work) {
    const struct git_change *change = work->change;
    struct buffer path;
    git_index *index;
    if (git_repository_index(&index, work->repository) < 0)
        return;
    buffer_init(&path);
    for (size_t i = 0; i < change->old_files->count; i++)
        if (!file_set_find(change->new_files, change->old_files->files[i].path))
            git_index_remove_bypath(index, path_in(work, change->old_files->files[i].path, &path));
    for (size_t i = 0; i < change->new_files->count; i++)
        git_index_add_bypath(index, path_in(work, change->new_files->files[i].path, &path));
    git_index_write(index);
    buffer_deinit(&path);
    git_index_free(index);
}

static int make(struct work *work, char ret_id[GIT_ID_SIZE], struct error *ret_error) {
    int r = open_repository(work->change->folder, &work->repository, work->prefix, ret_error);
    if (r <= 0)
        return r;
    r = git_index_new(&work->index) < 0 ? fail("no index", ret_error) : read_head(work, ret_error);
    if (r == 0)
        r = make_tree(work, ret_error);
    if (r < 0)
        return r;
    if (work->head_tree && git_oid_equal(git_tree_id(work->tree), git_tree_id(work->head_tree)))
        return 0;
    r = write_commit(work, ret_id, ret_error);
    if (r == 0)
        update_index(work);
    return r;
}

int git_commit_policy(const struct git_change *change, char ret_id[GIT_ID_SIZE],
                      struct error *ret_error) {
    struct work work = {.change = change};
    ret_id[0] = '\0';
    git_libgit2_init();
    int r = make(&work, ret_id, ret_error);
    git_signature_free(work.author);
    git_signature_free(work.committer);
    git_tree_free(work.tree);
    git_tree_free(work.head_tree);
    git_commit_free(work.head);
    git_index_free(work.index);
    git_repository_free(work.repository);
    git_libgit2_shutdown();
    return r;
}

bool git_has(const char *folder) {
    git_repository *repository = NULL;
    char prefix[PATH_MAX];
    struct error error;
    git_libgit2_init();
    int r = open_repository(folder, &repository, prefix, &error);
    git_repository_free(repository);
    git_libgit2_shutdown();
    return r > 0;
}

static void take_configuration(int found, const git_buf *path, git_take_place *take, void *user) {
    if (found == 0)
        take(user, path->ptr, false);
}

struct taking {
    git_take_place *take;
    void *user;
};

static int take_included(const git_config_entry *entry, void *user) {
    const struct taking *taking = user;
    git_buf path = {0};
    if (entry->value && git_config_parse_path(&path, entry->value) == 0 && *path.ptr == '/')
        taking->take(taking->user, path.ptr, false);
    git_buf_dispose(&path);
    return 0;
}

/* Without them the repository cannot be opened. Which file a relative path is relative to is not
 * known here. */
static void take_all_included(git_repository *repository, git_take_place *take, void *user) {
    struct taking taking = {.take = take, .user = user};
    git_config *config;
    if (git_repository_config(&config, repository) < 0)
        return;
    git_config_foreach_match(config, "^include(if\\..*)?\\.path$", take_included, &taking);
    git_config_free(config);
}

void git_each_place(const char *folder, git_take_place *take, void *user) {
    git_repository *repository = NULL;
    git_buf path = {0};
    char prefix[PATH_MAX];
    struct error error;
    git_libgit2_init();
    if (open_repository(folder, &repository, prefix, &error) > 0) {
        take(user, git_repository_path(repository), true);
        take(user, git_repository_commondir(repository), true); /* another one in a worktree */
        take(user, git_repository_workdir(repository), false);  /* .gitattributes */
        take_configuration(git_config_find_global(&path), &path, take, user);
        git_buf_dispose(&path);
        take_configuration(git_config_find_xdg(&path), &path, take, user);
        git_buf_dispose(&path);
        take_all_included(repository, take, user);
    }
    git_repository_free(repository);
    git_libgit2_shutdown();
}
