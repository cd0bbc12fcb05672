/* A day's cards are an array in the order in which they were first seen, with a hash index. Closing
 * a day needs no sort: a histogram of the cards' scores gives the cut-off that admits k cards, and
 * one pass in the array's order takes those above it and the first ones with exactly that score. */
#include "report_cards.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"

#include <stdlib.h>
#include <string.h>

#define DAYS_OPEN   2    /* a day is open until a row is of this many days later */
#define TABLE_FIRST 1024 /* slots; a power of two */
/* Rows are delayed so that their memory can be prefetched in two steps: the slot, then the card. */
#define WAITING 16

/* One card on one day. */
struct card {
    uint64_t hash;
    uint16_t scores[REPORT_SIDES]; /* the greatest */
    bool positive;                 /* any of its rows */
};

/* A day's cards in the order in which they were first seen, and where each is. */
struct card_day {
    int64_t day;
    struct card *cards;
    size_t count, room;
    uint32_t *slots; /* index + 1; 0: free */
    size_t slot_count;
};

/* A set of cards with a day each (open addressing): when the card was found, or its first fraud. */
struct known_card {
    uint64_t hash;
    int64_t day;
    bool is_used;
};

struct known_cards {
    struct known_card *slots;
    size_t count, room; /* room: a power of two, or 0 */
};

struct report_cards {
    uint64_t k, late;
    int64_t blocked_after_days;
    struct known_cards frauds; /* by the day of the first one; empty when nothing is blocked */
    uint64_t blocked;
    struct report_scores *scores; /* of either side; NULL when nothing is blocked */
    struct card_day *open;        /* by day */
    size_t open_count;
    struct card_day spare; /* memory of one that was closed */
    bool has_closed;
    int64_t closed_until;                   /* the newest day that is closed */
    struct known_cards found[REPORT_SIDES]; /* on an earlier day */
    struct report_card_day *days;
    size_t day_count, day_room;
    struct report_card_row waiting[WAITING]; /* a ring */
    uint64_t added, done;                    /* rows, since the beginning */
};

struct report_cards *report_cards_new(uint64_t k, int64_t blocked_after_days) {
    struct report_cards *cards = check_calloc(1, sizeof *cards);
    cards->k = k;
    cards->blocked_after_days = blocked_after_days;
    if (blocked_after_days != REPORT_NEVER_BLOCKED)
        cards->scores = check_calloc(REPORT_SIDES, sizeof *cards->scores);
    return cards;
}

static void day_deinit(struct card_day *day) {
    free(day->cards);
    free(day->slots);
}

void report_cards_free(struct report_cards *cards) {
    if (!cards)
        return;
    for (size_t i = 0; i < cards->open_count; i++)
        day_deinit(&cards->open[i]);
    day_deinit(&cards->spare);
    for (size_t i = 0; i < REPORT_SIDES; i++)
        free(cards->found[i].slots);
    free(cards->frauds.slots);
    free(cards->scores);
    free(cards->open);
    free(cards->days);
    free(cards);
}

/* ---- known cards ---- */

/* The card's slot, used or free. `hash` is a good hash already, so its low bits are the index. */
static struct known_card *known_slot(const struct known_cards *known, uint64_t hash) {
    size_t i = hash & (known->room - 1);
    while (known->slots[i].is_used && known->slots[i].hash != hash)
        i = (i + 1) & (known->room - 1);
    return &known->slots[i];
}

/* NULL: nothing is known of it. */
static const struct known_card *known_find(const struct known_cards *known, uint64_t hash) {
    const struct known_card *slot = known->room > 0 ? known_slot(known, hash) : NULL;
    return slot && slot->is_used ? slot : NULL;
}

