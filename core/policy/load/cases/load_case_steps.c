/* The history of a case, and the transaction that is decided after it.
 *
 * An item of the history inherits from the case's transaction every field that it does not have;
 * null removes a field. An item with `repeat` is several transactions, and {n} in its texts is
 * their number. The items are the records of an archive: the same limits and the same checks apply.
 */
#include "load_case_steps.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lists/list.h"
#include "core/policy/lists/list_entry.h"

#include <stdlib.h>

struct history {
    struct case_loader *loader;
    const struct key *base;  /* the transaction's */
    int64_t now_us;          /* the transaction's */
    struct case_step *steps; /* on the heap, until all are read */
    size_t count, capacity;
};

/* "-10m" before the transaction, "+10m" after it, or a time. */
static bool read_at(struct history *history, const struct tree_node *node, int64_t *ret_us) {
    struct case_loader *loader = history->loader;
    struct text t;
    int64_t us;
    if (!read_text(&loader->reader, node, "at", 64, &t))
        return false;
    bool is_signed = t.data[0] == '-' || t.data[0] == '+';
    if (calendar_parse_duration(t, &us) == 0) {
        if (is_signed && !__builtin_add_overflow(history->now_us, us, ret_us))
            return true;
        if (!is_signed)
            read_diagnostic(&loader->reader, node,
                            "at \"%" TEXT_FORMAT "\" has no sign; expected -%" TEXT_FORMAT
                            " for before the transaction, or +%" TEXT_FORMAT " for after it",
                            TEXT_ARGS(t), TEXT_ARGS(t), TEXT_ARGS(t));
        else
            read_diagnostic(&loader->reader, node, "at \"%" TEXT_FORMAT "\" is out of range",
                            TEXT_ARGS(t));
        return false;
    }
    if (calendar_parse_timestamp(t, ret_us) == 0 || calendar_parse_date(t, ret_us) == 0)
        return true;
    read_diagnostic(&loader->reader, node,
                    "at \"%" TEXT_FORMAT
                    "\" is not a time; expected -10m for ten minutes before the "
                    "transaction, or for example 2026-01-31T12:00:00Z",
                    TEXT_ARGS(t));
    return false;
}

static struct case_step *new_step(struct history *history, const struct tree_node *node,
                                  enum case_step_kind kind, int64_t at_us) {
    struct case_loader *loader = history->loader;
    if (history->count == CASE_STEPS_MAX || loader->step_count == CASES_STEPS_MAX) {
        read_diagnostic(
            &loader->reader, node,
            "the history is too long; expected at most %u records in a case and %u in all cases",
            CASE_STEPS_MAX, CASES_STEPS_MAX);
        return NULL;
    }
    loader->step_count++;
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? history->capacity * 2 : 16;
        history->steps =
            check_reallocarray(history->steps, history->capacity, sizeof *history->steps);
    }
    struct case_step *step = &history->steps[history->count++];
    *step = (struct case_step){.kind = kind, .line = (int)node->line, .at_us = at_us};
    return step;
}

static size_t find_step(const struct history *history, struct text id) {
    size_t i = 0;
    while (i < history->count && (history->steps[i].kind != CASE_TRANSACTION ||
                                  !text_equal(history->steps[i].transaction.id, id)))
        i++;
    return i;
}

/* An id may occur once: in an archive a repeated id is the same request again and adds nothing. */
static bool check_new_id(struct history *history, const struct tree_node *node, struct text id,
                         bool repeated) {
    if (find_step(history, id) == history->count)
        return true;
    read_diagnostic(&history->loader->reader, node,
                    repeated ? "the id \"%" TEXT_FORMAT "\" is the same for all repetitions; put "
                               "{n} into it"
                             : "there is already a transaction \"%" TEXT_FORMAT "\" in this case",
                    TEXT_ARGS(id));
    return false;
}

static bool read_verdict(struct history *history, const struct tree_node *node,
                         enum verdict *ret_verdict) {
    static const char *const names[] = {"approve", "review", "challenge", "decline", NULL};
    size_t index;
    if (node && !read_choice(&history->loader->reader, node, "verdict", names, &index))
        return false;
    if (node)
        *ret_verdict = (enum verdict)(VERDICT_APPROVE + (int)index);
    return true;
}

