/* DIR/performance.sqlite: figures of the archive in small daily tables. Nothing in it is anybody's
 * work: it can be removed at any time, and is then made again from the archive.
 *
 * A subject is whose verdicts are counted: the decisions as a whole, a rule that fired, an arm of
 * an experiment, a shadow policy. A decision has a set of subjects, and is counted in a cell of
 * each:
 *
 *   cells    subject, class, day of the event, day on which it became known, currency, verdict
 *            → rows, sum of amounts, sum of their squares. Rows and sums are of movements and may
 *            be negative; a sum over all known days up to one is what was known on that day
 *   totals   the same over all known days
 *   members  of each decision that has more subjects than the decisions as a whole: its set. What
 *            comes later for a transaction finds its subjects here, for MEMBERS_DAYS
 *
 * Squares have up to 90 bits and are kept as two numbers (SQUARE_BITS). */
#pragma once

#include "console/database/sql.h"
#include "core/store/archive/archive_place.h"
#include "intern.h"
#include "movement.h"

#define PERFORMANCE_FILE "performance.sqlite"
#define MEMBERS_DAYS     400 /* of receipt: chargebacks come for 120 days and more */
#define SQUARE_BITS      40

enum subject_kind {
    SUBJECT_ALL,             /* name "" */
    SUBJECT_RULE,            /* the rule's name; it fired with effect */
    SUBJECT_SHADOW_RULE,     /* likewise; in shadow */
    SUBJECT_ARM,             /* "PHASE champion", "PHASE challenger", "PHASE " without a key */
    SUBJECT_SHADOW_POLICY,   /* the snapshot's id; the verdict is joint_verdict() */
    SUBJECT_SUPPRESSED_RULE, /* the rule's name; it fired, and had taken effect shortly before */
    SUBJECT_KIND_COUNT
};

/* The live verdict and that of a shadow policy (NONE: it would have refused) as one number. */
static inline unsigned joint_verdict(enum verdict live, enum verdict shadow) {
    return (unsigned)live * VERDICT_COUNT + (unsigned)shadow;
}
#define JOINT_VERDICTS (VERDICT_COUNT * VERDICT_COUNT)

#define SUBJECTS_MAX UINT32_C(20000)
#define SETS_MAX     UINT32_C(200000)
/* A set is the text of its members, "SUBJECT:VERDICT " each. */
#define SET_ALL_ONLY UINT32_MAX /* the decisions as a whole, and nothing more */

/* How far the archive was read, and what is in force there. */
struct daily_state {
    struct archive_place place;
    uint64_t champion;   /* the snapshot; 0: none yet */
    int64_t phase;       /* of an experiment; 0: none */
    uint64_t challenger; /* of it */
    int64_t last_day;    /* of receipt; -1: none */
    int64_t untracked;   /* decisions beyond SUBJECTS_MAX or SETS_MAX: counted as a whole alone */
};

struct daily_tables {
    struct sql *sql;
    struct intern subjects; /* "KIND NAME" */
    struct intern sets;
    size_t kept_subjects, kept_sets; /* are in the database */
    struct daily_state state;
};

/* Opens FOLDER/performance.sqlite; a damaged file, or one of another version, is replaced by an
 * empty one. The subjects and sets are loaded. */
int daily_tables_open(const char *folder, struct daily_tables *ret_tables, struct error *ret_error);
void daily_tables_close(struct daily_tables *tables);
/* A second connection, which reads while the other writes. */
int daily_tables_open_reader(const char *folder, struct sql **ret_sql, struct error *ret_error);
/* Forgets what was not kept: reads subjects, sets and state again. After a failure. */
int daily_tables_reload(struct daily_tables *tables, struct error *ret_error);
/* Removes all figures. */
int daily_tables_clear(struct daily_tables *tables, struct error *ret_error);

/* The number of a subject or a set, a new one if need be. INTERN_NONE: there are too many. */
uint32_t daily_tables_subject(struct daily_tables *tables, enum subject_kind kind,
                              struct text name);
uint32_t daily_tables_set(struct daily_tables *tables, struct text members);

/* Within a transaction of the database: */
int daily_tables_add(struct daily_tables *tables, struct movement *movements, size_t count,
                     struct error *ret_error);
int daily_tables_keep_state(struct daily_tables *tables, struct error *ret_error);
/* The receipt of a record on a day that is later than state.last_day. */
int daily_tables_begin_day(struct daily_tables *tables, int64_t day, uint64_t position,
                           struct error *ret_error);

/* What the names of policies and phases are. */
int daily_tables_name_policy(struct daily_tables *tables, uint64_t snapshot, struct text name,
                             struct error *ret_error);
struct phase {
    struct text experiment, key;
    uint32_t share; /* of EXPERIMENT_SHARE_ALL */
    uint64_t champion, challenger, from_position;
};
int daily_tables_begin_phase(struct daily_tables *tables, const struct phase *phase,
                             struct error *ret_error);
int daily_tables_end_phase(struct daily_tables *tables, uint64_t position, struct error *ret_error);
/* The same experiment goes on with another champion, state.champion. */
int daily_tables_renew_phase(struct daily_tables *tables, uint64_t position,
                             struct error *ret_error);
