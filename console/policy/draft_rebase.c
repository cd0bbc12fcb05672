/* A draft on a policy that is not live any more, made one of the live policy: file by file. What
 * only the draft has changed is kept, what only the live policy has changed is taken over, and what
 * both have is up to the person. Lines are not merged: a condition put together from two people's
 * would be nobody's. */
#include "drafts.h"
#include "versions.h"

#include "console/database/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rebase {
    struct sql *sql;
    struct draft draft;
    struct file_set base, live, mine;
    char live_hash[POLICY_HASH_SIZE];
    const char *resolve;
    struct buffer conflicts; /* paths */
};

static bool is_equal(const struct policy_file *a, const struct policy_file *b) {
    return !a || !b ? a == b : text_equal(a->content, b->content);
}

static int drop_change(struct rebase *rebase, struct text path, struct error *ret_error) {
    char *name = text_copy(path);
    int r = sql_run(rebase->sql, ret_error, "DELETE FROM draft_files WHERE draft = ? AND path = ?",
                    "it", rebase->draft.id, name);
    free(name);
    return r < 0 ? r : 0;
}

static int rebase_file(struct rebase *rebase, struct text path, struct error *ret_error) {
    const struct policy_file *base = file_set_find(&rebase->base, path),
                             *live = file_set_find(&rebase->live, path),
                             *mine = file_set_find(&rebase->mine, path);
    if (is_equal(mine, base) || is_equal(mine, live))
        return drop_change(rebase, path, ret_error);
    if (is_equal(base, live) || strcmp(rebase->resolve, "mine") == 0)
        return 0;
    if (strcmp(rebase->resolve, "live") == 0)
        return drop_change(rebase, path, ret_error);
    buffer_printf(&rebase->conflicts, "%s%" TEXT_FORMAT, rebase->conflicts.length ? ", " : "",
                  TEXT_ARGS(path));
    return 0;
}

/* All paths that either side has. */
static int rebase_files(struct rebase *rebase, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rebase->mine.count && r == 0; i++)
        r = rebase_file(rebase, rebase->mine.files[i].path, ret_error);
    for (size_t i = 0; i < rebase->base.count && r == 0; i++)
        if (!file_set_find(&rebase->mine, rebase->base.files[i].path))
            r = rebase_file(rebase, rebase->base.files[i].path, ret_error);
    if (r == 0 && rebase->conflicts.length > 0)
        r = error_set(ret_error, ERROR_EXISTS,
                      "the live policy has changed these files as well: %.*s; keep yours or take "
                      "the live ones",
                      (int)(rebase->conflicts.length < 400 ? rebase->conflicts.length : 400),
                      (const char *)rebase->conflicts.bytes);
    return r;
}

static int move(struct rebase *rebase, const struct draft_author *author, struct error *ret_error) {
    struct sql *sql = rebase->sql;
    char kept[POLICY_HASH_SIZE], subject[32];
    const struct audit_entry entry = {.at_us = author->now_us,
                                      .person = author->person,
                                      .address = author->address,
                                      .action = "draft-rebase",
                                      .subject = subject,
                                      .before = rebase->draft.base,
                                      .after = rebase->live_hash};
    snprintf(subject, sizeof subject, "draft %" PRId64, rebase->draft.id);
    int r = version_keep(sql, &rebase->live, kept, ret_error);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "UPDATE OR IGNORE drafts SET base = ?, revision = revision + 1, changed_us = ? "
                    "WHERE id = ?",
                    "tii", kept, author->now_us, rebase->draft.id);
    if (r == 0)
        return error_set(ret_error, ERROR_EXISTS,
                         "you have a draft of the live policy already: discard one of the two");
    return r < 0 ? r : audit_add(sql, &entry, ret_error);
}

static int run(struct rebase *rebase, const struct draft_author *author, int64_t draft,
               struct error *ret_error) {
    int r = draft_find(rebase->sql, draft, &rebase->draft, ret_error);
    if (r == 0 && strcmp(rebase->draft.person, author->person) != 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no draft %" PRId64 " of yours", draft);
    if (r == 0)
        r = version_load(rebase->sql, rebase->draft.base, &rebase->base, ret_error);
    if (r == 0)
        r = draft_files(rebase->sql, draft, &rebase->mine, ret_error);
    if (r < 0 || strcmp(rebase->draft.base, rebase->live_hash) == 0)
        return r;
    r = rebase_files(rebase, ret_error);
    if (r == 0)
        r = move(rebase, author, ret_error);
    return r < 0 ? r : versions_clean(rebase->sql, ret_error);
}

int draft_rebase(struct sql *sql, const struct draft_author *author, int64_t draft,
                 const char *resolve, struct error *ret_error) {
    struct rebase rebase = {.sql = sql, .resolve = resolve};
    int r = policy_live(sql, &rebase.live, ret_error);
    if (r < 0)
        return r;
    file_set_hash(&rebase.live, rebase.live_hash);
    buffer_init(&rebase.conflicts);
    r = sql_begin(sql, ret_error);
    if (r == 0) {
        r = run(&rebase, author, draft, ret_error);
        int ended = sql_end(sql, r == 0, ret_error);
        r = r < 0 ? r : ended;
    }
    buffer_deinit(&rebase.conflicts);
    file_set_deinit(&rebase.base);
    file_set_deinit(&rebase.mine);
    file_set_deinit(&rebase.live);
    return r;
}
