/* harrier list: entries of a policy's lists, added and taken back while the server runs, and
 * shown.
 *
 * Everything is asked of the server, which records each change in its archive. Changes go out in
 * calls of up to LIST_CHANGES_MAX; what was not answered is sent again, which is safe: the same
 * change twice is one change. The lists in the policy's own files are never changed from here. */
#include "clients/c/harrier_analyst.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "command.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"
#include "core/policy/lists/list_entry.h"
#include "core/wire/types/list_change.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPTION_FOR = 256, OPTION_UNTIL, OPTION_WHY, OPTION_SOURCE };

struct listing;

static int change(struct listing *listing, struct error *ret_error);
static int show(struct listing *listing, struct error *ret_error);

static const struct task {
    const char *name;
    int (*run)(struct listing *listing, struct error *ret_error);
    bool changes, removes;
} tasks[] = {
    {"add", change, true, false}, {"remove", change, true, true}, {"show", show, false, false}};

/* `values` points into argv; for_us is turned into until_us once, before anything is sent. */
struct options {
    const struct task *task;
    const char *list;
    char **values;
    size_t value_count;
    int64_t for_us, until_us; /* 0: not given */
    const char *why, *source;
    bool json;
    struct server_options server;
};

/* One connection for all calls. `refused` keeps the same message from being printed per value. */
struct listing {
    const struct options *options;
    struct harrier_client *client;
    struct progress_bar bar; /* never drawn: it knows of interrupts */
    struct retry retry;
    struct row_errors diagnostics;
    char refused[1024]; /* what the server says of the list itself, once said */
};

/* ---- the command line ---- */

/* Ends the process when there is no such task, as argp does for an unknown option. */
static const struct task *find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    argp_error(state, "there is no \"harrier list %s\" (expected add, remove or show)", name);
    return NULL;
}

/* One message for each wrong combination, the most basic one first. */
static void check_usage(const struct options *options, struct argp_state *state) {
    if (!options->task)
        argp_error(state, "add, remove or show?");
    else if (!options->task->changes && options->value_count > 0)
        argp_error(state, "show takes one list, or none for all of them");
    else if (options->task->changes && !options->list)
        argp_error(state, "which list? Expected %s LIST VALUE…", options->task->name);
    else if (options->task->changes && options->value_count == 0)
        argp_error(state, "%s what? Expected %s %s VALUE…", options->task->name,
                   options->task->name, options->list);
    else if (options->for_us && options->until_us)
        argp_error(state, "--for or --until, not both");
    else if ((options->for_us || options->until_us) &&
             (options->task->removes || !options->task->changes))
        argp_error(state, "--for and --until are for add");
    else if ((options->why || options->source) && !options->task->changes)
        argp_error(state, "--why and --source are for add and remove");
    else if (options->json && options->task->changes)
        argp_error(state, "--json is for show");
}