static bool read_repeat(struct history *history, const struct key *keys, int64_t *ret_count,
                        int64_t *ret_every_us) {
    struct case_loader *loader = history->loader;
    *ret_count = 1;
    *ret_every_us = 0;
    if (keys[STEP_EVERY].node && !keys[STEP_REPEAT].node) {
        read_diagnostic(&loader->reader, keys[STEP_EVERY].node,
                        "\"every\" needs \"repeat\", the number of repetitions");
        return false;
    }
    return (!keys[STEP_REPEAT].node || read_int(&loader->reader, keys[STEP_REPEAT].node, "repeat",
                                                1, CASE_STEPS_MAX, ret_count)) &&
           (!keys[STEP_EVERY].node ||
            read_duration(&loader->reader, keys[STEP_EVERY].node, "every", 0,
                          INT64_C(366) * CALENDAR_DAY_US, ret_every_us));
}

/* Fields that the item does not have are those of the transaction, but for its id and time; one
 * way of writing the amount takes the place of the other. */
static void inherit(const struct history *history, struct key *keys) {
    const struct case_loader *loader = history->loader;
    size_t id = case_field_key(loader, FIELD_KIND_ID, 0);
    size_t time = case_field_key(loader, FIELD_KIND_EVENT_TIME, 0);
    size_t amount = case_field_key(loader, FIELD_KIND_AMOUNT, 0);
    size_t minor = case_field_key(loader, FIELD_KIND_AMOUNT_MINOR, 0);
    bool has_amount = keys[amount].node || keys[minor].node;
    for (size_t i = STEP_OWN_KEYS; i < loader->key_count; i++) {
        bool replaced = has_amount && (i == amount || i == minor);
        if (!keys[i].node && i != id && i != time && !replaced)
            keys[i].node = history->base[i].node;
    }
}

/* Generated ids are unique by the step's number; ids of the author's are checked. */
static bool add_repetition(struct history *history, struct case_draft *draft, int64_t at_us,
                           enum verdict verdict) {
    struct load *load = history->loader->load;
    struct text id = arena_printf(load->arena, "history-%zu", history->count + 1);
    check(id.data);
    if (!case_build(draft, id, at_us))
        return false;
    const struct tree_node *own_id = case_field_node(draft, FIELD_KIND_ID);
    if (!check_new_id(history, own_id ? own_id : draft->node, draft->transaction.id,
                      draft->number > 1))
        return false;
    struct case_step *step = new_step(history, draft->node, CASE_TRANSACTION, at_us);
    if (!step)
        return false;
    step->transaction = draft->transaction;
    step->verdict = verdict;
    return true;
}

static bool read_past_transaction(struct history *history, const struct tree_node *node) {
    struct case_loader *loader = history->loader;
    struct key *keys = case_read_fields(loader, node, "a transaction of a history", true);
    int64_t at_us = 0, count = 1, every_us = 0;
    enum verdict verdict = VERDICT_NONE;
    if (!keys)
        return false;
    if (!keys[STEP_AT].node) {
        read_diagnostic(&loader->reader, node,
                        "a transaction of a history needs \"at\", such as -10m; "
                        "an outcome has \"outcome\" and \"of\", an amendment "
                        "\"amend\" and \"of\", a change of a list \"list\"");
        return false;
    }
    bool good = read_at(history, keys[STEP_AT].node, &at_us);
    good &= read_repeat(history, keys, &count, &every_us);
    good &= read_verdict(history, keys[STEP_VERDICT].node, &verdict);
    inherit(history, keys);
    for (int64_t i = 0; good && i < count; i++) {
        struct case_draft draft = {.loader = loader, .node = node, .keys = keys, .number = i + 1};
        int64_t offset_us = i * every_us; /* 1,000 times a year at most */
        good = !__builtin_add_overflow(at_us, offset_us, &offset_us) &&
               add_repetition(history, &draft, offset_us, verdict);
    }
    return good;
}

