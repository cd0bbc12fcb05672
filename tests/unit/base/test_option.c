/* Options: values with their units and bounds, which origin overrides which, and the messages. */
#include "core/base/option.h"
#include "tests/unit/unit.h"

struct target {
    const char *name;
    struct option_list places;
    int mood;
    bool loud;
    int64_t count, size, wait_us;
};

static const char *const moods[] = {"calm", "cross", NULL};

static const struct option table[] = {
    {"Who", "name", OPTION_TEXT, offsetof(struct target, name), "", .help = "What it is called."},
    {"Who", "places", OPTION_LIST, offsetof(struct target, places), "here, there",
     .help = "Where it is."},
    {"How", "mood", OPTION_CHOICE, offsetof(struct target, mood), "calm", .choices = moods,
     .help = "How it feels."},
    {"How", "loud", OPTION_FLAG, offsetof(struct target, loud), "no", .reloadable = true,
     .help = "Whether it is heard."},
    {"How", "count", OPTION_INTEGER, offsetof(struct target, count), "3", .least = 1, .most = 9,
     .help = "How often."},
    {"How", "size", OPTION_BYTES, offsetof(struct target, size), "2KiB", .least = 1024,
     .most = 1 << 30, .automatic = "auto", .help = "How large."},
    {"How", "wait", OPTION_DURATION, offsetof(struct target, wait_us), "5ms", .least = 0,
     .most = INT64_C(86400000000),
     .help = "How long it waits before it goes on, which may be quite a while, so that this text "
             "has to go over two lines."},
};
#define ROWS (sizeof table / sizeof *table)

struct fixture {
    struct target target;
    struct option_set *set;
    struct error error;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->set = option_set_new(table, ROWS, &fixture->target);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    option_set_free(fixture->set);
    free(fixture);
    return 0;
}

static int put(struct fixture *fixture, const char *name, const char *value,
               enum option_origin origin) {
    return option_set_put(fixture->set, text_of(name), text_of(value), origin, "here",
                          &fixture->error);
}

static void accept(struct fixture *fixture, const char *name, const char *value) {
    if (put(fixture, name, value, OPTION_ORIGIN_FLAG) != 0)
        fail_msg("%s", fixture->error.text);
}

static void refuse(struct fixture *fixture, const char *name, const char *value,
                   const char *message) {
    assert_int_equal(put(fixture, name, value, OPTION_ORIGIN_FLAG), -ERROR_INVALID);
    assert_string_equal(fixture->error.text, message);
}

static void defaults_are_in_force(void **state) {
    const struct target *target = &((struct fixture *)*state)->target;
    assert_string_equal(target->name, "");
    assert_int_equal(target->places.count, 2);
    assert_string_equal(target->places.items[1], "there");
    assert_int_equal(target->mood, 0);
    assert_false(target->loud);
    assert_int_equal(target->count, 3);
    assert_int_equal(target->size, 2048);
    assert_int_equal(target->wait_us, 5000);
}

static void values_have_units(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *value;
        int64_t us;
    } waits[] = {{"0", 0},         {"0s", 0},         {"7us", 7},          {"7ms", 7000},
                 {"7s", 7000000},  {"7m", 420000000}, {"7h", 25200000000}, {"1d", 86400000000},
                 {"007s", 7000000}};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        accept(fixture, "wait", waits[i].value);
        assert_int_equal(fixture->target.wait_us, waits[i].us);
    }
    accept(fixture, "size", "4096");
    assert_int_equal(fixture->target.size, 4096);
    accept(fixture, "size", "3MiB");
    assert_int_equal(fixture->target.size, 3 << 20);
    accept(fixture, "size", "auto");
    assert_int_equal(fixture->target.size, OPTION_AUTOMATIC);
    accept(fixture, "mood", "cross");
    assert_int_equal(fixture->target.mood, 1);
    accept(fixture, "loud", "yes");
    assert_true(fixture->target.loud);
}

