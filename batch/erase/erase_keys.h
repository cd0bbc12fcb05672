/* The values that an erasure removes: of each a field and a hash, and the text as soon as it is
 * known.
 *
 * A value is known by the hash of its text alone, which the archive's record of the erasure has: so
 * an erasure that was killed can be finished by anyone. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/record/record.h"

struct erase_key {
    struct text field; /* "customer", or the name of an attribute */
    uint64_t hash;
    struct text value; /* .data NULL: not known yet */
    uint64_t records;  /* that have it */
    bool is_in_base;   /* a state in the tables of a pruned archive's beginning has it in its key */
    bool is_asked;     /* the caller named it; else it belongs to one that was */
    bool is_settled;   /* an erasure that was not finished has settled that it goes */
    bool is_new;       /* found by the pass before: its records are to be counted */
    bool is_shared;    /* someone else has it, too: it is not removed */
};

struct erase_keys {
    struct arena arena;
    struct erase_key *keys; /* by field, then hash, after erase_keys_sort() */
    size_t count, capacity;
    struct text *fields; /* the different ones */
    size_t field_count;
};

void erase_keys_init(struct erase_keys *keys);
void erase_keys_deinit(struct erase_keys *keys);
/* Copies the texts. value .data NULL: only its hash is known. NULL: it is there already. */
struct erase_key *erase_keys_add(struct erase_keys *keys, struct text field, uint64_t hash,
                                 struct text value);
/* Before erase_keys_find(). */
void erase_keys_sort(struct erase_keys *keys);
/* NULL: this value of the field is none of them. */
struct erase_key *erase_keys_find(const struct erase_keys *keys, struct text field,
                                  struct text value);
/* Notes a value that was found. */
void erase_keys_learn(struct erase_keys *keys, struct erase_key *key, struct text value);
/* Does the text contain a value that is removed, with no letter or digit before or after it? */
bool erase_keys_in_text(const struct erase_keys *keys, struct text text);
/* The same of any bytes, which need not be text: values of fewer than ERASE_SHORT bytes count only
 * with no letter or digit beside them, as they would be found everywhere. */
#define ERASE_SHORT 4
bool erase_keys_in_bytes(const struct erase_keys *keys, struct text bytes);
