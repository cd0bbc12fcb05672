/* What the findings of a night are made from, and what they are. */
#pragma once

#include "core/store/nights/night_journal.h"
#include "night_drift.h"
#include "night_figures.h"

/* Refused transactions of the file of rejects, by why: "invalid event_time". */
#define NIGHT_REJECT_REASONS_MAX 64
struct night_reject_reason {
    char name[96];
    bool is_event_time; /* a clock that is wrong */
    uint64_t now;       /* on the reported day */
    uint64_t before;    /* in the week before */
};
struct night_rejects {
    bool is_known;        /* a file was given, and is there */
    int64_t first_day;    /* that the files go back to; of the oldest row */
    uint64_t now, before; /* of all reasons */
    struct night_reject_reason reasons[NIGHT_REJECT_REASONS_MAX];
    size_t count;
    uint64_t unreadable; /* rows */
};

struct night_growth {
    uint64_t bytes_a_day; /* of the archive, a mean over the week */
    uint64_t free_bytes;  /* of its disk; 0: not known */
    uint64_t days_left;   /* UINT64_MAX: it does not grow */
};

struct night_evidence {
    const struct night_figures *figures;
    const struct night_drift *drift;
    const struct night_rejects *rejects;
    const struct night_journal *journal;
    struct night_growth growth;
    int64_t now_us;
    const char *data; /* folder, for commands in advice */
};

struct night_finding {
    enum night_severity severity;
    const char *code;  /* "volume_low": docs/operations/night.md lists them */
    char subject[128]; /* the rule, the feature, the verdict …; "": the day as a whole */
    double figure, expected;
    char text[384], advice[512];
};

struct night_findings {
    struct night_finding *of; /* the most severe first */
    size_t count;
    uint64_t by_severity[NIGHT_SEVERITY_COUNT];
};
