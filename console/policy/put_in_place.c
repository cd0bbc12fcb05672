#include "put_in_place.h"

#include "git_commit.h"
#include "versions.h"

#include "clients/cli/policy/policy_rollback.h"
#include "console/database/audit.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/policy/load/snapshot.h"
#include "server/ops/clock.h"
#include "server/ops/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RELOAD_US UINT64_C(50000000) /* below the patience of the HTTP door */
#define REACH_US  UINT64_C(5000000)
#define AGAIN_S   3

struct placer {
    struct sql *sql;
    struct connection *connection;
    struct log *log;
    pthread_mutex_t work; /* held while a change is under way in this process */
    pthread_t thread;     /* finishes what an earlier process, or a full disk, has left */
    int64_t said;         /* the thread's own: the submission that it has logged */
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping; /* under the lock */
};

/* One change under way. */
struct placing {
    struct placer *placer;
    struct submission submission;
    char person[65], address[64], step[16];
    char comment[SUBMISSION_TEXT_MAX + 1], message[SUBMISSION_TEXT_MAX + 1];
    struct file_set base, version;
    char *folder;
    struct buffer result; /* for people: what happened */
};

enum answer {
    ANSWER_ADOPTED,
    ANSWER_REFUSED,
    ANSWER_NONE,    /* no server answers */
    ANSWER_STOPPED, /* this console ends: the next one goes on */
};

static void change_deinit(struct placing *change) {
    file_set_deinit(&change->base);
    file_set_deinit(&change->version);
    free(change->folder);
    buffer_deinit(&change->result);
}

static int set_step(struct placing *change, const char *step, struct error *ret_error) {
    int r = sql_run(change->placer->sql, ret_error, "UPDATE policy_change SET step = ?", "t", step);
    if (r >= 0)
        snprintf(change->step, sizeof change->step, "%s", step);
    return r < 0 ? r : 0;
}

/* ---- the folder ---- */

static int read_hash(const char *folder, char ret_hash[POLICY_HASH_SIZE], struct error *ret_error) {
    struct file_set files;
    int r = file_set_read(folder, &files, ret_error);
    if (r < 0)
        return r;
    file_set_hash(&files, ret_hash);
    file_set_deinit(&files);
    return 0;
}

/* What is left beside the new folder has the old policy's files, which the console keeps as well,
 * and whatever could not move along: only the former go. What somebody has changed since they were
 * compared is nowhere else, and stays. */
static void remove_old(struct placing *change, const char *folder, const struct file_set *files) {
    char path[4096], expected[POLICY_HASH_SIZE], found[POLICY_HASH_SIZE];
    struct error error;
    file_set_hash(files, expected);
    if (read_hash(folder, found, &error) < 0 || strcmp(found, expected) != 0) {
        log_line(change->placer->log, LOG_WARNING,
                 "%s was changed by somebody else while it was exchanged: what it had is in %s",
                 change->folder, folder);
        buffer_printf(&change->result,
                      "Somebody else changed the folder at the same moment: what it had is in %s. ",
                      folder);
        return;
    }
    for (size_t i = files->count; i-- > 0;) {
        snprintf(path, sizeof path, "%s/%" TEXT_FORMAT, folder, TEXT_ARGS(files->files[i].path));
        unlink(path);
        for (char *slash = strrchr(path, '/'); slash && slash > path + strlen(folder);
             slash = strrchr(path, '/')) {
            *slash = '\0';
            if (rmdir(path) < 0)
                break;
        }
    }
    rmdir(folder);
}

static int exchange(struct placing *change, const struct file_set *from, const struct file_set *to,
                    const char *to_hash, struct error *ret_error) {
    struct rolled_back done;
    const struct rollback rollback = {
        .folder = change->folder,
        .old_files = from->files,
        .old_count = from->count,
        .new_files = to->files,
        .new_count = to->count,
        .new_id = snapshot_files_id(to->files, to->count),
    };
    char hash[POLICY_HASH_SIZE];
    int r = policy_rollback(&rollback, &done, ret_error);
    if (r < 0)
        return r;
    if (done.mishap.code)
        log_line(change->placer->log, LOG_WARNING, "%s", done.mishap.text);
    if (!done.new_folder) /* else it was a link, and what it led to is not ours */
        remove_old(change, done.old_folder, from);
    rolled_back_deinit(&done);
    r = read_hash(change->folder, hash, ret_error);
    if (r == 0 && strcmp(hash, to_hash) != 0)
        r = error_set(ret_error, ERROR_DAMAGED, "%s was changed by somebody else meanwhile",
                      change->folder);
    return r;
}

