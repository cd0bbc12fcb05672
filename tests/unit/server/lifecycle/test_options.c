/* harrierd's command line, file and environment together, and the addresses it accepts. */
#include "server/lifecycle/options.h"
#include "server/net/address.h"
#include "tests/unit/unit.h"

#include <unistd.h>

struct loaded {
    struct options options;
    struct option_set *set;
    enum action action;
    enum options_error fault;
    struct error error;
};

static int load(struct loaded *loaded, const char *const *argv, const char *const *environment) {
    int argc = 0;
    while (argv[argc])
        argc++;
    const struct options_source source = {.argc = argc, .argv = argv, .environment = environment};
    return options_load(&source, &loaded->options, &loaded->action, &loaded->set, &loaded->fault,
                        &loaded->error);
}

#define LOAD(loaded, environment, ...)                                                             \
    load(loaded, (const char *const[]){"harrierd", __VA_ARGS__, NULL},                             \
         (const char *const[]){environment, NULL})
#define NO_FILE "HARRIERD_CONFIG=/dev/null"

static void assert_refused(struct loaded *loaded, int r, enum options_error fault,
                           const char *message) {
    assert_int_equal(r, -ERROR_INVALID);
    assert_int_equal(loaded->fault, fault);
    if (!strstr(loaded->error.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, loaded->error.text);
}

static void flags_are_read(void **state) {
    (void)state;
    struct loaded loaded;
    assert_int_equal(LOAD(&loaded, NO_FILE, "--listen", "ipc:///tmp/a", "--listen=tcp://[::1]:1",
                          "--data-dir", "/d", "--durability=synced", "--admin_listen", ""),
                     0);
    assert_int_equal(loaded.action, ACTION_SERVE);
    assert_int_equal(loaded.options.listen.count, 2);
    assert_string_equal(loaded.options.listen.items[1], "tcp://[::1]:1");
    assert_string_equal(loaded.options.data_dir, "/d");
    assert_int_equal(loaded.options.durability, DURABILITY_SYNCED);
    assert_string_equal(loaded.options.admin_listen, "");
    option_set_free(loaded.set);
}

static void flag_beats_variable_beats_file(void **state) {
    (void)state;
    char path[] = "/tmp/harrier-options-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    const char content[] = "max_requests = 2\nmax_ahead = 2h\ndrain_timeout = 2s\n";
    assert_int_equal(write(descriptor, content, sizeof content - 1), sizeof content - 1);
    close(descriptor);
    const char *const argv[] = {"harrierd", "--max_requests=4", "--config", path, NULL};
    const char *const environment[] = {"HARRIERD_CONFIG=/nowhere", "HARRIERD_MAX_REQUESTS=3",
                                       "HARRIERD_MAX_AHEAD=3h", NULL};
    struct loaded loaded;
    int r = load(&loaded, argv, environment);
    unlink(path);
    if (r < 0)
        fail_msg("%s", loaded.error.text);
    assert_int_equal(loaded.options.max_requests, 4);
    assert_int_equal(loaded.options.max_ahead_us, INT64_C(3) * 3600 * 1000000);
    assert_int_equal(loaded.options.drain_timeout_us, 2000000);
    option_set_free(loaded.set);
}

static void mistakes_say_whose_they_are(void **state) {
    (void)state;
    struct loaded l;
    assert_refused(&l, LOAD(&l, NO_FILE, "--polcy=/p"), OPTIONS_ERROR_USAGE,
                   "unknown flag --polcy=/p; did you mean --policy?");
    assert_refused(&l, LOAD(&l, NO_FILE, "--po\x1b[2Jcy=/p"), OPTIONS_ERROR_USAGE,
                   "unknown flag --po?[2Jcy=/p"); /* a terminal gets no control characters */
    assert_refused(&l, LOAD(&l, NO_FILE, "--versoin"), OPTIONS_ERROR_USAGE,
                   "did you mean --version?");
    assert_refused(&l, LOAD(&l, NO_FILE, "start"), OPTIONS_ERROR_USAGE, "\"start\" is not a flag");
    assert_refused(&l, LOAD(&l, NO_FILE, "--policy"), OPTIONS_ERROR_USAGE,
                   "--policy needs a value");
    assert_refused(&l, LOAD(&l, NO_FILE, "--max_requests=0"), OPTIONS_ERROR_USAGE,
                   "--max_requests: max_requests cannot be \"0\"; expected a number, from 1 to");
    assert_refused(&l, LOAD(&l, "HARRIERD_MAX_REQUESTS=x", "--config=/dev/null"),
                   OPTIONS_ERROR_CONFIGURATION, "HARRIERD_MAX_REQUESTS: max_requests cannot be");
    assert_int_equal(LOAD(&l, "HARRIERD_CONFIG=/nowhere/x", "--admin_listen="), -ERROR_SYSTEM);
    assert_int_equal(l.fault, OPTIONS_ERROR_CONFIGURATION);
    assert_non_null(strstr(l.error.text, "/nowhere/x"));
}

static void other_machines_are_kept_out(void **state) {
    (void)state;
    struct loaded l;
    static const char *const open[] = {"--listen=tcp://0.0.0.0:1",
                                       "--listen=tcp://:1",
                                       "--listen=tcp://*:1",
                                       "--listen=tcp://[::]:1",
                                       "--listen=tcp://10.0.0.1:1",
                                       "--listen=ws://example.org:1/x",
                                       "--listen=tcp://127.0.0.1.example.org:1",
                                       "--http_listen=0.0.0.0:80",
                                       "--http_listen=127.0.0.1:1,:80",
                                       "--http_listen=[::]:80"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_refused(&l, LOAD(&l, NO_FILE, open[i]), OPTIONS_ERROR_CONFIGURATION,
                       "can be reached from other machines, and there are no tokens");
        assert_int_equal(LOAD(&l, NO_FILE, open[i], "--insecure_listen=yes"), 0);
        option_set_free(l.set);
        assert_int_equal(LOAD(&l, NO_FILE, open[i], "--tokens=/etc/harrier/tokens"), 0);
        option_set_free(l.set);
    }
    assert_refused(&l, LOAD(&l, NO_FILE, "--admin_listen=0.0.0.0:1", "--insecure_listen=yes"),
                   OPTIONS_ERROR_CONFIGURATION, "is not on loopback");
    assert_refused(&l, LOAD(&l, NO_FILE, "--admin_listen=7732"), OPTIONS_ERROR_CONFIGURATION,
                   "admin_listen: \"7732\" is not HOST:PORT");
    assert_refused(&l, LOAD(&l, NO_FILE, "--listen="), OPTIONS_ERROR_CONFIGURATION,
                   "listen is empty");
    assert_refused(&l, LOAD(&l, NO_FILE, "--http_listen=http://127.0.0.1/"),
                   OPTIONS_ERROR_CONFIGURATION, "http_listen: \"http://127.0.0.1/\" is not");
    assert_refused(&l,
                   LOAD(&l, NO_FILE,
                        "--http_listen=[::1]:1,[::1]:2,[::1]:3,[::1]:4,[::1]:5,[::1]:6,[::1]:7,"
                        "[::1]:8,[::1]:9"),
                   OPTIONS_ERROR_CONFIGURATION, "http_listen has 9 addresses; expected at most 8");
    assert_int_equal(LOAD(&l, NO_FILE, "--http_listen=127.0.0.1:1,[::1]:1"), 0);
    assert_int_equal(l.options.http_listen.count, 2);
    option_set_free(l.set);
}

static void ipc_access_is_checked(void **state) {
    (void)state;
    struct loaded l;
    assert_int_equal(LOAD(&l, NO_FILE, "--policy=/p"), 0);
    assert_int_equal(l.options.ipc_access.mode, 0660);
    assert_int_equal(l.options.ipc_access.group, (gid_t)-1);
    option_set_free(l.set);
    assert_int_equal(LOAD(&l, NO_FILE, "--ipc_mode=0600", "--ipc_group=root"), 0);
    assert_int_equal(l.options.ipc_access.mode, 0600);
    assert_int_equal(l.options.ipc_access.group, 0);
    option_set_free(l.set);
    assert_int_equal(LOAD(&l, NO_FILE, "--ipc_mode=666", "--ipc_group=4711"), 0);
    assert_int_equal(l.options.ipc_access.mode, 0666);
    assert_int_equal(l.options.ipc_access.group, 4711);
    option_set_free(l.set);
    /* not octal, no owner, set-user-id, executable, nothing */
    static const char *const bad[] = {"--ipc_mode=0680", "--ipc_mode=0060", "--ipc_mode=4660",
                                      "--ipc_mode=0770", "--ipc_mode=",     "--ipc_mode=00660"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(&l, LOAD(&l, NO_FILE, bad[i]), OPTIONS_ERROR_CONFIGURATION,
                       "ipc_mode cannot be");
    assert_refused(&l, LOAD(&l, NO_FILE, "--ipc_group=no such group"), OPTIONS_ERROR_CONFIGURATION,
                   "there is no group");
}

static void cores_are_numbers(void **state) {
    (void)state;
    struct loaded l;
    assert_int_equal(LOAD(&l, NO_FILE, "--cores="), 0);
    assert_null(cpu_affinity_loop(&l.options.cpu_affinity));
    option_set_free(l.set);
    assert_int_equal(LOAD(&l, NO_FILE, "--cores=5,0,1023"), 0);
    assert_int_equal(l.options.cpu_affinity.count, 3);
    assert_int_equal(*cpu_affinity_loop(&l.options.cpu_affinity), 5);
    assert_int_equal(l.options.cpu_affinity.cores[2], 1023);
    option_set_free(l.set);
    static const char *const bad[] = {"--cores=a",  "--cores=1,",  "--cores=,1",   "--cores=1,1",
                                      "--cores=-1", "--cores=1 2", "--cores=1024", "--cores=1,,2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(&l, LOAD(&l, NO_FILE, bad[i]), OPTIONS_ERROR_CONFIGURATION,
                       "cores cannot be");
}

static void words_need_no_configuration(void **state) {
    (void)state;
    static const struct {
        const char *flag;
        enum action action;
    } words[] = {{"--help", ACTION_HELP},
                 {"--version", ACTION_VERSION},
                 {"--print-config", ACTION_PRINT_CONFIG}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct loaded loaded;
        assert_int_equal(LOAD(&loaded, "HARRIERD_CONFIG=/nowhere", words[i].flag), 0);
        assert_int_equal(loaded.action, words[i].action);
        option_set_free(loaded.set);
    }
}

static void a_reload_tells_what_it_cannot_change(void **state) {
    (void)state;
    struct loaded now, next;
    assert_int_equal(LOAD(&now, NO_FILE, "--log_level=info"), 0);
    assert_int_equal(LOAD(&next, NO_FILE, "--log_level=debug", "--max_requests=7", "--data_dir=/x"),
                     0);
    struct buffer names;
    buffer_init(&names);
    options_list_fixed_changes(now.set, next.set, &names);
    buffer_append_u8(&names, '\0');
    assert_string_equal((char *)names.bytes, "max_requests, data_dir");
    buffer_deinit(&names);
    option_set_free(now.set);
    option_set_free(next.set);
}

static void addresses_are_checked(void **state) {
    (void)state;
    struct error error;
    static const char *const good[] = {"tcp://127.0.0.1:7731",  "tcp://[::1]:0",
                                       "ipc:///run/x",          "ws://localhost:80/path",
                                       "tls+tcp://localhost:1", "nng+tcp://127.0.0.1:1",
                                       "nng+ipc:///run/x"};
    static const char *const bad[] = {"",
                                      "127.0.0.1:7731",
                                      "tcp://127.0.0.1",
                                      "tcp://127.0.0.1:65536",
                                      "tcp://h:x",
                                      "tcp://127.0.0.1:-1",
                                      "ipc://relative",
                                      "ipc://",
                                      "tls+tcp://h",
                                      "nng+tls+tcp://127.0.0.1:1",
                                      "nng+ipc://relative",
                                      "udp://h:1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(address_check(good[i], &error), 0);
        assert_true(address_is_local(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (address_check(bad[i], &error) != -ERROR_INVALID)
            fail_msg("%s was accepted", bad[i]);
    char path[256] = "ipc:///";
    memset(path + 7, 'x', 200);
    assert_int_equal(address_check(path, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "201 bytes"));
    assert_string_equal(address_ipc_path("ipc:///run/x"), "/run/x");
    assert_null(address_ipc_path("tcp://127.0.0.1:1"));
}

static void an_address_says_which_front(void **state) {
    (void)state;
    static const struct {
        const char *address;
        enum address_front front;
        const char *rest;
        bool is_tls;
    } addresses[] = {
        {"tcp://h:1", ADDRESS_FRONT_SP, "tcp://h:1", false},
        {"ipc:///run/x", ADDRESS_FRONT_SP, "ipc:///run/x", false},
        {"tls+tcp://h:1", ADDRESS_FRONT_SP, "tls+tcp://h:1", true},
        {"ws://h:1/x", ADDRESS_FRONT_NNG, "ws://h:1/x", false},
        {"nng+tcp://h:1", ADDRESS_FRONT_NNG, "tcp://h:1", false},
        {"nng+ipc:///run/x", ADDRESS_FRONT_NNG, "ipc:///run/x", false},
    };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        const char *rest;
        assert_int_equal(address_front(addresses[i].address, &rest), addresses[i].front);
        assert_string_equal(rest, addresses[i].rest);
        assert_int_equal(address_is_tls(addresses[i].address), addresses[i].is_tls);
    }
    assert_string_equal(address_ipc_path("nng+ipc:///run/x"), "/run/x");
}

static void certificates_let_others_in(void **state) {
    (void)state;
    struct loaded l;
    const char *far = "--listen=tls+tcp://0.0.0.0:1";
    assert_refused(&l, LOAD(&l, NO_FILE, "--listen=tls+tcp://127.0.0.1:1"),
                   OPTIONS_ERROR_CONFIGURATION, "needs a certificate and its key");
    assert_refused(&l, LOAD(&l, NO_FILE, far, "--tls_cert=c", "--tls_key=k"),
                   OPTIONS_ERROR_CONFIGURATION, "there are no tokens");
    assert_refused(&l,
                   LOAD(&l, NO_FILE, far, "--tls_cert=c", "--tls_key=k", "--tls_client_ca=a",
                        "--tls_client_optional=yes"),
                   OPTIONS_ERROR_CONFIGURATION, "there are no tokens");
    assert_int_equal(LOAD(&l, NO_FILE, far, "--tls_cert=c", "--tls_key=k", "--tls_client_ca=a"), 0);
    option_set_free(l.set);
}

#define A_LOG "--log=kafka://h1:9092,h2:9092/harrier"

static void a_cluster_has_a_log(void **state) {
    (void)state;
    struct loaded l;
    assert_int_equal(LOAD(&l, NO_FILE, "--policy=/p"), 0);
    assert_string_equal(l.options.log, "");
    assert_string_equal(l.options.log_address.brokers, "");
    assert_int_equal(l.options.lease_us, 6000000);
    option_set_free(l.set);
    assert_refused(&l, LOAD(&l, NO_FILE, "--durability=replicated"), OPTIONS_ERROR_CONFIGURATION,
                   "durability = replicated needs a log");
    assert_int_equal(LOAD(&l, NO_FILE, "--durability=replicated", A_LOG, "--cluster=c", "--node=n",
                          "--lease=2s", "--log_config=/etc/kafka"),
                     0);
    assert_int_equal(l.options.durability, DURABILITY_REPLICATED);
    assert_string_equal(l.options.log_address.brokers, "h1:9092,h2:9092");
    assert_string_equal(l.options.log_address.topic, "harrier");
    assert_string_equal(l.options.cluster, "c");
    assert_string_equal(l.options.node, "n");
    assert_string_equal(l.options.log_config, "/etc/kafka");
    assert_int_equal(l.options.lease_us, 2000000);
    option_set_free(l.set);
    assert_int_equal(LOAD(&l, NO_FILE, "--durability=synced", A_LOG), 0);
    assert_int_equal(l.options.durability, DURABILITY_SYNCED);
    option_set_free(l.set);
    assert_refused(&l, LOAD(&l, NO_FILE, "--log=kafka://h1:9092"), OPTIONS_ERROR_CONFIGURATION,
                   "kafka://HOST:PORT");
    assert_refused(&l, LOAD(&l, NO_FILE, A_LOG, "--lease=499ms"), OPTIONS_ERROR_USAGE, "lease");
    assert_refused(&l, LOAD(&l, NO_FILE, A_LOG, "--lease=301s"), OPTIONS_ERROR_USAGE, "lease");
}

/* Where a standby sends clients. */
static void nobody_is_sent_to_all_addresses(void **state) {
    (void)state;
    struct loaded l;
    static const char *const all[] = {"--listen=tcp://0.0.0.0:1",  "--listen=tcp://[::]:1",
                                      "--listen=tcp://*:1",        "--listen=tcp://:1",
                                      "--listen=ws://0.0.0.0:1/x", "--listen=nng+tcp://0.0.0.0:1",
                                      "--listen=tcp://[0::0]:1"};
    static const char *const one[] = {"--listen=tcp://10.0.0.1:1", "--listen=tcp://10.0.0.0:1",
                                      "--listen=tcp://h:1",        "--listen=tcp://127.0.0.1:1",
                                      "--listen=tcp://[::1]:1",    "--listen=ipc:///run/x"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_refused(&l, LOAD(&l, NO_FILE, all[i], "--insecure_listen=yes", A_LOG),
                       OPTIONS_ERROR_CONFIGURATION, "advertise = ADDRESS");
        assert_int_equal(
            LOAD(&l, NO_FILE, all[i], "--insecure_listen=yes", A_LOG, "--advertise=tcp://h:1"), 0);
        assert_string_equal(l.options.advertise, "tcp://h:1");
        option_set_free(l.set);
        assert_int_equal(LOAD(&l, NO_FILE, all[i], "--insecure_listen=yes"), 0); /* it is alone */
        option_set_free(l.set);
        /* The first address counts. */
        assert_int_equal(
            LOAD(&l, NO_FILE, "--listen=tcp://h:1", all[i], "--insecure_listen=yes", A_LOG), 0);
        option_set_free(l.set);
    }
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        assert_int_equal(LOAD(&l, NO_FILE, one[i], "--insecure_listen=yes", A_LOG), 0);
        option_set_free(l.set);
    }
}

/* A file that systemd passes is the default of its option, and no more than that. */
static void credentials_are_defaults(void **state) {
    (void)state;
    struct loaded l;
    char folder[] = "/tmp/harrier-credentials-XXXXXX", path[64], variable[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/harrierd.tokens", folder);
    snprintf(variable, sizeof variable, "CREDENTIALS_DIRECTORY=%s", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    const char *const with[] = {NO_FILE, variable, NULL};
    const char *const over[] = {NO_FILE, variable, "HARRIERD_TOKENS=/other", NULL};
    const char *const plain[] = {"harrierd", NULL}, *const flag[] = {"harrierd", "--tokens=/x",
                                                                     NULL};
    assert_int_equal(load(&l, plain, with), 0);
    assert_string_equal(l.options.tokens, path);
    assert_string_equal(l.options.tls_key, "");
    struct buffer shown;
    buffer_init(&shown);
    options_write_values(l.set, &shown);
    buffer_append_u8(&shown, '\0');
    assert_non_null(strstr((char *)shown.bytes, "\nmax_requests = 512\n"));
    assert_non_null(strstr((char *)shown.bytes, "\ntls_key = \n"));
    buffer_deinit(&shown);
    option_set_free(l.set);
    assert_int_equal(load(&l, plain, over), 0);
    assert_string_equal(l.options.tokens, "/other");
    option_set_free(l.set);
    assert_int_equal(load(&l, flag, with), 0);
    assert_string_equal(l.options.tokens, "/x");
    option_set_free(l.set);
    unlink(path);
    assert_int_equal(load(&l, plain, with), 0);
    assert_string_equal(l.options.tokens, "");
    option_set_free(l.set);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_read),
        cmocka_unit_test(flag_beats_variable_beats_file),
        cmocka_unit_test(mistakes_say_whose_they_are),
        cmocka_unit_test(other_machines_are_kept_out),
        cmocka_unit_test(ipc_access_is_checked),
        cmocka_unit_test(cores_are_numbers),
        cmocka_unit_test(words_need_no_configuration),
        cmocka_unit_test(a_reload_tells_what_it_cannot_change),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(an_address_says_which_front),
        cmocka_unit_test(certificates_let_others_in),
        cmocka_unit_test(a_cluster_has_a_log),
        cmocka_unit_test(nobody_is_sent_to_all_addresses),
        cmocka_unit_test(credentials_are_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
