/* What the rules did, over any days: fires, and how many of them turned out to be fraud or legit by
 * now, in number and in money. From the tables of console/performance, as the performance screen
 * is, but in all currencies and with shadow and suppressed fires. */
#include "call.h"

#include "clients/cli/io/money.h"
#include "console/performance/figures.h"
#include "console/performance/reader.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the rule and mode whose rows are coming. */
struct money_sum {
    char currency[4];
    report_sum caught, stopped;
};
struct rule_sums {
    struct buffer *out;
    enum subject_kind kind;
    char *rule; /* NULL: none yet */
    uint64_t rows[REPORT_CLASSES];
    struct money_sum *money;
    size_t money_count;
};

static const char *mode_of(enum subject_kind kind) {
    return kind == SUBJECT_RULE ? "live" : kind == SUBJECT_SHADOW_RULE ? "shadow" : "suppressed";
}

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

static void add_money(const struct rule_sums *sums, const char *key, bool caught) {
    char amount[MONEY_SIZE];
    json_begin_array(sums->out, key);
    for (size_t i = 0; i < sums->money_count; i++) {
        const struct money_sum *money = &sums->money[i];
        report_sum minor = caught ? money->caught : money->stopped;
        if (minor == 0)
            continue;
        const struct text currency = text_of(money->currency);
        int64_t shown = minor > INT64_MAX ? INT64_MAX : (int64_t)minor;
        json_begin_object(sums->out, NULL);
        json_add_text(sums->out, "currency", currency);
        json_add_text(sums->out, "amount", text_of(money_format(shown, currency, amount)));
        json_end_object(sums->out);
    }
    json_end_array(sums->out);
}

static void end_rule(struct rule_sums *sums) {
    struct buffer *out = sums->out;
    uint64_t fires = 0, fraud = sums->rows[REPORT_POSITIVE], legit = sums->rows[REPORT_NEGATIVE];
    if (!sums->rule)
        return;
    for (int class = 0; class < REPORT_CLASSES; class ++)
        fires += sums->rows[class];
    if (fires > 0) {
        json_begin_object(out, NULL);
        json_add_text(out, "rule", text_of(sums->rule));
        json_add_text(out, "mode", text_of(mode_of(sums->kind)));
        json_add_unsigned(out, "fires", fires);
        json_add_unsigned(out, "fraud", fraud);
        json_add_unsigned(out, "legit", legit);
        json_add_unsigned(out, "suspected", sums->rows[REPORT_SUSPECTED]);
        json_add_unsigned(out, "unknown", sums->rows[REPORT_UNKNOWN] + sums->rows[REPORT_IMMATURE]);
        add_precision(out, fraud, legit);
        add_money(sums, "caught", true);
        add_money(sums, "stopped", false);
        json_end_object(out);
    }
    free(sums->rule);
    free(sums->money);
    *sums = (struct rule_sums){.out = out};
}

static struct money_sum *money_of(struct rule_sums *sums, const char *currency) {
    if (sums->money_count == 0 ||
        strcmp(sums->money[sums->money_count - 1].currency, currency) != 0) {
        sums->money = check_reallocarray(sums->money, sums->money_count + 1, sizeof *sums->money);
        struct money_sum *money = &sums->money[sums->money_count++];
        *money = (struct money_sum){0};
        snprintf(money->currency, sizeof money->currency, "%s", currency);
    }
    return &sums->money[sums->money_count - 1];
}

/* Money counts where the rule had a part in the verdict. */
static void take_row(void *user, const struct rule_row *row) {
    struct rule_sums *sums = user;
    if (!sums->rule || sums->kind != row->kind || strcmp(sums->rule, row->rule) != 0) {
        end_rule(sums);
        sums->kind = row->kind;
        sums->rule = text_copy(text_of(row->rule));
    }
    sums->rows[row->class] += row->rows;
    if (row->kind != SUBJECT_RULE)
        return;
    if (row->class == REPORT_POSITIVE && row->verdict > VERDICT_APPROVE)
        money_of(sums, row->currency)->caught += row->amount;
    if (row->class == REPORT_NEGATIVE && row->verdict == VERDICT_DECLINE)
        money_of(sums, row->currency)->stopped += row->amount;
}

int figures_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct reader *reader = call->console->performance;
    int32_t from, until;
    int r = call_day(call, "from", INT32_MIN, &from, ret_error);
    if (r == 0)
        r = call_day(call, "until", INT32_MAX, &until, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    reader_write(reader, out); /* before the figures are read: they have at least that */
    json_begin_array(out, "rules");
    struct rule_sums sums = {.out = out};
    r = sums_each_rule(reader_sql(reader), from, until, take_row, &sums, ret_error);
    end_rule(&sums);
    json_end_array(out);
    json_end_object(out);
    return r;
}