/* The task, then the list; everything after them are values, which argp delivers in one piece. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case OPTION_FOR:
        options->for_us = for_option_parse(value, state);
        return 0;
    case OPTION_UNTIL:
        options->until_us = until_option_parse(value, state);
        return 0;
    case OPTION_WHY:
        options->why = value;
        return 0;
    case OPTION_SOURCE:
        options->source = value;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            options->task = find_task(value, state);
        else if (state->arg_num == 1)
            options->list = value;
        else
            return ARGP_ERR_UNKNOWN; /* all the rest: ARGP_KEY_ARGS */
        return 0;
    case ARGP_KEY_ARGS:
        options->values = state->argv + state->next;
        options->value_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check_usage(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Changes:", 1},
    {"for", OPTION_FOR, "TIME", 0, "add: how long the entry is valid: 12h, 7d, … (no end)", 0},
    {"until", OPTION_UNTIL, "DATE", 0, "add: when the entry ends: 2026-12-31, 2026-12-31T18:00:00Z",
     0},
    {"why", OPTION_WHY, "TEXT", 0, "The reason, recorded with the change", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "Who made the change: analyst:7, bank-feed, …", 0},
    {NULL, 0, NULL, 0, "Showing:", 2},
    {"json", 'j', NULL, 0, "show: JSON lines", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "add LIST VALUE…\nremove LIST VALUE…\nshow [LIST]",
    .children = children,
    .doc =
        "Adds entries to a list of the server's policy, on top of those in the policy's files, "
        "removes added entries, and shows them. A change takes effect with the next transaction "
        "and is recorded in the archive. An entry with an end applies to transactions with event "
        "times before it."
        "\vRepeating a change has no effect. Put -- before values that begin with -. Exit status: "
        "0 done, 1 some changes were refused (for example, the policy does not declare the list), "
        "66 show: there is no such list, 69 the server was unreachable for too long, 75 "
        "interrupted.",
};

/* ---- talking to the server ---- */

/* ---- add, remove ---- */

/* One line per value: what changed, and what still holds whatever changed (the policy's own
 * entry, an earlier end). */
static void say(const struct listing *listing, const struct harrier_list_result *result) {
    char until[64], before[64];
    int64_t end_us = listing->options->until_us;
    if (listing->options->server.quiet)
        return;
    printf("%s: %s ", result->list, result->value);
    if (listing->options->task->removes) {
        fputs(result->changed ? "removed" : "is not an added entry; nothing changed", stdout);
        if (result->in_policy)
            fputs("; it stays in the list, because the policy's files have it", stdout);
    } else if (!result->changed) {
        printf("is already in the list, %s%s; nothing changed", end_us ? "until " : "without end",
               end_us ? quantity_format_time(end_us, until) : "");
    } else {
        printf("added%s%s", end_us ? " until " : "",
               end_us ? quantity_format_time(end_us, until) : "");
        if (result->was_there)
            printf("; before, it was in the list %s%s",
                   result->previous_expiry_time_us ? "until " : "without end",
                   result->previous_expiry_time_us
                       ? quantity_format_time(result->previous_expiry_time_us, before)
                       : "");
        if (result->in_policy)
            fputs("; the policy's files have it, too", stdout);
    }
    putchar('\n');
}

/* A refused value is reported with the value, a refused list only once however many values there
 * were. */
static void refuse(struct listing *listing, const char *value,
                   const struct harrier_list_result *result) {
    listing->diagnostics.file = listing->options->list;
    if (strcmp(result->error_field, "list") == 0) { /* the same for all values: once is enough */
        if (strcmp(listing->refused, result->error_message) == 0)
            return;
        snprintf(listing->refused, sizeof listing->refused, "%s", result->error_message);
        row_errors_add(&listing->diagnostics, 0, result->error_message);
        return;
    }
    char message[1400];
    snprintf(message, sizeof message, "%.200s: %s", value, result->error_message);
    row_errors_add(&listing->diagnostics, 0, message);
}

/* Takes the answers; what is to be sent again moves to the front. Returns its number. */
static size_t take_results(struct listing *listing, const struct harrier_reply *reply,
                           struct harrier_list_change *changes, struct harrier_error *again) {
    size_t left = 0;
    for (size_t i = 0; i < reply->list_change_count; i++) {
        const struct harrier_list_result *result = &reply->list_changes[i];
        if (result->error_code == HARRIER_OK) {
            say(listing, result);
        } else if (retry_is_worthwhile(result->error_code)) {
            again->code = result->error_code;
            snprintf(again->message, sizeof again->message, "%s", result->error_message);
            changes[left++] = changes[i];
        } else {
            refuse(listing, changes[i].value, result);
        }
    }
    return left;
}

/* Blocks until every change has an answer or the server has been away for too long. The array is
 * changed. */
static int send(struct listing *listing, struct harrier_list_change *changes, size_t count,
                struct error *ret_error) {
    while (count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options of_call = {.deadline_us =
                                                         listing->options->server.deadline_us};
        int r = harrier_change_lists(listing->client, changes, count, &of_call, &reply, &failure);
        if (r == 0) {
            count = take_results(listing, reply, changes, &failure);
            harrier_reply_free(reply);
            if (count == 0)
                break;
        }
        r = retry_or_fail(&listing->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
    retry_answered(&listing->retry);
    return 0;
}

/* Cuts the values into calls of LIST_CHANGES_MAX. */
static int change(struct listing *listing, struct error *ret_error) {
    const struct options *options = listing->options;
    struct harrier_list_change *changes = check_calloc(LIST_CHANGES_MAX, sizeof *changes);
    int r = 0;
    for (size_t done = 0; done < options->value_count && r == 0;) {
        size_t count = 0;
        for (; count < LIST_CHANGES_MAX && done < options->value_count; done++)
            changes[count++] = (struct harrier_list_change){.list = options->list,
                                                            .value = options->values[done],
                                                            .remove = options->task->removes,
                                                            .expiry_time_us = options->until_us,
                                                            .source = options->source,
                                                            .reason = options->why};
        r = send(listing, changes, count, ret_error);
    }
    free(changes);
    return r;
}

/* ---- show ---- */

/* "used_entries" is smaller than "added_entries" where the policy does not declare the list or
 * has given it another type. */
static void list_json(const struct harrier_list *list) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "list", text_of(list->name));
    json_add_bool(&line, "declared", list->declared);
    json_add_text(&line, "type", text_of(list->type));
    json_add_text(&line, "about", text_of(list->about));
    json_add_bool(&line, "runtime", list->runtime);
    json_add_text(&line, "file", text_of(list->file));
    json_add_unsigned(&line, "policy_entries", list->policy_entries);
    json_add_unsigned(&line, "added_entries", list->added_entries);
    json_add_unsigned(&line, "used_entries", list->used_entries);
    json_add_unsigned(&line, "changes", list->changes);
    if (list->last_change_time_us)
        json_add_time(&line, "last_change_time", list->last_change_time_us);
    json_end_object(&line);
    json_print_line(&line);
}

/* Says why added entries have no effect, which is otherwise invisible from outside. */
static void list_text(const struct harrier_list *list) {
    char own[QUANTITY_COUNT_SIZE], added[QUANTITY_COUNT_SIZE], unused[QUANTITY_COUNT_SIZE];
    printf("%-24s %-8s", list->name, list->declared ? list->type : "-");
    if (list->declared)
        printf(" %s in %s,", quantity_format_count(list->policy_entries, own), list->file);
    printf(" %s added", quantity_format_count(list->added_entries, added));
    if (list->added_entries > list->used_entries)
        printf(", %s of them unused: %s",
               quantity_format_count(list->added_entries - list->used_entries, unused),
               !list->declared  ? "the policy does not declare the list"
               : !list->runtime ? "the list takes no added entries (runtime: no)"
                                : "they do not have the list's type");
    else if (list->declared && !list->runtime)
        printf(" (runtime: no)");
    putchar('\n');
}

/* "position" is the archive's record of the change; `harrier inspect --from` shows it. */
static void entry_json(const struct harrier_list_entry *entry) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "value", text_of(entry->value));
    if (entry->expiry_time_us)
        json_add_time(&line, "until", entry->expiry_time_us);
    json_add_time(&line, "added", entry->receive_time_us);
    json_add_unsigned(&line, "position", entry->position);
    json_add_text(&line, "source", text_of(entry->source));
    json_add_text(&line, "reason", text_of(entry->reason));
    json_end_object(&line);
    json_print_line(&line);
}

