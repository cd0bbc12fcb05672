/* Names of the enums, as JSON and text output have them. A number out of range, from a later
 * version, has a name too. */
#include "explanation.h"

const char *explained_kind_name(enum explained_kind kind) {
    static const char *const names[EXPLAINED_KIND_COUNT] = {
        [EXPLAINED_OTHER] = "expression",
        [EXPLAINED_NAME] = "name",
        [EXPLAINED_HAS] = "has",
        [EXPLAINED_LIST] = "list",
        [EXPLAINED_THRESHOLD] = "threshold",
        [EXPLAINED_COMPARISON] = "comparison",
        [EXPLAINED_AND] = "and",
        [EXPLAINED_OR] = "or",
        [EXPLAINED_NOT] = "not",
        [EXPLAINED_CONDITIONAL] = "conditional",
        [EXPLAINED_MACRO] = "macro",
        [EXPLAINED_EACH] = "each",
    };
    return (size_t)kind < EXPLAINED_KIND_COUNT ? names[kind] : names[EXPLAINED_OTHER];
}

const char *explained_origin_name(enum explained_origin origin) {
    static const char *const names[ORIGIN_COUNT] = {"none", "fallback", "overall", "group"};
    return (size_t)origin < ORIGIN_COUNT ? names[origin] : names[ORIGIN_NONE];
}

const char *explained_mode_name(enum explained_mode mode) {
    static const char *const names[MODE_COUNT] = {"live", "shadow", "off"};
    return (size_t)mode < MODE_COUNT ? names[mode] : "unknown";
}

const char *explained_fate_name(enum explained_fate fate) {
    static const char *const names[FATE_COUNT] = {
        [FATE_FALSE] = "false",       [FATE_ABSENT] = "absent", [FATE_ERROR] = "error",
        [FATE_FIRED] = "fired",       [FATE_SHADOW] = "shadow", [FATE_SUPPRESSED] = "suppressed",
        [FATE_OFF] = "off",           [FATE_EARLY] = "early",   [FATE_OVER] = "over",
        [FATE_LEFT_OUT] = "left_out",
    };
    return (size_t)fate < FATE_COUNT ? names[fate] : "unknown";
}
