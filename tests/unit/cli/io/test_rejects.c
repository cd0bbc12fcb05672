/* Rows by chance, broken ones too, of which the generator knows each byte: what is written of those
 * refused, and what is read from it again, must be these bytes. And which files are written at all,
 * also when another run of the command comes in between: linked so that flock() comes through here.
 */
#include "clients/cli/io/rejects.h"
#include "core/base/buffer.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/cli/memory_source.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_MAX 40

static char folder[64], file[128], again[128];

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/harrier-rejects-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/rejects", folder);
    snprintf(again, sizeof again, "%s/again", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static struct rejects *open_rejects(const char *path, const char *input) {
    struct rejects *rejects;
    struct error error;
    if (rejects_open(path, input, &rejects, &error) < 0)
        fail_msg("%s", error.text);
    return rejects;
}

static void close_rejects(struct rejects *rejects) {
    struct error error;
    if (rejects_close(rejects, &error) < 0)
        fail_msg("%s", error.text);
}

static void read_file(const char *path, struct buffer *ret_bytes) {
    FILE *in = fopen(path, "r");
    size_t length;
    assert_non_null(in);
    buffer_clear(ret_bytes);
    while ((length = fread(buffer_reserve(ret_bytes, 65536), 1, 65536, in)) > 0)
        ret_bytes->length += length;
    fclose(in);
}

static void write_file(const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* ---- what a row is ---- */

/* A file, and where each of its rows lies in it. */
struct model {
    uint64_t mix;
    struct buffer bytes;
    size_t count;
    size_t begins[ROWS_MAX], ends[ROWS_MAX];
    bool fits[ROWS_MAX];
};

static size_t below(struct model *model, size_t limit) {
    return (size_t)(split_mix(&model->mix) % limit);
}

static struct text row_of(const struct model *model, size_t row) {
    return (struct text){.data = (const char *)model->bytes.bytes + model->begins[row],
                         .length = model->ends[row] - model->begins[row]};
}

static void add_bytes(struct model *model, const char *alphabet, size_t most) {
    for (size_t length = below(model, most + 1); length > 0; length--)
        buffer_append_u8(&model->bytes, (uint8_t)alphabet[below(model, strlen(alphabet))]);
}

static void add_cell(struct model *model) {
    if (below(model, 3) > 0) {
        add_bytes(model, "ab 7.\xc3\xa9\xff\x01", 6);
        return;
    }
    buffer_append_u8(&model->bytes, '"');
    for (size_t parts = below(model, 3); parts > 0; parts--) {
        add_bytes(model, "a,\n\r \xff\xe2", 5);
        buffer_append_string(&model->bytes, below(model, 2) ? "\"\"" : "");
    }
    buffer_append_u8(&model->bytes, '"');
}

/* Three cells, or what is none of that. The last row may have a quote that is not closed. */
static void add_csv_row(struct model *model, bool is_last) {
    static const char *const broken[] = {"a,b", "a,b,c,d", "a\"b,c,d", "\"a\"b,c,d", "x", ",,,,,"};
    size_t row = model->count++;
    model->begins[row] = model->bytes.length;
    model->fits[row] = below(model, 3) > 0;
    if (!model->fits[row] && is_last)
        buffer_append_string(&model->bytes, "a,\"b,c\nd,e,f\n");
    else if (!model->fits[row])
        buffer_append_string(&model->bytes, broken[below(model, 6)]);
    buffer_append_string(&model->bytes, model->fits[row] ? "r," : ""); /* else it may be blank */
    for (size_t cell = 0; cell < 2 && model->fits[row]; cell++) {
        buffer_append_string(&model->bytes, cell ? "," : "");
        add_cell(model);
    }
    model->ends[row] = model->bytes.length;
    if (!is_last)
        buffer_append_string(&model->bytes, below(model, 2) ? "\n" : "\r\n");
    if (!is_last && below(model, 5) == 0)
        buffer_append_string(&model->bytes, "\n"); /* a blank line */
}

static void add_json_row(struct model *model, bool is_last) {
    static const char *const objects[] = {"{}", "{ \"a\":1, \"b\":\"x\\u0001\" }", "{\"a\":[{}]}\r",
                                          " {\"harrier\":{\"line\":2},\"c\":1e5}",
                                          "{\"a\":\"\"\t}"};
    static const char *const broken[] = {
        "[1]", "7", "{\"a\":", "\xff{}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "x\x01y\r"};
    size_t row = model->count++;
    model->begins[row] = model->bytes.length;
    model->fits[row] = below(model, 3) > 0;
    buffer_append_string(&model->bytes,
                         model->fits[row] ? objects[below(model, 5)] : broken[below(model, 7)]);
    model->ends[row] = model->bytes.length;
    if (!is_last)
        buffer_append_string(&model->bytes, below(model, 5) ? "\n" : "\n \n");
}

static void expect_text(struct text text, struct text expected, const char *what) {
    if (text.length != expected.length ||
        (text.length > 0 && memcmp(text.data, expected.data, text.length) != 0))
        fail_msg("%s: \"%.*s\", expected \"%.*s\"", what, (int)text.length, text.data,
                 (int)expected.length, expected.data);
}

/* Reads all rows in pieces of this many bytes; each must be the model's next one of those that are
 * there. Refuses those that are to be refused, with another reason each time. */
static void read_rows(const struct model *model, enum row_format format, struct text bytes,
                      size_t chunk, const bool *is_there, const bool *is_refused,
                      const char *source, const char *to) {
    struct memory_source memory = memory_source_of("", chunk);
    struct rejects *rejects = open_rejects(to, NULL);
    struct rows *rows;
    struct row row;
    struct error error;
    size_t next = 0;
    memory.left = bytes;
    if (rows_open(&memory.source, format, &rows, &error) < 0 ||
        rejects_begin_file(rejects, rows, source, &error) < 0 ||
        rows_want(rows, NULL, 0, &error) < 0)
        fail_msg("%s", error.text);
    for (int r; (r = rows_next(rows, &row, &error)) != ROWS_END; next++) {
        if (r < 0)
            fail_msg("%s", error.text);
        while (next < model->count && !is_there[next])
            next++;
        assert_true(next < model->count);
        assert_int_equal(r, model->fits[next] ? ROWS_ROW : ROWS_BAD_ROW);
        expect_text(model->fits[next] ? row.original.bytes : row.original.raw, row_of(model, next),
                    "the row");
        assert_null(model->fits[next] ? row.original.raw.data : row.original.bytes.data);
        const struct rejected why = {.source = source,
                                     .code = ERROR_INVALID,
                                     .field = text_of(next % 2 ? "amount" : ""),
                                     .reason = "quotes \"\xff\",\nand more"};
        if (is_refused[next] && rejects_add(rejects, &row.original, &why, &error) < 0)
            fail_msg("%s", error.text);
    }
    while (next < model->count && !is_there[next])
        next++;
    assert_int_equal(next, model->count);
    rows_close(rows);
    close_rejects(rejects);
}

static void refuse_by_chance(uint64_t seed, bool is_json) {
    struct model model = {.mix = seed};
    struct buffer kept, kept_again;
    bool all[ROWS_MAX], refused[ROWS_MAX];
    bool any = false;
    enum row_format format = is_json ? ROW_FORMAT_JSONL : ROW_FORMAT_CSV;
    buffer_init(&model.bytes);
    buffer_init(&kept);
    buffer_init(&kept_again);
    if (!is_json)
        buffer_append_string(&model.bytes,
                             seed % 2 ? "id,\"b \"\"\",\n" : "\xef\xbb\xbfid,b,c\r\n");
    for (size_t count = 1 + below(&model, ROWS_MAX - 1); model.count < count;)
        is_json ? add_json_row(&model, model.count + 1 == count)
                : add_csv_row(&model, model.count + 1 == count);
    for (size_t i = 0; i < model.count; i++) {
        all[i] = true;
        refused[i] = below(&model, 2);
        any = any || refused[i];
    }
    read_rows(&model, format, buffer_text(&model.bytes), 1 + below(&model, 50), all, refused,
              "day.csv", file);
    assert_int_equal(access(file, F_OK) == 0, any);
    if (any) {
        read_file(file, &kept);
        read_rows(&model, format, buffer_text(&kept), 1 + below(&model, 50), refused, refused,
                  "rejects", again);
        read_file(again, &kept_again);
        expect_text(buffer_text(&kept_again), buffer_text(&kept), "refused again");
        unlink(again);
        unlink(file);
    }
    buffer_deinit(&model.bytes);
    buffer_deinit(&kept);
    buffer_deinit(&kept_again);
}

static void rows_of_csv_come_back(void **state) {
    (void)state;
    for (uint64_t i = 0; i < asked_steps(400); i++)
        refuse_by_chance(asked_seed(1) + i, false);
}

static void rows_of_json_come_back(void **state) {
    (void)state;
    for (uint64_t i = 0; i < asked_steps(400); i++)
        refuse_by_chance(asked_seed(1) + i, true);
}

/* Begins with `begin`, then as many x as it takes, then `end`. */
static char *long_text(const char *begin, size_t length, const char *end) {
    size_t at = strlen(begin), rest = strlen(end);
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'x', length);
    memcpy(text, begin, at);
    memcpy(text + length - rest, end, rest + 1);
    return text;
}

/* Up to 16 MiB, a bad row is kept; what is longer ends the reading, so nothing is passed over. */
static void long_rows(void **state) {
    (void)state;
    static const struct {
        enum row_format format;
        const char *begin, *end;
    } files[] = {
        {ROW_FORMAT_CSV, "id,b\na,\"", "\nb,c\n"},
        {ROW_FORMAT_JSONL, "{\"a\":\"", "\"}\n"},
    };
    for (size_t i = 0; i < 4; i++) {
        bool is_csv = files[i / 2].format == ROW_FORMAT_CSV, fits = i % 2 == 0;
        char *text =
            long_text(files[i / 2].begin, ((size_t)16 << 20) + (fits ? 0 : 100), files[i / 2].end);
        struct memory_source memory = memory_source_of(text, (size_t)256 << 10);
        struct rejects *rejects = open_rejects(file, NULL);
        const struct rejected why = {.source = "day", .code = ERROR_TOO_LARGE, .reason = "long"};
        struct rows *rows;
        struct row row;
        struct error error;
        assert_int_equal(rows_open(&memory.source, files[i / 2].format, &rows, &error), 0);
        assert_int_equal(rejects_begin_file(rejects, rows, "day", &error), 0);
        assert_int_equal(rows_want(rows, NULL, 0, &error), 0);
        int r = rows_next(rows, &row, &error);
        assert_int_equal(r, fits ? ROWS_BAD_ROW : -ERROR_TOO_LARGE);
        struct text kept = text_of(is_csv ? strchr(text, '\n') + 1 : text);
        kept.length -= !is_csv; /* its line feed */
        if (fits)
            expect_text(row.original.raw, kept, "the row");
        if (fits && rejects_add(rejects, &row.original, &why, &error) < 0)
            fail_msg("%s", error.text);
        rows_close(rows);
        close_rejects(rejects);
        if (fits) { /* and it can be read again */
            struct buffer bytes;
            buffer_init(&bytes);
            read_file(file, &bytes);
            memory = memory_source_of("", (size_t)256 << 10);
            memory.left = buffer_text(&bytes);
            assert_int_equal(rows_open(&memory.source, files[i / 2].format, &rows, &error), 0);
            rows_keep_originals(rows);
            assert_int_equal(rows_want(rows, NULL, 0, &error), 0);
            assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
            expect_text(row.original.raw, kept, "the row again");
            assert_int_equal(rows_next(rows, &row, &error), ROWS_END);
            rows_close(rows);
            buffer_deinit(&bytes);
            unlink(file);
        }
        free(text);
    }
}

/* ---- what a file looks like ---- */

static void expect_file(const char *path, const char *expected) {
    struct buffer bytes;
    buffer_init(&bytes);
    read_file(path, &bytes);
    expect_text(buffer_text(&bytes), text_of(expected), path);
    buffer_deinit(&bytes);
}

static void refuse_all(const char *input, const char *to) {
    struct memory_source memory = memory_source_of(input, SIZE_MAX);
    struct rejects *rejects = open_rejects(to, NULL);
    struct rows *rows;
    struct row row;
    struct error error;
    assert_int_equal(rows_open(&memory.source, ROW_FORMAT_GUESS, &rows, &error), 0);
    assert_int_equal(rejects_begin_file(rejects, rows, "day", &error), 0);
    assert_int_equal(rows_want(rows, NULL, 0, &error), 0);
    while (rows_next(rows, &row, &error) != ROWS_END) {
        const struct rejected why = {.source = "day",
                                     .code = ERROR_ID_CONFLICT,
                                     .field = text_of("id"),
                                     .reason = "no, \"id\""};
        if (rejects_add(rejects, &row.original, &why, &error) < 0)
            fail_msg("%s", error.text);
    }
    rows_close(rows);
    close_rejects(rejects);
}

static void the_format(void **state) {
    (void)state;
    refuse_all("id,note\r\na,\"x \"\"y\"\"\"\r\nb\nc,\"d\n", file);
    expect_file(file,
                "id,note,harrier.source,harrier.line,harrier.code,harrier.field,harrier.reason,"
                "harrier.columns,harrier.raw\n"
                "a,\"x \"\"y\"\"\",day,2,id_conflict,id,\"no, \"\"id\"\"\",,\n"
                ",,day,3,id_conflict,id,\"no, \"\"id\"\"\",\"id,note\",b\n"
                ",,day,4,id_conflict,id,\"no, \"\"id\"\"\",\"id,note\",\"c,\"\"d\n\"\n");
    unlink(file);
    refuse_all("{\"id\":1 }\n[1]\n\xff\n{}\n", file);
#define MEMBERS(line)                                                                              \
    "\"harrier.source\":\"day\",\"harrier.line\":" line ",\"harrier.code\":\"id_conflict\","       \
    "\"harrier.field\":\"id\",\"harrier.reason\":\"no, \\\"id\\\"\""
    expect_file(file,
                "{\"id\":1," MEMBERS(
                    "1") " }\n"
                         "{" MEMBERS("2") ",\"harrier.raw\":\"[1]\"}\n"
                                          "{" MEMBERS("3") ",\"harrier.raw_base64\":\"/w==\"}\n"
                                                           "{" MEMBERS("4") "}\n");
    unlink(file);
}

/* As a spreadsheet saves it: other columns first, other quotes, more rows than there were. */
static void a_file_that_was_written_anew(void **state) {
    (void)state;
    refuse_all("harrier.raw,\"harrier.source\",id,harrier.line,harrier.mine,note\n"
               ",\"feb, 1.csv\",a,17,x,n\n"
               "\"b,m\nc,\"\"o\"\"\",feb.csv,,5,,\n"
               "b,feb.csv,b,6,,\n",
               file);
    expect_file(file, "id,note,harrier.source,harrier.line,harrier.code,harrier.field,"
                      "harrier.reason,harrier.columns,harrier.raw\n"
                      "a,n,\"feb, 1.csv\",17,id_conflict,id,\"no, \"\"id\"\"\",,\n"
                      "b,m,feb.csv,5,id_conflict,id,\"no, \"\"id\"\"\",,\n"
                      "c,\"o\",feb.csv,5,id_conflict,id,\"no, \"\"id\"\"\",,\n"
                      "b,,feb.csv,6,id_conflict,id,\"no, \"\"id\"\"\",\"id,note\",b\n");
    unlink(file);
}

/* The raw text keeps to the header that it was under. */
static void moved_columns(void **state) {
    (void)state;
    struct memory_source memory = memory_source_of("harrier.raw,harrier.columns,\"note\",id\n"
                                                   "\"1,2\n3,4\",\"id,note\",,\n"
                                                   "\"5,6\",,,\n"
                                                   ",\"id,note\",7,8\n"
                                                   "\"9,10,x\",\"note,id,more\",,\n"
                                                   "\"11,12\",\"id,text\",,\n"
                                                   "\"13,14\",\"id,note\",,15\n",
                                                   7);
    static const char *const expected[] = {"id 1, note 2", "id 3, note 4", "id 6, note 5",
                                           "id 8, note 7", "id 10, note 9"};
    const struct text wanted[] = {TEXT_LITERAL("id"), TEXT_LITERAL("note")};
    struct rows *rows;
    struct row row;
    struct error error;
    char found[64];
    assert_int_equal(rows_open(&memory.source, ROW_FORMAT_CSV, &rows, &error), 0);
    rows_keep_originals(rows);
    assert_int_equal(rows_want(rows, wanted, 2, &error), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rows_next(rows, &row, &error), ROWS_ROW);
        snprintf(found, sizeof found, "id %" TEXT_FORMAT ", note %" TEXT_FORMAT,
                 TEXT_ARGS(row.cells[0].text), TEXT_ARGS(row.cells[1].text));
        assert_string_equal(found, expected[i]);
        snprintf(found, sizeof found, "%" TEXT_FORMAT ",%" TEXT_FORMAT,
                 TEXT_ARGS(row.cells[1].text), TEXT_ARGS(row.cells[0].text));
        expect_text(row.original.bytes, text_of(found), "in the file's order");
    }
    assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
    assert_string_equal(error.text, "harrier.columns does not have the column \"note\"");
    expect_text(row.original.raw, text_of("11,12"), "raw");
    expect_text(row.original.columns, text_of("id,text"), "its header");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_BAD_ROW);
    assert_non_null(strstr(error.text, "mend the row in one place"));
    expect_text(row.original.raw, text_of("13,14"), "raw");
    expect_text(row.original.bytes, text_of(",15"), "bytes");
    assert_int_equal(rows_next(rows, &row, &error), ROWS_END);
    rows_close(rows);
}

