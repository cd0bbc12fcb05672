/* Target: files of transactions, as the command line reads them.
 *
 *   input  u8 bit 0: a YAML mapping comes first, up to a line "==="
 *             bits 1–2: format: 0 guess, 1 CSV, 2 JSON lines, 3 JSON objects that come one by one,
 *                       as from Kafka, with an empty line after each
 *             bits 3–7: bytes read at once, minus one; 31: all. 30 of JSON lines: what a file of
 *                       refused rows has as raw bytes
 *          then the rows
 *
 * The mapping or the rows must be refused with a message, or each row must give a transaction that
 * transaction_check() accepts, or an error message. Each row comes with its bytes, whole or raw.
 * The result must not depend on the size of the pieces. */
#include "common/target.h"

#include "clients/cli/io/mapping_yaml.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/rows/json_lines.h"
#include "clients/cli/rows/json_members.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/wire/message/message.h"
#include "tests/unit/cli/memory_source.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)4 << 20)
#define ROWS_MAX    64

static struct arena arena;
static struct buffer encoded;

void target_start(void) {
    arena_init(&arena, ARENA_BYTES);
    buffer_init(&encoded);
}

struct reading {
    struct rows *rows;
    struct mapping *mapping;
    uint64_t hash; /* of all transactions and error messages */
    size_t good, bad;
};

static void take_note(struct reading *reading, const void *bytes, size_t size) {
    reading->hash = hash64(bytes, size, reading->hash);
}

static void note_error(struct reading *reading, const struct error *error) {
    property(error->text[0], "a diagnostic without text");
    take_note(reading, error->text, strlen(error->text));
    reading->bad++;
}

/* All that an import takes: the same transaction, and an outcome and an amendment that are sound.
 */
static void import_row(struct reading *reading, const struct row *row) {
    struct import_row in;
    struct transaction transaction;
    struct text field = {0};
    struct error error;
    int r = row_import(reading->mapping, row, &arena, &in, &field, &error);
    take_note(reading, field.data, field.length);
    if (row_states_no_amendment(reading->mapping, row))
        property(r < 0 || in.amendment.kind == AMENDMENT_NONE, "an amendment from nowhere");
    if (r < 0) {
        note_error(reading, &error);
        return;
    }
    property(row_transaction(reading->mapping, row, &arena, &transaction, NULL, &error) == 0 &&
                 transaction_equal(&transaction, &in.transaction),
             "an import takes another transaction");
    if (in.amendment.kind != AMENDMENT_NONE)
        property(amendment_check(&in.amendment, &field, &error) == 0, "%s", error.text);
    take_note(reading, &in.received_us, sizeof in.received_us);
    take_note(reading, &in.known_us, sizeof in.known_us);
}

/* Where members can be added to an object that was read. */
static void find_end(struct text object) {
    bool is_empty;
    size_t end = json_members_end(object, &is_empty);
    size_t bracket = end;
    while (bracket < object.length && strchr(" \t\r\n", object.data[bracket]))
        bracket++;
    property(end > 0 && bracket < object.length && object.data[bracket] == '}',
             "no end at byte %zu of %" TEXT_FORMAT, end, TEXT_ARGS(object));
    property(is_empty == (object.data[end - 1] == '{'), "%" TEXT_FORMAT, TEXT_ARGS(object));
}

static void read_row(struct reading *reading, const struct row *row) {
    struct transaction transaction;
    struct error error;
    struct text field, id;
    enum truth truth;
    enum label label;
    arena_reset(&arena);
    if (row_truth(reading->mapping, row, &truth, NULL, &error) < 0)
        note_error(reading, &error);
    if (row_label(reading->mapping, row, &label, NULL, &error) < 0)
        note_error(reading, &error);
    if (row_id(reading->mapping, row, &arena, &id, NULL, &error) < 0)
        note_error(reading, &error);
    row_states_no_outcome(reading->mapping, row);
    import_row(reading, row);
    if (row_transaction(reading->mapping, row, &arena, &transaction, NULL, &error) < 0) {
        note_error(reading, &error);
        return;
    }
    property(transaction_check(&transaction, &field, &error) == 0, "a transaction is refused: %s",
             error.text);
    struct request request = {.call = CALL_SCORE,
                              .score = {.transactions = &transaction, .transaction_count = 1}};
    buffer_clear(&encoded);
    property(message_encode_request(&request, &encoded, &error) == 0, "%s", error.text);
    take_note(reading, encoded.bytes, encoded.length);
    reading->good++;
}

