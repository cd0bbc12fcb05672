/* Kept transactions are in blocks, by position, so that an outcome finds its transaction by two
 * binary searches, and the oldest block can be dropped whole. Rules and currencies are small
 * numbers; their names are kept for good, as there are few. */
#include "figures.h"

#include "batch/report/report_curve.h"
#include "clients/cli/io/money.h"
#include "clients/cli/terminal/folders.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/archive.h"
#include "server/ops/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BLOCK       65536 /* transactions */
#define BLOCKS_MOST (FIGURES_MOST / BLOCK)
#define RULES_MOST  8192 /* names; fires of further ones are left out */
#define CURRENCIES  32   /* likewise: their amounts */
#define TABLE       (4 * RULES_MOST)
#define ROUND_MS    1000
#define STOP_EVERY  1024 /* records between two looks at whether it is to end */
#define ARENA_BYTES ((size_t)256 << 20)
#define NICE        10
#define NO_CURRENCY 255

/* A fire: the number of the rule, and its mode. */
enum mode { MODE_LIVE, MODE_SHADOW, MODE_SUPPRESSED, MODES };
static const char *const mode_names[MODES] = {"live", "shadow", "suppressed"};
#define FIRE(rule, mode) ((uint16_t)((mode) << 13 | (rule)))
#define FIRE_RULE(fire)  ((fire) & (RULES_MOST - 1))
#define FIRE_MODE(fire)  ((fire) >> 13)

struct kept {
    uint64_t position;
    int64_t event_us, amount_minor;
    uint32_t fires; /* where they begin in the block's array */
    unsigned fire_count : 16, currency : 8, verdict : 4, label : 4;
};

struct block {
    size_t count;
    struct kept of[BLOCK];
    uint16_t *fires;
    size_t fire_count, fire_room;
    int64_t first_us, last_us; /* the least and the greatest event time */
};

struct figures {
    const char *archive;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below but the thread's own */
    pthread_cond_t woken;
    bool stopping, has_dropped, is_full; /* is_full: a rule or currency had no number left */
    struct block *blocks[BLOCKS_MOST];   /* by position */
    size_t block_count;
    char *rules[RULES_MOST];
    size_t rule_count;
    uint16_t table[TABLE]; /* rule + 1, by the hash of its name */
    uint64_t secret;
    char currencies[CURRENCIES][4];
    size_t currency_count;
    uint64_t position, synced;
    char problem[1024];
    /* The thread's own. */
    struct archive_place place;
    struct archive_reader *reader; /* NULL: to be opened behind it */
    struct arena arena;
};

/* ---- names ---- */

/* RULES_MOST: there are too many. */
static size_t rule_number(struct figures *figures, struct text name) {
    size_t at = hash_place(hash_text(name), figures->secret) % TABLE;
    while (figures->table[at] != 0) {
        size_t rule = figures->table[at] - 1u;
        if (text_is(name, figures->rules[rule]))
            return rule;
        at = (at + 1) % TABLE;
    }
    if (figures->rule_count == RULES_MOST) {
        figures->is_full = true;
        return RULES_MOST;
    }
    figures->rules[figures->rule_count] = text_copy(name);
    figures->table[at] = (uint16_t)(figures->rule_count + 1);
    return figures->rule_count++;
}

static unsigned currency_number(struct figures *figures, struct text name) {
    size_t i = 0;
    if (name.length != 3)
        return NO_CURRENCY;
    while (i < figures->currency_count && !text_is(name, figures->currencies[i]))
        i++;
    if (i == CURRENCIES) {
        figures->is_full = true;
        return NO_CURRENCY;
    }
    if (i == figures->currency_count)
        memcpy(figures->currencies[figures->currency_count++], name.data, 3);
    return (unsigned)i;
}

/* ---- keeping ---- */