static bool read_label(struct history *history, const struct tree_node *node,
                       enum label *ret_label) {
    static const char *const names[] = {"none", "legit", "fraud", "chargeback", "suspected", NULL};
    size_t index;
    if (!read_choice(&history->loader->reader, node, "outcome", names, &index))
        return false;
    return label_parse(text_of(names[index]), ret_label);
}

/* The transaction above that an outcome or an amendment is about. */
static bool read_of(struct history *history, const struct tree_node *node, struct text id,
                    size_t *ret_step) {
    char hint[NEAR_HINT_SIZE];
    *ret_step = find_step(history, id);
    if (*ret_step < history->count)
        return true;
    struct near near = near_to(id);
    for (size_t i = 0; i < history->count; i++)
        if (history->steps[i].kind == CASE_TRANSACTION)
            near_try(&near, history->steps[i].transaction.id);
    near_hint(&near, hint);
    read_diagnostic(&history->loader->reader, node,
                    "no transaction \"%" TEXT_FORMAT "\" comes before this%s", TEXT_ARGS(id),
                    *hint ? hint : "; give it an \"id\"");
    return false;
}

static bool read_outcome(struct history *history, const struct tree_node *node) {
    struct case_loader *loader = history->loader;
    struct key keys[] = {{"outcome", true, NULL}, {"of", true, NULL}, {"at", false, NULL}};
    struct text id;
    enum label label;
    int64_t at_us = history->now_us;
    if (!read_keys(&loader->reader, node, "an outcome of a history", keys, 3))
        return false;
    bool good = read_label(history, keys[0].node, &label);
    good &= !keys[2].node || read_at(history, keys[2].node, &at_us);
    if (!read_text(&loader->reader, keys[1].node, "of", TRANSACTION_ID_MAX, &id) || !good)
        return false;
    size_t of;
    if (!read_of(history, keys[1].node, id, &of))
        return false;
    struct case_step *step = new_step(history, node, CASE_OUTCOME, at_us);
    if (!step)
        return false;
    step->of = of;
    step->label = label;
    return true;
}

enum { AMEND, AMEND_OF, AMOUNT, AMOUNT_MINOR, AMEND_AT, AMEND_KEYS };

static bool read_amend_kind(struct history *history, const struct tree_node *node,
                            enum amendment_kind *ret_kind) {
    static const char *const names[] = {"void", "capture", "refund", "restore", NULL};
    size_t index;
    if (!read_choice(&history->loader->reader, node, "amend", names, &index))
        return false;
    return amendment_kind_parse(text_of(names[index]), ret_kind);
}

/* A capture and a refund have an amount: exact in the digits of the transaction's currency, or in
 * minor units. What contradicts the history is found when it is applied. */
static bool read_amend_amount(struct history *history, const struct tree_node *node,
                              const struct key keys[AMEND_KEYS], size_t of,
                              struct amendment *amendment) {
    struct case_loader *loader = history->loader;
    const struct tree_node *major = keys[AMOUNT].node, *minor = keys[AMOUNT_MINOR].node;
    bool takes = amendment->kind == AMENDMENT_CAPTURE || amendment->kind == AMENDMENT_REFUND;
    int digits = currency_digits(history->steps[of].transaction.currency);
    if (takes != (major || minor) || (major && minor)) {
        read_diagnostic(&loader->reader, node,
                        takes ? "a %s needs \"amount\" or \"amount_minor\", and not both"
                              : "a %s has no amount",
                        amendment_kind_name(amendment->kind));
        return false;
    }
    if (minor)
        return read_int(&loader->reader, minor, "amount_minor", 0, TRANSACTION_AMOUNT_MINOR_MAX,
                        &amendment->amount_minor);
    return !major || case_read_units(loader, major, "amount", digits < 0 ? 2 : (unsigned)digits,
                                     &amendment->amount_minor);
}

