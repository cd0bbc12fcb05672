/* What the service's files share:
 *
 *   service_run.c     the steps of a request, and opening and closing
 *   authorize.c   who may ask for what; lines about single requests
 *   score.c       Score: the steps of a transaction
 *   outcome.c     ReportOutcome
 *   list.c        ChangeList, GetList
 *   query.c       GetEntity, Status, gauges
 *   background.c  the thread that starts, reloads and recovers
 *   reload.c      Reload: other policies take the place of those in use
 *   swap_run.c        the thread that takes up new generations
 *   deferred_free.c       states that nobody decides on any more, until that thread frees them
 *   staleness.c   how old the tables are, and whether a rebuild is due
 *   shadows.c     the policies on trial
 *   explain.c     Explain, and the thread that does what takes long
 *   commit.c      the thread that syncs the archive, and the answers that wait for it */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/ingest/fold.h"
#include "core/store/ingest/ingest.h"
#include "core/store/overlay/overlay.h"
#include "core/wire/message/message.h"
#include "server/ops/metrics.h"
#include "service.h"
#include "swap.h"
#include "tokens.h"

#include <pthread.h>

#define REASON_BYTES 512

enum job { JOB_START = 1, JOB_RELOAD = 2, JOB_RECOVER = 4, JOB_SPARE = 8 };

/* States that nobody decides on any more: to be freed without the decision lock, once no view is
 * open on them. */
struct deferred_free {
    struct states states;
    struct deferred_free *next;
};

/* The decision lock as views of the overlay take it. */
struct service_guard {
    struct overlay_guard guard; /* first */
    struct service *service;
};

/* How long the tables have been in use, by a clock that nobody can set. */
struct held {
    uint64_t generation_id;
    int64_t since_us, us; /* us: as of the last service_look() */
};

/* A folder's policy on its way into force. */
struct arrival {
    char *path;
    struct snapshot *in_use; /* before; NULL: none */
    struct snapshot *loaded; /* to take its place; NULL: it stays */
    enum reload_result result;
    struct buffer messages;
    char error[REASON_BYTES]; /* refused: why */
};

/* Why the last reload was refused. */
struct refusal {
    char reason[REASON_BYTES]; /* empty: it was not */
    int64_t since_us;          /* that they all are, monotonic; 0: they are not */
    int64_t since_wall_us;
};

/* How many lines about single requests were written in this second. */
struct request_lines {
    pthread_mutex_t lock;
    int64_t second;
    unsigned said;
    uint64_t left_out; /* since the last that was written */
};

/* The folders of the shadow policies, as the options name them. */
struct shadow_folders {
    char **paths;
    size_t count;
};

enum shadow_agreement {
    SHADOW_AGREES,
    SHADOW_STRICTER, /* than the policy that decides */
    SHADOW_MILDER,
    SHADOW_REFUSES, /* the transaction */
    SHADOW_AGREEMENT_COUNT
};

struct shadow_counts {
    uint64_t verdicts[VERDICT_COUNT], agreements[SHADOW_AGREEMENT_COUNT];
    uint64_t rule_errors, degraded;
};

struct shadow {
    char *path;
    struct snapshot *snapshot;
    struct shadow_counts counts; /* of transactions archived since it was loaded */
};

struct shadows {
    struct shadow of[ENGINE_SHADOWS_MAX]; /* of different policies */
    size_t count;
};

/* Those that wait for an explanation or for a hash of all states, and the thread that makes them:
 * explain.c. */
struct explains {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    pthread_t thread;
    struct run *waiting, **waiting_end; /* in order of arrival */
    size_t waiters;                     /* those, and the one at work */
    bool stopping;
};

struct service {
    struct service_settings settings;
    char *archive_path, *generations_path;
    int64_t started_us; /* wall clock */

    /* authorize.c */
    struct tokens *tokens; /* NULL: nobody is asked for one */
    char probe_token[64];  /* without a NUL */
    struct request_lines request_lines;

