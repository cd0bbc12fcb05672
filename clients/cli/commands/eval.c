/* harrier eval: what does this expression give?
 *
 * One expression of the command line, or with --lines one of each line of JSON, so that other
 * projects' suites can be run through it. Nothing of a policy is there but, if asked for, its time
 * zones: the names are those that are given.
 *
 * Steps: read the variables, type-check and build the expression, evaluate it once, print type
 * and value. No rule, feature, list or archive takes part, so the result depends on the line
 * alone. */
#include "clients/cli/io/variables.h"
#include "clients/cli/terminal/exit_status.h"
#include "command.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/policy/check/checker.h"
#include "core/policy/eval/compile.h"
#include "core/policy/lang/zone.h"
#include "core/policy/load/policy_limits.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory of one expression: its syntax, its program and its values. */
#define WORK_BYTES_MAX ((size_t)64 << 20)

struct options {
    const char *expression, *variables, *zones;
    bool lines;
};

enum { OPTION_LINES = 256, OPTION_ZONES };

/* The two forms exclude each other: with --lines both the expression and its variables come from
 * standard input. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'w':
        options->variables = value;
        return 0;
    case OPTION_LINES:
        options->lines = true;
        return 0;
    case OPTION_ZONES:
        options->zones = value;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one expression at a time; put it in quotes");
        options->expression = value;
        return 0;
    case ARGP_KEY_END:
        if (options->lines && options->expression)
            argp_error(state, "--lines reads expressions from standard input");
        if (options->lines && options->variables)
            argp_error(state, "--lines takes variables from each line's \"with\"");
        if (!options->lines && !options->expression)
            argp_error(state, "which expression?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"with", 'w', "VARS.json", 0, "The names that the expression may use, as a JSON object", 0},
    {"lines", OPTION_LINES, NULL, 0,
     "Read lines {\"expr\": …, \"with\": {…}} from standard input, write a result for each", 0},
    {"zones", OPTION_ZONES, "POLICY", 0, "The expression may use the time zones of this policy", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "EXPRESSION\n--lines",
    .doc =
        "Evaluates an expression of the language that policies are written in, and prints its "
        "type and value.\v"
        "Variables are values of JSON; 5 is an int, 5.0 a double, [1, 2] a list and {\"a\": 1} a "
        "map. {\"timestamp\": \"2026-01-31T00:00:00Z\"}, {\"duration\": \"1h\"}, {\"double\": 5} "
        "and {\"absent\": \"double\"} (a double without a value) express what JSON cannot.\n\n"
        "Exit status: 0 it has a value or is absent, 1 it fails at run time, 65 the expression or "
        "the variables are invalid, 66 there is no such file. With --lines a failure is a result, "
        "and 1 means that a line was invalid.",
};

/* ------------------------------------------------------------------------------------------------
 * Evaluating */

/* The first fault of an expression. */
struct first_diagnostic {
    struct reporter reporter;
    size_t offset, length;
    char text[640];
};

/* Only the first fault is kept: later ones are often consequences of it. */
static void remember(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    struct first_diagnostic *diagnostic =
        (struct first_diagnostic *)reporter; /* its first member */
    if (reporter->count > 1)
        return;
    diagnostic->offset = offset;
    diagnostic->length = length;
    snprintf(diagnostic->text, sizeof diagnostic->text, "%s", text);
}

/* What is used again for each expression. */
struct evaluation {
    struct variables variables;
    struct arena kept; /* the zones */
    struct zone_table zones;
    bool zone_used[POLICY_ZONES_MAX]; /* which the checker notes, and nobody asks */
    struct arena work;
    struct first_diagnostic diagnostic;
};

/* Large, so the caller keeps one on the heap and uses it for all lines. */
static void evaluation_init(struct evaluation *evaluation) {
    variables_init(&evaluation->variables);
    arena_init(&evaluation->kept, WORK_BYTES_MAX);
    arena_init(&evaluation->work, WORK_BYTES_MAX);
}