static void bad_values_change_nothing(void **state) {
    struct fixture *fixture = *state;
    static const char *const waits[] = {"",
                                        "5",
                                        "ms",
                                        "-1s",
                                        "1.5s",
                                        "5 ms",
                                        "25h",
                                        "1ms ",
                                        "5MS",
                                        "99999999999999999999s",
                                        "9223372036854775807d"};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        char message[256];
        snprintf(message, sizeof message,
                 "here: wait cannot be \"%s\"; expected a duration like 500us, 5ms, 30s, 10m, 1h "
                 "or 1d, from 0 to 1d",
                 waits[i]);
        refuse(fixture, "wait", waits[i], message);
    }
    assert_int_equal(fixture->target.wait_us, 5000);
    refuse(fixture, "count", "0", "here: count cannot be \"0\"; expected a number, from 1 to 9");
    refuse(fixture, "count", "10", "here: count cannot be \"10\"; expected a number, from 1 to 9");
    refuse(fixture, "size", "1023",
           "here: size cannot be \"1023\"; expected a size like 64KiB or 2MiB, from 1KiB to 1GiB, "
           "or auto");
    refuse(fixture, "count", "auto",
           "here: count cannot be \"auto\"; expected a number, from 1 to 9");
    refuse(fixture, "mood", "angry", "here: mood cannot be \"angry\"; expected calm or cross");
    refuse(fixture, "loud", "1", "here: loud cannot be \"1\"; expected yes or no");
    assert_int_equal(option_set_put(fixture->set, TEXT_LITERAL("name"), TEXT_LITERAL("a\0b"),
                                    OPTION_ORIGIN_FLAG, "here", &fixture->error),
                     -ERROR_INVALID);
    refuse(fixture, "name", "a\x1b[A",
           "here: name has a control character; expected printable text");
    assert_string_equal(fixture->target.name, "");
}

static void near_names_are_suggested(void **state) {
    struct fixture *fixture = *state;
    refuse(fixture, "plases", "x", "here: there is no option plases; did you mean places?");
    refuse(fixture, "wiat", "x", "here: there is no option wiat; did you mean wait?");
    refuse(fixture, "bandwidth", "x", "here: there is no option bandwidth");
}

static void later_origins_win(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(put(fixture, "name", "flag", OPTION_ORIGIN_FLAG), 0);
    assert_int_equal(put(fixture, "name", "file", OPTION_ORIGIN_FILE), 0);
    assert_int_equal(put(fixture, "name", "variable", OPTION_ORIGIN_ENVIRONMENT), 0);
    assert_string_equal(fixture->target.name, "flag");
    assert_int_equal(put(fixture, "name", "second", OPTION_ORIGIN_FLAG), 0);
    assert_string_equal(fixture->target.name, "second");
    const struct option *row = option_find(fixture->set, TEXT_LITERAL("name"));
    assert_string_equal(option_set_text(fixture->set, row), "second");
    assert_int_equal(option_set_origin(fixture->set, row), OPTION_ORIGIN_FLAG);
}

static void lists_collect_within_an_origin(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(put(fixture, "places", "a,b", OPTION_ORIGIN_FILE), 0);
    assert_int_equal(put(fixture, "places", " c ", OPTION_ORIGIN_FILE), 0);
    assert_int_equal(fixture->target.places.count, 3);
    assert_string_equal(fixture->target.places.items[2], "c");
    assert_int_equal(put(fixture, "places", "d", OPTION_ORIGIN_ENVIRONMENT), 0);
    assert_int_equal(fixture->target.places.count, 1);
    assert_string_equal(
        option_set_text(fixture->set, option_find(fixture->set, TEXT_LITERAL("places"))), "d");
}

static int read_file(struct fixture *fixture, const char *content) {
    return option_set_read_file(fixture->set, "x.conf", text_of(content), &fixture->error);
}