static struct block *block_to_fill(struct figures *figures) {
    size_t count = figures->block_count;
    if (count > 0 && figures->blocks[count - 1]->count < BLOCK)
        return figures->blocks[count - 1];
    struct block *block;
    if (count == BLOCKS_MOST) {
        block = figures->blocks[0];
        figures->has_dropped = true;
        memmove(figures->blocks, figures->blocks + 1, (count - 1) * sizeof(*figures->blocks));
        figures->block_count = --count;
        block->count = block->fire_count = 0;
    } else {
        block = check_calloc(1, sizeof *block);
    }
    block->first_us = INT64_MAX;
    block->last_us = INT64_MIN;
    figures->blocks[figures->block_count++] = block;
    return block;
}

static void add_fire(struct block *block, uint16_t fire) {
    if (block->fire_count == block->fire_room) {
        block->fire_room = block->fire_room ? 2 * block->fire_room : BLOCK;
        block->fires = check_reallocarray(block->fires, block->fire_room, sizeof *block->fires);
    }
    block->fires[block->fire_count++] = fire;
}

static enum mode mode_of(const struct reason *reason) {
    return reason->shadow ? MODE_SHADOW : reason->suppressed ? MODE_SUPPRESSED : MODE_LIVE;
}

static void keep_transaction(struct figures *figures, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    if (record->transaction.is_backfilled || decision->reason_count == 0)
        return;
    struct block *block = block_to_fill(figures);
    struct kept *kept = &block->of[block->count++];
    *kept = (struct kept){.position = record->position,
                          .event_us = transaction->event_time_us,
                          .amount_minor = transaction->amount_minor,
                          .fires = (uint32_t)block->fire_count,
                          .currency = currency_number(figures, transaction->currency) & 255u,
                          .verdict = (unsigned)decision->verdict & 15u};
    for (size_t i = 0; i < decision->reason_count; i++) {
        size_t rule = rule_number(figures, decision->reasons[i].rule);
        if (rule == RULES_MOST)
            continue;
        add_fire(block, FIRE(rule, mode_of(&decision->reasons[i])));
        kept->fire_count++;
    }
    if (kept->event_us < block->first_us)
        block->first_us = kept->event_us;
    if (kept->event_us > block->last_us)
        block->last_us = kept->event_us;
}

