/* The tokens file: what is read, what is refused and at which line, and that a token is found by
 * its secret alone. The hashes are held against a second implementation: Python's hmac made them.
 */
#include "core/store/tokens/token_file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_A    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define SECRET   "5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d"
#define TOKEN    "hrr_0f3a91c2_" SECRET
#define LINE_KEY "key 7c19d2aa " KEY_A "\n"
/* hmac.new(bytes(range(32)), b"hrr_0f3a91c2_" + b"5d" * 32, "sha256").hexdigest() */
#define HASH       "6fbad3bc1969caf5d39b614a58723ac369d4b83515ae87638739f689f48f20e6"
#define LINE_TOKEN "token 0f3a91c2 shop key=7c19d2aa hash=" HASH " scopes=score,outcome\n"

static struct token_set *parse(const char *content) {
    struct token_set *set = NULL;
    struct error error;
    if (token_set_parse(text_of(content), "tokens", &set, &error) < 0)
        fail_msg("%s", error.text);
    return set;
}

static void assert_refused(const char *content, const char *message) {
    struct token_set *set = NULL;
    struct error error;
    int r = token_set_parse(text_of(content), "tokens", &set, &error);
    if (r == 0)
        fail_msg("was accepted, but %s:\n%s", message, content);
    assert_int_equal(r, -ERROR_INVALID);
    assert_null(set);
    if (!strstr(error.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, error.text);
    assert_null(strstr(error.text, SECRET));
    assert_null(strstr(error.text, KEY_A));
}

static void a_file_is_read(void **state) {
    (void)state;
    struct token_set *set =
        parse("# a comment\n\n  \t\r\n" LINE_KEY "key 00000000 " KEY_B "\r\n" LINE_TOKEN
              "token 00000001 a.b_C-9\thash=" HASH " expires=2027-01-31T18:00:00Z scopes=admin "
              "key=00000000  created=2026-01-31T18:00:00Z\n# the end, without a line break");
    assert_true(token_set_has_key(set));
    assert_int_equal(token_set_count(set), 2);
    const struct token_entry *first = token_set_at(set, 0), *second = token_set_at(set, 1);
    assert_string_equal(first->id, "00000001");
    assert_string_equal(first->name, "a.b_C-9");
    assert_int_equal(first->scopes, TOKEN_ADMIN);
    assert_int_equal(first->created_us, INT64_C(1769882400000000));
    assert_int_equal(first->expires_us, INT64_C(1801418400000000));
    assert_int_equal(first->key, 1);
    assert_int_equal(first->line, 7);
    assert_string_equal(second->id, "0f3a91c2");
    assert_string_equal(second->name, "shop");
    assert_int_equal(second->scopes, TOKEN_SCORE | TOKEN_OUTCOME);
    assert_int_equal(second->expires_us, 0);
    assert_int_equal(second->line, 6);
    assert_ptr_equal(token_set_find_id(set, text_of("0f3a91c2")), second);
    assert_null(token_set_find_id(set, text_of("0f3a91c3")));
    assert_null(token_set_find_id(set, text_of("0f3a91c")));
    token_set_free(set);
    set = parse("");
    assert_int_equal(token_set_count(set), 0);
    assert_false(token_set_has_key(set));
    token_set_free(set);
}

static void a_token_is_found_by_its_secret(void **state) {
    (void)state;
    struct token_set *set = parse(LINE_KEY LINE_TOKEN);
    const struct token_entry *entry = NULL;
    assert_int_equal(token_set_find(set, text_of(TOKEN), &entry), TOKEN_FOUND);
    assert_ptr_equal(entry, token_set_at(set, 0));
    char other[] = TOKEN;
    for (size_t i = strlen("hrr_0f3a91c2_"); other[i]; i++) { /* each of its digits counts */
        char was = other[i];
        other[i] = was == '0' ? '1' : '0';
        assert_int_equal(token_set_find(set, text_of(other), &entry), TOKEN_UNKNOWN);
        other[i] = was;
    }
    assert_int_equal(token_set_find(set, text_of("hrr_0f3a91c3_" SECRET), &entry), TOKEN_UNKNOWN);
    static const char *const malformed[] = {"",
                                            "hrr_",
                                            SECRET,
                                            TOKEN "0",
                                            "HRR_0f3a91c2_" SECRET,
                                            "hrr-0f3a91c2_" SECRET,
                                            "hrr_0f3a91c2-" SECRET,
                                            "hrr_0F3A91C2_" SECRET,
                                            "hrr_0f3a91g2_" SECRET,
                                            "hrr_0f3a91c2_\x80" SECRET};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(token_set_find(set, text_of(malformed[i]), &entry), TOKEN_MALFORMED);
    token_set_free(set);
    set = parse("");
    assert_int_equal(token_set_find(set, text_of(TOKEN), &entry), TOKEN_UNKNOWN);
    token_set_free(set);
    /* The same line under another key is of no use. */
    set = parse("key 7c19d2aa " KEY_B "\n" LINE_TOKEN);
    assert_int_equal(token_set_find(set, text_of(TOKEN), &entry), TOKEN_UNKNOWN);
    token_set_free(set);
}

static void what_is_wrong_is_told_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *content, *message;
    } cases[] = {
        {"\n\ntokens\n", "tokens:3: expected \"key ID KEY\""},
        {SECRET, "tokens:1: expected \"key ID KEY\""},
        {"key", "tokens:1: a key id"},
        {"key 7c19d2aa", "tokens:1: expected \"key ID KEY\", the key of 64 hex digits"},
        {"key 7c19d2aA " KEY_A, "tokens:1: a key id"},
        {"key 7c19d2aa " KEY_A "0", "the key of 64 hex digits"},
        {"key 7c19d2aa " KEY_A " x", "the key of 64 hex digits"},
        {LINE_KEY LINE_KEY, "tokens:2: this key id is used already"},
        {"token", "a token id"},
        {LINE_KEY "token 0f3a91c2", "after its id a token has a name"},
        {LINE_KEY "token 0f3a91c2 sh/op key=7c19d2aa hash=" HASH " scopes=score",
         "after its id a token has a name"},
        {LINE_KEY "token 0f3a91c2 shop", "a token needs key=, hash= and scopes="},
        {LINE_KEY "token 0f3a91c2 shop key=7c19d2aa hash=" HASH, "a token needs"},
        {LINE_KEY "token 0f3a91c2 shop key=7c19d2aa scopes=score", "a token needs"},
        {LINE_TOKEN LINE_KEY, "tokens:1: no line before defines this key"},
        {LINE_KEY "token 0f3a91c2 shop hash=" HASH "0", "a hash has 64 hex digits"},
        {LINE_KEY "token 0f3a91c2 shop scopes=",
         "scopes are score, outcome, admin, find and backfill"},
        {LINE_KEY "token 0f3a91c2 shop scopes=score,",
         "scopes are score, outcome, admin, find and backfill"},
        {LINE_KEY "token 0f3a91c2 shop scopes=score,score",
         "scopes are score, outcome, admin, find and backfill"},
        {LINE_KEY "token 0f3a91c2 shop scopes=all",
         "scopes are score, outcome, admin, find and backfill"},
        {LINE_KEY "token 0f3a91c2 shop expires=tomorrow", "expected a time"},
        {LINE_KEY "token 0f3a91c2 shop expires=1960-01-01T00:00:00Z", "expected a time"},
        {LINE_KEY "token 0f3a91c2 shop created", "expected a time"},
        {LINE_KEY "token 0f3a91c2 shop secret=" SECRET, "expected key=, hash="},
        {LINE_KEY "token 0f3a91c2 shop key=7c19d2aa key=7c19d2aa", "a setting is given twice"},
        {LINE_KEY "token " TOKEN " shop", "tokens:2: a token itself does not belong"},
        {LINE_KEY LINE_TOKEN "\n" LINE_TOKEN, "tokens:4: this token id is used already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].content, cases[i].message);
    struct token_set *set;
    struct error error;
    const struct text with_nul = {.data = "key\0", .length = 4};
    assert_int_equal(token_set_parse(with_nul, "tokens", &set, &error), -ERROR_INVALID);
    char *line = calloc(1, 2000);
    memset(line, '#', 1025);
    assert_refused(line, "more than 1,024 bytes");
    line[1024] = '\0';
    token_set_free(parse(line));
    free(line);
}

static void there_are_limits(void **state) {
    (void)state;
    struct buffer content;
    struct token_set *set;
    struct error error;
    buffer_init(&content);
    for (unsigned i = 0; i <= TOKEN_KEYS_MAX; i++)
        buffer_printf(&content, "key %08x " KEY_A "\n", i);
    buffer_append_u8(&content, '\0');
    assert_refused((char *)content.bytes, "tokens:65: more than 64 keys");
    buffer_clear(&content);
    buffer_append_string(&content, LINE_KEY);
    for (unsigned i = 0; i < TOKENS_MAX; i++)
        buffer_printf(&content, "token %08x n key=7c19d2aa hash=" HASH " scopes=score\n",
                      i * 2654435761u);
    struct text text = {(char *)content.bytes, content.length};
    assert_int_equal(token_set_parse(text, "tokens", &set, &error), 0);
    assert_int_equal(token_set_count(set), TOKENS_MAX);
    for (unsigned i = 0; i < TOKENS_MAX; i++) {
        char id[TOKEN_ID_SIZE];
        snprintf(id, sizeof id, "%08x", i * 2654435761u);
        assert_int_equal(token_set_find_id(set, text_of(id))->line, i + 2);
    }
    token_set_free(set);
    buffer_append_string(&content, "token 00000007 n key=7c19d2aa hash=" HASH " scopes=score\n");
    buffer_append_u8(&content, '\0');
    assert_refused((char *)content.bytes, "more than 10,000 tokens");
    buffer_deinit(&content);
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    const uint8_t id[TOKEN_ID_BYTES] = {0x0f, 0x3a, 0x91, 0xc2};
    uint8_t secret[TOKEN_SECRET_BYTES], key[TOKEN_KEY_BYTES];
    char token[TOKEN_TEXT_SIZE];
    struct buffer content;
    struct error error;
    memset(secret, 0x5d, sizeof secret);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    buffer_init(&content);
    token_format(id, secret, token);
    assert_string_equal(token, TOKEN);
    token_write_key((const uint8_t[]){0x7c, 0x19, 0xd2, 0xaa}, key, &content);
    struct token_set *set = NULL;
    assert_int_equal(token_set_parse((struct text){(char *)content.bytes, content.length}, "tokens",
                                     &set, &error),
                     0);
    struct token_entry entry = {.id = "0f3a91c2",
                                .name = "shop",
                                .scopes = TOKEN_SCORE | TOKEN_OUTCOME,
                                .created_us = INT64_C(1769882400000000),
                                .expires_us = INT64_C(1801418400000000)};
    assert_int_equal(token_set_hash(set, token, &entry, &error), 0);
    token_set_write(set, &entry, &content);
    buffer_append_u8(&content, '\0');
    assert_string_equal((char *)content.bytes,
                        LINE_KEY "token 0f3a91c2 shop key=7c19d2aa hash=" HASH
                                 " scopes=score,outcome created=2026-01-31T18:00:00Z "
                                 "expires=2027-01-31T18:00:00Z\n");
    token_set_free(set);
    set = parse((char *)content.bytes);
    const struct token_entry *found;
    assert_int_equal(token_set_find(set, text_of(token), &found), TOKEN_FOUND);
    assert_int_equal(found->expires_us, entry.expires_us);
    assert_int_equal(found->created_us, entry.created_us);
    token_set_free(set);
    set = parse("");
    assert_int_equal(token_set_hash(set, token, &entry, &error), -ERROR_INVALID);
    token_set_free(set);
    buffer_deinit(&content);
}

static void scopes_have_names(void **state) {
    (void)state;
    char text[TOKEN_SCOPES_SIZE];
    for (unsigned scopes = 1; scopes <= TOKEN_SCOPES_ALL; scopes++)
        assert_int_equal(token_scopes_parse(text_of(token_scopes_format(scopes, text))), scopes);
    assert_int_equal(token_scopes_parse(text_of("admin,score")), TOKEN_ADMIN | TOKEN_SCORE);
    assert_int_equal(token_scopes_parse((struct text){0}), 0);
    assert_string_equal(token_scopes_format(0, text), "");
}

/* ---- the file ---- */

struct folder {
    char path[64], file[96], draft[100];
};

static int setup(void **state) {
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/harrier-tokens-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/tokens", folder->path);
    snprintf(folder->draft, sizeof folder->draft, "%s.new", folder->file);
    *state = folder;
    return 0;
}

static int teardown(void **state) {
    struct folder *folder = *state;
    unlink(folder->file);
    assert_int_equal(rmdir(folder->path), 0); /* nothing else is left behind */
    free(folder);
    return 0;
}

static void put(const struct folder *folder, const char *content) {
    struct token_file_change change;
    struct error error;
    const struct buffer buffer = {.bytes = (uint8_t *)(uintptr_t)content,
                                  .length = strlen(content)};
    if (token_file_begin(folder->file, &change, &error) < 0 ||
        token_file_publish(&change, &buffer, &error) < 0)
        fail_msg("%s", error.text);
}

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void a_file_is_its_owners(void **state) {
    struct folder *folder = *state;
    struct token_set *set;
    struct error error;
    assert_int_equal(token_file_load(folder->file, &set, NULL, &error), -ERROR_NOT_FOUND);
    mode_t before = umask(0);
    put(folder, LINE_KEY LINE_TOKEN);
    umask(before);
    assert_int_equal(mode_of(folder->file), 0600);
    static const mode_t bad[] = {0644, 0604, 0602, 0601, 0620, 0660, 0610 | 0020, 0666};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(chmod(folder->file, bad[i]), 0);
        assert_int_equal(token_file_load(folder->file, &set, NULL, &error), -ERROR_INVALID);
        assert_non_null(strstr(error.text, "has mode 0"));
    }
    static const mode_t good[] = {0400, 0600, 0440, 0640};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(chmod(folder->file, good[i]), 0);
        assert_int_equal(token_file_load(folder->file, &set, NULL, &error), 0);
        token_set_free(set);
    }
    put(folder, LINE_KEY); /* keeps the mode that it has */
    assert_int_equal(mode_of(folder->file), 0640);
}

