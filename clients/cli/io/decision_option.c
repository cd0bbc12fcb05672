/* Names are those of policies and messages: core/wire/types/decision.h. */
#include "decision_option.h"

#include "core/wire/types/decision.h"

#include <string.h>

/* The first name of the list, and the rest of it; NULL: that was the last. */
static struct text first_name(const char *list, const char **ret_rest) {
    const struct text name = {.data = list, .length = strcspn(list, ",")};
    *ret_rest = list[name.length] ? list + name.length + 1 : NULL;
    return name;
}

unsigned verdicts_option_parse(const char *name, const char *value, struct argp_state *state) {
    unsigned verdicts = 0;
    for (const char *rest = value; rest;) {
        const struct text word = first_name(rest, &rest);
        unsigned verdict = VERDICT_APPROVE;
        while (verdict < VERDICT_COUNT && !text_is(word, verdict_name((enum verdict)verdict)))
            verdict++;
        if (verdict == VERDICT_COUNT)
            argp_error(state,
                       "%s: \"%" TEXT_FORMAT
                       "\" is not a verdict (expected approve, review, challenge or decline, or "
                       "several with commas)",
                       name, TEXT_ARGS(word));
        verdicts |= 1u << verdict;
    }
    return verdicts;
}

unsigned labels_option_parse(const char *name, const char *value, struct argp_state *state) {
    unsigned labels = 0;
    for (const char *rest = value; rest;) {
        const struct text word = first_name(rest, &rest);
        enum label label = LABEL_NONE;
        if (!label_parse(word, &label))
            argp_error(
                state,
                "%s: \"%" TEXT_FORMAT
                "\" is not an outcome (expected none, legit, fraud, chargeback or suspected, "
                "or several with commas)",
                name, TEXT_ARGS(word));
        labels |= 1u << label;
    }
    return labels;
}