/* ---- the server ---- */

static enum answer answer_of(struct placing *change, const struct harrier_reload *reload,
                             uint64_t wanted) {
    const struct harrier_folder_reload *policy = &reload->policy;
    if (policy->result != HARRIER_RELOAD_REFUSED && policy->snapshot_id == wanted) {
        buffer_printf(&change->result, "The server runs it.");
        return ANSWER_ADOPTED;
    }
    if (policy->result == HARRIER_RELOAD_REFUSED)
        buffer_printf(&change->result, "The server refused it: %s\n%s", policy->error,
                      policy->messages);
    else
        buffer_printf(&change->result,
                      "The server runs another policy, %016" PRIx64 ", after the reload: is its "
                      "folder the one of --policy?",
                      policy->snapshot_id);
    return ANSWER_REFUSED;
}

/* Before anything is changed: a policy that no server takes would only be put back. */
static int reach(struct placer *placer, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = REACH_US};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_status(connection_client(placer->connection), false, &options, &reply, &error) < 0)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the server does not answer, and nothing was changed: %s", error.message);
    harrier_reply_free(reply);
    return 0;
}

static enum answer reload(struct placing *change, const struct file_set *wanted,
                          uint64_t deadline_us) {
    const struct harrier_call_options options = {.deadline_us = deadline_us};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_reload(connection_client(change->placer->connection), true, &options, &reply,
                           &error);
    if (r < 0 && error.code == HARRIER_ERROR_CLOSED)
        return ANSWER_STOPPED;
    if (r < 0) {
        buffer_printf(&change->result, "The server did not answer: %s", error.message);
        return ANSWER_NONE;
    }
    enum answer answer =
        answer_of(change, reply->reload, snapshot_files_id(wanted->files, wanted->count));
    harrier_reply_free(reply);
    return answer;
}

/* ---- the end ---- */

/* An author's draft that is live now has done its work. */
static int drop_draft(struct placing *change, struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    const struct submission *it = &change->submission;
    int r =
        sql_run(sql, ret_error,
                "DELETE FROM draft_files WHERE draft IN (SELECT id FROM drafts WHERE person = ? "
                "AND base = ? AND changed_us <= (SELECT submitted_us FROM submissions WHERE "
                "id = ?))",
                "tti", it->author, it->base, it->id);
    if (r >= 0)
        r = sql_run(
            sql, ret_error,
            "DELETE FROM drafts WHERE person = ? AND base = ? AND NOT EXISTS (SELECT 1 FROM "
            "draft_files WHERE draft = drafts.id)",
            "tt", it->author, it->base);
    return r < 0 ? r : 0;
}

