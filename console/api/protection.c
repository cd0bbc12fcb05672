/* The policy in force is the one that the server names, as the archive has it. */
#include "protection.h"

#include "clients/cli/terminal/folders.h"
#include "core/base/pseudonym.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_US UINT64_C(3000000)

/* A reference for the caller. NULL: it is not known. */
static struct snapshot *policy_in_force(const struct call *call) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    const struct console *console = call->console;
    struct snapshot *policy = NULL;
    struct harrier_reply *reply;
    struct harrier_error failure;
    struct error ignored;
    if (!console->archive || harrier_status(connection_client(console->connection), false, &options,
                                            &reply, &failure) < 0)
        return NULL;
    char *archive = folder_of_archive(console->archive);
    if (policy_cache_get(console->policies, archive, reply->status->snapshot_id, &policy,
                         &ignored) < 0)
        policy = NULL;
    free(archive);
    harrier_reply_free(reply);
    return policy;
}

bool protection_shows_value(const struct call *call, const char *list, const char *value) {
    if (pseudonym_has_form(text_of(value)))
        return true;
    struct snapshot *policy = policy_in_force(call);
    const struct list *found = policy ? snapshot_list(policy, text_of(list)) : NULL;
    bool is_clear = found && found->protect.length == 0;
    snapshot_unref(policy);
    return is_clear;
}

static bool is_protected(const struct schema *schema, struct text name) {
    for (size_t i = 0; i < schema->protected_count; i++)
        if (text_equal(schema->fields[schema->protected_slots[i]].name, name))
            return true;
    return false;
}

/* A pseudonym has no character that is written otherwise in a query. */
static int check_query(const struct schema *schema, const char *query, struct error *ret_error) {
    for (const char *at = query; *at;) {
        size_t length = strcspn(at, "&"), name_length = strcspn(at, "=&");
        const struct text name = {.data = at, .length = name_length};
        struct text value = {.data = at + name_length, .length = length - name_length};
        if (value.length > 0)
            value.data++, value.length--;
        if (value.length > 0 && is_protected(schema, name) && !pseudonym_has_form(value))
            return error_set(ret_error, ERROR_INVALID,
                             "%" TEXT_FORMAT " is protected, and a view is kept; search by the "
                             "pseudonym that was found, then save that",
                             TEXT_ARGS(name));
        at += length + (at[length] == '&');
    }
    return 0;
}

int protection_check_view(const struct call *call, const char *query, struct error *ret_error) {
    struct snapshot *policy = policy_in_force(call);
    int r = policy ? check_query(&policy->schema, query, ret_error) : 0;
    snapshot_unref(policy);
    return r;
}