static void evaluation_deinit(struct evaluation *evaluation) {
    variables_deinit(&evaluation->variables);
    arena_deinit(&evaluation->kept);
    arena_deinit(&evaluation->work);
}

/* Of a policy nothing else is read. */
static int read_zones(struct evaluation *evaluation, const struct policy_file *files,
                      size_t file_count, struct error *ret_error) {
    struct zone *zones = arena_calloc(&evaluation->kept, POLICY_ZONES_MAX, sizeof *zones);
    size_t count = 0;
    check(zones);
    for (size_t i = 0; i < file_count; i++) {
        struct text path = files[i].path, name = zone_path_name(path);
        if (!name.data)
            continue;
        if (count == POLICY_ZONES_MAX)
            return error_set(ret_error, ERROR_TOO_LARGE, "more than %u time zones",
                             POLICY_ZONES_MAX);
        name = arena_text(&evaluation->kept, name);
        check(name.data);
        const char *diagnostic =
            zone_read(files[i].content, name, &evaluation->kept, &zones[count++]);
        if (diagnostic)
            return error_set(ret_error, ERROR_INVALID, "%" TEXT_FORMAT ": %s", TEXT_ARGS(path),
                             diagnostic);
    }
    zone_table_init(&evaluation->zones, zones, count);
    return 0;
}

static int load_zones_of(struct evaluation *evaluation, const char *policy,
                         struct error *ret_error) {
    struct policy_folder *folder;
    size_t count;
    int r = policy_folder_read(policy, &folder, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    r = read_zones(evaluation, files, count, ret_error);
    policy_folder_free(folder);
    return r < 0 ? error_prefix(ret_error, "%s", policy) : 0;
}

/* Returns false when the expression is refused; fault then says why. The value lives until the next
 * expression. */
static bool evaluate(struct evaluation *evaluation, struct text source, struct value *ret_value,
                     type_code *ret_type) {
    evaluation->diagnostic = (struct first_diagnostic){.reporter = {.report = remember}};
    arena_reset(&evaluation->work);
    evaluation->variables.scope.zones = &evaluation->zones;
    evaluation->variables.scope.zone_used = evaluation->zone_used;
    struct syntax *syntax =
        expression_check(source, &evaluation->variables.scope, SCOPE_RULE, TYPE_ANY,
                         &evaluation->work, &evaluation->diagnostic.reporter);
    if (!syntax)
        return false;
    const struct expression *expression = expression_build(syntax, &evaluation->work);
    *ret_value = expression_eval(expression, evaluation->variables.frame, &evaluation->work);
    *ret_type = expression_type(expression);
    return true;
}

/* ------------------------------------------------------------------------------------------------
 * One expression of the command line */

/* The checker reports byte offsets; people get line, column and length in characters, with the
 * source quoted below. */
static void print_diagnostic(const struct first_diagnostic *diagnostic, const char *expression) {
    struct source source = {.path = TEXT_LITERAL("expression"), .content = text_of(expression)};
    struct position at = {.line = 1, .column = 1};
    struct diagnostics diagnostics;
    struct buffer buffer;
    for (size_t i = 0; i < diagnostic->offset && expression[i]; i++) {
        at.column += text_begins_character(expression[i]);
        if (expression[i] == '\n') {
            at.line++;
            at.column = 1;
        }
    }
    for (size_t i = diagnostic->offset;
         i < diagnostic->offset + diagnostic->length && expression[i]; i++)
        at.length += text_begins_character(expression[i]);
    diagnostics_init(&diagnostics);
    buffer_init(&buffer);
    diagnostic_add(&diagnostics, &source, at, "%s", diagnostic->text);
    diagnostics_write(&diagnostics, &buffer);
    fwrite(buffer.bytes, 1, buffer.length, stderr);
    buffer_deinit(&buffer);
    diagnostics_deinit(&diagnostics);
}

/* "-" is standard input. Duplicate members are refused: which one would count is not defined in
 * JSON. */
static int load_variables(struct variables *variables, const char *path, struct error *ret_error) {
    json_error_t error;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!file)
        return errno == ENOENT ? error_set(ret_error, ERROR_NOT_FOUND, "%s: no such file", path)
                               : error_set_errno(ret_error, errno, "%s", path);
    json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (file != stdin)
        fclose(file);
    if (!object)
        return error_set(ret_error, ERROR_INVALID, "%s:%d:%d: %s", path, error.line, error.column,
                         error.text);
    int r = variables_read(variables, object, ret_error);
    json_decref(object);
    return r < 0 ? error_prefix(ret_error, "%s", path) : 0;
}