static void note_original(struct reading *reading, int result,
                          const struct row_original *original) {
    property(original->bytes.data || original->raw.data, "a row without its bytes");
    property(result == ROWS_BAD_ROW || original->bytes.data, "a good row without its own bytes");
    take_note(reading, original->bytes.data, original->bytes.length);
    take_note(reading, original->raw.data, original->raw.length);
    take_note(reading, original->source.data, original->source.length);
}

/* source NULL: objects come one by one. */
static int open_rows(struct reading *reading, struct byte_source *source, enum row_format format,
                     const struct text *yaml, struct error *ret_error) {
    int r = 0;
    if (source)
        r = rows_open(source, format, &reading->rows, ret_error);
    else
        rows_open_objects(&reading->rows);
    if (r == 0)
        rows_keep_originals(reading->rows);
    if (r == 0)
        r = yaml ? mapping_yaml_parse(*yaml, "mapping.yaml", &reading->mapping, ret_error)
                 : mapping_of_rows(reading->rows, &reading->mapping, ret_error);
    if (r == 0)
        r = rows_want(reading->rows, reading->mapping->columns, reading->mapping->column_count,
                      ret_error);
    if (r == 0 && reading->mapping->json_attributes)
        rows_want_members(reading->rows, TEXT_LITERAL("attributes"));
    return r;
}

/* Reads at most `chunk` bytes at a time. */
static struct reading read_all(struct text rows, enum row_format format, const struct text *yaml,
                               size_t chunk) {
    struct reading reading = {0};
    struct memory_source memory = memory_source_of("", chunk);
    struct error error;
    struct row row;
    uint64_t line = 0;
    memory.left = rows;
    if (open_rows(&reading, &memory.source, format, yaml, &error) < 0) {
        note_error(&reading, &error);
    } else {
        int result;
        for (size_t i = 0; i < ROWS_MAX; i++) {
            result = rows_next(reading.rows, &row, &error);
            if (result == ROWS_END)
                break;
            property(result == ROWS_ROW || result == ROWS_BAD_ROW, "rows_next() returned %d",
                     result);
            /* Several rows may come out of one harrier.raw. */
            property(row.line >= line, "line %llu after line %llu", (unsigned long long)row.line,
                     (unsigned long long)line);
            line = row.line;
            note_original(&reading, result, &row.original);
            if (format == ROW_FORMAT_JSONL && row.original.bytes.data)
                find_end(row.original.bytes);
            if (result == ROWS_ROW)
                read_row(&reading, &row);
            else
                note_error(&reading, &error);
        }
        free(rows_unused(reading.rows));
        free(rows_header(reading.rows));
    }
    rows_close(reading.rows);
    mapping_free(reading.mapping);
    return reading;
}

static struct reading read_objects(struct text objects, const struct text *yaml) {
    struct reading reading = {0};
    struct error error;
    struct row row;
    if (open_rows(&reading, NULL, ROW_FORMAT_JSONL, yaml, &error) < 0)
        note_error(&reading, &error);
    for (size_t i = 0; i < ROWS_MAX && objects.length > 0 && reading.mapping; i++) {
        const char *end = memmem(objects.data, objects.length, "\n\n", 2);
        struct text object = {objects.data, end ? (size_t)(end - objects.data) : objects.length};
        size_t taken = object.length + (end ? 2 : 0);
        int result = rows_take_object(reading.rows, object, &row, &error);
        property(result == 0 || result == -(int)error.code, "an object gives %d", result);
        if (result == 0)
            read_row(&reading, &row);
        else
            note_error(&reading, &error);
        objects.data += taken;
        objects.length -= taken;
    }
    rows_close(reading.rows);
    mapping_free(reading.mapping);
    return reading;
}

/* Raw rows have no cells; their bytes are what the file says. */
static void read_raw(struct text lines) {
    struct memory_source memory = memory_source_of("", SIZE_MAX);
    struct reading reading = {0};
    struct error error;
    struct row row;
    memory.left = lines;
    if (rows_open(&memory.source, ROW_FORMAT_JSONL, &reading.rows, &error) == 0) {
        rows_keep_originals(reading.rows);
        rows_take_raw(reading.rows);
        for (size_t i = 0; i < ROWS_MAX; i++) {
            int result = rows_next(reading.rows, &row, &error);
            if (result == ROWS_END)
                break;
            property(result == ROWS_ROW || result == ROWS_BAD_ROW, "a raw row gives %d", result);
            if (result == ROWS_ROW)
                property(row.original.raw.data, "a raw row without bytes");
        }
    }
    rows_close(reading.rows);
}