static void raw_json(void **state) {
    (void)state;
    static const struct {
        const char *line, *id, *message;
    } lines[] = {
        {"{\"harrier.raw\":\"{\\\"id\\\":\\\"a\\\"}\",\"harrier.line\":7}", "a", NULL},
        {"{\"harrier.raw_base64\":\"eyJpZCI6ICJiIn0=\"}", "b", NULL},
        {"{\"harrier.raw\":\"\",\"id\":\"c\"}", "c", NULL},
        {"{\"harrier.raw\":\"{}\",\"id\":\"c\"}", NULL,
         "harrier.raw and other members have values"},
        {"{\"harrier.raw\":\"{}\",\"harrier.raw_base64\":\"e30=\"}", NULL, "both have values"},
        {"{\"harrier.raw_base64\":\"e30\"}", NULL, "harrier.raw_base64 is not base 64"},
        {"{\"harrier.raw\":\"[]\"}", NULL, "expected a JSON object"},
        {"{\"harrier.id\":\"x\",\"harrier\":{\"id\":\"y\"}}", "", NULL},
    };
    const struct text wanted[] = {TEXT_LITERAL("id"), TEXT_LITERAL("harrier.id")};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct memory_source memory = memory_source_of(lines[i].line, 7);
        struct rows *rows;
        struct row row;
        struct error error;
        assert_int_equal(rows_open(&memory.source, ROW_FORMAT_JSONL, &rows, &error), 0);
        assert_int_equal(rows_want(rows, wanted, 2, &error), 0);
        assert_int_equal(rows_next(rows, &row, &error), lines[i].id ? ROWS_ROW : ROWS_BAD_ROW);
        if (lines[i].id)
            expect_text(row.cells[0].text, text_of(lines[i].id), "id");
        else
            assert_non_null(strstr(error.text, lines[i].message));
        if (lines[i].id && !*lines[i].id) /* a path still is one, a reserved name never is data */
            expect_text(row.cells[1].text, text_of("y"), "harrier.id");
        rows_close(rows);
    }
}

