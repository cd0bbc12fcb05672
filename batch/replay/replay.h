/* harrier replay: decides the transactions of an archive again.
 *
 * Every record up to the last sync mark goes through the engine in the order of positions: a
 * transaction is decided on the states of the records before it, then applied with its archived
 * verdict. So each row shows what was known at that moment and nothing that came later.
 *
 * Without a given policy the replay is an audit: each transaction is decided under the policy in
 * force at the time and on the states that the server had, including its generations' plans and
 * their idle entities. The result must equal the archived decisions bit for bit. With a given
 * policy, that policy decides from the first record on. Features that count verdicts still follow
 * the archived ones, unless the replay is counterfactual.
 *
 * Rows are processed in parallel (replay_chunk.h), and the result does not depend on the number of
 * threads. A row's outcome is the one known at the archive's end: for evaluating the decision,
 * which does not see it. */
#pragma once

#include "batch/chunk/replay_options.h"

struct replay;

/* Loads the policies and, if the options need it, makes a first pass over the archive (stage
 * "scan"). The options are copied, but their strings and thresholds must outlive the replay.
 * ERROR_NOT_FOUND: no archive, no synced record in it, or a policy is missing from it.
 * ERROR_UNSUPPORTED: an archived policy that this version cannot load. ERROR_INVALID: a given
 * policy, or options that exclude each other. ERROR_DAMAGED. ERROR_INTERRUPTED: progress asked to
 * stop. progress may be NULL. */
int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error);

void replay_close(struct replay *replay); /* NULL is allowed */

/* The names of all features that rows can have, those of the first policy first. The texts live as
 * long as the replay; the caller frees the array. */
const struct text *replay_feature_names(const struct replay *replay, size_t *ret_count);

/* The policies that decide, in the archive's order, with repetitions; NULL: index is beyond the
 * last. They live as long as the replay. */
const struct snapshot *replay_rules(const struct replay *replay, size_t index);

struct replay_definition; /* replay_history.h */
struct replay_shadow;     /* replay_history.h */

/* A shadow policy of the archive; NULL: none with this id. Lives as long as the replay. */
const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id);

/* Which other engine definition than this program's (ENGINE_DEFINITION) the decision of this
 * position was made by: an audit cannot derive it again. 0: it is this program's. In any thread. */
uint32_t replay_other_definition(const struct replay *replay, uint64_t position);

/* The definitions of the archive that are not this program's, in its order, with repetitions: the
 * one at or behind index; NULL: there is none. They live as long as the replay. */
const struct replay_definition *replay_next_definition(const struct replay *replay, size_t *index);

/* The given policy and the given second one; NULL: none was given. They live as long as the replay.
 */
const struct snapshot *replay_policy(const struct replay *replay);

const struct snapshot *replay_against(const struct replay *replay);

/* The given policy, or else the archive's last one; NULL: neither. */
const struct snapshot *replay_last_policy(const struct replay *replay);

/* Needs option `outcomes`: event times of the archive's first transaction and of the newest one.
 * false: the archive has no transaction. */
bool replay_span(const struct replay *replay, int64_t *ret_first_us, int64_t *ret_newest_us);

/* The number of threads that call take(). */
size_t replay_workers(const struct replay *replay);

/* The place it ends at: its `until`, or the last sync mark. */
struct archive_place replay_until(const struct replay *replay);

/* The place of the tables it starts from; zeros: it starts at the first record. */
struct archive_place replay_start(const struct replay *replay);

/* Where a pruned archive begins; zeros: with record 1. */
struct archive_place replay_beginning(const struct replay *replay);

/* Before replay_run(): continues an interrupted run of a replay with the same policies and options
 * (`until` given); the number of threads may differ. Records of that run are applied again, but
 * their rows and contradictions are not reported again, and rows are decided only where later ones
 * depend on it (walk-forward, counterfactual). The report continues that run's. */
void replay_resume(struct replay *replay, const struct replay_report *interrupted);

/* Once. Blocks until it is done; stage "replay", counted in records. Errors as above, and whatever
 * the listener returns. ERROR_INTERRUPTED: chunks in progress were finished, and *ret_report is
 * filled: every row of its records has been reported, and none behind them. */
int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error);