bool target_run(const uint8_t *bytes, size_t size) {
    static const enum row_format formats[] = {ROW_FORMAT_GUESS, ROW_FORMAT_CSV, ROW_FORMAT_JSONL,
                                              ROW_FORMAT_GUESS};
    if (size == 0)
        return false;
    uint8_t how = bytes[0];
    struct text rows = {.data = (const char *)bytes + 1, .length = size - 1}, yaml = {0};
    if (how & 1) {
        const char *line = memmem(rows.data, rows.length, "\n===\n", 5);
        if (!line)
            return false;
        yaml = (struct text){.data = rows.data, .length = (size_t)(line + 1 - rows.data)};
        rows.length -= yaml.length + 4;
        rows.data = line + 5;
    }
    if ((how >> 1 & 3) == 3)
        return read_objects(rows, how & 1 ? &yaml : NULL).good > 0;
    enum row_format format = formats[how >> 1 & 3];
    if (format == ROW_FORMAT_JSONL && how >> 3 == 30)
        read_raw(rows);
    struct reading whole = read_all(rows, format, how & 1 ? &yaml : NULL, SIZE_MAX);
    /* The format is guessed from the first piece, so the guess may depend on its size. */
    if (format != ROW_FORMAT_GUESS && how >> 3 != 31) {
        struct reading pieces = read_all(rows, format, how & 1 ? &yaml : NULL, (how >> 3) + 1u);
        property(whole.hash == pieces.hash && whole.good == pieces.good && whole.bad == pieces.bad,
                 "%zu good and %zu bad rows, in pieces of %d %zu and %zu", whole.good, whole.bad,
                 (how >> 3) + 1, pieces.good, pieces.bad);
    }
    return whole.good > 0;
}

static void add_seed(struct seeds *seeds, unsigned how, const char *mapping, const char *rows) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, (uint8_t)(how | (mapping != NULL)));
    if (mapping)
        buffer_printf(&seed, "%s===\n", mapping);
    buffer_append(&seed, rows, strlen(rows));
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

