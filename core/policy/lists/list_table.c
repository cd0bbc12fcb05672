/* The table: for each list its additions in the order of their positions, and up to three indexes
 * over them, one for each kind of list that a policy may declare under this name.
 *
 * The index of texts always exists; it is how a change finds the entry that it replaces or removes.
 * The others are built when a policy first asks for them, and kept up to date from then on. Each
 * addition has its texts in one allocation with it, and the hash of the list is the sum over its
 * additions, so that it can be kept up to date by adding and subtracting. */
#include "list_table.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "list.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

/* An addition with its texts after it. */
struct holder {
    struct list_addition addition; /* first */
    char bytes[];
};

/* Numbered by its index in slots[]. A removed addition leaves its slot without a holder, so that
 * the numbers in the indexes stay valid until close_holes(). */
struct slot {
    uint64_t position;
    struct holder *holder;
};

struct list_additions {
    struct text name; /* on the heap */
    uint64_t changes;
    int64_t changed_us;
    struct slot *slots; /* by position; a slot's number is that of the entry in the indexes */
    size_t length, capacity;
    size_t count; /* that are there */
    uint64_t hash;
    /* LIST_TEXTS always exists; the others once a policy with a list of that kind has used it. */
    struct list_index *indexes[LIST_KIND_COUNT];
};

struct list_table {
    struct list_additions **lists; /* by name; those that were only asked about, too */
    size_t list_count;
    struct list_additions *brakes;      /* one of them; NULL: none was ever pulled */
    struct list_additions *experiments; /* another; NULL: there never was one */
    struct experiment experiment;       /* as read from there */
    bool has_experiment;
    size_t entries, bytes; /* of all of them */
    int64_t changed_us;    /* when the last change was received; INT64_MIN: there was none */
};

struct list_table *list_table_new(void) {
    struct list_table *table = check_calloc(1, sizeof *table);
    table->changed_us = INT64_MIN;
    return table;
}

static void additions_free(struct list_additions *additions) {
    for (size_t i = 0; i < additions->length; i++)
        free(additions->slots[i].holder);
    for (size_t kind = 0; kind < LIST_KIND_COUNT; kind++)
        if (additions->indexes[kind]) {
            list_index_deinit(additions->indexes[kind]);
            free(additions->indexes[kind]);
        }
    free(additions->slots);
    free((char *)(uintptr_t)additions->name.data);
    free(additions);
}

void list_table_free(struct list_table *table) {
    if (!table)
        return;
    for (size_t i = 0; i < table->list_count; i++)
        additions_free(table->lists[i]);
    free(table->lists);
    free(table);
}

/* ------------------------------------------------------------------------------------------------
 * Lists */

