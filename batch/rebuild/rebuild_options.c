#include "rebuild_options.h"

const char *rebuild_phase_name(enum rebuild_phase phase) {
    static const char *const names[REBUILD_PHASE_COUNT] = {"prepare",    "scan",   "fold",
                                                           "thresholds", "verify", "publish"};
    return (size_t)phase < REBUILD_PHASE_COUNT ? names[phase] : "unknown";
}
