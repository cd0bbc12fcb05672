/* The library as others get it: shared or static, it shows harrier.h's functions and nothing else;
 * the README's example is clients/c/example.c, and that program works. */
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <dlfcn.h>
#include <unistd.h>

static const char *library, *static_library, *example, *example_static, *sources;

static void only_the_interface_can_be_seen(void **state) {
    (void)state;
    static const char *const ours[] = {"harrier_client_new", "harrier_score",
                                       "harrier_score_submit", "harrier_reply_free"};
    static const char *const inside[] = {"transaction_check",      "error_set",    "arena_alloc",
                                         "check_failed",           "dispatch_end", "exchange_new",
                                         "message_decode_response"};
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail_msg("%s", dlerror());
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_non_null(dlsym(handle, ours[i]));
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (dlsym(handle, inside[i]))
            fail_msg("%s can be seen", inside[i]);
    /* Not closed: nng's threads have its code. */
}

static void the_static_library_shows_as_little(void **state) {
    (void)state;
    char command[4096], line[256];
    size_t count = 0;
    snprintf(command, sizeof command, "nm -g --defined-only '%s'", static_library);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe)) {
        const char *symbol = strrchr(line, ' ');
        if (!symbol || strlen(line) < 18) /* the name of the object; an empty line */
            continue;
        count++;
        if (strncmp(symbol, " harrier_", 9) != 0 || symbol[9] == '_')
            fail_msg("%s can be seen", symbol);
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(count >= 14);
}

static char *read_file(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", sources, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void the_readme_shows_the_example(void **state) {
    (void)state;
    char *readme = read_file("README.md"), *program = read_file("example.c");
    size_t lines = 0;
    for (const char *at = program; *at; at++)
        lines += *at == '\n';
    assert_true(lines <= 30);
    assert_non_null(strstr(readme, program));
    free(readme);
    free(program);
}

/* What the program prints, which must end with `status`. */
static void run(const char *program, const char *address, int status, char ret_output[1024]) {
    char command[4096];
    snprintf(command, sizeof command, "'%s' '%s' 2>&1", program, address);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t length = fread(ret_output, 1, 1023, pipe);
    ret_output[length] = '\0';
    int r = pclose(pipe);
    if (r != status << 8)
        fail_msg("%s: %d: %s", command, r, ret_output);
}

static void the_example_works(void **state) {
    (void)state;
    char address[64], output[1024];
    fake_address(address);
    run(example, address, 1, output);
    assert_non_null(strstr(output, "unavailable: no connection to tcp://127.0.0.1"));
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    run(example, address, 0, output);
    assert_string_equal(output, "approve\n");
    run(example_static, address, 0, output);
    assert_string_equal(output, "approve\n");
    assert_int_equal(fake_server_requests(server), 2);
    fake_server_stop(server);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s LIBRARY STATIC_LIBRARY EXAMPLE EXAMPLE_STATIC SOURCES\n",
                argv[0]);
        return 2;
    }
    library = argv[1];
    static_library = argv[2];
    example = argv[3];
    example_static = argv[4];
    sources = argv[5];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_interface_can_be_seen),
        cmocka_unit_test(the_static_library_shows_as_little),
        cmocka_unit_test(the_readme_shows_the_example),
        cmocka_unit_test(the_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