static bool read_amendment(struct history *history, const struct tree_node *node) {
    struct case_loader *loader = history->loader;
    struct key keys[AMEND_KEYS] = {
        [AMEND] = {"amend", true, NULL},    [AMEND_OF] = {"of", true, NULL},
        [AMOUNT] = {"amount", false, NULL}, [AMOUNT_MINOR] = {"amount_minor", false, NULL},
        [AMEND_AT] = {"at", false, NULL},
    };
    struct amendment amendment = {0};
    struct text id, field;
    struct error error;
    size_t of;
    int64_t at_us = history->now_us;
    if (!read_keys(&loader->reader, node, "an amendment of a history", keys, AMEND_KEYS))
        return false;
    bool good = read_amend_kind(history, keys[AMEND].node, &amendment.kind);
    good &= !keys[AMEND_AT].node || read_at(history, keys[AMEND_AT].node, &at_us);
    if (!read_text(&loader->reader, keys[AMEND_OF].node, "of", TRANSACTION_ID_MAX, &id) || !good ||
        !read_of(history, keys[AMEND_OF].node, id, &of) ||
        !read_amend_amount(history, node, keys, of, &amendment))
        return false;
    amendment.transaction_id = id;
    if (amendment_check(&amendment, &field, &error) < 0) {
        read_diagnostic(&loader->reader, node, "%s", error.text);
        return false;
    }
    struct case_step *step = new_step(history, node, CASE_AMENDMENT, at_us);
    if (!step)
        return false;
    step->of = of;
    step->amendment = amendment;
    return true;
}