/* ---- which file ---- */

static void expect_refused(const char *path, const char *input, enum error_code code,
                           const char *words) {
    struct rejects *rejects;
    struct error error;
    assert_int_equal(rejects_open(path, input, &rejects, &error), -(int)code);
    if (!strstr(error.text, words))
        fail_msg("%s", error.text);
}

static void nothing_is_overwritten(void **state) {
    (void)state;
    struct error error;
    write_file(file, "id\n");
    expect_refused(file, NULL, ERROR_EXISTS, "exists, and is not overwritten");
    expect_refused(file, file, ERROR_EXISTS, "is the input");
    assert_int_equal(symlink(file, again), 0);
    expect_refused(again, file, ERROR_EXISTS, "is the input");
    expect_file(file, "id\n");
    unlink(again);
    unlink(file);
    struct rejects *rejects = open_rejects(file, NULL);
    expect_refused(file, NULL, ERROR_EXISTS, "another run");
    close_rejects(rejects);
    assert_int_not_equal(access(file, F_OK), 0); /* nothing was refused */
    expect_refused("/nowhere/rejects", NULL, ERROR_SYSTEM, "cannot write /nowhere/rejects");
    write_file(file, "");
    rejects = open_rejects(file, NULL); /* mktemp makes such */
    assert_int_equal(rejects_close(rejects, &error), 0);
}

