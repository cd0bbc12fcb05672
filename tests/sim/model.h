/* The naive model: what must be in the archive, and what each decision must have been.
 *
 * It knows what clients have sent and what they were answered, and reads the archive's records
 * when nothing is under way. Each record must be of something that was sent, once; each answer must
 * be that of its record; and each decision is made again from nothing but the records before it, by
 * adding up. It shares no code with the engine. */
#pragma once

#include "world.h"

#include "core/wire/message/message.h"

#define CARDS          6
#define MERCHANTS      3
#define MODEL_START_US INT64_C(1767225600000000) /* 2026-01-01, the first event */

enum model_feature {
    FEATURE_COUNT_1H, /* of the card */
    FEATURE_SUM_1H,
    FEATURE_FRAUD_1D,
    FEATURE_REFUNDED_1D,
    FEATURE_COUNT_1D, /* of card and merchant */
    FEATURE_COUNT
};
extern const char *const feature_names[FEATURE_COUNT];

/* A transaction of a client. */
struct sale {
    bool is_sent, is_recorded;
    unsigned card, merchant;
    int64_t event_time_us, amount_minor;
    uint64_t position; /* of its record */
    enum verdict verdict;
    uint32_t score;
    enum label label; /* by now */
    bool is_voided;
    int64_t captured_minor, refunded_minor;
};

void model_begin(void);
/* Policies differ in the rule `many`: this one's number is part of the name. */
#define POLICIES 4
void model_write_policy(const char *folder, unsigned number);
/* The folder has it now: with a disk that works, it is the one in force when nothing is under way.
 */
void model_wants_policy(unsigned number);

size_t model_sale_count(void);
struct sale *model_sale(size_t index);
size_t model_add_sale(void); /* as the client makes it up */
void model_sale_id(size_t index, char id[24]);
/* As it is sent. Texts are in id, and static. */
struct transaction model_transaction(size_t index, char id[24]);
const char *model_card(unsigned card);
const char *model_merchant(unsigned merchant);
int64_t model_now_us(void); /* of the clients' clocks, which are right */

/* What clients may have asked for: a record of it is right. */
void model_sent_list(unsigned card, bool removed);
void model_sent_outcome(size_t sale, enum label label);
void model_sent_amendment(size_t sale, enum amendment_kind kind, int64_t amount_minor);

/* An answer has arrived that says so. */
void model_answered_score(size_t sale, const struct decision *decision);
void model_answered_outcome(size_t sale, enum label label, const struct outcome_result *result);
void model_answered_amendment(size_t sale, const struct amendment_result *result);
void model_answered_list(unsigned card, bool removed, const struct list_change_result *result);

void model_answered_brake(uint64_t position);

/* A card that may be erased: never on a list, not erased yet. False: there is none. */
bool model_begin_erasure(unsigned *ret_card);
/* Of all that was begun, none has ended. < 0: there is none. */
int model_unfinished_erasure(void);
/* The erasure is done: nothing in front of this position has the card. Reads the archive, and looks
 * through all files. */
void model_end_erasure(unsigned card, uint64_t position);
/* From its beginning until a server has started after its end: what is left of the card's history
 * changes meanwhile. */
bool model_is_erasing(unsigned card);
bool model_has_erasures(void);
/* A server has started: who was erased before begins anew. */
void model_forget_erased(void);

/* The highest position that a client was answered with. */
uint64_t model_acknowledged(void);
/* No loss of power may take a record up to this position: it was answered under `synced`, or
 * answered and then synced. */
uint64_t model_promised(void);
/* The archive is on disk up to there: nothing before may be lost. */
void model_note_synced(uint64_t position);

/* At the beginning of a life after a loss of power, before anything is opened: what is left must
 * be what was promised, and the rest is forgotten. */
void model_after_power(void);
/* Reads the archive on and compares. Nothing may be under way. */
void model_check(void);
/* The same from its first record on, at the beginning of a life: what was there before must be the
 * same. */
void model_check_again(void);
/* After rot: each record that can be read must be what it was. False: not all can be read, or some
 * are missing from the end, which may be. */
bool model_is_whole(bool may_be_short);
/* What an entity's features must be now. */
void model_compare_card(unsigned card, const struct entity_response *entity, bool may_differ);
/* The server has no history of it. */
void model_expect_unknown(unsigned card, bool may_differ);
void model_compare_status(const struct status_response *status);
