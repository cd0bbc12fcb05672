/* The file of keys: what is read, what is refused at which line without repeating a secret, which
 * key a time has; and the ledger that notices another key under an old id. */
#include "core/store/pseudonyms/key_ledger.h"
#include "tests/unit/store/scratch.h"

#include <stdlib.h>
#include <sys/stat.h>

#define SECRET_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ODD_A    "00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET_B "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
/* base64.b64encode(bytes(range(32))) */
#define BASE64_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SECOND   INT64_C(1000000)

static struct pseudonym_keys *parse(const char *content) {
    struct pseudonym_keys *keys = NULL;
    struct error error;
    if (pseudonym_keys_parse(text_of(content), "keys", &keys, &error) < 0)
        fail_msg("%s", error.text);
    return keys;
}

static void assert_refused(const char *content, const char *message) {
    struct pseudonym_keys *keys = NULL;
    struct error error;
    int r = pseudonym_keys_parse(text_of(content), "keys", &keys, &error);
    if (r == 0)
        fail_msg("was accepted, but %s:\n%s", message, content);
    assert_int_equal(r, -ERROR_INVALID);
    assert_null(keys);
    if (!strstr(error.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, error.text);
    assert_null(strstr(error.text, "0001"));
    assert_null(strstr(error.text, "ffff"));
}

static const char *key_at(const struct pseudonym_keys *keys, int64_t time_us) {
    const struct pseudonym_key *key = pseudonym_keys_at(keys, time_us);
    return key ? key->id : "none";
}

static void the_newest_that_has_begun_is_taken(void **state) {
    (void)state;
    struct pseudonym_keys *keys =
        parse("# rotated\n\nk3 " BASE64_A " from 1970-01-01T00:05:00Z until 1970-01-01T00:06:00Z\n"
              "k2 " SECRET_B " from 1970-01-01T00:01:40Z\r\n"
              "\tk1 " SECRET_A " until 1970-01-01T00:03:20Z");
    assert_string_equal(key_at(keys, 0), "k1");
    assert_string_equal(key_at(keys, 100 * SECOND - 1), "k1");
    assert_string_equal(key_at(keys, 100 * SECOND), "k2");
    assert_string_equal(key_at(keys, 250 * SECOND), "k2");
    assert_string_equal(key_at(keys, 300 * SECOND), "k3");
    assert_string_equal(key_at(keys, 360 * SECOND), "none"); /* it has ended, and no other began */
    assert_int_equal(pseudonym_keys_find(keys, TEXT_LITERAL("k1"))->until_us, 200 * SECOND);
    assert_null(pseudonym_keys_find(keys, TEXT_LITERAL("k")));
    assert_null(pseudonym_keys_get(keys, 3));
    pseudonym_keys_free(keys);
}

static void base64_and_hexadecimal_are_the_same_key(void **state) {
    (void)state;
    struct pseudonym_keys *hex = parse("k1 " SECRET_A), *base64 = parse("k1 " BASE64_A);
    char a[PSEUDONYM_SIZE], b[PSEUDONYM_SIZE];
    pseudonym_make(pseudonym_keys_get(hex, 0)->hmac, TEXT_LITERAL("k1"), TEXT_LITERAL("card"),
                   TEXT_LITERAL("4111111111111111"), a);
    pseudonym_make(pseudonym_keys_get(base64, 0)->hmac, TEXT_LITERAL("k1"), TEXT_LITERAL("card"),
                   TEXT_LITERAL("4111111111111111"), b);
    assert_string_equal(a, b);
    assert_string_equal(a, "p1.k1.jtf2noxhbpijpjo5qxfv4dmsmi"); /* tests/cases/pseudonyms.json */
    pseudonym_keys_free(hex);
    pseudonym_keys_free(base64);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    assert_refused("", "has no keys");
    assert_refused("# only this\n", "has no keys");
    assert_refused("K1 " SECRET_A, "keys:1: a key id has");
    assert_refused("ninechars " SECRET_A, "a key id has");
    assert_refused(SECRET_A " k1", "a key id has");
    assert_refused("\nk1", "keys:2: expected a key");
    assert_refused("k1 0001", "too short");
    assert_refused("k1 " SECRET_A "0", "keys:1: ");
    assert_refused("k1 " SECRET_A "0", "odd number");
    assert_refused("k1 " ODD_A, "odd number"); /* 47 bytes in base64 */
    assert_refused("k1 *" SECRET_A, "neither");
    assert_refused("k1 " SECRET_A " since 1970", "expected nothing behind the key");
    assert_refused("k1 " SECRET_A " from tomorrow", "expected a time");
    assert_refused("k1 " SECRET_A " from", "expected a time");
    assert_refused("k1 " SECRET_A " until 2027-01-01T00:00:00Z until 2027-01-01T00:00:00Z",
                   "twice");
    assert_refused("k1 " SECRET_A " from 2027-01-01T00:00:00Z until 2027-01-01T00:00:00Z",
                   "ends before");
    assert_refused("k1 " SECRET_A "\nk1 " SECRET_B " from 2027-01-01T00:00:00Z",
                   "keys:2: this key id");
    assert_refused("k1 " SECRET_A "\nk2 " SECRET_B, "two keys have no \"from\"");
}

static void everybody_else_is_kept_out(void **state) {
    (void)state;
    char *folder = scratch_make();
    const char *path = scratch_path(folder, "keys");
    struct pseudonym_keys *keys = NULL;
    struct error error;
    scratch_write(path, "k1 " SECRET_A "\n", sizeof SECRET_A + 3);
    for (int mode = 0; mode < 0100; mode++) {
        assert_int_equal(chmod(path, (mode_t)(0600 | mode)), 0);
        int r = pseudonym_keys_load(path, &keys, &error);
        if (mode & 027)
            assert_int_equal(r, -ERROR_INVALID);
        else
            assert_int_equal(r, 0);
        pseudonym_keys_free(keys);
        keys = NULL;
    }
    assert_int_equal(pseudonym_keys_load(folder, &keys, &error), -ERROR_INVALID);
    assert_int_equal(pseudonym_keys_load(scratch_path(folder, "none"), &keys, &error),
                     -ERROR_NOT_FOUND);
    scratch_remove(folder);
}

static int check_ledger(const char *archive, const char *content, struct error *error) {
    struct pseudonym_keys *keys = parse(content);
    int r = key_ledger_check(archive, keys, error);
    pseudonym_keys_free(keys);
    return r;
}

static const char *missing(const char *archive, const char *content) {
    static char ids[64];
    struct pseudonym_keys *keys = parse(content);
    struct buffer buffer;
    buffer_init(&buffer);
    bool is_missing = key_ledger_missing(archive, keys, &buffer);
    assert_int_equal(is_missing, buffer.length > 0);
    snprintf(ids, sizeof ids, "%.*s", (int)buffer.length,
             buffer.length > 0 ? (const char *)buffer.bytes : "");
    buffer_deinit(&buffer);
    pseudonym_keys_free(keys);
    return ids;
}

static void another_key_under_an_old_id_is_noticed(void **state) {
    (void)state;
    char *folder = scratch_make();
    const char *archive = scratch_path(folder, "archive");
    struct error error;
    assert_false(key_ledger_exists(archive));
    assert_int_equal(check_ledger(archive, "k1 " SECRET_A, &error), 0);
    assert_true(key_ledger_exists(archive));
    uint64_t before = scratch_fingerprint(archive);
    assert_int_equal(check_ledger(archive, "k1 " SECRET_A, &error), 0);
    assert_int_equal(check_ledger(archive, "k1 " SECRET_B, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "the key k1 is another one"));
    assert_int_equal(check_ledger(archive, "k2 " SECRET_B, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "none of the keys"));
    assert_true(scratch_fingerprint(archive) == before);
    const char both[] = "k1 " SECRET_A "\nk2 " SECRET_B " from 2027-01-01T00:00:00Z";
    assert_int_equal(check_ledger(archive, both, &error), 0);
    assert_string_equal(missing(archive, both), "");
    assert_string_equal(missing(archive, "k2 " SECRET_B), "k1");
    assert_string_equal(missing(archive, "k3 " SECRET_B), "k1 k2");
    assert_int_equal(check_ledger(archive, "k2 " SECRET_B, &error), 0); /* k1 has gone */
    assert_int_equal(check_ledger(archive, "k2 " SECRET_A, &error), -ERROR_INVALID);
    struct text ledger = scratch_read(scratch_path(archive, KEY_LEDGER_NAME));
    assert_null(memmem(ledger.data, ledger.length, SECRET_A, sizeof SECRET_A - 1));
    free((char *)(uintptr_t)ledger.data);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_that_has_begun_is_taken),
        cmocka_unit_test(base64_and_hexadecimal_are_the_same_key),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(everybody_else_is_kept_out),
        cmocka_unit_test(another_key_under_an_old_id_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
