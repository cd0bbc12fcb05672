/* Signing in and out, and one's own password. */
#include "call.h"

#include "console/database/audit.h"
#include "console/database/settings.h"
#include "core/base/json_writer.h"

#include <stdio.h>

static void set_cookie(struct call *call, const char *token, const char *more) {
    snprintf(call->answer->cookie, sizeof call->answer->cookie,
             "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", call_cookie_name(call->console), token,
             call_is_secure(call->console) ? "; Secure" : "", more);
}

static void write_session(struct call *call) {
    struct buffer *out = &call->answer->body;
    const struct session *session = &call->session;
    struct settings settings; /* as for who has chosen nothing, if they cannot be read */
    struct error error;
    json_begin_object(out, NULL);
    if (session->person.role == ROLE_NONE) {
        json_add_number(out, "person", "null");
    } else {
        json_add_text(out, "person", text_of(session->person.name));
        json_add_text(out, "role", text_of(role_name(session->person.role)));
        json_add_text(out, "csrf", text_of(session->csrf));
        settings_find(call->console->sql, &session->person, &settings, &error);
        json_add_text(out, "zone", text_of(settings.zone));
        json_add_text(out, "theme", text_of(settings.theme));
    }
    json_add_bool(out, "sso", call->console->trusted_header != NULL);
    if (call->console->sso_logout)
        json_add_text(out, "sso_logout", text_of(call->console->sso_logout));
    json_add_bool(out, "exposed", call->console->is_exposed);
    json_end_object(out);
}

int session_show(struct call *call, struct error *ret_error) {
    (void)ret_error;
    write_session(call);
    return 0;
}

static int sign_in(struct call *call, char ret_token[SECRET_SIZE], struct error *ret_error) {
    const char *name, *password;
    int r = call_text(call, "name", 256, &name, ret_error);
    if (r == 0)
        r = call_text(call, "password", PASSWORD_MOST, &password, ret_error);
    if (r < 0)
        return r;
    return session_sign_in(call->console->sql, text_of(name), text_of(password), call->address,
                           call->now_us, ret_token, &call->session, ret_error);
}

/* The proxy has checked who it is. */
static int sign_in_trusted(struct call *call, char ret_token[SECRET_SIZE],
                           struct error *ret_error) {
    const struct console *console = call->console;
    const char *name = call->request->trusted;
    if (!call_is_vouched_for(call, name))
        return error_set(ret_error, ERROR_DENIED,
                         "the proxy in front of the console does not say who you are: its header "
                         "%s is missing, or is no person's name",
                         console->trusted_header);
    return session_sign_in_trusted(console->sql, name, console->sso_role, call->address,
                                   call->now_us, ret_token, &call->session, ret_error);
}

int session_begin(struct call *call, struct error *ret_error) {
    char token[SECRET_SIZE];
    struct session before = call->session;
    int r = call->console->trusted_header ? sign_in_trusted(call, token, ret_error)
                                          : sign_in(call, token, ret_error);
    if (r == -(int)ERROR_UNAVAILABLE)
        call->answer->status = 429;
    if (r == 0 && before.person.role != ROLE_NONE) /* this browser's */
        r = session_end(call->console->sql, &before, call->address, call->now_us, ret_error);
    if (r < 0)
        return r;
    set_cookie(call, token, "");
    write_session(call);
    return 0;
}

int session_finish(struct call *call, struct error *ret_error) {
    int r = session_end(call->console->sql, &call->session, call->address, call->now_us, ret_error);
    if (r < 0)
        return r;
    set_cookie(call, "", "; Max-Age=0");
    call->session = (struct session){0};
    write_session(call);
    return 0;
}

/* Whoever found a browser signed in can guess here no more often than by signing in. */
static int check_old(struct call *call, const char *old, struct error *ret_error) {
    struct sql *sql = call->console->sql;
    const char *name = call->session.person.name;
    char hash[PASSWORD_HASH_SIZE];
    struct person person;
    int r = session_try(sql, name, call->address, call->now_us, ret_error);
    if (r == -(int)ERROR_UNAVAILABLE)
        call->answer->status = 429;
    if (r == 0)
        r = people_find(sql, name, &person, hash, ret_error);
    if (r < 0)
        return r;
    if (password_verify(hash, text_of(old)))
        return session_try_was_good(sql, name, call->address, call->now_us, ret_error);
    const struct audit_entry entry = {.at_us = call->now_us,
                                      .person = name,
                                      .address = call->address,
                                      .action = "password failed",
                                      .subject = name,
                                      .before = "",
                                      .after = ""};
    r = audit_add(sql, &entry, ret_error);
    return r < 0 ? r : error_set(ret_error, ERROR_INVALID, "the old password is wrong");
}

/* All sessions of the person end, this one too. */
int password_change(struct call *call, struct error *ret_error) {
    struct sql *sql = call->console->sql;
    const char *name = call->session.person.name, *old, *new;
    char hash[PASSWORD_HASH_SIZE];
    const struct audit_entry entry = {.at_us = call->now_us,
                                      .person = name,
                                      .address = call->address,
                                      .action = "password",
                                      .subject = name,
                                      .before = "",
                                      .after = ""};
    if (call->console->trusted_header) {
        call->answer->status = 409;
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "people sign in by the proxy's single sign-on, and have no password here");
    }
    int r = call_text(call, "old", PASSWORD_MOST, &old, ret_error);
    if (r == 0)
        r = call_text(call, "new", PASSWORD_MOST, &new, ret_error);
    if (r == 0)
        r = password_check(text_of(new), ret_error);
    if (r == 0)
        r = check_old(call, old, ret_error);
    if (r < 0)
        return r;
    password_hash(text_of(new), hash);
    r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = people_set_password(sql, name, hash, ret_error);
    if (r == 0)
        r = audit_add(sql, &entry, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    if (r < 0 || ended < 0)
        return r < 0 ? r : ended;
    call->session = (struct session){0};
    write_session(call);
    return 0;
}
