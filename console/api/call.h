/* One request of the page: who asks, what for, and the answer that is being written. */
#pragma once

#include "console/archive/follower.h"
#include "console/database/sessions.h"
#include "console/server/connection.h"
#include "console/web/web.h"

#include <arpa/inet.h>
#include <jansson.h>

/* What the console is made of; set up by main, the same for all calls. */
struct console {
    struct sql *sql;
    struct live *live;
    struct follower *follower;
    struct connection *connection;
    struct checker *checker;
    struct placer *placer;
    struct log *log;
    const char *archive; /* its folder, or the data folder around it */
    bool is_behind_proxy;
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

/* The name of the session's cookie. Behind a proxy with TLS only this host can have set it. */
const char *call_cookie_name(const struct console *console);

/* Members of the body. ERROR_INVALID names the member. Texts live as long as the call. */
int call_text(const struct call *call, const char *member, size_t most, const char **ret_text,
              struct error *ret_error);
int call_number(const struct call *call, const char *member, uint64_t *ret_number,
                struct error *ret_error);

/* A parameter of the query that is words between commas → their bits, each bit 1 << enum verdict or
 * enum label; "" is 0. ERROR_INVALID names the parameter and the word. */
int call_verdicts(const struct call *call, const char *name, unsigned *ret_bits,
                  struct error *ret_error);
int call_labels(const struct call *call, const char *name, unsigned *ret_bits,
                struct error *ret_error);

/* The handlers, each with its route in routes.c. */
call_handler session_show, session_begin, session_finish, password_change;
call_handler live_show;
call_handler reviews_show, reviews_claim, reviews_release, reviews_decide;
call_handler transaction_show, search_run;
call_handler status_show;
call_handler rules_show, rules_file, rules_check, rules_diff;
call_handler draft_create, draft_change, draft_take_out, draft_end, draft_take_over, draft_set_mode;
call_handler rules_submit, submissions_show, submission_look;
call_handler submission_approve, submission_reject, submission_withdraw;
call_handler rules_history, rules_compare, rules_roll_back;
call_handler people_show, people_create, people_update, audit_show;
