/* Target: harrierd's configuration.
 *
 *   input  the configuration file; behind a byte 1, variables of the environment without their
 *          prefix, a line each; behind another one, arguments, a line each
 *
 * Refused with a message of clean text; or the values can be written as a file, which is taken and
 * gives the same values; but a # in a value may begin a comment there, and blanks around one are
 * not of it. */
#include "common/target.h"

#include "core/base/check.h"
#include "server/lifecycle/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PREFIX    "HARRIERD_"
#define LINES_MAX 32

static struct buffer values, again;

void target_start(void) {
    buffer_init(&values);
    buffer_init(&again);
}

/* The lines of a part, each a string behind the prefix; the caller frees them. */
static size_t split(struct text part, const char *prefix, char **lines) {
    size_t count = 0;
    while (part.length > 0 && count < LINES_MAX) {
        const char *end = memchr(part.data, '\n', part.length);
        size_t length = end ? (size_t)(end - part.data) : part.length;
        char *line = check_malloc(strlen(prefix) + length + 1);
        strcpy(line, prefix);
        memcpy(line + strlen(prefix), part.data, length);
        line[strlen(prefix) + length] = '\0'; /* what is behind a zero byte is cut off */
        lines[count++] = line;
        part.data += length + (end != NULL);
        part.length -= length + (end != NULL);
    }
    return count;
}

static int file_of(struct text content, char path[64]) {
    int file = memfd_create("harrierd.conf", MFD_CLOEXEC);
    property(file >= 0 && (content.length == 0 || pwrite(file, content.data, content.length, 0) ==
                                                      (ssize_t)content.length),
             "cannot write to memory");
    snprintf(path, 64, "/proc/self/fd/%d", file);
    return file;
}