/* value_format() is called twice, first for the length: lists and maps have no fixed limit. */
static void print_value(struct value v, type_code type) {
    int length = value_format(v, NULL, 0);
    char *string = check_calloc((size_t)length + 1, 1);
    value_format(v, string, (size_t)length + 1);
    printf("%s %s\n", type_code_name(type).string, string);
    free(string);
}

/* An absent value is a result (0); an error at run time is not (1). A value is printed with its
 * type so that 5 and 5.0 differ. */
static enum exit_status run_one(struct evaluation *evaluation, const struct options *options) {
    struct error error;
    struct value v;
    type_code type;
    int r = options->variables ? load_variables(&evaluation->variables, options->variables, &error)
                               : variables_read(&evaluation->variables, NULL, &error);
    if (r < 0)
        return exit_with(&error);
    if (!evaluate(evaluation, text_of(options->expression), &v, &type)) {
        print_diagnostic(&evaluation->diagnostic, options->expression);
        return EXIT_STATUS_BAD_INPUT;
    }
    if (v.type == VALUE_ERROR) {
        fprintf(stderr, "harrier: %s\n",
                expression_error_name((enum expression_error)v.error_code));
        return EXIT_STATUS_ROWS_FAILED;
    }
    if (v.type == VALUE_ABSENT)
        printf("%s, absent\n", type_code_name(type).string);
    else
        print_value(v, type);
    return EXIT_STATUS_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Lines of JSON */

static void add_value(struct buffer *buffer, const char *key, struct value v);

/* JSON has no nan and no infinities: they become the words that the variables accept. */
static void add_double(struct buffer *buffer, const char *key, double number) {
    char text[64];
    if (!isfinite(number)) {
        json_add_text(buffer, key, text_of(isnan(number) ? "nan" : number < 0 ? "-inf" : "inf"));
        return;
    }
    value_format(value_double(number), text, sizeof text);
    json_add_number(buffer, key, text);
    if (!strpbrk(text, ".e")) /* a reader of JSON is to see that it is none of the ints */
        buffer_append_string(buffer, ".0");
}

/* An object, or in the form in which it can be given where the keys are no texts. */
static void add_map(struct buffer *buffer, const char *key, const struct value_items *items) {
    bool object = items->count == 0 || items->values[0].type == VALUE_TEXT;
    json_begin_object(buffer, key);
    if (!object)
        json_begin_array(buffer, "map");
    for (size_t i = 0; i < items->count; i += 2) {
        if (object) {
            json_add_key(buffer, items->values[i].text);
            add_value(buffer, NULL, items->values[i + 1]);
            continue;
        }
        json_begin_array(buffer, NULL);
        add_value(buffer, NULL, items->values[i]);
        add_value(buffer, NULL, items->values[i + 1]);
        json_end_array(buffer);
    }
    if (!object)
        json_end_array(buffer);
    json_end_object(buffer);
}

/* Recursive over lists and maps; types limit how deep they nest. */
static void add_value(struct buffer *buffer, const char *key, struct value v) {
    char text[64];
    switch (v.type) {
    case VALUE_BOOL:
        json_add_bool(buffer, key, v.boolean);
        break;
    case VALUE_INT:
        json_add_signed(buffer, key, v.integer);
        break;
    case VALUE_DOUBLE:
        add_double(buffer, key, v.number);
        break;
    case VALUE_TEXT:
        json_add_text(buffer, key, v.text);
        break;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        value_format(v, text, sizeof text);
        json_add_text(buffer, key, text_of(text));
        break;
    case VALUE_LIST:
        json_begin_array(buffer, key);
        for (size_t i = 0; i < v.items->count; i++)
            add_value(buffer, NULL, v.items->values[i]);
        json_end_array(buffer);
        break;
    case VALUE_MAP:
        add_map(buffer, key, v.items);
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR:
        break; /* the caller handles them */
    }
}

/* A refused expression and one that fails at run time both give "error"; only the former has an
 * "offset" into the source. */
static void add_result(struct buffer *buffer, struct evaluation *evaluation, struct text source) {
    struct value v;
    type_code type;
    if (!evaluate(evaluation, source, &v, &type)) {
        json_add_text(buffer, "error", text_of(evaluation->diagnostic.text));
        json_add_unsigned(buffer, "offset", evaluation->diagnostic.offset);
        return;
    }
    json_add_text(buffer, "type", text_of(type_code_name(type).string));
    if (v.type == VALUE_ERROR)
        json_add_text(buffer, "error",
                      text_of(expression_error_name((enum expression_error)v.error_code)));
    else if (v.type == VALUE_ABSENT)
        json_add_bool(buffer, "absent", true);
    else
        add_value(buffer, "value", v);
}

/* False: the line is not as expected, which its result says. */
static bool run_line(struct evaluation *evaluation, struct text line, struct buffer *buffer) {
    json_error_t json_error;
    struct error error;
    json_t *object = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, &json_error);
    json_t *expression = json_object_get(object, "expr");
    bool good = false;
    if (!object)
        error_set(&error, ERROR_INVALID, "not JSON: %s", json_error.text);
    else if (!json_is_string(expression))
        error_set(&error, ERROR_INVALID, "expected {\"expr\": \"…\", \"with\": {…}}");
    else
        good = variables_read(&evaluation->variables, json_object_get(object, "with"), &error) == 0;
    json_begin_object(buffer, NULL);
    if (good)
        add_result(buffer, evaluation,
                   (struct text){.data = json_string_value(expression),
                                 .length = json_string_length(expression)});
    else
        json_add_text(buffer, "wrong", text_of(error.text));
    json_end_object(buffer);
    buffer_append_u8(buffer, '\n');
    json_decref(object);
    return good;
}