/* The last block, or entry, that does not begin behind the position. */
static struct kept *find_kept(const struct figures *figures, uint64_t position) {
    size_t low = 0, high = figures->block_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (figures->blocks[middle]->of[0].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    struct block *block = figures->blocks[low - 1];
    for (low = 0, high = block->count; low < high;) {
        size_t middle = (low + high) / 2;
        if (block->of[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < block->count && block->of[low].position == position ? &block->of[low] : NULL;
}

/* The last outcome in the archive's order is the one known now. */
static void keep_outcome(struct figures *figures, const struct outcome_record *outcome) {
    struct kept *kept = find_kept(figures, outcome->transaction_position);
    if (kept)
        kept->label = (unsigned)outcome->label & 15u;
}

static void keep_record(struct figures *figures, const struct record *record) {
    pthread_mutex_lock(&figures->lock);
    if (record->type == RECORD_TRANSACTION)
        keep_transaction(figures, record);
    else if (record->type == RECORD_OUTCOME)
        keep_outcome(figures, &record->outcome);
    figures->position = record->position;
    pthread_mutex_unlock(&figures->lock);
}

/* ---- reading ---- */

static bool is_stopping(struct figures *figures) {
    pthread_mutex_lock(&figures->lock);
    bool stopping = figures->stopping;
    pthread_mutex_unlock(&figures->lock);
    return stopping;
}

static int read_to(struct figures *figures, struct archive_reader *reader, uint64_t end,
                   struct error *ret_error) {
    struct record record;
    int r = 1;
    for (size_t i = 1; r > 0 && figures->place.position < end; i++) {
        if (i % STOP_EVERY == 0 && is_stopping(figures))
            break;
        arena_reset(&figures->arena);
        r = archive_reader_next(reader, &figures->arena, &record, ret_error);
        if (r <= 0)
            break;
        keep_record(figures, &record);
        figures->place = archive_reader_place(reader);
    }
    return r < 0 ? r : 0;
}

static int read_new(struct figures *figures, struct error *ret_error) {
    char *archive = folder_of_archive(figures->archive);
    struct archive_place end;
    int r = archive_reader_follow(archive, figures->place, &figures->reader, &end, ret_error);
    free(archive);
    if (r < 0)
        return r;
    pthread_mutex_lock(&figures->lock);
    figures->synced = end.position;
    pthread_mutex_unlock(&figures->lock);
    r = read_to(figures, figures->reader, end.position, ret_error);
    if (r < 0) {
        archive_reader_close(figures->reader);
        figures->reader = NULL;
    }
    return r;
}

static void pause_round(struct figures *figures) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ROUND_MS / 1000;
    pthread_mutex_lock(&figures->lock);
    if (!figures->stopping)
        pthread_cond_timedwait(&figures->woken, &figures->lock, &until);
    pthread_mutex_unlock(&figures->lock);
}

static void *run(void *user) {
    struct figures *figures = user;
    struct error error;
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread: the first reading takes a while */
    while (!is_stopping(figures)) {
        int r = read_new(figures, &error);
        pthread_mutex_lock(&figures->lock);
        snprintf(figures->problem, sizeof figures->problem, "%s", r < 0 ? error.text : "");
        pthread_mutex_unlock(&figures->lock);
        pause_round(figures);
    }
    return NULL;
}

/* ---- counting ---- */

/* Of a rule in a mode. */
struct tally {
    uint64_t fires, labels[LABEL_COUNT];
    __int128 caught[CURRENCIES], stopped[CURRENCIES];
};

static bool is_fraud(enum label label) {
    return label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
}

static void count_fire(struct tally *tally, const struct kept *kept, enum mode mode) {
    enum label label = kept->label < LABEL_COUNT ? kept->label : LABEL_NONE;
    bool has_amount = kept->currency < CURRENCIES;
    tally->fires++;
    tally->labels[label]++;
    if (has_amount && mode == MODE_LIVE && is_fraud(label) && kept->verdict > VERDICT_APPROVE)
        tally->caught[kept->currency] += kept->amount_minor;
    if (has_amount && mode == MODE_LIVE && label == LABEL_LEGIT && kept->verdict == VERDICT_DECLINE)
        tally->stopped[kept->currency] += kept->amount_minor;
}

/* tallies[rule * MODES + mode] are made when they are needed. */
static void count_block(const struct block *block, int64_t from_us, int64_t until_us,
                        struct tally **tallies) {
    if (block->last_us < from_us || block->first_us >= until_us)
        return;
    for (size_t i = 0; i < block->count; i++) {
        const struct kept *kept = &block->of[i];
        if (kept->event_us < from_us || kept->event_us >= until_us)
            continue;
        for (size_t j = 0; j < kept->fire_count; j++) {
            uint16_t fire = block->fires[kept->fires + j];
            struct tally **tally = &tallies[FIRE_RULE(fire) * MODES + FIRE_MODE(fire)];
            if (!*tally)
                *tally = check_calloc(1, sizeof **tally);
            count_fire(*tally, kept, FIRE_MODE(fire));
        }
    }
}

/* ---- writing ---- */

static void add_double(struct buffer *out, const char *key, double number) {
    char digits[64];
    value_format(value_double(number), digits, sizeof digits);
    json_add_number(out, key, digits);
}

static void add_precision(struct buffer *out, uint64_t fraud, uint64_t legit) {
    struct report_share share = report_share(fraud, fraud + legit);
    if (!share.is_known) {
        json_add_number(out, "precision", "null");
        return;
    }
    json_begin_object(out, "precision");
    add_double(out, "value", share.value);
    add_double(out, "low", share.low);
    add_double(out, "high", share.high);
    json_end_object(out);
}

static void add_money(const struct figures *figures, struct buffer *out, const char *key,
                      const __int128 sums[CURRENCIES]) {
    char amount[MONEY_SIZE];
    json_begin_array(out, key);
    for (size_t i = 0; i < figures->currency_count; i++) {
        if (sums[i] == 0)
            continue;
        int64_t minor = sums[i] > INT64_MAX ? INT64_MAX : (int64_t)sums[i];
        const struct text currency = text_of(figures->currencies[i]);
        json_begin_object(out, NULL);
        json_add_text(out, "currency", currency);
        json_add_text(out, "amount", text_of(money_format(minor, currency, amount)));
        json_end_object(out);
    }
    json_end_array(out);
}

static void add_rule(const struct figures *figures, size_t rule, enum mode mode,
                     const struct tally *tally, struct buffer *out) {
    uint64_t fraud = tally->labels[LABEL_FRAUD] + tally->labels[LABEL_CHARGEBACK];
    json_begin_object(out, NULL);
    json_add_text(out, "rule", text_of(figures->rules[rule]));
    json_add_text(out, "mode", text_of(mode_names[mode]));
    json_add_unsigned(out, "fires", tally->fires);
    json_add_unsigned(out, "fraud", fraud);
    json_add_unsigned(out, "legit", tally->labels[LABEL_LEGIT]);
    json_add_unsigned(out, "suspected", tally->labels[LABEL_SUSPECTED]);
    json_add_unsigned(out, "unknown", tally->labels[LABEL_NONE]);
    add_precision(out, fraud, tally->labels[LABEL_LEGIT]);
    add_money(figures, out, "caught", tally->caught);
    add_money(figures, out, "stopped", tally->stopped);
    json_end_object(out);
}

static void add_rules(const struct figures *figures, struct tally *const *tallies,
                      struct buffer *out) {
    json_begin_array(out, "rules");
    for (size_t i = 0; i < figures->rule_count * MODES; i++)
        if (tallies[i])
            add_rule(figures, i / MODES, (enum mode)(i % MODES), tallies[i], out);
    json_end_array(out);
}

/* The lock is held for the walk: some 50 ms for 4 million transactions, and only the thread that
 * reads waits for it. */
void figures_write(struct figures *figures, int64_t from_us, int64_t until_us, struct buffer *out) {
    pthread_mutex_lock(&figures->lock);
    struct tally **tallies = check_calloc(figures->rule_count * MODES + 1, sizeof(struct tally *));
    for (size_t i = 0; i < figures->block_count; i++)
        count_block(figures->blocks[i], from_us == 0 ? INT64_MIN : from_us,
                    until_us == 0 ? INT64_MAX : until_us, tallies);
    add_rules(figures, tallies, out);
    if (figures->has_dropped)
        json_add_time(out, "since", figures->blocks[0]->first_us);
    json_add_bool(out, "left_out", figures->is_full);
    json_add_unsigned(out, "position", figures->position);
    json_add_unsigned(out, "synced", figures->synced);
    json_add_text(out, "problem", text_of(figures->problem));
    for (size_t i = 0; i < figures->rule_count * MODES; i++)
        free(tallies[i]);
    pthread_mutex_unlock(&figures->lock);
    free(tallies);
}

/* ---- beginning and end ---- */

struct figures *figures_start(const char *archive) {
    struct figures *figures = check_calloc(1, sizeof *figures);
    figures->archive = archive;
    figures->secret = hash_secret(figures);
    pthread_mutex_init(&figures->lock, NULL);
    pthread_cond_init(&figures->woken, NULL);
    arena_init(&figures->arena, ARENA_BYTES);
    thread_start(&figures->thread, run, figures);
    return figures;
}

void figures_stop(struct figures *figures) {
    if (!figures)
        return;
    pthread_mutex_lock(&figures->lock);
    figures->stopping = true;
    pthread_cond_signal(&figures->woken);
    pthread_mutex_unlock(&figures->lock);
    pthread_join(figures->thread, NULL);
    archive_reader_close(figures->reader);
    for (size_t i = 0; i < figures->block_count; i++) {
        free(figures->blocks[i]->fires);
        free(figures->blocks[i]);
    }
    for (size_t i = 0; i < figures->rule_count; i++)
        free(figures->rules[i]);
    arena_deinit(&figures->arena);
    pthread_cond_destroy(&figures->woken);
    pthread_mutex_destroy(&figures->lock);
    free(figures);
}