    /* The decision lock: everything from here on, one decision at a time, in position order. */
    pthread_mutex_t lock;
    enum service_state state;
    char reason[REASON_BYTES]; /* why not ready */
    struct error failure;      /* when SERVICE_FAILED */
    struct archive *archive;
    struct snapshot *rules;
    struct shadows shadows;
    struct adopted_shadows written_shadows; /* whose policies the archive has */
    struct states states; /* .overlay is NULL unless ready, draining, or unavailable for its size */
    char *adopted_folder; /* of the generation that was adopted last; NULL: none */
    struct deferred_free *deferred_free;
    uint64_t losses;                       /* times that service_lose_archive() was called */
    bool is_rebuild_wanted, is_clock_back; /* as told last */
    struct held held;
    struct fold *first_fold; /* from service_open() to the background thread */
    int64_t max_ahead_us;
    struct refusal refused, refused_tokens;
    uint64_t own_position; /* the last record that no request asked for: it may be a large one */
    uint64_t duplicates;   /* since the start */
    char *list_labels[LIST_LABELS_MAX]; /* names of lists, by their labels in the metrics */
    size_t list_label_count;

    /* commit.c, under the decision lock too. */
    pthread_cond_t commit_wanted;
    pthread_t committer;
    int64_t
        spare_at_us; /* when the archive's spare file may be made; INT64_MAX: it is being made */
    bool committer_waits, uncommitted, closing;
    struct run *parked, **parked_end; /* in order of arrival */

    struct swap swap;
    struct explains explains;
    struct service_guard guard;

    /* background.c */
    pthread_mutex_t jobs_lock;
    pthread_cond_t jobs_wanted;
    pthread_t background;
    unsigned jobs; /* of enum job */
    char *policy_path;
    struct shadow_folders shadow_folders;
    struct run *reload_waiting; /* for what comes of the next reload */
    size_t reload_waiters;      /* those, and those of the reload under way */
    atomic_bool stopping;
    atomic_bool draining; /* that, or about to be: what waits for a reload must not hold it up */

    atomic_uint_least64_t rejected; /* since the start */

    /* Runs that are not in use. */
    pthread_mutex_t runs_lock;
    struct run *idle_runs;
    size_t kept_bytes; /* what they hold together */
};

/* One request on its way through the service, and the memory it takes. */
struct run {
    struct run *next;
    struct service *service;
    struct front_request *request;
    struct arena arena;
    struct request message;
    struct response response;
    struct buffer answer;
    size_t kept_bytes;           /* that these two hold between requests */
    struct snapshot *rules;      /* what the response's texts may point into */
    int64_t receive_time_us;     /* wall clock, never before the archive's last record */
    bool is_done;                /* a step has ended it: it is refused */
    uint64_t position_before;    /* the archive's last record that was written when it came up */
    uint64_t position_needed;    /* the last record that the answer speaks of */
    uint64_t rejected;           /* items refused */
    uint64_t features_unknown;   /* as engine_unknown() counts them, in what was decided */
    bool is_unavailable;         /* the service became so on the way */
    uint64_t explained_position; /* of the transaction that is to be explained; 0: none is */
    enum denial denial;          /* the token was not accepted */
    struct bearer bearer;        /* whose token it was */
    struct overlay_view *view;   /* whose hash the answer has to have; NULL: not asked for */
};

/* What a step says: go on with the next, or leave out all but the last. */
enum next { NEXT, DONE };

/* service_run.c */
/* Sends the answer and counts; the run is gone. */
void run_reply(struct run *run);
/* The same for a list of them. */
void runs_reply(struct run *runs);
/* The whole request fails. */
enum next run_refuse(struct run *run, const struct error *error, struct text field);
/* One item of it fails: what its result says. Counts. */
struct wire_error run_refuse_item(struct run *run, const struct error *error, struct text field);
/* ERROR_DEADLINE when it has passed. */
int run_check_deadline(const struct run *run, struct error *ret_error);
/* ERROR_INVALID when a time at the caller's side is too far ahead of ours. */
int run_check_future(const struct run *run, const char *field, int64_t time_us,
                     struct error *ret_error);