/* Blank lines are skipped. A wrong line does not end the run: each line of input has exactly one
 * line of output, in the same order. */
static enum exit_status run_lines(struct evaluation *evaluation) {
    enum exit_status status = EXIT_STATUS_OK;
    struct buffer buffer;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    buffer_init(&buffer);
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        struct text text = {.data = line, .length = (size_t)length};
        while (text.length > 0 && strchr(" \r\n\t", text.data[text.length - 1]))
            text.length--;
        if (text.length == 0)
            continue;
        buffer_clear(&buffer);
        if (!run_line(evaluation, text, &buffer))
            status = EXIT_STATUS_ROWS_FAILED;
        fwrite(buffer.bytes, 1, buffer.length, stdout);
    }
    if (ferror(stdin)) {
        fprintf(stderr, "harrier: %s\n", strerror(errno));
        status = EXIT_STATUS_IO;
    }
    free(line);
    buffer_deinit(&buffer);
    return status;
}

int command_eval(int argc, char **argv) {
    struct options options = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    struct evaluation *evaluation = check_calloc(1, sizeof *evaluation);
    evaluation_init(evaluation);
    enum exit_status status = EXIT_STATUS_OK;
    struct error error;
    if (options.zones && load_zones_of(evaluation, options.zones, &error) < 0)
        status = exit_with(&error);
    else
        status = options.lines ? run_lines(evaluation) : run_one(evaluation, &options);
    evaluation_deinit(evaluation);
    free(evaluation);
    return status;
}