static void what_is_no_file_is_not_read(void **state) {
    struct folder *folder = *state;
    struct token_set *set;
    struct error error;
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_int_equal(token_file_load(folder->file, &set, NULL, &error), -ERROR_INVALID);
    assert_int_equal(unlink(folder->file), 0);
    int descriptor = open(folder->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(descriptor, (off_t)TOKEN_FILE_BYTES_MAX + 1), 0);
    close(descriptor);
    assert_int_equal(token_file_load(folder->file, &set, NULL, &error), -ERROR_TOO_LARGE);
}

static void one_change_at_a_time(void **state) {
    struct folder *folder = *state;
    struct token_file_change first, second;
    struct error error;
    put(folder, LINE_KEY);
    assert_int_equal(token_file_begin(folder->file, &first, &error), 0);
    assert_int_equal(token_file_begin(folder->file, &second, &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.text, folder->draft));
    token_file_discard(&first);
    assert_int_equal(token_file_begin(folder->file, &second, &error), 0);
    token_file_discard(&second);
}

static void a_change_is_seen(void **state) {
    struct folder *folder = *state;
    struct token_file_stamp nothing = token_file_stamp(folder->file);
    put(folder, LINE_KEY);
    struct token_file_stamp one = token_file_stamp(folder->file);
    assert_false(token_file_stamps_equal(nothing, one));
    assert_true(token_file_stamps_equal(one, token_file_stamp(folder->file)));
    put(folder, LINE_KEY); /* the same bytes in another file */
    struct token_file_stamp two = token_file_stamp(folder->file);
    assert_false(token_file_stamps_equal(one, two));
    assert_int_equal(chmod(folder->file, 0644), 0);
    assert_false(token_file_stamps_equal(two, token_file_stamp(folder->file)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(a_token_is_found_by_its_secret),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(there_are_limits),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(scopes_have_names),
        cmocka_unit_test_setup_teardown(a_file_is_its_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(one_change_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_is_seen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