/* Can it share a write, and the lock, with those before and behind it? Then what it answers speaks
 * of nothing but records that it waits for or that its withdrawal takes back. */
bool run_shares_write(const struct run *run);
/* Puts the record behind the others and applies it. */
void run_append(struct run *run, struct record *record);

/* Under the decision lock: appends, applies, and hands to the kernel. On failure the service is
 * unavailable. */
int service_append(struct service *service, struct record *record, struct error *ret_error);
/* Under the decision lock: the archive refused a write. Forgets all that is not in it. */
void service_lose_archive(struct service *service, const struct error *error);
/* Under the decision lock, as the rest up to service_fail(). What the archive must say before the
 * next decision, when its last record of that kind says otherwise. */
int service_record_adoptions(struct service *service, const struct adopted *last,
                             struct error *ret_error);
/* The same without what goes with new states: the shadows, the folder to come back to. */
int service_record_policy(struct service *service, const struct adopted *last,
                          struct error *ret_error);
/* Is the overlay within its limit? Changes the state when that has changed, and says whether. */
bool service_check_overlay(struct service *service);
/* Call settings.changed after the lock is released. */
void service_set_state(struct service *service, enum service_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void service_fail(struct service *service, const struct error *error);
void service_report(const struct service *service);
/* Which entries, added to lists, the policy has no use for. */
void service_say_lists(const struct service *service, const struct states *states,
                       const struct snapshot *rules);
/* Under the decision lock, with states. */
void service_measure_lists(struct service *service);
/* How many of the policy's features are absent until a rebuild, and which as a decision says it. */
void service_say_warming(const struct service *service, size_t warming, struct text reason);
/* Under the decision lock: the same by name, copied into the arena. */
void service_describe_warming(const struct service *service, struct arena *arena,
                              struct warming *ret_warming);
void service_guard_init(struct service_guard *guard, struct service *service);
int64_t service_receive_time_us(const struct service *service);
/* How far the clock is behind the archive's last record; 0: it is not. */
int64_t service_clock_behind_us(const struct service *service);

/* One per call, under the decision lock. */
enum next perform_score(struct run *run);
enum next perform_outcome(struct run *run);
enum next perform_entity(struct run *run);
enum next perform_status(struct run *run);
enum next perform_list_change(struct run *run);
enum next perform_list(struct run *run);
enum next perform_reload(struct run *run);
enum next perform_explain(struct run *run);
/* The appended records could not be written: what of the results speaks of them fails. */
void withdraw_score(struct run *run, const struct error *error);
void withdraw_outcome(struct run *run, const struct error *error);
void withdraw_list_change(struct run *run, const struct error *error);
/* The results stand: counts them. */
void count_score(const struct run *run);
void count_outcome(const struct run *run);
void count_list_change(const struct run *run);

/* authorize.c */
int authorize_open(struct service *service, struct error *ret_error);
/* The step before decoding: whoever has no token at all shall not have us take megabytes apart. */
enum next check_token_early(struct run *run);
/* The step behind it, which is the one that counts: does the token allow the call? */
enum next authorize(struct run *run);
/* Tells of a request that was refused or slow. */
void run_say(const struct run *run, int64_t took_us);
/* 0: they are in force, 1: nothing was to be done. What is wrong has been told by then. */
int service_load_tokens(struct service *service, bool only_if_changed, struct error *ret_error);

/* background.c */
void background_start(struct service *service);
void background_stop(struct service *service);
/* Under the jobs' lock. */
void background_ask_locked(struct service *service, enum job job);
/* Under the decision lock: has the next segment's file made, if that is to be. */
void background_look_for_spare(struct service *service);

/* reload.c */
#define RELOAD_WAITERS_MAX 8 /* of the requests that a front lets in */
/* The job. */
void reload_run(struct service *service);
/* Asks for a reload, if the request was to. True: it waits for what comes of it and is answered
 * then. */
bool reload_park(struct run *run);
/* Answers those that wait; there will be no reload. */
void reload_stop(struct service *service);

/* in_use NULL: the folder has none in force. Takes a reference. */
void arrival_load(struct arrival *arrival, const char *path, struct snapshot *in_use);
/* Runs the cases of what is new. False: asked to stop. */
bool arrival_try(struct arrival *arrival, const atomic_bool *stop);
/* In force from now on; NULL: none. */
struct snapshot *arrival_snapshot(const struct arrival *arrival);
void arrival_say_messages(const struct arrival *arrival, struct log *log);
void arrival_deinit(struct arrival *arrival);

/* shadows.c */
void shadow_folders_set(struct shadow_folders *folders, const char *const *paths, size_t count);
void shadow_folders_deinit(struct shadow_folders *folders);
void shadows_deinit(struct shadows *shadows);
/* The folders' policies, before there is an engine. A job's, as are the next. */
void shadows_start(struct service *service);
/* Returns how many folders there are. */
size_t shadows_load(struct service *service, struct arrival arrivals[ENGINE_SHADOWS_MAX]);
/* Those that are to judge; arrivals of the same policy are refused but for the first. */
void shadows_choose(struct arrival *arrivals, size_t count, struct shadows *ret_shadows);
void shadows_say(struct service *service, const struct arrival *arrivals, size_t count);
void shadows_say_warming(const struct service *service, const struct shadows *shadows,
                         const struct engine *engine);
/* Under the decision lock: in the place of those before, which are then in next. The engine is the
 * caller's matter. */
void shadows_exchange(struct service *service, struct shadows *next);
/* Under the decision lock: their policies go into the archive, before the first transaction that
 * names them. */
int shadows_record(struct service *service, struct error *ret_error);
/* Under the decision lock: the engine is new. And records. */
int shadows_fit(struct service *service, struct error *ret_error);
/* Under the decision lock: what has been archived with this decision. */
void shadows_count(struct service *service, const struct decision *decision);

/* explain.c */
#define EXPLAIN_WAITERS_MAX 4
void explain_start(struct service *service);
void explain_stop(struct service *service);
/* There is room for one more to wait; it then has to be parked. Else *ret_error is filled. */
bool explain_admit(struct run *run, struct error *ret_error);
/* Its answer is not to be waited for by a front's thread. */
bool explain_takes_long(const struct run *run);
/* True: it waits for that answer, and leaves with it. */
bool explain_park(struct run *run);

/* query.c */
/* Outside the lock: the hash, which takes long. */
void finish_status(struct run *run);

/* swap_run.c */
void swap_start(struct service *service);
void swap_stop(struct service *service);
/* Looks whether there is a generation to take up. again: also one that was tried before. */
void swap_ask(struct service *service, bool again);

/* deferred_free.c */
/* Under the decision lock: takes the states out, for service_free_deferred(). */
void service_defer_free(struct service *service, struct states *states);
/* Frees what service_defer_free() took, waiting for views to be closed. The swap's thread. */
void service_free_deferred(struct service *service);

/* staleness.c, under the decision lock */
/* How old the tables are at now_us, a time of receipt. Those go back no more than the archive's,
 * but stand still while the clock is behind them: so at least as old as they have been in use. */
int64_t service_generation_age_us(const struct service *service, int64_t now_us);
/* Older than stale_after? */
bool service_is_stale(const struct service *service, int64_t now_us);
/* That, or the overlay is close to its limit. */
bool service_wants_rebuild(const struct service *service, int64_t now_us);

/* commit.c */
void commit_start(struct service *service);
void commit_stop(struct service *service);
/* Under the decision lock: there is something to sync. */
void commit_want(struct service *service);
/* Answers wait until their records are on disk. Returns those that need not, since they are
 * already, or never will be (and the answer says so): the caller sends them now. */
struct run *commit_park(struct service *service, struct run *runs);