static void known_grow(struct known_cards *known) {
    struct known_cards old = *known;
    known->room = old.room ? 2 * old.room : TABLE_FIRST;
    known->slots = check_calloc(known->room, sizeof *known->slots);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].is_used)
            *known_slot(known, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

/* Keeps the earliest day. */
static void known_add(struct known_cards *known, uint64_t hash, int64_t day) {
    if (2 * (known->count + 1) > known->room)
        known_grow(known);
    struct known_card *slot = known_slot(known, hash);
    known->count += !slot->is_used;
    if (!slot->is_used || day < slot->day)
        *slot = (struct known_card){.hash = hash, .day = day, .is_used = true};
}

/* ---- a day's cards ---- */

static size_t slot_of(const struct card_day *day, uint64_t hash) {
    size_t i = hash & (day->slot_count - 1);
    while (day->slots[i] != 0 && day->cards[day->slots[i] - 1].hash != hash)
        i = (i + 1) & (day->slot_count - 1);
    return i;
}

static void grow(struct card_day *day) {
    day->slot_count = day->slot_count ? 2 * day->slot_count : TABLE_FIRST;
    day->room = day->slot_count / 2;
    day->cards = check_reallocarray(day->cards, day->room, sizeof *day->cards);
    free(day->slots);
    day->slots = check_calloc(day->slot_count, sizeof *day->slots);
    for (size_t i = 0; i < day->count; i++)
        day->slots[slot_of(day, day->cards[i].hash)] = (uint32_t)(i + 1);
}

static struct card *card_of(struct card_day *day, uint64_t hash) {
    if (day->count == day->room)
        grow(day);
    size_t slot = slot_of(day, hash);
    if (day->slots[slot] == 0) {
        check(day->count < UINT32_MAX);
        day->cards[day->count++] = (struct card){.hash = hash};
        day->slots[slot] = (uint32_t)day->count;
    }
    return &day->cards[day->slots[slot] - 1];
}

/* ---- closing a day ---- */

/* The k cards that are checked: all with a greater score, and the first `ties` with this score. */
struct cut {
    uint32_t score;
    uint64_t ties;
};

static struct cut find_cut(const struct card_day *day, enum report_side side,
                           const struct known_cards *found, uint64_t k) {
    uint64_t counts[REPORT_SCORES] = {0}, left = k;
    for (size_t i = 0; i < day->count; i++)
        counts[day->cards[i].scores[side]] += !known_find(found, day->cards[i].hash);
    uint32_t score = DECISION_SCORE_MAX;
    while (score > 0 && counts[score] < left)
        left -= counts[score--];
    return (struct cut){.score = score, .ties = left};
}

static uint64_t count_found(struct card_day *day, enum report_side side, struct known_cards *found,
                            uint64_t k) {
    struct cut cut = find_cut(day, side, found, k);
    uint64_t hits = 0;
    for (size_t i = 0; i < day->count; i++) {
        const struct card *card = &day->cards[i];
        if (card->scores[side] < cut.score || known_find(found, card->hash))
            continue;
        if (card->scores[side] == cut.score && cut.ties-- == 0) {
            cut.ties = 0;
            continue;
        }
        hits += card->positive;
        if (card->positive)
            known_add(found, card->hash, day->day);
    }
    return hits;
}

static void keep_memory(struct report_cards *cards, struct card_day *day) {
    if (cards->spare.room >= day->room) {
        day_deinit(day);
        return;
    }
    day_deinit(&cards->spare);
    cards->spare = *day;
}

static void add_closed(struct report_cards *cards, const struct report_card_day *closed) {
    if (cards->day_count == cards->day_room) {
        cards->day_room = cards->day_room ? 2 * cards->day_room : 64;
        cards->days = check_reallocarray(cards->days, cards->day_room, sizeof *cards->days);
    }
    cards->days[cards->day_count++] = *closed;
    cards->has_closed = true;
    cards->closed_until = closed->day;
}

static void close_first(struct report_cards *cards) {
    struct card_day *day = &cards->open[0];
    struct report_card_day closed = {.day = day->day};
    for (enum report_side side = 0; side < REPORT_SIDES; side++)
        closed.found[side] = count_found(day, side, &cards->found[side], cards->k);
    add_closed(cards, &closed);
    keep_memory(cards, day);
    memmove(cards->open, cards->open + 1, --cards->open_count * sizeof *cards->open);
}

/* ---- rows ---- */

static struct card_day *open_day(struct report_cards *cards, int64_t day) {
    size_t at = cards->open_count;
    while (at > 0 && cards->open[at - 1].day >= day)
        at--;
    if (at < cards->open_count && cards->open[at].day == day)
        return &cards->open[at];
    cards->open = check_reallocarray(cards->open, cards->open_count + 1, sizeof *cards->open);
    memmove(&cards->open[at + 1], &cards->open[at],
            (cards->open_count++ - at) * sizeof *cards->open);
    struct card_day *opened = &cards->open[at];
    *opened = cards->spare;
    cards->spare = (struct card_day){0};
    opened->day = day;
    opened->count = 0;
    if (opened->slots)
        memset(opened->slots, 0, opened->slot_count * sizeof *opened->slots);
    return opened;
}

static void add_to_day(struct report_cards *cards, const struct report_card_row *row) {
    if (cards->has_closed && row->day <= cards->closed_until) {
        cards->late++;
        return;
    }
    while (cards->open_count > 0 && cards->open[0].day <= row->day - DAYS_OPEN)
        close_first(cards);
    struct card *of = card_of(open_day(cards, row->day), row->card);
    for (size_t i = 0; i < REPORT_SIDES; i++)
        if (row->scores[i] > of->scores[i])
            of->scores[i] = (uint16_t)row->scores[i];
    of->positive |= row->positive;
}

static bool is_blocked(const struct report_cards *cards, const struct report_card_row *row) {
    const struct known_card *fraud = row->has_card ? known_find(&cards->frauds, row->card) : NULL;
    return fraud && row->day > fraud->day + cards->blocked_after_days;
}

static void add_scores(struct report_cards *cards, const struct report_card_row *row) {
    for (size_t i = 0; i < REPORT_SIDES; i++) {
        struct report_scores *scores = &cards->scores[i];
        (row->positive ? scores->positive : scores->negative)[row->scores[i]]++;
    }
}

static void do_row(struct report_cards *cards, const struct report_card_row *row) {
    bool blocked = is_blocked(cards, row);
    if (cards->scores && row->has_card && row->positive)
        known_add(&cards->frauds, row->card, row->day);
    if (row->is_history)
        return;
    if (blocked) {
        cards->blocked++;
        return;
    }
    if (cards->scores)
        add_scores(cards, row);
    if (row->has_card)
        add_to_day(cards, row);
}

static void do_waiting(struct report_cards *cards) {
    while (cards->done < cards->added)
        do_row(cards, &cards->waiting[cards->done++ % WAITING]);
}

/* Only for a day that is open already: a new one is small and soon in the cache. */
static void fetch(const struct report_cards *cards, const struct report_card_row *row, int step) {
    const struct card_day *day = NULL;
    for (size_t i = 0; i < cards->open_count && !day; i++)
        if (cards->open[i].day == row->day && cards->open[i].slot_count > 0)
            day = &cards->open[i];
    if (!day || !row->has_card)
        return;
    const uint32_t *slot = &day->slots[row->card & (day->slot_count - 1)];
    if (step == 0)
        prefetch(slot);
    else if (*slot != 0)
        prefetch(&day->cards[*slot - 1]);
}

void report_cards_add(struct report_cards *cards, const struct report_card_row *row) {
    if (cards->added - cards->done == WAITING)
        do_row(cards, &cards->waiting[cards->done++ % WAITING]);
    cards->waiting[cards->added++ % WAITING] = *row;
    fetch(cards, row, 0);
    if (cards->added - cards->done > WAITING / 2)
        fetch(cards, &cards->waiting[(cards->added - 1 - WAITING / 2) % WAITING], 1);
}

const struct report_card_day *report_cards_finish(struct report_cards *cards, size_t *ret_count) {
    do_waiting(cards);
    while (cards->open_count > 0)
        close_first(cards);
    *ret_count = cards->day_count;
    return cards->days;
}

uint64_t report_cards_late(const struct report_cards *cards) {
    return cards->late;
}

uint64_t report_cards_blocked(const struct report_cards *cards) {
    return cards->blocked;
}

const struct report_scores *report_cards_scores(const struct report_cards *cards,
                                                enum report_side side) {
    return cards->scores ? &cards->scores[side] : NULL;
}

/* ---- encoding ---- */

static void encode_known(const struct known_cards *known, struct buffer *out) {
    buffer_append_varint(out, known->count);
    for (size_t i = 0; i < known->room; i++)
        if (known->slots[i].is_used) {
            buffer_append_u64(out, known->slots[i].hash);
            buffer_append_zigzag(out, known->slots[i].day);
        }
}

static void decode_known(struct known_cards *known, struct cursor *cursor) {
    uint64_t count = cursor_varint(cursor);
    for (uint64_t i = 0; i < count && !cursor->failed; i++) {
        uint64_t hash = cursor_u64(cursor);
        int64_t day = report_day_decode(cursor);
        if (!cursor->failed)
            known_add(known, hash, day);
    }
    if (known->count != count)
        cursor->failed = true;
}

static void encode_day(const struct card_day *day, struct buffer *out) {
    buffer_append_zigzag(out, day->day);
    buffer_append_varint(out, day->count);
    for (size_t i = 0; i < day->count; i++) {
        buffer_append_u64(out, day->cards[i].hash);
        for (size_t side = 0; side < REPORT_SIDES; side++)
            buffer_append_varint(out, day->cards[i].scores[side]);
        buffer_append_u8(out, day->cards[i].positive);
    }
}

static void decode_day(struct report_cards *cards, struct cursor *cursor) {
    int64_t day = report_day_decode(cursor);
    uint64_t count = cursor_varint(cursor);
    if ((cards->has_closed && day <= cards->closed_until) ||
        (cards->open_count > 0 && day <= cards->open[cards->open_count - 1].day))
        cursor->failed = true;
    if (cursor->failed)
        return;
    struct card_day *open = open_day(cards, day);
    for (uint64_t i = 0; i < count && !cursor->failed; i++) {
        uint64_t hash = cursor_u64(cursor);
        struct card *card = card_of(open, hash);
        for (size_t side = 0; side < REPORT_SIDES; side++)
            card->scores[side] = (uint16_t)report_number_decode(cursor, REPORT_SCORES);
        card->positive = cursor_u8(cursor) != 0;
    }
    if (open->count != count)
        cursor->failed = true;
}

void report_cards_encode(struct report_cards *cards, struct buffer *out) {
    do_waiting(cards);
    buffer_append_varint(out, cards->late);
    buffer_append_varint(out, cards->blocked);
    encode_known(&cards->frauds, out);
    for (size_t side = 0; side < REPORT_SIDES; side++)
        encode_known(&cards->found[side], out);
    for (size_t side = 0; side < REPORT_SIDES && cards->scores; side++) {
        report_counts_encode(cards->scores[side].positive, REPORT_SCORES, out);
        report_counts_encode(cards->scores[side].negative, REPORT_SCORES, out);
    }
    buffer_append_varint(out, cards->day_count);
    for (size_t i = 0; i < cards->day_count; i++) {
        buffer_append_zigzag(out, cards->days[i].day);
        report_counts_encode(cards->days[i].found, REPORT_SIDES, out);
    }
    buffer_append_varint(out, cards->open_count);
    for (size_t i = 0; i < cards->open_count; i++)
        encode_day(&cards->open[i], out);
}

static void decode_closed(struct report_cards *cards, struct cursor *cursor) {
    uint64_t days = cursor_varint(cursor);
    for (uint64_t i = 0; i < days && !cursor->failed; i++) {
        struct report_card_day closed = {.day = report_day_decode(cursor)};
        report_counts_decode(cursor, REPORT_SIDES, closed.found);
        if (cards->has_closed && closed.day <= cards->closed_until)
            cursor->failed = true;
        if (!cursor->failed)
            add_closed(cards, &closed);
    }
}

void report_cards_decode(struct report_cards *cards, struct cursor *cursor) {
    cards->late = cursor_varint(cursor);
    cards->blocked = cursor_varint(cursor);
    decode_known(&cards->frauds, cursor);
    for (size_t side = 0; side < REPORT_SIDES; side++)
        decode_known(&cards->found[side], cursor);
    for (size_t side = 0; side < REPORT_SIDES && cards->scores; side++) {
        report_counts_decode(cursor, REPORT_SCORES, cards->scores[side].positive);
        report_counts_decode(cursor, REPORT_SCORES, cards->scores[side].negative);
    }
    decode_closed(cards, cursor);
    uint64_t open = cursor_varint(cursor);
    for (uint64_t i = 0; i < open && !cursor->failed; i++)
        decode_day(cards, cursor);
}
