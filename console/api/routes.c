/* Checks in this order: route, where the request comes from, session, role, CSRF, body. */
#include "routes.h"

#include "console/archive/hidden.h"
#include "console/page/page.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "server/net/address.h"
#include "server/ops/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const struct route routes[] = {
    {WEB_GET, "/api/session", ROLE_NONE, session_show, 0},
    {WEB_POST, "/api/sign-in", ROLE_NONE, session_begin, ROUTE_SLOW},
    {WEB_POST, "/api/sign-out", ROLE_VIEWER, session_finish, 0},
    {WEB_POST, "/api/password", ROLE_VIEWER, password_change, ROUTE_SLOW},
    {WEB_GET, "/api/live", ROLE_VIEWER, live_show, ROUTE_POLLED},
    {WEB_GET, "/api/reviews", ROLE_VIEWER, reviews_show, ROUTE_POLLED},
    {WEB_GET, "/api/reviews/one", ROLE_VIEWER, review_show, ROUTE_POLLED},
    {WEB_GET, "/api/reviews/work", ROLE_VIEWER, reviews_work, ROUTE_POLLED},
    {WEB_POST, "/api/reviews/claim", ROLE_ANALYST, reviews_claim, 0},
    {WEB_POST, "/api/reviews/release", ROLE_ANALYST, reviews_release, 0},
    {WEB_POST, "/api/reviews/decide", ROLE_ANALYST, reviews_decide, 0},
    {WEB_GET, "/api/transaction", ROLE_VIEWER, transaction_show, ROUTE_SLOW},
    {WEB_GET, "/api/transaction/related", ROLE_VIEWER, related_show, ROUTE_SLOW},
    {WEB_GET, "/api/transaction/policies", ROLE_VIEWER, policies_show, ROUTE_SLOW},
    {WEB_GET, "/api/transaction/other", ROLE_VIEWER, other_policy_show, ROUTE_SLOW},
    {WEB_GET, "/api/search", ROLE_VIEWER, search_run, ROUTE_SLOW},
    {WEB_GET, "/api/views", ROLE_VIEWER, views_show, 0},
    {WEB_POST, "/api/views/save", ROLE_VIEWER, views_save, 0},
    {WEB_POST, "/api/views/remove", ROLE_VIEWER, views_remove, 0},
    {WEB_POST, "/api/settings", ROLE_VIEWER, settings_change, 0},
    {WEB_GET, "/api/entity", ROLE_VIEWER, entity_show, ROUTE_SLOW},
    {WEB_GET, "/api/entity/features", ROLE_VIEWER, entity_features, ROUTE_SLOW},
    {WEB_GET, "/api/lists", ROLE_VIEWER, lists_show, ROUTE_SLOW},
    {WEB_POST, "/api/lists/change", ROLE_ANALYST, lists_change, ROUTE_SLOW},
    {WEB_GET, "/api/status", ROLE_VIEWER, status_show, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/rules", ROLE_VIEWER, rules_show, 0},
    {WEB_GET, "/api/rules/file", ROLE_VIEWER, rules_file, 0},
    {WEB_GET, "/api/rules/check", ROLE_VIEWER, rules_check, ROUTE_SLOW},
    {WEB_GET, "/api/rules/diff", ROLE_AUTHOR, rules_diff, 0},
    {WEB_POST, "/api/rules/draft/begin", ROLE_AUTHOR, draft_create, 0},
    {WEB_POST, "/api/rules/draft/edit", ROLE_AUTHOR, draft_change, 0},
    {WEB_POST, "/api/rules/draft/remove", ROLE_AUTHOR, draft_take_out, 0},
    {WEB_POST, "/api/rules/draft/mode", ROLE_AUTHOR, draft_set_mode, 0},
    {WEB_POST, "/api/rules/draft/rebase", ROLE_AUTHOR, draft_take_over, 0},
    {WEB_POST, "/api/rules/draft/discard", ROLE_AUTHOR, draft_end, 0},
    {WEB_POST, "/api/rules/submit", ROLE_AUTHOR, rules_submit, ROUTE_SLOW},
    {WEB_GET, "/api/rules/submissions", ROLE_VIEWER, submissions_show, ROUTE_POLLED},
    {WEB_GET, "/api/rules/submission", ROLE_VIEWER, submission_look, 0},
    {WEB_POST, "/api/rules/approve", ROLE_APPROVER, submission_approve, ROUTE_SLOW},
    {WEB_POST, "/api/rules/reject", ROLE_APPROVER, submission_reject, 0},
    {WEB_POST, "/api/rules/withdraw", ROLE_AUTHOR, submission_withdraw, 0},
    {WEB_GET, "/api/rules/history", ROLE_VIEWER, rules_history, ROUTE_SLOW},
    {WEB_GET, "/api/rules/compare", ROLE_VIEWER, rules_compare, ROUTE_SLOW},
    {WEB_POST, "/api/rules/rollback", ROLE_APPROVER, rules_roll_back, ROUTE_SLOW},
    {WEB_GET, "/api/performance", ROLE_VIEWER, performance_show, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/performance/policies", ROLE_VIEWER, performance_policies,
     ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/archive", ROLE_VIEWER, operations_archive, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/tokens", ROLE_VIEWER, operations_tokens, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/alerts", ROLE_VIEWER, operations_alerts, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_POST, "/api/brakes/lift", ROLE_APPROVER, brake_lift, ROUTE_SLOW},
    {WEB_GET, "/api/nights", ROLE_VIEWER, nights_show, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/nights/report", ROLE_VIEWER, nights_report, ROUTE_SLOW},
    {WEB_GET, "/api/nights/drift", ROLE_VIEWER, nights_drift, ROUTE_SLOW},
    {WEB_GET, "/api/nights/thresholds", ROLE_VIEWER, nights_thresholds, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_POST, "/api/nights/accept", ROLE_APPROVER, nights_accept, ROUTE_SLOW},
    {WEB_POST, "/api/nights/take-back", ROLE_APPROVER, nights_take_back, ROUTE_SLOW},
    {WEB_GET, "/api/jobs", ROLE_VIEWER, jobs_show, ROUTE_POLLED},
    {WEB_POST, "/api/jobs/begin", ROLE_AUTHOR, jobs_begin, ROUTE_SLOW},
    {WEB_POST, "/api/jobs/again", ROLE_AUTHOR, jobs_repeat, 0},
    {WEB_POST, "/api/jobs/cancel", ROLE_AUTHOR, jobs_stop_one, 0},
    {WEB_POST, "/api/jobs/draft", ROLE_AUTHOR, jobs_draft, ROUTE_SLOW},
    {WEB_GET, "/api/jobs/result", ROLE_VIEWER, jobs_result, ROUTE_SLOW | ROUTE_POLLED},
    {WEB_GET, "/api/jobs/changes", ROLE_VIEWER, jobs_changes, ROUTE_SLOW},
    {WEB_GET, "/api/jobs/report", ROLE_VIEWER, jobs_report, ROUTE_SLOW},
    {WEB_GET, "/api/rules/figures", ROLE_VIEWER, figures_show, ROUTE_SLOW},
    {WEB_GET, "/api/people", ROLE_ADMIN, people_show, 0},
    {WEB_POST, "/api/people/create", ROLE_ADMIN, people_create, ROUTE_SLOW},
    {WEB_POST, "/api/people/update", ROLE_ADMIN, people_update, 0},
    {WEB_GET, "/api/audit", ROLE_ADMIN, audit_show, ROUTE_POLLED},
};
const size_t route_count = sizeof routes / sizeof *routes;

/* ---- failures ---- */

static int status_of(const struct error *error) {
    switch (error->code) {
    case ERROR_INVALID:
        return 422;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_EXISTS:
    case ERROR_ID_CONFLICT:
        return 409;
    case ERROR_TOO_LARGE:
        return 413;
    case ERROR_DENIED:
        return 401;
    case ERROR_UNAVAILABLE:
    case ERROR_NOT_PRIMARY:
    case ERROR_OVERLOADED:
    case ERROR_INTERRUPTED:
        return 503;
    case ERROR_DEADLINE:
        return 504;
    case ERROR_UNSUPPORTED:
        return 501;
    default:
        return 500;
    }
}

static void answer_error(struct web_answer *answer, int status, const char *text) {
    buffer_clear(&answer->body);
    json_begin_object(&answer->body, NULL);
    json_add_text(&answer->body, "error", text_of(text));
    json_end_object(&answer->body);
    answer->status = status;
}

/* ---- checks ---- */

/* A page of another site can make a browser send requests, but not without these headers saying so.
 * A program may send neither. */
static bool is_foreign(const struct web_request *request, bool is_secure) {
    const char *origin = request->origin;
    const char *authority = strstr(origin, "://");
    if (*request->fetch_site && strcmp(request->fetch_site, "same-origin") != 0 &&
        strcmp(request->fetch_site, "none") != 0)
        return true;
    if (*origin && strncmp(origin, is_secure ? "https:" : "http:", is_secure ? 6 : 5) != 0)
        return true;
    return *origin && (!authority || strcmp(authority + 3, request->host) != 0);
}

static bool is_address_or_own_name(const char *host) {
    struct in6_addr parsed;
    char own[256];
    if (inet_pton(AF_INET, host, &parsed) == 1 || inet_pton(AF_INET6, host, &parsed) == 1)
        return true;
    return gethostname(own, sizeof own) == 0 && strcasecmp(own, host) == 0;
}

/* Has the browser no other way to know that it reached the right host? Plain HTTP is answered for
 * this machine only, or where --insecure-listen says so, for addresses and this machine's name. A
 * page of another site whose name is made to stand for this machine's address (DNS rebinding) is
 * the same site to the browser, and says here that it is not. With TLS the certificate says it. */
static bool is_for_another(const struct console *console, const struct web_request *request) {
    char host[256];
    size_t length = strlen(request->host);
    size_t digits = length;
    while (digits > 0 && text_is_digit(request->host[digits - 1]))
        digits--;
    if (digits > 0 && request->host[digits - 1] == ':' && *request->host != '\0')
        length = digits - 1; /* the port: a tunnel may have another one than ours */
    bool has_brackets = length >= 2 && *request->host == '[' && request->host[length - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(has_brackets ? length - 2 : length),
             request->host + has_brackets);
    if (call_is_secure(console) || *host == '\0' || address_host_is_loopback(host))
        return false;
    return !console->is_exposed || !is_address_or_own_name(host);
}

/* Behind a proxy: what it says, which is last; clients may have sent what comes before. */
static void read_address(struct call *call) {
    const char *last = strrchr(call->request->forwarded_for, ',');
    struct in6_addr parsed;
    last = last ? last + 1 : call->request->forwarded_for;
    last += strspn(last, " \t");
    bool is_good = call->console->is_behind_proxy && (inet_pton(AF_INET, last, &parsed) == 1 ||
                                                      inet_pton(AF_INET6, last, &parsed) == 1);
    snprintf(call->address, sizeof call->address, "%s", is_good ? last : call->request->address);
}

/* The session's token in the header Cookie, which may have others. */
static struct text token_of(const char *cookie, const char *name) {
    size_t name_length = strlen(name);
    while (*cookie) {
        size_t length = strcspn(cookie, ";");
        if (length > name_length && strncmp(cookie, name, name_length) == 0 &&
            cookie[name_length] == '=')
            return (struct text){.data = cookie + name_length + 1,
                                 .length = length - name_length - 1};
        cookie += length;
        cookie += strspn(cookie, "; ");
    }
    return (struct text){0};
}

static int parse_body(struct call *call, struct error *ret_error) {
    json_error_t error;
    struct text body = call->request->body;
    call->body = json_loadb(body.data, body.length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(call->body))
        return error_set(ret_error, ERROR_INVALID, "the body is not a JSON object: %s",
                         call->body ? "it is another value" : error.text);
    return 0;
}

/* 0, or the status of the answer that *ret_error is. */
static int check_call(struct call *call, const struct route *route, struct error *ret_error) {
    const struct web_request *request = call->request;
    struct text token = token_of(request->cookie, call_cookie_name(call->console));
    if (route->method == WEB_POST && is_foreign(request, call_is_secure(call->console))) {
        error_set(ret_error, ERROR_DENIED,
                  "the request comes from another site (a proxy must pass on the header Host)");
        return 403;
    }
    bool is_use = !(route->flags & ROUTE_POLLED);
    int r =
        session_find(call->console->sql, token, call->now_us, is_use, &call->session, ret_error);
    if (r < 0)
        return status_of(ret_error);
    /* Who has another name with the proxy by now has to sign in again. */
    if (r == 1 && call->console->trusted_header &&
        !call_is_vouched_for(call, call->session.person.name))
        r = 0;
    if (r == 0)
        call->session = (struct session){0};
    if (r == 0 && route->role > ROLE_NONE) {
        error_set(ret_error, ERROR_DENIED, "sign in first");
        return 401;
    }
    if (call->session.person.role < route->role) {
        error_set(ret_error, ERROR_DENIED, "this takes the role %s, and yours is %s",
                  role_name(route->role), role_name(call->session.person.role));
        return 403;
    }
    if (route->method == WEB_POST && route->role > ROLE_NONE &&
        !secret_equal(text_of(request->csrf), text_of(call->session.csrf))) {
        error_set(ret_error, ERROR_DENIED, "the header X-CSRF-Token is missing or wrong");
        return 403;
    }
    if (route->method == WEB_POST && parse_body(call, ret_error) < 0)
        return 400;
    return 0;
}

/* ---- answers ---- */

static void run(struct console *console, const struct route *route,
                const struct web_request *request, struct web_answer *answer) {
    struct call call = {.console = console,
                        .request = request,
                        .answer = answer,
                        .now_us = clock_wall_us(&clock_system)};
    struct error error;
    read_address(&call);
    int status = check_call(&call, route, &error);
    int r = status == 0 ? route->handler(&call, &error) : 0;
    if (archive_explain_hidden(console->archive, r, &error) < 0)
        status = answer->status != 0 ? answer->status : status_of(&error);
    if (status >= 500 && status != 503 && status != 504)
        log_line(console->log, LOG_ERROR, "%s: %s", request->path, error.text);
    if (status != 0)
        answer_error(answer, status, error.text);
    else if (answer->status == 0)
        answer->status = 200;
    json_decref(call.body);
}

/* The files of the page need no session: there is nothing in them. Every path of the page's own is
 * its index, so that links can be shared. */
static void answer_page(const struct web_request *request, struct web_answer *answer) {
    const struct page_file *file = page_find(request->path);
    if (!file && strchr(request->path + 1, '.') == NULL)
        file = page_find("/index.html");
    if (!file) {
        answer_error(answer, 404, "there is no such file");
        return;
    }
    answer->type = file->type;
    answer->etag = file->etag;
    answer->status = strcmp(request->if_none_match, file->etag) == 0 ? 304 : 200;
    if (answer->status == 200)
        buffer_append(&answer->body, file->bytes, file->length);
}

bool routes_are_slow(void *user, const struct web_request *request) {
    (void)user;
    for (size_t i = 0; i < route_count; i++)
        if (strcmp(routes[i].path, request->path) == 0)
            return routes[i].flags & ROUTE_SLOW;
    return false;
}

void routes_handle(void *user, const struct web_request *request, struct web_answer *answer) {
    bool is_path = false;
    if (is_for_another(user, request)) {
        answer_error(answer, 403, "without TLS, the console is reached as localhost or 127.0.0.1");
        return;
    }
    for (size_t i = 0; i < route_count; i++) {
        if (strcmp(routes[i].path, request->path) != 0)
            continue;
        is_path = true;
        if (routes[i].method == request->method) {
            run(user, &routes[i], request, answer);
            return;
        }
    }
    if (is_path)
        answer_error(answer, 405, "this path takes the other method");
    else if (*request->path != '/' || strncmp(request->path, "/api/", 5) == 0 ||
             request->method != WEB_GET)
        answer_error(answer, 404, "there is no such path");
    else
        answer_page(request, answer);
}
