/* Target: harrierd's configuration.
 *
 *   input  the configuration file; behind a byte 1, variables of the environment without their
 *          prefix, a line each; behind another one, arguments, a line each. A variable
 *          CREDENTIALS is the folder of systemd's credentials, which has all of them; an argument
 *          --config=SAME names the configuration file
 *
 * Refused with a message of clean text; or the values can be written as a file, which is taken and
 * gives the same values, so nothing needs a restart; but a # in a value may begin a comment there,
 * and blanks around one are not of it. */
#include "common/target.h"

#include "core/base/check.h"
#include "server/lifecycle/options.h"
#include "tests/unit/store/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PREFIX    "HARRIERD_"
#define LINES_MAX 32

/* Of systemd: options.c. */
#define CREDENTIALS       "CREDENTIALS_DIRECTORY"
#define CREDENTIAL_PREFIX "harrierd."

static char *credentials; /* a folder */

/* What was taken, with its values as text. */
struct loaded {
    struct options options;
    struct option_set *set;
    struct buffer values;
};
static struct loaded first, again;

static void clean_up(void) {
    scratch_remove(credentials);
}

void target_start(void) {
    static const char *const names[] = {"tokens",        "tls_cert",   "tls_key",
                                        "tls_client_ca", "log_config", "event_secret",
                                        "pseudonym_keys"};
    char path[512];
    buffer_init(&first.values);
    buffer_init(&again.values);
    credentials = scratch_make();
    atexit(clean_up);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/" CREDENTIAL_PREFIX "%s", credentials, names[i]);
        scratch_write(path, "", 0);
    }
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

/* 1: taken; 0: another action; both leave ret_loaded->set; < 0: refused. */
static int load(struct text file, char **environment, size_t variables, char **arguments,
                size_t argument_count, struct loaded *ret_loaded, struct error *error) {
    char path[64], config[96], same[96], folder[256];
    const char *argv[LINES_MAX + 2] = {"harrierd"}, *variable[LINES_MAX + 2] = {config};
    enum options_error kind;
    enum action action;
    int descriptor = file_of(file, path);
    snprintf(config, sizeof config, PREFIX "CONFIG=%s", path);
    snprintf(same, sizeof same, "--config=%s", path);
    snprintf(folder, sizeof folder, CREDENTIALS "=%s", credentials);
    for (size_t i = 0; i < variables; i++)
        variable[i + 1] = strcmp(environment[i], PREFIX "CREDENTIALS") ? environment[i] : folder;
    for (size_t i = 0; i < argument_count; i++)
        argv[i + 1] = strcmp(arguments[i], "--config=SAME") ? arguments[i] : same;
    const struct options_source source = {
        .argc = (int)argument_count + 1, .argv = argv, .environment = variable};
    ret_loaded->options = (struct options){0};
    ret_loaded->set = NULL;
    int r = options_load(&source, &ret_loaded->options, &action, &ret_loaded->set, &kind, error);
    close(descriptor);
    property(r == 0 || (error->text[0] && text_is_clean(text_of(error->text), NULL)),
             "a message that is not clean: %s", error->text);
    if (r < 0)
        return r;
    buffer_clear(&ret_loaded->values);
    options_write_values(ret_loaded->set, &ret_loaded->values);
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

static void read_back(void) {
    struct buffer changes;
    struct error error = {0};
    struct text values = buffer_text(&first.values);
    int back = load(values, NULL, 0, NULL, 0, &again, &error);
    property(back == 1, "its own values are refused: %s\n%" TEXT_FORMAT, error.text,
             TEXT_ARGS(values));
    property(text_equal(values, buffer_text(&again.values)), "its own values read back otherwise");
    buffer_init(&changes);
    options_list_fixed_changes(first.set, again.set, &changes);
    property(changes.length == 0, "the same values need a restart: %.*s", (int)changes.length,
             (const char *)changes.bytes);
    buffer_deinit(&changes);
    option_set_free(again.set);
}

/* Other files of this machine are not read. */
static void hide_config(char *line, const char *name, char hidden) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) == 0 && strcmp(line, "--config=SAME") != 0)
        line[length - strlen("config")] = hidden;
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
    for (size_t i = 0; i < argument_count; i++)
        hide_config(arguments[i], "--config", 'C');
    for (size_t i = 0; i < variables; i++)
        hide_config(environment[i], PREFIX "CONFIG", 'c');
    int r = load(parts[0], environment, variables, arguments, argument_count, &first, &error);
    if (r == 1 && are_of_file(buffer_text(&first.values)))
        read_back();
    if (r >= 0)
        option_set_free(first.set);
    for (size_t i = 0; i < variables; i++)
        free(environment[i]);
    for (size_t i = 0; i < argument_count; i++)
        free(arguments[i]);
    return r >= 0;
}

static void add(struct seeds *seeds, const char *text) {
    seeds->add_any(seeds, text, strlen(text));
}

/* More than a configuration file may have. */
static void add_long(struct seeds *seeds) {
    struct buffer seed;
    buffer_init(&seed);
    while (seed.length < (1u << 20) + 100)
        buffer_append(&seed, "# a comment that says little\n", 29);
    seeds->add_any(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
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
    add(seeds, "\x01\x01--quite-another-word=x\n");
    add(seeds, "log_level = debug\n\x01\x01--config=SAME\n--check\n");
    add(seeds, "tokens = /t\n\x01"
               "CREDENTIALS\n\x01--tls-cert=/c\n");
    add(seeds, "log = kafka://h:9092/t\narchive_failure = degrade\n");
    add(seeds, "log = kafka://h:9092/t\nlisten = tcp://0.0.0.0:7000\ninsecure_listen = yes\n");
    add(seeds, "listen = tls+tcp://127.0.0.1:7000\n");
    add(seeds, "shadow = /a, /b, /c, /d, /e, /f, /g, /h, /i, /j, /k, /l, /m, /n, /o, /p, /q\n");
    add(seeds, "challenger = /p\n");
    add(seeds, "listen =\n");
    add(seeds, "admin_listen = h\n");
    add_long(seeds);
    add(seeds, "tls_cert = /c\ntls_key = /k\ntls_client_ca = /a\ntls_version = 1.2\n");
}
