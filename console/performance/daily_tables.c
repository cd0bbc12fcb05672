/* Rows are written many at a time, as one JSON text that SQLite takes apart: a statement for each
 * row would take ten times as long. */
#include "daily_tables.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION INT32_C(0x48617250) /* "HarP" */
#define VERSION     2
#define PATH_SIZE   4096
#define DATE_NONE   (-1)

static const char schema[] =
    "CREATE TABLE subjects (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL)"
    "  STRICT;"
    "CREATE INDEX subjects_by_kind ON subjects (kind);"
    "CREATE TABLE sets (id INTEGER PRIMARY KEY, members TEXT NOT NULL) STRICT;"
    "CREATE TABLE members (position INTEGER PRIMARY KEY, members INTEGER NOT NULL) STRICT;"
    "CREATE TABLE cells ("
    "  subject INTEGER NOT NULL, class INTEGER NOT NULL, day INTEGER NOT NULL,"
    "  known INTEGER NOT NULL, currency TEXT NOT NULL, verdict INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL, amount INTEGER NOT NULL, high INTEGER NOT NULL,"
    "  low INTEGER NOT NULL,"
    "  PRIMARY KEY (subject, class, day, known, currency, verdict)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE totals ("
    "  subject INTEGER NOT NULL, class INTEGER NOT NULL, day INTEGER NOT NULL,"
    "  currency TEXT NOT NULL, verdict INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL, amount INTEGER NOT NULL, high INTEGER NOT NULL,"
    "  low INTEGER NOT NULL,"
    "  PRIMARY KEY (subject, class, day, currency, verdict)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE policies (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE phases ("
    "  id INTEGER PRIMARY KEY, experiment TEXT NOT NULL, key TEXT NOT NULL,"
    "  share INTEGER NOT NULL, champion TEXT NOT NULL, challenger TEXT NOT NULL,"
    "  from_position INTEGER NOT NULL, until_position INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE days (day INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;"
    "CREATE TABLE state ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL, chain INTEGER NOT NULL,"
    "  champion INTEGER NOT NULL, phase INTEGER NOT NULL, challenger INTEGER NOT NULL,"
    "  last_day INTEGER NOT NULL, untracked INTEGER NOT NULL) STRICT;"
    "PRAGMA user_version = 2;";

static const char clearing[] =
    "DELETE FROM subjects; DELETE FROM sets; DELETE FROM members; DELETE FROM cells;"
    "DELETE FROM totals; DELETE FROM policies; DELETE FROM phases; DELETE FROM days;"
    "DELETE FROM state;";

/* ---- opening ---- */