/* What happens between the opening of the file and its lock, and the errno of the lock; 0: none. */
static void (*before_lock)(void);
static int lock_errno;

int __real_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation) {
    if (before_lock)
        before_lock();
    errno = lock_errno;
    return lock_errno ? -1 : __real_flock(descriptor, operation);
}

static void other_run_keeps_a_row(void) {
    write_file(file, "id\n");
}

static void other_run_keeps_none(void) {
    assert_int_equal(unlink(file), 0);
}

/* Another run has locked the file, and ends, while this one is between opening and locking it. */
static void runs_that_overlap(void **state) {
    (void)state;
    before_lock = other_run_keeps_a_row;
    expect_refused(file, NULL, ERROR_EXISTS, "exists, and is not overwritten");
    expect_file(file, "id\n");
    unlink(file);
    before_lock = other_run_keeps_none; /* rows would go to a file without a name */
    expect_refused(file, NULL, ERROR_EXISTS, "another run");
    before_lock = NULL;
    lock_errno = ENOLCK;
    expect_refused(file, NULL, ERROR_SYSTEM, "cannot lock");
    lock_errno = 0;
    unlink(file);
}

static void who_may_read_it(void **state) {
    (void)state;
    static const mode_t modes[][2] = {{0600, 0600}, {0644, 0644}, {0640, 0640}, {0777, 0644}};
    mode_t mask = umask(022);
    struct stat status;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(again, "id\n");
        assert_int_equal(chmod(again, modes[i][0]), 0);
        struct rejects *rejects = open_rejects(file, again);
        assert_int_equal(stat(file, &status), 0);
        assert_int_equal(status.st_mode & 0777, modes[i][1]);
        close_rejects(rejects);
    }
    struct rejects *rejects = open_rejects(file, NULL);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    close_rejects(rejects);
    umask(mask);
    unlink(again);
}

