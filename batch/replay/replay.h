/* harrier replay: an archive, decided again.
 *
 * Every record up to the last sync mark goes through the engine in the order of positions: a
 * transaction is decided on the states of the records before it, then applied with the verdict that
 * the archive has. So each row shows what was known at that moment and nothing that came later.
 *
 * Either as it was (no policy given): each transaction under the policy that was in force then, and
 * on the states that the server had, its generations' plans and idle entities included. What comes
 * out must be what is archived, to the bit; audit.h compares. Or under one given policy from the
 * first record on, as if it had never been another. Then what depends on verdicts still follows the
 * recorded ones, unless the replay is counterfactual.
 *
 * Many rows at once: replay_chunk.h says how. The result does not depend on the number of threads.
 * The outcome in a row is no part of the order: it is what is known at the end. */
#pragma once

#include "batch/chunk/replay_options.h"

struct replay;

/* Reads the archive once, for its policies and outcomes, unless nothing of it is needed; stage
 * "scan". ERROR_NOT_FOUND: no archive, nothing in it that is synced, or a policy that it should
 * hold and does not. ERROR_UNSUPPORTED: an archived policy that this version cannot load.
 * ERROR_INVALID: the given policies, or options that do not go together. ERROR_DAMAGED.
 * ERROR_INTERRUPTED: progress asked to stop. progress may be NULL.
 */
int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error);

void replay_close(struct replay *replay); /* NULL is allowed */

/* The names of all features that rows can have, those of the first policy first; they live as long
 * as the replay. Heap: free() the array. */
const struct text *replay_feature_names(const struct replay *replay, size_t *ret_count);

/* The policies that decide, in the archive's order; the same one may come again. NULL: there are no
 * more. They live as long as the replay. */
const struct snapshot *replay_rules(const struct replay *replay, size_t index);

struct replay_shadow; /* replay_history.h */

/* A shadow policy of the archive; NULL: it has none of this id. Lives as long as the replay. */
const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id);

/* Those given; NULL: what the archive has. They live as long as the replay. */
const struct snapshot *replay_policy(const struct replay *replay);

const struct snapshot *replay_against(const struct replay *replay);

/* The given policy, or the last of the archive; NULL: it has none. */
const struct snapshot *replay_last_policy(const struct replay *replay);

/* With `outcomes`: event times of the archive's first transaction and of its newest. False: it has
 * none. */
bool replay_span(const struct replay *replay, int64_t *ret_first_us, int64_t *ret_newest_us);

/* How many threads take rows. */
size_t replay_workers(const struct replay *replay);

/* The place that it ends with: its `until`, or the last sync mark. */
struct archive_place replay_until(const struct replay *replay);

/* The place of the tables that it begins with; zeros: it begins at the first record. */
struct archive_place replay_start(const struct replay *replay);

/* Before replay_run(): goes on behind the records of a run that was interrupted, of a replay of the
 * same policies with the same options (`until` given) but for threads. Their rows are not told
 * again and, unless later ones depend on them, not decided; contradictions there are not told
 * again either. The report goes on from that run's. */
void replay_resume(struct replay *replay, const struct replay_report *interrupted);

/* Once. Blocks for as long as it takes; stage "replay", counted in records. Errors as above.
 * ERROR_INTERRUPTED: what was under way has been told, and *ret_report says how far that is: every
 * row of its records, and none behind them. */
int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error);
