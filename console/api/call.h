/* One request of the page: who asks, what for, and the answer that is being written. */
#pragma once

#include "console/archive/follower.h"
#include "console/archive/searches.h"
#include "console/database/sessions.h"
#include "console/jobs/jobs.h"
#include "console/related/policy_cache.h"
#include "console/server/connection.h"
#include "console/server/latency.h"
#include "console/server/lists.h"
#include "console/web/web.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdatomic.h>

/* What the console is made of; set up by main, the same for all calls. */
struct console {
    struct sql *sql;
    struct jobs *jobs; /* NULL: it runs none */
    struct live *live;
    struct follower *follower;
    struct connection *connection;
    struct checker *checker;
    struct placer *placer;
    struct reader *performance;
    struct searches *searches;
    struct lists *lists;
    struct policy_cache *policies;
    atomic_bool is_judging; /* a transaction, by another policy: one at a time */
    atomic_bool is_ending;  /* the program: long work is given up */
    struct log *log;
    const char *archive; /* its folder, or the data folder around it */
    const char *reports; /* the folder of the nights; NULL: beside the archive */
    const char *tokens;  /* the server's tokens file; NULL: not known */
    bool is_behind_proxy;
    bool is_tls;     /* it speaks TLS itself */
    bool is_exposed; /* plain HTTP that other machines can reach */
    /* Single sign-on: the header by which the proxy says who asks, and the role that somebody whom
     * nobody has added gets (ROLE_NONE: none, they are refused). NULL: passwords. */
    const char *trusted_header;
    enum role sso_role;
    struct latency *latency; /* NULL: not known */
    uint64_t alerts_a_day;   /* 0: not known */
    const char *sso_logout;  /* where the sign-on itself is left; NULL: not known */
};

struct call {
    struct console *console;
    const struct web_request *request;
    struct web_answer *answer;
    struct session session;         /* person.role ROLE_NONE: nobody is signed in */
    json_t *body;                   /* of a POST: an object; else NULL */
    char address[INET6_ADDRSTRLEN]; /* of the browser, as far as it is known */
    int64_t now_us;
};

/* Writes the answer's body, and its status if it is not 200. On failure what it wrote is dropped,
 * and the error is the answer. */
typedef int call_handler(struct call *call, struct error *ret_error);

/* Do browsers reach it by TLS, its own or a proxy's? */
bool call_is_secure(const struct console *console);
/* The name of the session's cookie. With TLS only this host can have set it. */
const char *call_cookie_name(const struct console *console);

/* Does the proxy's header name this person? It must come from this machine. */
bool call_is_vouched_for(const struct call *call, const char *name);

/* Members of the body. ERROR_INVALID names the member. Texts live as long as the call. */
int call_text(const struct call *call, const char *member, size_t most, const char **ret_text,
              struct error *ret_error);
int call_number(const struct call *call, const char *member, uint64_t *ret_number,
                struct error *ret_error);

/* A parameter of the query that is a day, since 1970-01-01; absent: the fallback. */
int call_day(const struct call *call, const char *name, int32_t fallback, int32_t *ret_day,
             struct error *ret_error);
/* The member "reason", which is not empty. */
int call_reason(const struct call *call, const char **ret_reason, struct error *ret_error);

/* A parameter of the query that is words between commas → their bits, each bit 1 << enum verdict or
 * enum label; "" is 0. ERROR_INVALID names the parameter and the word. */
int call_verdicts(const struct call *call, const char *name, unsigned *ret_bits,
                  struct error *ret_error);
int call_labels(const struct call *call, const char *name, unsigned *ret_bits,
                struct error *ret_error);

/* The handlers, each with its route in routes.c. */
call_handler session_show, session_begin, session_finish, password_change;
call_handler live_show;
call_handler reviews_show, review_show, reviews_work;
call_handler reviews_claim, reviews_release, reviews_decide;
call_handler views_show, views_save, views_remove, settings_change;
call_handler transaction_show, search_run;
call_handler related_show, policies_show, other_policy_show;
call_handler entity_show, entity_features, lists_show, lists_change;
call_handler status_show;
call_handler rules_show, rules_file, rules_check, rules_diff;
call_handler draft_create, draft_change, draft_take_out, draft_end, draft_take_over, draft_set_mode;
call_handler rules_submit, submissions_show, submission_look;
call_handler submission_approve, submission_reject, submission_withdraw;
call_handler rules_history, rules_compare, rules_roll_back;
call_handler performance_show, performance_policies;
call_handler operations_archive, operations_tokens, operations_alerts, brake_lift;
call_handler nights_show, nights_report, nights_drift, nights_thresholds;
call_handler nights_accept, nights_take_back;
call_handler jobs_show, jobs_begin, jobs_repeat, jobs_stop_one;
call_handler jobs_result, jobs_changes, jobs_report, jobs_draft;
call_handler figures_show;
call_handler people_show, people_create, people_update, audit_show;
