/* Operations: the archive's files, alerts, tokens, brakes. */
#include "call.h"

#include "clients/cli/terminal/folders.h"
#include "console/database/audit.h"
#include "console/database/reviews.h"
#include "console/operations/alerts.h"
#include "console/operations/archive_files.h"
#include "console/operations/nights.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/tokens/token_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_DEADLINE_US UINT64_C(5000000)
#define REASON_LEAST       3
#define REASON_MOST        500
#define TOKENS_SHOWN       1000

int call_reason(const struct call *call, const char **ret_reason, struct error *ret_error) {
    int r = call_text(call, "reason", REASON_MOST, ret_reason, ret_error);
    if (r == 0 && strlen(*ret_reason) < REASON_LEAST)
        r = error_set(ret_error, ERROR_INVALID, "reason: expected at least %d bytes", REASON_LEAST);
    return r;
}

/* ---- the archive ---- */

int operations_archive(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    char *archive = folder_of_archive(call->console->archive);
    json_begin_object(out, NULL);
    int r = archive_files_write(archive, out, ret_error);
    json_end_object(out);
    free(archive);
    return r;
}

/* ---- tokens ---- */

static int load_tokens(const struct call *call, struct token_set **ret_tokens,
                       struct error *ret_error) {
    if (!call->console->tokens)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "--tokens FILE does not say where the server's tokens file is");
    return token_file_load(call->console->tokens, ret_tokens, NULL, ret_error);
}

static void write_scopes(unsigned scopes, struct buffer *out) {
    char name[TOKEN_SCOPES_SIZE];
    json_begin_array(out, "scopes");
    for (unsigned one = 1; one <= TOKEN_SCOPES_ALL; one <<= 1)
        if (scopes & one)
            json_add_text(out, NULL, text_of(token_scopes_format(one, name)));
    json_end_array(out);
}

static void write_token(const struct token_entry *token, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_text(out, "id", text_of(token->id));
    json_add_text(out, "name", text_of(token->name));
    write_scopes(token->scopes, out);
    json_add_time(out, "created", token->created_us);
    if (token->expires_us != 0)
        json_add_time(out, "expires", token->expires_us);
    json_end_object(out);
}

/* Never a token itself: the file has only hashes, and those are not shown either. */
int operations_tokens(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct token_set *tokens;
    struct error problem;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    json_begin_array(out, "tokens");
    bool is_loaded = load_tokens(call, &tokens, &problem) == 0;
    size_t count = is_loaded ? token_set_count(tokens) : 0;
    for (size_t i = 0; i < count && i < TOKENS_SHOWN; i++)
        write_token(token_set_at(tokens, i), out);
    json_end_array(out);
    json_add_unsigned(out, "count", count);
    json_add_text(out, "problem", text_of(is_loaded ? "" : problem.text));
    json_end_object(out);
    if (is_loaded)
        token_set_free(tokens);
    (void)ret_error;
    return 0;
}

/* ---- alerts ---- */

static void set_expiry(const struct token_set *tokens, int64_t now_us, struct alert_facts *facts) {
    facts->has_tokens = true;
    for (size_t i = 0; i < token_set_count(tokens); i++) {
        int64_t expires_us = token_set_at(tokens, i)->expires_us;
        if (expires_us > now_us &&
            (facts->next_expiry_us == 0 || expires_us < facts->next_expiry_us))
            facts->next_expiry_us = expires_us;
    }
}

static void add_tokens(const struct call *call, struct alert_facts *facts) {
    struct token_set *tokens;
    struct error ignored; /* the list of tokens says it */
    if (load_tokens(call, &tokens, &ignored) < 0)
        return;
    set_expiry(tokens, call->now_us, facts);
    token_set_free(tokens);
}

int operations_alerts(struct call *call, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = STATUS_DEADLINE_US};
    struct buffer *out = &call->answer->body;
    struct alert_facts facts = {.now_us = call->now_us};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    struct night_summary nights;
    struct error ignored;
    char *folder = nights_folder(call->console->reports, call->console->archive);
    (void)ret_error;
    if (harrier_status(connection_client(call->console->connection), false, &options, &reply,
                       &error) == 0)
        facts.status = reply->status;
    else
        facts.is_reached = error.code == HARRIER_ERROR_DENIED;
    if (nights_summary(folder, &nights, &ignored) >= 0)
        facts.nights = &nights;
    add_tokens(call, &facts);
    json_begin_object(out, NULL);
    alerts_write(&facts, out);
    json_end_object(out);
    if (reply)
        harrier_reply_free(reply);
    free(folder);
    return 0;
}

/* ---- brakes ---- */

static int note_brake(struct call *call, const char *subject, const char *before, const char *after,
                      struct error *ret_error) {
    const struct audit_entry entry = {.at_us = call->now_us,
                                      .person = call->session.person.name,
                                      .address = call->address,
                                      .action = "brake",
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(call->console->sql, &entry, ret_error);
}

static int read_brake(struct call *call, struct harrier_brake_change *change,
                      struct error *ret_error) {
    const char *definition;
    int r = call_text(call, "rule", 64, &change->rule, ret_error);
    if (r == 0)
        r = call_reason(call, &change->reason, ret_error);
    if (r == 0)
        r = call_text(call, "definition", 16, &definition, ret_error);
    if (r == 0 && hash_parse_hex(text_of(definition), &change->definition) < 0)
        r = error_set(ret_error, ERROR_INVALID, "definition: expected 16 hexadecimal digits");
    change->policy = r == 0 && *change->rule == '\0';
    return r;
}

/* The intent is in the audit log before the server is asked, and what came of it afterwards: the
 * change itself is a record of the archive, with the person as its source. */
int brake_lift(struct call *call, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = STATUS_DEADLINE_US};
    char source[sizeof REVIEW_SOURCE + PERSON_NAME_MAX], outcome[256];
    struct harrier_brake_change change = {.pull = false};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = read_brake(call, &change, ret_error);
    if (r < 0)
        return r;
    snprintf(source, sizeof source, REVIEW_SOURCE "%s", call->session.person.name);
    change.source = source;
    const char *subject = change.policy ? "the whole policy" : change.rule;
    r = note_brake(call, subject, "pulled", change.reason, ret_error);
    if (r < 0)
        return r;
    r = harrier_change_brake(connection_client(call->console->connection), &change, &options,
                             &reply, &error);
    bool is_done = r == 0 && reply->brake_change->changed;
    if (r == 0)
        harrier_reply_free(reply);
    else
        connection_error(&error, ret_error);
    snprintf(outcome, sizeof outcome, "%s%.200s", r < 0 ? "not lifted: " : "",
             r < 0     ? ret_error->text
             : is_done ? "lifted"
                       : "it was not pulled any more");
    struct error ignored;
    note_brake(call, subject, "", outcome, &ignored);
    if (r < 0)
        return -(int)ret_error->code;
    json_begin_object(&call->answer->body, NULL);
    json_add_bool(&call->answer->body, "changed", is_done);
    json_end_object(&call->answer->body);
    return 0;
}