static int take_number(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

/* 1: the file is of another version. */
static int set_up(struct sql *sql, struct error *ret_error) {
    int64_t version = 0;
    int r = sql_each(sql, ret_error, take_number, &version, "PRAGMA user_version", "");
    if (r < 0 || version == VERSION)
        return r < 0 ? r : 0;
    if (version != 0)
        return 1;
    r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = sql_script(sql, schema, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

static int path_of(const char *folder, char path[PATH_SIZE], struct error *ret_error) {
    if (snprintf(path, PATH_SIZE - sizeof "-wal", "%s/" PERFORMANCE_FILE, folder) >=
        PATH_SIZE - (int)sizeof "-wal")
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    return 0;
}

static int open_file(const char *path, struct sql **ret_sql, struct error *ret_error) {
    mode_t mask = umask(0077);
    int r = sql_open(path, APPLICATION, ret_sql, ret_error);
    umask(mask);
    return r;
}

static void remove_file(const char *path) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[PATH_SIZE];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (snprintf(name, sizeof name, "%s%s", path, ends[i]) < (int)sizeof name)
            unlink(name);
}

static int open_or_replace(const char *path, struct sql **ret_sql, struct error *ret_error) {
    int r = open_file(path, ret_sql, ret_error);
    if (r == 0) {
        r = set_up(*ret_sql, ret_error);
        if (r != 0)
            sql_close(*ret_sql);
    }
    if (r != 1 && r != -(int)ERROR_DAMAGED)
        return r;
    remove_file(path);
    r = open_file(path, ret_sql, ret_error);
    if (r == 0 && (r = set_up(*ret_sql, ret_error)) < 0)
        sql_close(*ret_sql);
    return r;
}

int daily_tables_open(const char *folder, struct daily_tables *ret_tables,
                      struct error *ret_error) {
    struct daily_tables tables = {0};
    char path[PATH_SIZE];
    int r = path_of(folder, path, ret_error);
    if (r == 0)
        r = open_or_replace(path, &tables.sql, ret_error);
    if (r < 0)
        return r;
    r = daily_tables_reload(&tables, ret_error);
    if (r < 0)
        daily_tables_close(&tables);
    else
        *ret_tables = tables;
    return r;
}

int daily_tables_open_reader(const char *folder, struct sql **ret_sql, struct error *ret_error) {
    char path[PATH_SIZE];
    int r = path_of(folder, path, ret_error);
    return r < 0 ? r : open_file(path, ret_sql, ret_error);
}

void daily_tables_close(struct daily_tables *tables) {
    sql_close(tables->sql);
    intern_deinit(&tables->subjects);
    intern_deinit(&tables->sets);
    *tables = (struct daily_tables){0};
}

/* ---- what is kept ---- */

static int take_subject(void *user, const struct sql_row *row, struct error *ret_error) {
    struct daily_tables *tables = user;
    char name[4096];
    snprintf(name, sizeof name, "%" PRId64 " %s", sql_integer(row, 1), sql_text(row, 2));
    if (sql_integer(row, 0) != (int64_t)tables->subjects.count)
        return error_set(ret_error, ERROR_DAMAGED, PERFORMANCE_FILE ": a subject is missing");
    intern_add(&tables->subjects, text_of(name));
    return 0;
}

static int take_set(void *user, const struct sql_row *row, struct error *ret_error) {
    struct daily_tables *tables = user;
    if (sql_integer(row, 0) != (int64_t)tables->sets.count)
        return error_set(ret_error, ERROR_DAMAGED, PERFORMANCE_FILE ": a set is missing");
    intern_add(&tables->sets, text_of(sql_text(row, 1)));
    return 0;
}

static int take_state(void *user, const struct sql_row *row, struct error *ret_error) {
    struct daily_state *state = user;
    (void)ret_error;
    *state = (struct daily_state){.place = {.position = (uint64_t)sql_integer(row, 0),
                                            .chain = (uint64_t)sql_integer(row, 1)},
                                  .champion = (uint64_t)sql_integer(row, 2),
                                  .phase = sql_integer(row, 3),
                                  .challenger = (uint64_t)sql_integer(row, 4),
                                  .last_day = sql_integer(row, 5),
                                  .untracked = sql_integer(row, 6)};
    return 0;
}

int daily_tables_reload(struct daily_tables *tables, struct error *ret_error) {
    intern_deinit(&tables->subjects);
    intern_deinit(&tables->sets);
    tables->state = (struct daily_state){.last_day = DATE_NONE};
    int r = sql_each(tables->sql, ret_error, take_subject, tables,
                     "SELECT id, kind, name FROM subjects ORDER BY id", "");
    if (r >= 0)
        r = sql_each(tables->sql, ret_error, take_set, tables,
                     "SELECT id, members FROM sets ORDER BY id", "");
    if (r >= 0)
        r = sql_each(tables->sql, ret_error, take_state, &tables->state,
                     "SELECT position, chain, champion, phase, challenger, last_day, untracked"
                     " FROM state",
                     "");
    tables->kept_subjects = tables->subjects.count;
    tables->kept_sets = tables->sets.count;
    return r < 0 ? r : 0;
}

int daily_tables_clear(struct daily_tables *tables, struct error *ret_error) {
    int r = sql_begin(tables->sql, ret_error);
    if (r < 0)
        return r;
    r = sql_script(tables->sql, clearing, ret_error);
    int ended = sql_end(tables->sql, r == 0, ret_error);
    if (r == 0 && ended == 0)
        return daily_tables_reload(tables, ret_error);
    return r < 0 ? r : ended;
}

uint32_t daily_tables_subject(struct daily_tables *tables, enum subject_kind kind,
                              struct text name) {
    char key[512];
    int length = snprintf(key, sizeof key, "%d %" TEXT_FORMAT, (int)kind, TEXT_ARGS(name));
    if (length < 0 || length >= (int)sizeof key)
        return INTERN_NONE;
    const struct text text = {.data = key, .length = (size_t)length};
    uint32_t found = intern_find(&tables->subjects, text);
    if (found != INTERN_NONE || tables->subjects.count >= SUBJECTS_MAX)
        return found;
    return intern_add(&tables->subjects, text);
}

uint32_t daily_tables_set(struct daily_tables *tables, struct text members) {
    uint32_t found = intern_find(&tables->sets, members);
    if (found != INTERN_NONE || tables->sets.count >= SETS_MAX)
        return found;
    return intern_add(&tables->sets, members);
}

static int keep_subjects(struct daily_tables *tables, struct error *ret_error) {
    for (; tables->kept_subjects < tables->subjects.count; tables->kept_subjects++) {
        const char *key = tables->subjects.texts[tables->kept_subjects].data;
        int r = sql_run(tables->sql, ret_error,
                        "INSERT INTO subjects (id, kind, name) VALUES (?, ?, ?)", "iit",
                        (int64_t)tables->kept_subjects, (int64_t)atoi(key), strchr(key, ' ') + 1);
        if (r < 0)
            return r;
    }
    for (; tables->kept_sets < tables->sets.count; tables->kept_sets++) {
        int r =
            sql_run(tables->sql, ret_error, "INSERT INTO sets (id, members) VALUES (?, ?)", "it",
                    (int64_t)tables->kept_sets, tables->sets.texts[tables->kept_sets].data);
        if (r < 0)
            return r;
    }
    return 0;
}

int daily_tables_keep_state(struct daily_tables *tables, struct error *ret_error) {
    const struct daily_state *state = &tables->state;
    int r = keep_subjects(tables, ret_error);
    if (r < 0)
        return r;
    r = sql_run(tables->sql, ret_error,
                "INSERT OR REPLACE INTO state (id, position, chain, champion, phase, challenger,"
                " last_day, untracked) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                "iiiiiii", (int64_t)state->place.position, (int64_t)state->place.chain,
                (int64_t)state->champion, state->phase, (int64_t)state->challenger, state->last_day,
                state->untracked);
    return r < 0 ? r : 0;
}

/* Old members go with the day on which they become too old. */
int daily_tables_begin_day(struct daily_tables *tables, int64_t day, uint64_t position,
                           struct error *ret_error) {
    int r =
        sql_run(tables->sql, ret_error, "INSERT OR IGNORE INTO days (day, position) VALUES (?, ?)",
                "ii", day, (int64_t)position);
    if (r >= 0)
        r = sql_run(tables->sql, ret_error,
                    "DELETE FROM members WHERE position <"
                    " (SELECT min(position) FROM days WHERE day >= ?)",
                    "i", day - MEMBERS_DAYS);
    tables->state.last_day = day;
    return r < 0 ? r : 0;
}

/* ---- policies ---- */

int daily_tables_name_policy(struct daily_tables *tables, uint64_t snapshot, struct text name,
                             struct error *ret_error) {
    char hex[HASH_HEX_SIZE], *copy = text_copy(name);
    hash_hex(snapshot, hex);
    int r = sql_run(tables->sql, ret_error,
                    "INSERT OR REPLACE INTO policies (id, name) VALUES (?, ?)", "tt", hex, copy);
    free(copy);
    return r < 0 ? r : 0;
}

int daily_tables_begin_phase(struct daily_tables *tables, const struct phase *phase,
                             struct error *ret_error) {
    char champion[HASH_HEX_SIZE], challenger[HASH_HEX_SIZE];
    char *experiment = text_copy(phase->experiment), *key = text_copy(phase->key);
    int64_t id = 0;
    hash_hex(phase->champion, champion);
    hash_hex(phase->challenger, challenger);
    int r = sql_run(tables->sql, ret_error,
                    "INSERT INTO phases (experiment, key, share, champion, challenger,"
                    " from_position) VALUES (?, ?, ?, ?, ?, ?)",
                    "ttitti", experiment, key, (int64_t)phase->share, champion, challenger,
                    (int64_t)phase->from_position);
    if (r >= 0)
        r = sql_each(tables->sql, ret_error, take_number, &id, "SELECT max(id) FROM phases", "");
    free(experiment);
    free(key);
    tables->state.phase = id;
    tables->state.challenger = phase->challenger;
    return r < 0 ? r : 0;
}

int daily_tables_end_phase(struct daily_tables *tables, uint64_t position,
                           struct error *ret_error) {
    int r = sql_run(tables->sql, ret_error, "UPDATE phases SET until_position = ? WHERE id = ?",
                    "ii", (int64_t)position, tables->state.phase);
    tables->state.phase = 0;
    tables->state.challenger = 0;
    return r < 0 ? r : 0;
}

int daily_tables_renew_phase(struct daily_tables *tables, uint64_t position,
                             struct error *ret_error) {
    char champion[HASH_HEX_SIZE];
    int64_t old = tables->state.phase, id = 0;
    hash_hex(tables->state.champion, champion);
    int r = sql_run(tables->sql, ret_error,
                    "INSERT INTO phases (experiment, key, share, champion, challenger,"
                    " from_position) SELECT experiment, key, share, ?, challenger, ?"
                    " FROM phases WHERE id = ?",
                    "tii", champion, (int64_t)position, old);
    if (r >= 0)
        r = sql_run(tables->sql, ret_error, "UPDATE phases SET until_position = ? WHERE id = ?",
                    "ii", (int64_t)position, old);
    if (r >= 0)
        r = sql_each(tables->sql, ret_error, take_number, &id, "SELECT max(id) FROM phases", "");
    tables->state.phase = id;
    return r < 0 ? r : 0;
}

/* ---- cells ---- */

struct cell_key {
    uint32_t subject;
    int32_t day, known;
    char currency[4];
    uint32_t verdict, class;
};

struct cell {
    struct cell_key key;
    bool is_used;
    int64_t rows;
    report_sum amount, squares;
};

struct cell_table {
    struct cell *cells;
    size_t size, used; /* size: a power of two */
};

static struct cell *cell_slot(const struct cell_table *table, const struct cell_key *key) {
    size_t at = hash64(key, sizeof *key, 0) & (table->size - 1);
    while (table->cells[at].is_used && memcmp(&table->cells[at].key, key, sizeof *key) != 0)
        at = (at + 1) & (table->size - 1);
    return &table->cells[at];
}

static void grow_cells(struct cell_table *table) {
    struct cell_table grown = {.size = table->size ? 2 * table->size : 1024, .used = table->used};
    grown.cells = check_calloc(grown.size, sizeof *grown.cells);
    for (size_t i = 0; i < table->size; i++)
        if (table->cells[i].is_used)
            *cell_slot(&grown, &table->cells[i].key) = table->cells[i];
    free(table->cells);
    *table = grown;
}

static void add_to_cell(struct cell_table *table, const struct cell_key *key, int64_t sign,
                        int64_t amount) {
    if (2 * (table->used + 1) > table->size)
        grow_cells(table);
    struct cell *cell = cell_slot(table, key);
    table->used += !cell->is_used;
    cell->is_used = true;
    cell->key = *key;
    cell->rows += sign;
    cell->amount += sign * amount;
    cell->squares += sign * (report_sum)amount * amount;
}

/* To the cell of one subject, and to the same one over all known days. */
static void add_movement(struct cell_table tables[2], const struct movement *movement,
                         uint32_t subject, uint32_t verdict) {
    struct cell_key key = {.subject = subject, .day = movement->day, .verdict = verdict};
    memcpy(key.currency, movement->currency, sizeof key.currency);
    for (int i = 0; i < 2; i++) {
        key.known = i == 0 ? movement->known : 0;
        key.class = movement->before;
        if (!movement->is_decision)
            add_to_cell(&tables[i], &key, -1, movement->amount_before);
        key.class = movement->after;
        add_to_cell(&tables[i], &key, 1, movement->amount_after);
    }
}

static void add_members(struct daily_tables *tables, struct cell_table cells[2],
                        const struct movement *movement, uint32_t all) {
    if (movement->subjects == SET_ALL_ONLY) {
        add_movement(cells, movement, all, movement->verdict);
        return;
    }
    const char *at = tables->sets.texts[movement->subjects].data;
    while (*at) {
        char *end;
        unsigned long subject = strtoul(at, &end, 10);
        unsigned long verdict = strtoul(end + 1, &end, 10);
        add_movement(cells, movement, (uint32_t)subject, (uint32_t)verdict);
        at = end + 1;
    }
}

/* Cells that come to nothing are left out. */
static void write_cells(const struct cell_table *table, struct buffer *out) {
    buffer_append_u8(out, '[');
    bool is_first = true;
    for (size_t i = 0; i < table->size; i++) {
        const struct cell *cell = &table->cells[i];
        if (!cell->is_used || (cell->rows == 0 && cell->amount == 0 && cell->squares == 0))
            continue;
        report_sum high = cell->squares >> SQUARE_BITS;
        report_sum low = cell->squares - high * ((report_sum)1 << SQUARE_BITS);
        buffer_printf(out,
                      "%s[%u,%u,%d,%d,\"%.3s\",%u,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]",
                      is_first ? "" : ",", cell->key.subject, cell->key.class, cell->key.day,
                      cell->key.known, cell->key.currency, cell->key.verdict, cell->rows,
                      (int64_t)cell->amount, (int64_t)high, (int64_t)low);
        is_first = false;
    }
    buffer_append(out, "]", 2); /* with a NUL */
}

#define FROM_JSON(at) "json_extract(value, '$[" #at "]')"
#define ADD_UP                                                                                     \
    " DO UPDATE SET rows = rows + excluded.rows, amount = amount + excluded.amount,"               \
    " high = high + excluded.high, low = low + excluded.low"

static int keep_cells(struct daily_tables *tables, const struct cell_table cells[2],
                      struct error *ret_error) {
    static const char *const statements[2] = {
        "INSERT INTO cells SELECT " FROM_JSON(0) ", " FROM_JSON(1) ", " FROM_JSON(2) ", " FROM_JSON(3) ", " FROM_JSON(4) ", " FROM_JSON(
            5) ", " FROM_JSON(6) ", " FROM_JSON(7) ", " FROM_JSON(8) ", " FROM_JSON(9) " FROM "
                                                                                       "json_each(?"
                                                                                       ") WHERE "
                                                                                       "true"
                                                                                       " ON "
                                                                                       "CONFLICT "
                                                                                       "(subject, "
                                                                                       "class, "
                                                                                       "day, "
                                                                                       "known, "
                                                                                       "currency, "
                                                                                       "verdict"
                                                                                       ")" ADD_UP,
        "INSERT INTO totals SELECT " FROM_JSON(0) ", " FROM_JSON(1) ", " FROM_JSON(
            2) ", " FROM_JSON(4) ", " FROM_JSON(5) ", " FROM_JSON(6) ", " FROM_JSON(7) ","
                                                                                       " " FROM_JSON(8) ", " FROM_JSON(
                                                                                           9) " FRO"
                                                                                              "M "
                                                                                              "json"
                                                                                              "_eac"
                                                                                              "h(?)"
                                                                                              " WHE"
                                                                                              "RE "
                                                                                              "true"
                                                                                              " ON "
                                                                                              "CONF"
                                                                                              "LICT"
                                                                                              " ("
                                                                                              "subj"
                                                                                              "ect,"
                                                                                              " cla"
                                                                                              "ss, "
                                                                                              "day,"
                                                                                              " cur"
                                                                                              "renc"
                                                                                              "y, "
                                                                                              "verd"
                                                                                              "ict"
                                                                                              ")" ADD_UP,
    };
    struct buffer rows;
    int r = 0;
    buffer_init(&rows);
    for (int i = 0; i < 2 && r >= 0; i++) {
        buffer_clear(&rows);
        write_cells(&cells[i], &rows);
        r = sql_run(tables->sql, ret_error, statements[i], "t", (const char *)rows.bytes);
    }
    buffer_deinit(&rows);
    return r < 0 ? r : 0;
}

/* ---- members ---- */

static int keep_members(struct daily_tables *tables, const struct movement *movements, size_t count,
                        struct error *ret_error) {
    struct buffer rows;
    size_t kept = 0;
    buffer_init(&rows);
    buffer_append_u8(&rows, '[');
    for (size_t i = 0; i < count; i++)
        if (movements[i].is_decision && movements[i].subjects != SET_ALL_ONLY)
            buffer_printf(&rows, "%s[%" PRIu64 ",%u]", kept++ ? "," : "", movements[i].position,
                          movements[i].subjects);
    buffer_append(&rows, "]", 2);
    int r = kept == 0 ? 0
                      : sql_run(tables->sql, ret_error,
                                "INSERT OR REPLACE INTO members SELECT " FROM_JSON(
                                    0) ", " FROM_JSON(1) " FROM json_each(?)",
                                "t", (const char *)rows.bytes);
    buffer_deinit(&rows);
    return r < 0 ? r : 0;
}

struct found_members {
    struct intern *sets;
    uint64_t *positions; /* rising */
    uint32_t *sets_of;
    size_t count;
};

static int take_members(void *user, const struct sql_row *row, struct error *ret_error) {
    struct found_members *found = user;
    int64_t set = sql_integer(row, 1);
    if (set < 0 || set >= (int64_t)found->sets->count)
        return error_set(ret_error, ERROR_DAMAGED, PERFORMANCE_FILE ": a set is missing");
    found->positions[found->count] = (uint64_t)sql_integer(row, 0);
    found->sets_of[found->count++] = (uint32_t)set;
    return 0;
}

static uint32_t set_at(const struct found_members *found, uint64_t position) {
    size_t low = 0, high = found->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (found->positions[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < found->count && found->positions[low] == position ? found->sets_of[low]
                                                                   : SET_ALL_ONLY;
}

/* The sets of transactions that something came for. Those of the same movements are kept before. */
static int find_members(struct daily_tables *tables, struct movement *movements, size_t count,
                        struct error *ret_error) {
    struct found_members found = {.sets = &tables->sets,
                                  .positions = check_calloc(count, sizeof *found.positions),
                                  .sets_of = check_calloc(count, sizeof *found.sets_of)};
    struct buffer wanted;
    size_t asked = 0;
    buffer_init(&wanted);
    buffer_append_u8(&wanted, '[');
    for (size_t i = 0; i < count; i++)
        if (!movements[i].is_decision)
            buffer_printf(&wanted, "%s%" PRIu64, asked++ ? "," : "", movements[i].position);
    buffer_append(&wanted, "]", 2);
    int r = asked == 0 ? 0
                       : sql_each(tables->sql, ret_error, take_members, &found,
                                  "SELECT position, members FROM members WHERE position IN"
                                  " (SELECT value FROM json_each(?)) ORDER BY position",
                                  "t", (const char *)wanted.bytes);
    for (size_t i = 0; i < count && r >= 0; i++)
        if (!movements[i].is_decision)
            movements[i].subjects = set_at(&found, movements[i].position);
    buffer_deinit(&wanted);
    free(found.positions);
    free(found.sets_of);
    return r < 0 ? r : 0;
}

int daily_tables_add(struct daily_tables *tables, struct movement *movements, size_t count,
                     struct error *ret_error) {
    struct cell_table cells[2] = {0};
    uint32_t all = daily_tables_subject(tables, SUBJECT_ALL, (struct text){0});
    int r = count == 0 ? 0 : keep_members(tables, movements, count, ret_error);
    if (r == 0 && count > 0)
        r = find_members(tables, movements, count, ret_error);
    for (size_t i = 0; i < count && r == 0; i++)
        add_members(tables, cells, &movements[i], all);
    if (r == 0 && count > 0)
        r = keep_cells(tables, cells, ret_error);
    free(cells[0].cells);
    free(cells[1].cells);
    return r;
}