static const struct list *read_list_name(struct history *history, const struct tree_node *node) {
    const struct scope *scope = &history->loader->load->scope;
    struct text name;
    if (!read_text(&history->loader->reader, node, "list", NAME_SIZE_MAX, &name))
        return NULL;
    struct near near = near_to(name);
    for (size_t i = 0; i < scope->list_count; i++) {
        near_try(&near, scope->lists[i].name);
        if (!text_equal(scope->lists[i].name, name))
            continue;
        if (!scope->lists[i].is_fixed)
            return &scope->lists[i];
        read_diagnostic(&history->loader->reader, node,
                        "list \"%" TEXT_FORMAT "\" does not accept values at run time (runtime: "
                        "no)",
                        TEXT_ARGS(name));
        return NULL;
    }
    char hint[NEAR_HINT_SIZE];
    if (!scope->incomplete)
        read_diagnostic(&history->loader->reader, node, "unknown list \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(name), near_hint(&near, hint));
    return NULL;
}

/* The entry in its canonical form, as the archive has it. */
static bool read_entry(struct history *history, const struct tree_node *node,
                       const struct list *list, struct text *ret_entry) {
    struct case_loader *loader = history->loader;
    struct text value;
    struct list_entry entry;
    struct list_diagnostic diagnostic;
    char bytes[LIST_ENTRY_TEXT_SIZE];
    if (!read_text(&loader->reader, node, node->key->text.data, LIST_ENTRY_SIZE_MAX, &value))
        return false;
    if (!list_entry_parse(list->kind, list->card_numbers, value, &entry, &diagnostic)) {
        struct position at = tree_position(node);
        at.secret = text_is_card_number(value);
        diagnostic_add(loader->reader.diagnostics, loader->reader.source, at, "%s",
                       diagnostic.text);
        return false;
    }
    *ret_entry = arena_text(loader->load->arena, list_entry_format(list->kind, &entry, bytes));
    check(ret_entry->data);
    return true;
}

enum { LIST, ADD, REMOVE, FOR, UNTIL, WHY, CHANGE_AT, CHANGE_KEYS };

/* "for" from the change on, or "until"; neither: for good. */
static bool read_expiry(struct history *history, const struct key keys[CHANGE_KEYS], int64_t at_us,
                        int64_t *ret_us) {
    struct case_loader *loader = history->loader;
    const struct tree_node *duration = keys[FOR].node, *until = keys[UNTIL].node;
    int64_t us;
    *ret_us = 0;
    if (!duration && !until)
        return true;
    if ((duration && until) || !keys[ADD].node) {
        read_diagnostic(&loader->reader, duration ? duration : until, "%s",
                        keys[ADD].node ? "both \"for\" and \"until\" are given; expected one of "
                                         "them"
                                       : "only \"add\" takes \"for\" or \"until\"");
        return false;
    }
    if (until)
        return case_read_time(loader, until, "until", ret_us);
    if (!read_duration(&loader->reader, duration, "for", CALENDAR_SECOND_US,
                       INT64_C(3660) * CALENDAR_DAY_US, &us))
        return false;
    return !__builtin_add_overflow(at_us, us, ret_us);
}

static bool read_list_change(struct history *history, const struct tree_node *node) {
    struct case_loader *loader = history->loader;
    struct key keys[CHANGE_KEYS] = {
        [LIST] = {"list", true, NULL},      [ADD] = {"add", false, NULL},
        [REMOVE] = {"remove", false, NULL}, [FOR] = {"for", false, NULL},
        [UNTIL] = {"until", false, NULL},   [WHY] = {"why", false, NULL},
        [CHANGE_AT] = {"at", false, NULL},
    };
    struct list_change_record change = {.source = TEXT_LITERAL("case")};
    int64_t at_us = history->now_us;
    if (!read_keys(&loader->reader, node, "a change of a list", keys, CHANGE_KEYS))
        return false;
    if (!keys[ADD].node == !keys[REMOVE].node) {
        read_diagnostic(&loader->reader, node,
                        "a list change needs either \"add\" or \"remove\", not "
                        "both");
        return false;
    }
    const struct tree_node *entry = keys[ADD].node ? keys[ADD].node : keys[REMOVE].node;
    const struct list *list = read_list_name(history, keys[LIST].node);
    bool good = !keys[CHANGE_AT].node || read_at(history, keys[CHANGE_AT].node, &at_us);
    good &= !keys[WHY].node ||
            read_text(&loader->reader, keys[WHY].node, "why", POLICY_ABOUT_MAX, &change.reason);
    if (!list || !good || !read_entry(history, entry, list, &change.entry) ||
        !read_expiry(history, keys, at_us, &change.expiry_time_us))
        return false;
    change.list = list->name;
    change.removed = keys[REMOVE].node != NULL;
    struct case_step *step = new_step(history, node, CASE_LIST_CHANGE, at_us);
    if (step)
        step->change = change;
    return step != NULL;
}

static bool has_key(const struct tree_node *node, const char *name) {
    if (node->kind == TREE_MAPPING)
        for (const struct tree_node *child = node->first; child; child = child->next)
            if (text_is(child->key->text, name))
                return true;
    return false;
}

/* The keys tell the kinds of items apart: "outcome", "amend", "list", or none of them. */
static bool read_item(struct history *history, const struct tree_node *node) {
    if (has_key(node, "outcome"))
        return read_outcome(history, node);
    if (has_key(node, "amend"))
        return read_amendment(history, node);
    if (has_key(node, "list"))
        return read_list_change(history, node);
    return read_past_transaction(history, node);
}

/* Steps are collected on the heap and copied once their number is known. */
static bool read_history(struct history *history, const struct tree_node *node,
                         struct policy_case *ret_case) {
    struct load *load = history->loader->load;
    bool good = true;
    if (!read_list(&history->loader->reader, node, "history"))
        return false;
    for (const struct tree_node *item = node->first; item; item = item->next)
        good &= read_item(history, item);
    struct case_step *kept = arena_calloc(load->arena, history->count, sizeof *kept);
    check(kept);
    for (size_t i = 0; i < history->count; i++)
        kept[i] = history->steps[i];
    free(history->steps);
    ret_case->steps = kept;
    ret_case->step_count = history->count;
    return good;
}

bool case_read_steps(struct case_loader *loader, const struct tree_node *transaction,
                     const struct tree_node *history, struct policy_case *ret_case) {
    struct key *keys = case_read_fields(loader, transaction, "a transaction", false);
    if (!keys)
        return false;
    struct case_draft draft = {.loader = loader, .node = transaction, .keys = keys};
    const struct tree_node *time = case_field_node(&draft, FIELD_KIND_EVENT_TIME);
    int64_t now_us = CASE_TIME_US;
    if (time && !case_read_time(loader, time, "event_time", &now_us))
        return false;
    /* Errors of the transaction would be repeated by every item that inherits from it. */
    if (!case_build(&draft, TEXT_LITERAL("case"), now_us))
        return false;
    ret_case->transaction = draft.transaction;
    struct history past = {.loader = loader, .base = keys, .now_us = now_us};
    if (history && !read_history(&past, history, ret_case))
        return false;
    return true;
}
