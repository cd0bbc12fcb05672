/* The sets of words. Short ones are listed, currencies are looked up, and countries and merchant
 * category codes are only checked for their form. */
#include "words.h"

#include "core/wire/types/transaction.h"

static bool near_word(struct text word, const char *const *words, struct near *near) {
    for (; *words; words++) {
        if (text_is(word, *words))
            return true;
        near_try(near, text_of(*words));
    }
    return false;
}

static bool all_in(struct text t, size_t length, char low, char high) {
    if (t.length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (t.data[i] < low || t.data[i] > high)
            return false;
    return true;
}

const char *words_expected(enum name_words words, struct text word, struct near *near) {
    static const char *const verdicts[] = {"approve", "review", "challenge",
                                           "decline", "none",   NULL};
    static const char *const outcomes[] = {"none",       "legit",     "fraud",
                                           "chargeback", "suspected", NULL};
    switch (words) {
    case WORDS_VERDICT:
        return near_word(word, verdicts, near)
                   ? NULL
                   : "expected approve, review, challenge, decline or none";
    case WORDS_OUTCOME:
        return near_word(word, outcomes, near)
                   ? NULL
                   : "expected none, legit, fraud, chargeback or suspected";
    case WORDS_CURRENCY:
        return currency_digits(word) >= 0 ? NULL : "expected an ISO 4217 code such as EUR";
    case WORDS_COUNTRY:
        return all_in(word, 2, 'A', 'Z') ? NULL : "expected two capital letters such as DE";
    case WORDS_MCC:
        return all_in(word, 4, '0', '9') ? NULL : "expected four digits such as 5411";
    case WORDS_ANY:
        break;
    }
    return NULL;
}
