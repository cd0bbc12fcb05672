/* Texts from outside: what is clean, what looks like a card number, what is near. */
#include "core/base/text.h"

#include "tests/unit/unit.h"

static bool clean(const char *bytes, size_t length) {
    return text_is_clean((struct text){.data = bytes, .length = length}, NULL);
}

static void clean_texts(void **state) {
    (void)state;
    assert_true(clean("", 0));
    assert_true(clean("plain ASCII ~", 13));
    assert_true(clean("\xc2\x80", 2));         /* U+0080, the smallest of two bytes */
    assert_true(clean("\xe0\xa0\x80", 3));     /* U+0800 */
    assert_true(clean("\xed\x9f\xbf", 3));     /* U+D7FF, just below the surrogates */
    assert_true(clean("\xee\x80\x80", 3));     /* U+E000, just above them */
    assert_true(clean("\xf0\x90\x80\x80", 4)); /* U+10000 */
    assert_true(clean("\xf4\x8f\xbf\xbf", 4)); /* U+10FFFF */
}

static void unclean_texts(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length, offset;
    } cases[] = {
        {"ab\0c", 4, 2},
        {"a\nb", 3, 1},
        {"\x7f", 1, 0},
        {"\x80", 1, 0},
        {"\xc0\x80", 2, 0},
        {"\xc1\xbf", 2, 0},
        {"x\xc2", 2, 1},
        {"\xc2"
         "A",
         2, 0},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xe1\x80", 2, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xff", 1, 0},
        {"\xf0\x90\x80", 3, 0},
        {"\xe1\x80\x41", 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t offset = 99;
        struct text t = {.data = cases[i].bytes, .length = cases[i].length};
        if (text_is_clean(t, &offset) || offset != cases[i].offset)
            fail_msg("case %zu: offset %zu", i, offset);
    }
}

/* Every byte at every place of texts of all lengths that are read in another way. */
static void plain_texts(void **state) {
    (void)state;
    char bytes[40];
    for (size_t length = 0; length <= sizeof bytes; length++) {
        memset(bytes, '~', sizeof bytes);
        struct text t = {.data = length ? bytes : NULL, .length = length};
        assert_true(text_is_plain(t));
        for (size_t at = 0; at < length; at++) {
            for (int byte = 0; byte < 256; byte++) {
                bytes[at] = (char)byte;
                if (text_is_plain(t) != (byte >= 0x20 && byte < 0x7f))
                    fail_msg("0x%02x at %zu of %zu", byte, at, length);
            }
            bytes[at] = at % 2 ? ' ' : '~';
        }
    }
}

static void card_numbers(void **state) {
    (void)state;
    /* Published test numbers of the card schemes */
    assert_true(text_is_card_number(text_of("4111111111111111")));
    assert_true(text_is_card_number(text_of("4111 1111 1111 1111")));
    assert_true(text_is_card_number(text_of("5500-0000-0000-0004")));
    assert_true(text_is_card_number(text_of("378282246310005")));     /* 15 digits */
    assert_true(text_is_card_number(text_of("4222222222222")));       /* 13 */
    assert_true(text_is_card_number(text_of("6304000000000000000"))); /* 19 */
    assert_false(text_is_card_number(text_of("4111111111111112")));
    assert_false(text_is_card_number(text_of("411111111111")));         /* 12 digits */
    assert_false(text_is_card_number(text_of("00000000000000000000"))); /* 20 digits */
    assert_false(text_is_card_number(text_of("tok_4111111111111111")));
    assert_false(text_is_card_number(text_of("")));
}

static void order(void **state) {
    (void)state;
    assert_true(text_compare(text_of("a"), text_of("b")) < 0);
    assert_true(text_compare(text_of("b"), text_of("a")) > 0);
    assert_true(text_compare(text_of("a"), text_of("aa")) < 0);
    assert_true(text_compare(text_of(""), text_of("")) == 0);
    assert_true(text_compare(text_of("\xff"), text_of("a")) > 0); /* bytes, not signed chars */
}

static void distances(void **state) {
    (void)state;
    assert_int_equal(text_distance(text_of("amount"), text_of("amount")), 0);
    assert_int_equal(text_distance(text_of("amuont"), text_of("amount")), 1);
    assert_int_equal(text_distance(text_of("amont"), text_of("amount")), 1);
    assert_int_equal(text_distance(text_of(""), text_of("abc")), 3);
    assert_int_equal(text_distance(text_of("kitten"), text_of("sitting")), 3);
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_true(text_distance(text_of(longest), text_of("a")) == SIZE_MAX);
}

static void names_are_joined(void **state) {
    static const char *const names[] = {"card", "ip", "mcc"};
    char list[32];
    (void)state;
    assert_string_equal(text_join_names(names, 0, " or ", list, sizeof list), "");
    assert_string_equal(text_join_names(names, 1, " or ", list, sizeof list), "card");
    assert_string_equal(text_join_names(names, 2, " or ", list, sizeof list), "card or ip");
    assert_string_equal(text_join_names(names, 3, " and ", list, sizeof list), "card, ip and mcc");
}

static void a_list_is_cut(void **state) {
    static const char *const names[] = {"card", "ip", "mcc"};
    char list[32];
    (void)state;
    memset(list, '!', sizeof list);
    for (size_t size = 1; size < sizeof "card, ip or mcc"; size++) {
        text_join_names(names, 3, " or ", list, size);
        assert_int_equal(strlen(list), size - 1);
        assert_memory_equal(list, "card, ip or mcc", size - 1);
        assert_int_equal(list[size], '!');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_texts),
        cmocka_unit_test(unclean_texts),
        cmocka_unit_test(plain_texts),
        cmocka_unit_test(card_numbers),
        cmocka_unit_test(order),
        cmocka_unit_test(distances),
        cmocka_unit_test(names_are_joined),
        cmocka_unit_test(a_list_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
