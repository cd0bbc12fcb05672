/* The challenger: loading, choosing, exchanging, describing. Loading and choosing is for background
 * jobs, one at a time; the rest says which lock it needs.
 *
 * A challenger never keeps the server from serving. One that is refused is reported; if its folder
 * has a version in force that still fits the champion, that one stays, else the experiment ends:
 * its customers get the champion's decisions. */
#pragma once

#include "candidate.h"
#include "server/base/service_state.h"

/* The wish and its folder's policy, on the way into force. */
struct challenger_candidate {
    struct challenge_wish wish;
    struct candidate candidate; /* only if is_wanted */
    bool is_wanted;
};

/* At the start: loads the challenger before there is an engine. */
void challenger_start(struct service *service);

void challenger_load(struct service *service, struct challenger_candidate *candidate);
/* Runs the cases of a policy that is new. False: asked to stop. */
bool challenger_try(struct challenger_candidate *candidate, const atomic_bool *stop);
/* What is to be in force beside this champion. A refusal is left in the candidate. */
void challenger_choose(struct service *service, struct challenger_candidate *candidate,
                       struct snapshot *champion, struct challenge *ret_next);
bool challenger_is_news(const struct service *service, const struct challenge *next);
/* Logs and measures what became of the wish. */
void challenger_log(struct service *service, const struct challenger_candidate *candidate);
void challenger_candidate_deinit(struct challenger_candidate *candidate);

/* ---- under the decision lock ---- */

/* Puts *next in force and leaves the old one there. The engine is the caller's business. */
void challenger_exchange(struct service *service, struct challenge *next);
/* The states are new: makes the challenger's engine for them. */
void challenger_fit(struct service *service);
void challenger_describe(const struct service *service, struct arena *arena,
                         struct status_response *response);