static void files_that_do_not_fit_together(void **state) {
    (void)state;
    static const char *const inputs[] = {"id,b\n", "id,b\n", "b,id\n", "{}\n"};
    static const int results[] = {0, 0, -ERROR_INVALID, -ERROR_INVALID};
    struct rejects *rejects = open_rejects(file, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct memory_source memory = memory_source_of(inputs[i], SIZE_MAX);
        struct rows *rows;
        struct error error;
        assert_int_equal(rows_open(&memory.source, ROW_FORMAT_GUESS, &rows, &error), 0);
        assert_int_equal(rejects_begin_file(rejects, rows, "name", &error), results[i]);
        rows_close(rows);
    }
    close_rejects(rejects);
}

/* A device that is always full. It is no regular file, so it may be there. */
static void a_failed_write_is_reported(void **state) {
    (void)state;
    struct rejects *rejects = open_rejects("/dev/full", NULL);
    const struct row_original row = {.line = 1, .raw = TEXT_LITERAL("x")};
    const struct rejected why = {.source = "day", .code = ERROR_INVALID, .reason = "why"};
    struct error error;
    rejects_begin_values(rejects, false);
    assert_int_equal(rejects_add(rejects, &row, &why, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot write /dev/full"));
    assert_int_equal(rejects_count(rejects), 0);
    close_rejects(rejects);
}

/* What comes one by one: an object in one line goes on, all else is raw. */
static void values(void **state) {
    (void)state;
    static const struct text texts[] = {TEXT_LITERAL("{\"a\":1}"), TEXT_LITERAL("{\n\"a\":1}"),
                                        TEXT_LITERAL("{\"harrier.line\":1}"),
                                        TEXT_LITERAL("\x0a\x02t\x00"), TEXT_LITERAL("")};
    struct rejects *rejects = open_rejects(file, NULL);
    rejects_begin_values(rejects, false);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct row_original row = {.raw = texts[i]};
        const struct rejected why = {.source = "t/0/1", .code = ERROR_INVALID, .reason = "why"};
        struct error error;
        assert_int_equal(rejects_add(rejects, &row, &why, &error), 0);
    }
    close_rejects(rejects);
#define WHY                                                                                        \
    "\"harrier.source\":\"t/0/1\",\"harrier.code\":\"invalid\",\"harrier.field\":\"\","            \
    "\"harrier.reason\":\"why\""
    expect_file(file, "{\"a\":1," WHY "}\n"
                      "{" WHY ",\"harrier.raw\":\"{\\n\\\"a\\\":1}\"}\n"
                      "{" WHY ",\"harrier.raw\":\"{\\\"harrier.line\\\":1}\"}\n"
                      "{" WHY ",\"harrier.raw_base64\":\"CgJ0AA==\"}\n"
                      "{" WHY "}\n");
    unlink(file);
    rejects = open_rejects(file, NULL);
    rejects_begin_values(rejects, true);
    const struct row_original row = {.raw = texts[0]};
    const struct rejected why = {.source = "t/0/1", .code = ERROR_INVALID, .reason = "why"};
    struct error error;
    assert_int_equal(rejects_add(rejects, &row, &why, &error), 0);
    close_rejects(rejects);
    expect_file(file, "{" WHY ",\"harrier.raw\":\"{\\\"a\\\":1}\"}\n");
    unlink(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_csv_come_back),
        cmocka_unit_test(rows_of_json_come_back),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(the_format),
        cmocka_unit_test(a_file_that_was_written_anew),
        cmocka_unit_test(moved_columns),
        cmocka_unit_test(raw_json),
        cmocka_unit_test(nothing_is_overwritten),
        cmocka_unit_test(runs_that_overlap),
        cmocka_unit_test(who_may_read_it),
        cmocka_unit_test(files_that_do_not_fit_together),
        cmocka_unit_test(a_failed_write_is_reported),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