static void file_is_read_line_by_line(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(read_file(fixture, "# a comment\n"
                                        "\n"
                                        "  name = some#one   # not a comment before the space\r\n"
                                        "places=a\n"
                                        "places = b\n"
                                        "count = 4"),
                     0);
    assert_string_equal(fixture->target.name, "some#one");
    assert_int_equal(fixture->target.places.count, 2);
    assert_int_equal(fixture->target.count, 4);
}

static void file_faults_name_the_line(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(read_file(fixture, "\nname\n"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text, "x.conf:2: \"name\" has no =; expected name = value");
    assert_int_equal(read_file(fixture, "nmae = x\n"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text,
                        "x.conf:1: there is no option nmae; did you mean name?");
    assert_int_equal(read_file(fixture, "count = 2\n#\ncount = 2\n"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text, "x.conf:3: count was already set in line 1");
    assert_int_equal(read_file(fixture, "count = many\n"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text,
                        "x.conf:1: count cannot be \"many\"; expected a number, from 1 to 9");
}

static int read_environment(struct fixture *fixture, const char *variable) {
    static const char *const except[] = {"X_CONFIG", NULL};
    const char *const environment[] = {"PATH=/bin", "X_CONFIG=elsewhere", variable, NULL};
    return option_set_read_environment(fixture->set, "X_", environment, except, &fixture->error);
}

static void environment_has_a_prefix(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(read_environment(fixture, "X_WAIT=9s"), 0);
    assert_int_equal(fixture->target.wait_us, 9000000);
    assert_int_equal(read_environment(fixture, "WAIT=8s"), 0);
    assert_int_equal(fixture->target.wait_us, 9000000);
    assert_int_equal(read_environment(fixture, "X_WIAT=8s"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text, "X_WIAT: there is no option wiat; did you mean wait?");
    assert_int_equal(read_environment(fixture, "X_COUNT=x"), -ERROR_INVALID);
    assert_string_equal(fixture->error.text,
                        "X_COUNT: count cannot be \"x\"; expected a number, from 1 to 9");
}

static void example_and_help_come_from_the_table(void **state) {
    struct fixture *fixture = *state;
    struct buffer out;
    buffer_init(&out);
    option_write_example(table + 2, ROWS - 2, &out);
    buffer_append_u8(&out, '\0');
    assert_string_equal((char *)out.bytes, "# ---- How ----\n"
                                           "\n"
                                           "# How it feels. (calm or cross)\n"
                                           "#mood = calm\n"
                                           "\n"
                                           "# Whether it is heard. (yes or no) [SIGHUP]\n"
                                           "#loud = no\n"
                                           "\n"
                                           "# How often. (1 to 9)\n"
                                           "#count = 3\n"
                                           "\n"
                                           "# How large. (1KiB to 1GiB, or auto)\n"
                                           "#size = 2KiB\n"
                                           "\n"
                                           "# How long it waits before it goes on, which may be "
                                           "quite a while, so that this text has to go\n"
                                           "# over two lines. (0 to 1d)\n"
                                           "#wait = 5ms\n");
    /* As it stands it says nothing; with its comment signs off it says the defaults. */
    assert_int_equal(read_file(fixture, (char *)out.bytes), 0);
    for (char *c = (char *)out.bytes; *c; c++)
        if (*c == '#' && c[1] != ' ')
            *c = ' ';
    assert_int_equal(read_file(fixture, (char *)out.bytes), 0);
    defaults_are_in_force(state);
    buffer_clear(&out);
    option_write_help(table, 1, &out);
    buffer_append_u8(&out, '\0');
    assert_string_equal((char *)out.bytes, "\nWho:\n  --name=\"\"\n        What it is called.\n");
    buffer_deinit(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_in_force),     TEST(values_have_units),
        TEST(bad_values_change_nothing), TEST(near_names_are_suggested),
        TEST(later_origins_win),         TEST(lists_collect_within_an_origin),
        TEST(file_is_read_line_by_line), TEST(file_faults_name_the_line),
        TEST(environment_has_a_prefix),  TEST(example_and_help_come_from_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