/* The index of the list in the array, which is sorted by name, or the one where it belongs. */
static bool find_place(const struct list_table *table, struct text name, size_t *ret_place) {
    size_t low = 0, high = table->list_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(table->lists[middle]->name, name);
        if (order == 0) {
            *ret_place = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_place = low;
    return false;
}

/* Not a list of policies. */
static bool is_own(const struct list_table *table, const struct list_additions *additions) {
    return additions == table->brakes || additions == table->experiments;
}

static struct list_index *index_new(enum list_kind kind) {
    struct list_index *index = check_malloc(sizeof *index);
    list_index_init(index, kind, 0, NULL);
    return index;
}

static struct list_additions *find_or_make(struct list_table *table, struct text name) {
    size_t place;
    if (find_place(table, name, &place))
        return table->lists[place];
    struct list_additions *additions = check_calloc(1, sizeof *additions);
    additions->name = (struct text){.data = text_copy(name), .length = name.length};
    additions->indexes[LIST_TEXTS] = index_new(LIST_TEXTS);
    table->lists = check_reallocarray(table->lists, table->list_count + 1, sizeof(*table->lists));
    memmove(table->lists + place + 1, table->lists + place,
            (table->list_count - place) * sizeof(*table->lists));
    table->lists[place] = additions;
    table->list_count++;
    if (text_equal(name, BRAKE_LIST))
        table->brakes = additions;
    else if (text_equal(name, EXPERIMENT_LIST))
        table->experiments = additions;
    return additions;
}

/* ------------------------------------------------------------------------------------------------
 * Entries */

/* False: a list of this kind ignores the addition. It takes only canonical texts: otherwise two
 * additions could be the same entry, and removing one of them would remove both. */
static bool entry_of(enum list_kind kind, const struct list_addition *addition, size_t number,
                     struct list_entry *ret_entry) {
    struct list_entry entry = {.text = addition->value};
    struct list_diagnostic ignored;
    char bytes[LIST_ENTRY_TEXT_SIZE];
    if (kind != LIST_TEXTS &&
        (!list_entry_parse(kind, true, addition->value, &entry, &ignored) ||
         !text_equal(list_entry_format(kind, &entry, bytes), addition->value)))
        return false;
    entry.until_us = addition->expiry_time_us ? addition->expiry_time_us : LIST_FOREVER;
    entry.number = (uint32_t)number;
    *ret_entry = entry;
    return true;
}

static void put_into(struct list_additions *additions, enum list_kind kind, size_t number) {
    struct list_entry entry;
    if (additions->indexes[kind] &&
        entry_of(kind, &additions->slots[number].holder->addition, number, &entry))
        list_index_put(additions->indexes[kind], &entry);
}

static struct list_index *index_of(struct list_additions *additions, enum list_kind kind) {
    if (!additions->indexes[kind]) {
        additions->indexes[kind] = index_new(kind);
        for (size_t i = 0; i < additions->length; i++)
            if (additions->slots[i].holder)
                put_into(additions, kind, i);
    }
    return additions->indexes[kind];
}

static uint64_t hash_addition(const struct list_addition *addition) {
    const uint64_t numbers[] = {(uint64_t)addition->expiry_time_us, addition->position,
                                (uint64_t)addition->receive_time_us};
    uint64_t hash = hash64(numbers, sizeof numbers, addition->value.length);
    hash = hash64(addition->value.data, addition->value.length, hash);
    hash = hash64(addition->source.data, addition->source.length, hash + addition->source.length);
    return hash64(addition->reason.data, addition->reason.length, hash);
}

static size_t holder_size(const struct list_addition *addition) {
    return sizeof(struct holder) + addition->value.length + addition->source.length +
           addition->reason.length;
}

static struct text put_text(char **at, struct text t) {
    struct text copy = {.data = *at, .length = t.length};
    if (t.length)
        memcpy(*at, t.data, t.length);
    *at += t.length;
    return copy;
}

static struct holder *holder_new(const struct list_addition *addition) {
    struct holder *holder = check_malloc(holder_size(addition));
    char *at = holder->bytes;
    holder->addition = *addition;
    holder->addition.value = put_text(&at, addition->value);
    holder->addition.source = put_text(&at, addition->source);
    holder->addition.reason = put_text(&at, addition->reason);
    return holder;
}

/* Closes the holes once there are more of them than entries. */
static void close_holes(struct list_additions *additions) {
    if (additions->length < 64 || additions->length < 2 * additions->count)
        return;
    size_t length = 0;
    for (size_t i = 0; i < additions->length; i++)
        if (additions->slots[i].holder)
            additions->slots[length++] = additions->slots[i];
    additions->length = length;
    /* Only the index of texts is asked for numbers; the others may keep old ones. */
    for (size_t i = 0; i < length; i++)
        put_into(additions, LIST_TEXTS, i);
}

static void add(struct list_table *table, struct list_additions *additions,
                const struct list_addition *addition) {
    if (additions->length == additions->capacity) {
        additions->capacity = additions->capacity ? additions->capacity * 2 : 16;
        additions->slots =
            check_reallocarray(additions->slots, additions->capacity, sizeof *additions->slots);
    }
    check(additions->length < UINT32_MAX);
    additions->slots[additions->length] =
        (struct slot){.position = addition->position, .holder = holder_new(addition)};
    for (size_t kind = 0; kind < LIST_KIND_COUNT; kind++)
        put_into(additions, (enum list_kind)kind, additions->length);
    additions->length++;
    additions->count++;
    additions->hash += hash_addition(addition);
    table->entries++;
    table->bytes += holder_size(addition);
}

static void drop(struct list_table *table, struct list_additions *additions, size_t number) {
    struct holder *holder = additions->slots[number].holder;
    struct list_entry entry;
    for (size_t kind = 0; kind < LIST_KIND_COUNT; kind++)
        if (additions->indexes[kind] &&
            entry_of((enum list_kind)kind, &holder->addition, number, &entry))
            list_index_remove(additions->indexes[kind], &entry);
    additions->slots[number].holder = NULL;
    additions->count--;
    additions->hash -= hash_addition(&holder->addition);
    table->entries--;
    table->bytes -= holder_size(&holder->addition);
    free(holder);
}

/* ------------------------------------------------------------------------------------------------
 * Changes */

static int64_t day_of(int64_t us) {
    int64_t day = us / DAY_US;
    return day * DAY_US > us ? day - 1 : day;
}

/* The first change of a day: what ended long before it goes. */
static void drop_ended(struct list_table *table, int64_t received_us) {
    if (table->changed_us != INT64_MIN && day_of(received_us) <= day_of(table->changed_us))
        return;
    int64_t before_us = day_of(received_us) * DAY_US - LIST_TABLE_KEPT_US;
    for (size_t i = 0; i < table->list_count; i++) {
        struct list_additions *additions = table->lists[i];
        for (size_t j = 0; j < additions->length; j++) {
            const struct holder *holder = additions->slots[j].holder;
            if (holder && holder->addition.expiry_time_us != 0 &&
                holder->addition.expiry_time_us < before_us)
                drop(table, additions, j);
        }
        close_holes(additions);
    }
}

static void apply_change(struct list_table *table, const struct record *record,
                         const struct list_change_record *change) {
    uint32_t number;
    drop_ended(table, record->receive_time_us);
    struct list_additions *additions = find_or_make(table, change->list);
    if (list_index_number(additions->indexes[LIST_TEXTS], change->entry, &number)) {
        drop(table, additions, number);
        close_holes(additions);
    }
    if (!change->removed)
        add(table, additions,
            &(struct list_addition){.value = change->entry,
                                    .expiry_time_us = change->expiry_time_us,
                                    .position = record->position,
                                    .receive_time_us = record->receive_time_us,
                                    .source = change->source,
                                    .reason = change->reason});
    additions->changes++;
    additions->changed_us = record->receive_time_us;
    if (record->receive_time_us > table->changed_us)
        table->changed_us = record->receive_time_us;
}

static void apply_brake(struct list_table *table, const struct record *record) {
    const struct brake_record *brake = &record->brake;
    struct buffer entry, reason;
    buffer_init(&entry);
    buffer_init(&reason);
    brake_put_entry(&entry, brake->rule, brake->definition);
    brake_put_reason(&reason, brake);
    const struct list_change_record change = {.list = BRAKE_LIST,
                                              .entry = buffer_text(&entry),
                                              .removed = brake->lifted,
                                              .source = brake->source,
                                              .reason = buffer_text(&reason)};
    apply_change(table, record, &change);
    buffer_deinit(&entry);
    buffer_deinit(&reason);
}

static void read_experiment(struct list_table *table) {
    const struct list_addition *addition =
        table->experiments ? list_additions_next(table->experiments, 0) : NULL;
    table->has_experiment = addition && experiment_read(addition, &table->experiment);
}

/* At most one is in force: what was there goes. */
static void apply_experiment(struct list_table *table, const struct record *record) {
    const struct list_addition *before =
        table->experiments ? list_additions_next(table->experiments, 0) : NULL;
    struct list_change_record change = {.list = EXPERIMENT_LIST, .removed = true};
    struct buffer entry;
    buffer_init(&entry);
    if (before) {
        buffer_append(&entry, before->value.data, before->value.length);
        change.entry = buffer_text(&entry);
        apply_change(table, record, &change);
        entry.length = 0;
    }
    if (!record->experiment.ended) {
        experiment_put_entry(&entry, &record->experiment);
        change.removed = false;
        change.entry = buffer_text(&entry);
        apply_change(table, record, &change);
    }
    buffer_deinit(&entry);
    read_experiment(table);
}

void list_table_apply(struct list_table *table, const struct record *record) {
    if (record->type == RECORD_LIST_CHANGE)
        apply_change(table, record, &record->list_change);
    else if (record->type == RECORD_BRAKE)
        apply_brake(table, record);
    else if (record->type == RECORD_EXPERIMENT)
        apply_experiment(table, record);
}

/* ------------------------------------------------------------------------------------------------
 * Looking */

size_t list_table_entries(const struct list_table *table) {
    size_t own = table->brakes ? table->brakes->count : 0;
    own += table->experiments ? table->experiments->count : 0;
    return table->entries - own;
}

size_t list_table_bytes(const struct list_table *table) {
    return table->bytes;
}

/* Over the lists in the order of their names; lists that were only asked for do not count. */
uint64_t list_table_hash(const struct list_table *table) {
    uint64_t hash = 0;
    for (size_t i = 0; i < table->list_count; i++) {
        const struct list_additions *additions = table->lists[i];
        if (additions->changes == 0)
            continue;
        const uint64_t numbers[] = {additions->changes, (uint64_t)additions->changed_us,
                                    additions->hash};
        hash = hash64(numbers, sizeof numbers, hash);
        hash = hash64(additions->name.data, additions->name.length, hash);
    }
    return hash;
}

const struct list_additions *list_table_at(const struct list_table *table, size_t index) {
    for (size_t i = 0; i < table->list_count; i++)
        if (table->lists[i]->changes > 0 && !is_own(table, table->lists[i]) && index-- == 0)
            return table->lists[i];
    return NULL;
}

const struct list_additions *list_table_find(const struct list_table *table, struct text name) {
    size_t place;
    if (!find_place(table, name, &place))
        return NULL;
    const struct list_additions *additions = table->lists[place];
    return additions->changes > 0 && !is_own(table, additions) ? additions : NULL;
}

const struct list_additions *list_table_brakes(const struct list_table *table) {
    return table->brakes;
}

uint64_t list_table_brake_changes(const struct list_table *table) {
    return table->brakes ? table->brakes->changes : 0;
}

const struct list_addition *list_table_brake(const struct list_table *table, struct text rule,
                                             uint64_t definition) {
    if (!table->brakes)
        return NULL;
    struct buffer entry;
    buffer_init(&entry);
    brake_put_entry(&entry, rule, definition);
    const struct list_addition *found = list_additions_get(table->brakes, buffer_text(&entry));
    buffer_deinit(&entry);
    return found;
}

uint64_t list_table_braked(const struct list_table *table, const struct brake_target *target,
                           bool is_challenger) {
    const uint64_t definitions[] = {
        target->definition,
        brake_definition(target->definition, is_challenger ? ARM_CHALLENGER : ARM_CHAMPION),
        target->declaration,
    };
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
        if (list_table_brake(table, target->rule, definitions[i]))
            return definitions[i];
    return 0;
}

const struct experiment *list_table_experiment(const struct list_table *table) {
    return table->has_experiment ? &table->experiment : NULL;
}

struct text list_additions_name(const struct list_additions *additions) {
    return additions->name;
}

size_t list_additions_count(const struct list_additions *additions) {
    return additions->count;
}

uint64_t list_additions_changes(const struct list_additions *additions) {
    return additions->changes;
}

int64_t list_additions_changed_us(const struct list_additions *additions) {
    return additions->changed_us;
}

const struct list_addition *list_additions_get(const struct list_additions *additions,
                                               struct text value) {
    uint32_t number;
    return list_index_number(additions->indexes[LIST_TEXTS], value, &number)
               ? &additions->slots[number].holder->addition
               : NULL;
}

const struct list_addition *list_additions_next(const struct list_additions *additions,
                                                uint64_t position) {
    size_t low = 0, high = additions->length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (additions->slots[middle].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < additions->length && !additions->slots[low].holder)
        low++;
    return low < additions->length ? &additions->slots[low].holder->addition : NULL;
}

struct value list_table_value(struct list_table *table, struct text name, enum list_kind kind) {
    return list_index_value(index_of(find_or_make(table, name), kind));
}

size_t list_table_usable(struct list_table *table, struct text name, enum list_kind kind) {
    return list_index_count(index_of(find_or_make(table, name), kind));
}

/* ------------------------------------------------------------------------------------------------
 * Parts */

static int visit_list(const struct list_additions *additions,
                      int (*visit)(void *user, const struct list_part *part), void *user) {
    struct list_addition *some = check_calloc(LIST_PART_ADDITIONS_MAX, sizeof *some);
    struct list_part part = {.list = additions->name,
                             .changes = additions->changes,
                             .last_change_time_us = additions->changed_us,
                             .additions = some};
    size_t left = additions->count, next = 0;
    int r;
    do {
        for (part.count = 0; part.count < LIST_PART_ADDITIONS_MAX && left > 0; next++)
            if (additions->slots[next].holder) {
                some[part.count++] = additions->slots[next].holder->addition;
                left--;
            }
        r = visit(user, &part);
    } while (r == 0 && left > 0);
    free(some);
    return r;
}

int list_table_visit(const struct list_table *table,
                     int (*visit)(void *user, const struct list_part *part), void *user) {
    int r = 0;
    for (size_t i = 0; i < table->list_count && r == 0; i++)
        if (table->lists[i]->changes > 0)
            r = visit_list(table->lists[i], visit, user);
    return r;
}

static int damaged(const struct list_part *part, const char *what, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, "list \"%.*s\": %s",
                     (int)(part->list.length > 80 ? 80 : part->list.length),
                     part->list.length ? part->list.data : "", what);
}

int list_table_restore(struct list_table *table, const struct list_part *part,
                       struct error *ret_error) {
    struct list_additions *additions = find_or_make(table, part->list);
    uint64_t position = 0;
    uint32_t number;
    if (part->changes == 0 || (additions->changes > 0 && additions->changes != part->changes))
        return damaged(part, "its parts are from different tables", ret_error);
    if (additions->length > 0)
        position = additions->slots[additions->length - 1].position;
    for (size_t i = 0; i < part->count; i++) {
        if (part->additions[i].position <= position)
            return damaged(part, "its entries are out of order", ret_error);
        if (list_index_number(additions->indexes[LIST_TEXTS], part->additions[i].value, &number))
            return damaged(part, "an entry appears twice", ret_error);
        position = part->additions[i].position;
        add(table, additions, &part->additions[i]);
    }
    additions->changes = part->changes;
    additions->changed_us = part->last_change_time_us;
    if (part->last_change_time_us > table->changed_us)
        table->changed_us = part->last_change_time_us;
    if (additions == table->experiments)
        read_experiment(table);
    return 0;
}