/* 1: taken, and its values are in `out`; 0: another action; < 0: refused. */
static int load(struct text file, char **environment, size_t variables, char **arguments,
                size_t argument_count, struct buffer *out, struct error *error) {
    char path[64], config[96];
    const char *argv[LINES_MAX + 2] = {"harrierd"}, *variable[LINES_MAX + 2] = {config};
    struct options options = {0};
    enum options_error kind;
    enum action action;
    struct option_set *set;
    int descriptor = file_of(file, path);
    snprintf(config, sizeof config, PREFIX "CONFIG=%s", path);
    for (size_t i = 0; i < variables; i++)
        variable[i + 1] = environment[i];
    for (size_t i = 0; i < argument_count; i++)
        argv[i + 1] = arguments[i];
    const struct options_source source = {
        .argc = (int)argument_count + 1, .argv = argv, .environment = variable};
    int r = options_load(&source, &options, &action, &set, &kind, error);
    close(descriptor);
    property(r == 0 || (error->text[0] && text_is_clean(text_of(error->text), NULL)),
             "a message that is not clean: %s", error->text);
    if (r < 0)
        return r;
    buffer_clear(out);
    options_write_values(set, out);
    option_set_free(set);
    return action == ACTION_SERVE || action == ACTION_CHECK || action == ACTION_PRINT_OPTIONS;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Can all values stand in a file? Arguments and the environment may have others. */
static bool are_of_file(struct text lines) {
    while (lines.length > 0) {
        const char *end = memchr(lines.data, '\n', lines.length);
        const char *value = memchr(lines.data, '=', lines.length);
        property(end && value && value + 2 <= end, "values are lines NAME = VALUE");
        value += 2;
        if (value < end &&
            (is_blank(*value) || is_blank(end[-1]) || memchr(value, '#', (size_t)(end - value))))
            return false;
        lines.length -= (size_t)(end + 1 - lines.data);
        lines.data = end + 1;
    }
    return true;
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct text all = {(const char *)bytes, size}, parts[3] = {{0}};
    char *environment[LINES_MAX], *arguments[LINES_MAX];
    struct error error = {0};
    for (unsigned i = 0; i < 3; i++) {
        const char *end = i < 2 && all.length > 0 ? memchr(all.data, 1, all.length) : NULL;
        parts[i] = (struct text){all.data, end ? (size_t)(end - all.data) : all.length};
        all.data += parts[i].length + (end != NULL);
        all.length -= parts[i].length + (end != NULL);
    }
    size_t variables = split(parts[1], PREFIX, environment);
    size_t argument_count = split(parts[2], "", arguments);
    for (size_t i = 0; i < argument_count; i++) /* no other file of this machine is read */
        if (strncmp(arguments[i], "--config", 8) == 0)
            arguments[i][2] = 'C';
    for (size_t i = 0; i < variables; i++)
        if (strncmp(environment[i], PREFIX "CONFIG", strlen(PREFIX "CONFIG")) == 0)
            environment[i][strlen(PREFIX)] = 'c';
    int r = load(parts[0], environment, variables, arguments, argument_count, &values, &error);
    if (r == 1 && are_of_file(buffer_text(&values))) {
        int back = load(buffer_text(&values), NULL, 0, NULL, 0, &again, &error);
        property(back == 1, "its own values are refused: %s\n%.*s", error.text, (int)values.length,
                 (const char *)values.bytes);
        property(values.length == again.length &&
                     memcmp(values.bytes, again.bytes, values.length) == 0,
                 "its own values read back otherwise");
    }
    for (size_t i = 0; i < variables; i++)
        free(environment[i]);
    for (size_t i = 0; i < argument_count; i++)
        free(arguments[i]);
    return r >= 0;
}

static void add(struct seeds *seeds, const char *text) {
    seeds->add_any(seeds, text, strlen(text));
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct buffer example;
    (void)root;
    static const char good[] = "# a comment\nlisten = tcp://127.0.0.1:7000, ipc:///tmp/h\n"
                               "max_message_bytes = 2MiB\nidle_timeout = 30s # so long\n"
                               "policy = /etc/harrier/policy\ndata_dir = /var/lib/harrier\n"
                               "\x01LOG_LEVEL=debug\nCORES=0\n\x01--max-requests=64\n--check\n";
    seeds->add(seeds, good, sizeof good - 1);
    buffer_init(&example);
    options_write_example(&example);
    /* Each option with its default: the example without the signs of comments before them. */
    struct text all = buffer_text(&example);
    while (all.length > 0) {
        const char *end = memchr(all.data, '\n', all.length);
        size_t length = end ? (size_t)(end - all.data) + 1 : all.length;
        const char *sign = memchr(all.data, '=', length);
        if (length > 2 && all.data[0] == '#' && sign) {
            size_t from = all.data[1] == ' ' ? 2 : 1;
            seeds->add_any(seeds, all.data + from, length - from);
        }
        all.data += length;
        all.length -= length;
    }
    buffer_deinit(&example);
    add(seeds, "listen tcp://127.0.0.1:7000\n");
    add(seeds, "lisen = tcp://127.0.0.1:7000\n");
    add(seeds, "log_level = loud\nlog_level = info\n");
    add(seeds, "max_requests = 5\nmax_requests = 6\n");
    add(seeds, "max_requests = 99999999999999999999\n");
    add(seeds, "idle_timeout = 5 weeks\n");
    add(seeds, "ipc_mode = 9999\n\x01LISTN=x\n\x01");
    add(seeds, "\x01\x01--listn=x\n");
    add(seeds, "\x01\x01--help\n");
    add(seeds, "\x01\x01--version\n--print-options\n");
    add(seeds, "\x01\x01--policy\n/etc/p\nword\n");
    add(seeds, "\x01\x01--watch-policy=maybe\n");
    add(seeds, "http_listen = 0.0.0.0:80\nadmin_listen = 0.0.0.0:9\n");
    add(seeds, "log = kafka://h:9092/t\ndurability = replicated\ncluster = c\nnode = n\n");
    add(seeds, "challenger = /p\nchallenger_share = 10%\nchallenger_key = card\nshadow = /a, /b\n");
    add(seeds, "event_url = https://127.0.0.1/x\nevents = all\nevent_fields = card\n"
               "event_secret = /s\nevent_command = /bin/x\n");
    add(seeds, "tls_cert = /c\ntls_key = /k\ntls_client_ca = /a\ntls_version = 1.2\n");
}
