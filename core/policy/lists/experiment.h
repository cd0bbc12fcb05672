/* An experiment: for a share of a key, another policy decides, the challenger; for the others the
 * policy in force, the champion.
 *
 * The arm of a transaction is a pure function of the experiment's record and the transaction:
 *
 *   seed = XXH3-64("experiment/" and the name), with seed 0
 *   part = XXH3-64(value of the key, with that seed) modulo 10,000
 *   arm  = challenger if part < share, else champion
 *
 * So a key always meets the same arm, a greater share only moves keys from the champion to the
 * challenger, and another name draws another sample. The rollouts of rules hash with other seeds.
 *
 * The experiment in force is kept where brakes are (brake.h), as the only entry of a list whose
 * name no policy can use: so tables, replays and explanations have it. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/bytes/list_part.h"
#include "core/wire/record/record.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPERIMENT_LIST      TEXT_LITERAL("_experiment")
#define EXPERIMENT_SHARE_ALL 10000u /* parts of a share: hundredths of a percent */
#define EXPERIMENT_NAME_MAX  64     /* bytes: letters, digits, - _ . */
#define EXPERIMENT_KEY_MAX   128    /* bytes */

struct experiment {
    char name[EXPERIMENT_NAME_MAX + 1];
    char key[EXPERIMENT_KEY_MAX + 1]; /* a field that every policy knows, or an attribute */
    uint32_t share;
    uint64_t snapshot_id; /* of the challenger */
    uint64_t position;    /* of its record; 0: it has none yet */
    int64_t since_us;     /* when that was received */
    /* Follow from the others: */
    enum transaction_field field; /* FIELD_COUNT: the key is an attribute */
    uint64_t seed;
};

/* false: the name or the key is empty, too long, or has other characters. */
bool experiment_init(struct experiment *experiment, struct text name, struct text key,
                     uint32_t share, uint64_t snapshot_id);
/* Is it the same, but for where it is recorded? */
bool experiment_equal(const struct experiment *a, const struct experiment *b);

/* ARM_NONE: the transaction has no such key, or it is not a text. */
enum arm experiment_arm(const struct experiment *experiment, const struct transaction *transaction);

/* Appends the entry for a record. */
void experiment_put_entry(struct buffer *buffer, const struct experiment_record *record);
/* false: the addition is no experiment; somebody else has written these tables. */
bool experiment_read(const struct list_addition *addition, struct experiment *ret_experiment);

/* Appends "12.5%". */
void experiment_put_share(struct buffer *buffer, uint32_t share);