/* The same fields on one line, without those that are empty. */
static void entry_text(const struct harrier_list_entry *entry) {
    char until[64], added[64];
    printf("%s  %s%s  added %s", entry->value, entry->expiry_time_us ? "until " : "without end",
           entry->expiry_time_us ? quantity_format_time(entry->expiry_time_us, until) : "",
           quantity_format_time(entry->receive_time_us, added));
    if (*entry->source)
        printf(" by %s", entry->source);
    if (*entry->reason)
        printf(": %s", entry->reason);
    putchar('\n');
}

/* Quiet prints nothing: the exit status says whether there is such a list. */
static void print_page(const struct listing *listing, const struct harrier_lists *page,
                       bool is_first) {
    const struct options *options = listing->options;
    if (options->server.quiet)
        return;
    if (is_first && !(options->json && options->list))
        for (size_t i = 0; i < page->list_count; i++)
            (options->json ? list_json : list_text)(&page->lists[i]);
    for (size_t i = 0; i < page->entry_count; i++)
        (options->json ? entry_json : entry_text)(&page->entries[i]);
}

/* Large lists come in pages; the server names the position at which the next one begins, 0 at the
 * end. */
static int show(struct listing *listing, struct error *ret_error) {
    const struct options *options = listing->options;
    uint64_t position = 0;
    bool more = true, is_first = true;
    while (more) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options of_call = {.deadline_us = options->server.deadline_us};
        int r = harrier_get_list(listing->client, options->list, position, 0, &of_call, &reply,
                                 &failure);
        if (r < 0) {
            r = retry_or_fail(&listing->retry, &failure, ret_error);
            if (r < 0)
                return r;
            continue;
        }
        retry_answered(&listing->retry);
        print_page(listing, reply->lists, is_first);
        position = reply->lists->next_position;
        more = position > 0;
        is_first = false;
        harrier_reply_free(reply);
    }
    return 0;
}

int command_list(int argc, char **argv) {
    struct options options = {0};
    struct listing listing = {.options = &options};
    struct error error;
    server_options_init(&options.server);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    /* Once: sent again, it is the same change. */
    if (options.for_us)
        options.until_us = realtime_us() + options.for_us;

    if (server_options_connect(&options.server, 1, &listing.client, &error) < 0)
        return exit_with_address(&error);
    progress_bar_init(&listing.bar, PROGRESS_QUIET, NULL);
    listing.bar.stop = interrupt_watch();
    listing.retry = server_options_retry(&options.server, &listing.bar);
    int r = options.task->run(&listing, &error);
    harrier_client_free(listing.client);
    if (r < 0)
        return exit_with(&error);
    return listing.diagnostics.count ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}