/* An object that is longer than a row may be, in pieces. */
static void add_long(struct seeds *seeds) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, 28 << 3 | 4);
    buffer_append(&seed, "{\"id\": \"", 8);
    while (seed.length < JSON_LINE_MAX + JSON_REJECT_MEMBERS_MAX + 1000)
        buffer_append_u8(&seed, 'x');
    buffer_append(&seed, "\"}\n{}\n", 6);
    seeds->add_any(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

struct refused {
    struct bad_case taker;
    struct seeds *seeds;
    struct text mapping, rows;
    bool is_json;
};

static void take_section(struct bad_case *self, struct text name, struct text content) {
    struct refused *refused = (struct refused *)self;
    if (text_is(name, "file map.yaml"))
        refused->mapping = content;
    if (text_is(name, "file rows.csv") || text_is(name, "file rows.jsonl")) {
        refused->rows = content;
        refused->is_json = text_is(name, "file rows.jsonl");
    }
}

static void end_case(struct bad_case *self) {
    struct refused *refused = (struct refused *)self;
    struct buffer seed;
    buffer_init(&seed);
    if (refused->rows.data) {
        buffer_append_u8(&seed, (uint8_t)(31 << 3 | (refused->is_json ? 4 : 2) |
                                          (refused->mapping.data != NULL)));
        if (refused->mapping.data)
            buffer_printf(&seed, "%" TEXT_FORMAT "===\n", TEXT_ARGS(refused->mapping));
        buffer_append(&seed, refused->rows.data, refused->rows.length);
        refused->seeds->add_any(refused->seeds, seed.bytes, seed.length);
    }
    refused->mapping = refused->rows = (struct text){0};
    buffer_deinit(&seed);
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct refused refused = {.taker = {.take = take_section, .end = end_case}, .seeds = seeds};
    static const char csv[] =
        "id,event_time,amount,currency,card,ip,country,mcc,latitude,longitude,outcome,"
        "attributes.items:int,attributes.note,attributes.price:decimal(2)\n"
        "t1,2026-01-31T12:00:00Z,12.34,EUR,c1,192.0.2.1,CH,5411,47.5,8.5,fraud,3,\"a, "
        "\"\"b\"\"\",1.5\n"
        "t2,1767225600,0,JPY,c1,2001:db8::1,DE,,,,,,,\r\n"
        "t3,1767225600000,99999.99,EUR,,,,,,,legit,,\"two\nlines\",\n";
    static const char json[] =
        "{\"id\": \"t1\", \"event_time\": \"2026-01-31T12:00:00.5+01:00\", \"amount_minor\": 1234, "
        "\"currency\": \"EUR\", \"card\": \"c1\", \"location\": {\"latitude\": 1.5}, "
        "\"attributes\": {\"items\": 3, \"gift\": true, \"risk\": 0.25, \"note\": \"\\u00e9\"}}\n"
        "{\"id\": 7, \"event_time\": 1767225600, \"label_fraud\": true, \"amount\": 1.5, "
        "\"currency\": \"KWD\"}\n";
    static const char mapping[] =
        "id: ID\nevent_time: {column: AT, format: \"%Y-%m-%d %H:%M:%S\"}\n"
        "amount: {column: AMOUNT, currency: EUR}\ncustomer: WHO\n"
        "outcome: {column: FRAUD, values: {\"1\": fraud}}\n"
        "attributes:\n  items: {column: ITEMS, type: int}\n";
    static const char mapped[] = "ID,AT,WHO,AMOUNT,FRAUD,ITEMS\n"
                                 "0,2018-04-01 00:00:31,596,57.16,0,1\n"
                                 "7,2018-04-01 00:02:10,4961,81.5,1,\n";
    static const char refused_csv[] =
        "id,event_time,note,harrier.source,harrier.line,harrier.code,harrier.field,harrier.reason,"
        "harrier.columns,harrier.raw\n"
        "t1,yesterday,\"a, \"\"b\"\"\",day.csv,2,invalid,event_time,\"event_time: no, \",,\n"
        ",,,day.csv,3,invalid,,broken,\"event_time,id,note\",\"2026-01-31T12:00:00Z,t2,"
        "x\n1767225600,"
        "\"\"t3\"\",\"\n"
        "t4,,,,,,,,,\"t4,1767225600,\"\"\"\n";
    static const char refused_json[] =
        "{\"id\": \"t1\", "
        "\"harrier.source\":\"day\",\"harrier.line\":2,\"harrier.reason\":\"no\"}\n"
        "{\"harrier.line\":3,\"harrier.raw\":\"{\\\"id\\\":\\\"t2\\\","
        "\\\"event_time\\\":\\\"2026-01-31T12:00:00Z\\\"}\"}\n"
        "{\"harrier.raw_base64\":\"eyJpZCI6ICJiIn0=\"}\n"
        "{\"harrier.raw\":\"{}\",\"id\":1}\n";
    add_long(seeds);
    bad_cases(root, "rows", &refused.taker);
    bad_cases(root, "files", &refused.taker);
    static const char objects[] =
        "{\"id\": \"t1\", \"event_time\": 1767225600, \"attributes\": {\"items\": 3}}\n\n"
        "{\"id\": \"t2\",\n \"event_time\": \"2026-01-31T12:00:00Z\", \"amount\": 1.5, "
        "\"currency\": \"EUR\"}\n\n[]\n\n{\"id\": }\n\n{} {}";
    add_seed(seeds, 6, NULL, objects);
    add_seed(seeds, 6, mapping,
             "{\"ID\": \"7\", \"AT\": \"2018-04-01 00:00:31\", \"AMOUNT\": 1.5}");
    add_seed(seeds, 30 << 3 | 4, NULL, refused_json);
    for (unsigned pieces = 0; pieces < 32; pieces += 5) {
        add_seed(seeds, pieces << 3 | 2, NULL, csv);
        add_seed(seeds, pieces << 3 | 4, NULL, json);
        add_seed(seeds, pieces << 3 | 2, NULL, refused_csv);
        add_seed(seeds, pieces << 3 | 4, NULL, refused_json);
        add_seed(seeds, pieces << 3 | 2, mapping, mapped);
        add_seed(seeds, pieces << 3, NULL, pieces % 2 ? csv : json);
    }
}