static int note(struct placing *change, const char *action, const char *before, const char *after,
                struct error *ret_error) {
    char subject[32];
    snprintf(subject, sizeof subject, "submission %" PRId64, change->submission.id);
    const struct audit_entry entry = {.at_us = clock_wall_us(&clock_system),
                                      .person = change->person,
                                      .address = change->address,
                                      .action = action,
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(change->placer->sql, &entry, ret_error);
}

static int settle(struct placing *change, const char *state, struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    bool is_approved = strcmp(state, "approved") == 0, is_open = strcmp(state, "open") == 0;
    buffer_append_u8(&change->result, '\0');
    const char *result = (const char *)change->result.bytes;
    int r =
        sql_run(sql, ret_error,
                "UPDATE submissions SET state = ?, decided_by = ?, decided_us = ?, comment = ?, "
                "result = ? WHERE id = ?",
                "ttitti", state, is_open ? "" : change->person,
                is_open ? INT64_C(0) : clock_wall_us(&clock_system), is_open ? "" : change->comment,
                result, change->submission.id);
    if (r >= 0)
        r = sql_run(sql, ret_error, "DELETE FROM policy_change", "");
    if (r >= 0 && is_approved)
        r = drop_draft(change, ret_error);
    if (r >= 0)
        r = is_approved
                ? note(change, "policy-live", change->submission.base, change->submission.version,
                       ret_error)
                : note(change, "policy-failed", change->submission.version, result, ret_error);
    return r < 0 ? r : 0;
}

static int end(struct placing *change, const char *state, struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = settle(change, state, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    if (r == 0)
        log_line(change->placer->log, LOG_INFO, "submission %" PRId64 " is %s: %s",
                 change->submission.id, state, (const char *)change->result.bytes);
    return r < 0 ? r : ended;
}

/* The commit comes last, so that the repository has only what a server took. That it fails is said,
 * and changes nothing else. */
static void commit(struct placing *change) {
    struct error error;
    const struct git_change git = {.folder = change->folder,
                                   .old_files = &change->base,
                                   .new_files = &change->version,
                                   .author = change->submission.author,
                                   .committer = change->person,
                                   .message = change->message,
                                   .comment = change->comment};
    char id[GIT_ID_SIZE];
    int r = git_commit_policy(&git, id, &error);
    if (r < 0)
        buffer_printf(&change->result, " It could not be committed to git: %s", error.text);
    else if (*id)
        buffer_printf(&change->result, " Commit %.12s.", id);
}

/* ---- the steps ---- */

/* What the server says to the old files is nobody's question. */
static enum answer reload_base(struct placing *change) {
    struct buffer said = change->result;
    buffer_init(&change->result);
    enum answer answer = reload(change, &change->base, REACH_US);
    buffer_deinit(&change->result);
    change->result = said;
    return answer;
}

static int put_back(struct placing *change, enum answer answer, struct error *ret_error) {
    int r = set_step(change, answer == ANSWER_NONE ? "back-open" : "back", ret_error);
    if (r == 0)
        r = exchange(change, &change->version, &change->base, change->submission.base, ret_error);
    if (r < 0)
        return r;
    if (reload_base(change) == ANSWER_STOPPED)
        return 0; /* the server was told as far as it goes; the folder is right */
    buffer_printf(&change->result, "%sThe old files are back.",
                  change->result.length && change->result.bytes[change->result.length - 1] == '\n'
                      ? ""
                      : " ");
    r = end(change, answer == ANSWER_NONE ? "open" : "failed", ret_error);
    return r == 0 && answer == ANSWER_NONE
               ? error_set(ret_error, ERROR_UNAVAILABLE, "%.*s", (int)change->result.length,
                           (const char *)change->result.bytes)
               : r;
}

/* The folder has the new files. */
static int finish(struct placing *change, struct error *ret_error) {
    enum answer answer = reload(change, &change->version, RELOAD_US);
    if (answer == ANSWER_STOPPED)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the console ends: it goes on with this at its next start");
    if (answer != ANSWER_ADOPTED)
        return put_back(change, answer, ret_error);
    commit(change);
    return end(change, "approved", ret_error);
}

static int write_and_finish(struct placing *change, struct error *ret_error) {
    struct error error;
    int r = exchange(change, &change->base, &change->version, change->submission.version, &error);
    if (r < 0) {
        buffer_printf(&change->result, "%s", error.text);
        r = end(change, "open", ret_error);
        return r < 0 ? r : error_set(ret_error, error.code, "%s", error.text);
    }
    r = set_step(change, "reload", ret_error);
    return r < 0 ? r : finish(change, ret_error);
}

/* ---- approving ---- */

static int check_approval(struct placing *change, const char *hash, struct error *ret_error) {
    const struct submission *it = &change->submission;
    char live[POLICY_HASH_SIZE];
    if (strcmp(it->kind, SUBMISSION_KIND_CHANGE) == 0 && strcmp(it->author, change->person) == 0)
        return error_set(ret_error, ERROR_DENIED, "it is your own: another person approves it");
    if (strcmp(it->state, "open") != 0)
        return error_set(ret_error, ERROR_EXISTS, "it is not open any more: it is %s", it->state);
    if (strcmp(it->version, hash) != 0)
        return error_set(ret_error, ERROR_EXISTS,
                         "this is not the policy that you have looked at: load it again");
    int r = read_hash(change->folder, live, ret_error);
    if (r == 0 && strcmp(live, it->base) != 0)
        r = error_set(ret_error, ERROR_EXISTS,
                      "the live policy is %.16s now, and this changes %.16s: its author must take "
                      "over what has changed, and submit it again",
                      live, it->base);
    return r;
}

static int take_message(void *user, const struct sql_row *row, struct error *ret_error) {
    struct placing *change = user;
    (void)ret_error;
    snprintf(change->message, sizeof change->message, "%s", sql_text(row, 0));
    return 0;
}

static int load(struct placing *change, int64_t submission, struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    int r = submission_find(sql, submission, &change->submission, ret_error);
    if (r == 0)
        r = sql_each(sql, ret_error, take_message, change,
                     "SELECT message FROM submissions WHERE id = ?", "i", submission);
    if (r > 0)
        r = 0;
    if (r == 0)
        r = policy_place(sql, &change->folder, ret_error);
    if (r == 0)
        r = version_load(sql, change->submission.base, &change->base, ret_error);
    if (r == 0)
        r = version_load(sql, change->submission.version, &change->version, ret_error);
    return r;
}

static int begin(struct placing *change, const char *hash, struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    int r = check_approval(change, hash, ret_error);
    if (r == 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO policy_change (id, submission, person, address, comment, step) "
                    "VALUES (1, ?, ?, ?, ?, 'write')",
                    "ittt", change->submission.id, change->person, change->address,
                    change->comment);
    if (r >= 0)
        r = note(change, "policy-approve", change->submission.version, change->comment, ret_error);
    return r < 0 ? r : 0;
}

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

/* Is what an earlier process has left still under way? */
static int check_idle(struct placer *placer, struct error *ret_error) {
    int64_t submission = 0;
    int r = sql_each(placer->sql, ret_error, take_integer, &submission,
                     "SELECT submission FROM policy_change", "");
    if (r > 0)
        return error_set(ret_error, ERROR_EXISTS,
                         "submission %" PRId64 " is being put in place: wait for it", submission);
    return r;
}

static int begin_kept(struct placing *change, int64_t submission, const char *hash,
                      struct error *ret_error) {
    struct sql *sql = change->placer->sql;
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = check_idle(change->placer, ret_error);
    if (r == 0)
        r = load(change, submission, ret_error);
    if (r == 0)
        r = begin(change, hash, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

int placer_approve(struct placer *placer, const struct draft_author *person, int64_t submission,
                   const char *hash, const char *comment, struct error *ret_error) {
    struct placing change = {.placer = placer, .step = "write"};
    if (pthread_mutex_trylock(&placer->work) != 0)
        return error_set(ret_error, ERROR_EXISTS,
                         "another change is being put in place: wait for it");
    buffer_init(&change.result);
    snprintf(change.person, sizeof change.person, "%s", person->person);
    snprintf(change.address, sizeof change.address, "%s", person->address);
    snprintf(change.comment, sizeof change.comment, "%s", comment);
    int r = reach(placer, ret_error);
    if (r == 0)
        r = begin_kept(&change, submission, hash, ret_error);
    if (r == 0)
        r = write_and_finish(&change, ret_error);
    change_deinit(&change);
    pthread_mutex_unlock(&placer->work);
    return r;
}

/* ---- going on after a kill ---- */

static int take_change(void *user, const struct sql_row *row, struct error *ret_error) {
    struct placing *change = user;
    (void)ret_error;
    change->submission.id = sql_integer(row, 0);
    snprintf(change->person, sizeof change->person, "%s", sql_text(row, 1));
    snprintf(change->address, sizeof change->address, "%s", sql_text(row, 2));
    snprintf(change->comment, sizeof change->comment, "%s", sql_text(row, 3));
    snprintf(change->step, sizeof change->step, "%s", sql_text(row, 4));
    return 0;
}

/* Which policy the folder has says how far it came. */
static int go_on_from(struct placing *change, struct error *ret_error) {
    const struct submission *it = &change->submission;
    char live[POLICY_HASH_SIZE];
    bool is_back = strncmp(change->step, "back", 4) == 0;
    int r = read_hash(change->folder, live, ret_error);
    if (r < 0)
        return r;
    if (strcmp(live, it->base) != 0 && strcmp(live, it->version) != 0) {
        buffer_printf(&change->result,
                      "The console was stopped while it put this in place, and the folder has been "
                      "changed by somebody else since: it has %.16s.",
                      live);
        return end(change, "failed", ret_error);
    }
    bool is_new = strcmp(live, it->version) == 0;
    if (is_new && !is_back)
        return finish(change, ret_error);
    bool is_refused = strcmp(change->step, "back") == 0;
    if (is_new)
        return put_back(change, is_refused ? ANSWER_REFUSED : ANSWER_NONE, ret_error);
    if (is_back) /* a server that was late may have taken the new files meanwhile */
        reload_base(change);
    buffer_printf(&change->result, "%s",
                  is_refused ? "The server refused it. The old files are back."
                             : "The console was stopped before this was in place: nothing was "
                               "changed.");
    return end(change, is_refused ? "failed" : "open", ret_error);
}

static void go_on(struct placer *placer) {
    struct error error, *ret_error = &error;
    struct placing change = {.placer = placer};
    buffer_init(&change.result);
    int r = sql_each(placer->sql, ret_error, take_change, &change,
                     "SELECT submission, person, address, comment, step FROM policy_change", "");
    bool is_there = r > 0;
    if (is_there)
        r = load(&change, change.submission.id, ret_error);
    if (is_there && r == 0) {
        if (placer->said != change.submission.id)
            log_line(placer->log, LOG_WARNING,
                     "submission %" PRId64 " is not in place yet: going on with it (step %s)",
                     change.submission.id, change.step);
        r = go_on_from(&change, ret_error);
    }
    if (r < 0 && placer->said != change.submission.id)
        log_line(placer->log, LOG_ERROR, "a policy is not in place yet: %s", ret_error->text);
    placer->said = is_there ? change.submission.id : 0;
    change_deinit(&change);
}

static bool wait_again(struct placer *placer) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += AGAIN_S;
    pthread_mutex_lock(&placer->lock);
    if (!placer->stopping)
        pthread_cond_timedwait(&placer->woken, &placer->lock, &until);
    bool goes_on = !placer->stopping;
    pthread_mutex_unlock(&placer->lock);
    return goes_on;
}

static void *run(void *user) {
    struct placer *placer = user;
    struct error error;
    do {
        if (check_idle(placer, &error) != -(int)ERROR_EXISTS)
            continue; /* without the lock, which an approval does not wait for */
        pthread_mutex_lock(&placer->work);
        go_on(placer);
        pthread_mutex_unlock(&placer->work);
    } while (wait_again(placer));
    return NULL;
}

struct placer *placer_new(struct sql *sql, struct connection *connection, struct log *log) {
    struct placer *placer = check_calloc(1, sizeof *placer);
    placer->sql = sql;
    placer->connection = connection;
    placer->log = log;
    lock_init(&placer->work, LOCK_CONSOLE_CHANGE);
    lock_init(&placer->lock, LOCK_CONSOLE_PLACER);
    pthread_cond_init(&placer->woken, NULL);
    thread_start(&placer->thread, run, placer);
    return placer;
}

void placer_free(struct placer *placer) {
    if (!placer)
        return;
    pthread_mutex_lock(&placer->lock);
    placer->stopping = true;
    pthread_cond_signal(&placer->woken);
    pthread_mutex_unlock(&placer->lock);
    pthread_join(placer->thread, NULL);
    pthread_cond_destroy(&placer->woken);
    pthread_mutex_destroy(&placer->lock);
    pthread_mutex_destroy(&placer->work);
    free(placer);
}
