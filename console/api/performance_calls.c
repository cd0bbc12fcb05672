/* Performance: precision, recall and money by day, rule and policy, from the tables that the
 * console keeps (console/performance). */
#include "call.h"

#include "batch/base/day.h"
#include "clients/cli/io/money.h"
#include "console/performance/figures.h"
#include "console/performance/maturity.h"
#include "console/performance/reader.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/nights/night_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_SHOWN  90  /* of a page that names none */
#define DAYS_MOST   800 /* more than two years */
#define MATURE_MOST 400

/* What a page is of. */
struct view {
    struct sql *sql;
    struct sums_range range;
    bool is_empty;        /* there are no decisions */
    int32_t first, last;  /* days that have decisions */
    int32_t today, known; /* known: the day as of which ages count */
    struct sums_currency currencies[CURRENCIES_SHOWN];
    int currency_count;
    struct maturity maturity;
    int32_t mature_days, mature_until;
};

/* ---- parameters ---- */

static int read_range(const struct call *call, struct view *view, struct error *ret_error) {
    int32_t last = view->last < view->today ? view->last : view->today, known = -1;
    int r = call_day(call, "until", last, &view->range.until, ret_error);
    if (r == 0)
        r = call_day(call, "from", view->range.until - DAYS_SHOWN + 1, &view->range.from,
                     ret_error);
    if (r == 0)
        r = call_day(call, "known", -1, &known, ret_error);
    if (r < 0)
        return r;
    if (*web_query(call->request, "from") == '\0' && view->range.from < view->first &&
        view->first <= view->range.until)
        view->range.from = view->first;
    if (view->range.until < view->range.from || view->range.until - view->range.from >= DAYS_MOST)
        return error_set(ret_error, ERROR_INVALID,
                         "from, until: expected at most %d days, from the earlier to the later",
                         DAYS_MOST);
    view->range.known = known < 0 || known >= view->today ? KNOWN_NOW : known;
    view->known = view->range.known == KNOWN_NOW ? view->today : known;
    return 0;
}

/* One of the range's; without a wish the most frequent. */
static int read_currency(const struct call *call, struct view *view, struct error *ret_error) {
    const char *wanted = web_query(call->request, "currency");
    view->currency_count = sums_currencies(view->sql, view->range.from, view->range.until,
                                           view->currencies, ret_error);
    if (view->currency_count < 0)
        return view->currency_count;
    view->range.currency = view->currency_count > 0 ? view->currencies[0].code : "";
    for (int i = 0; i < view->currency_count && *wanted; i++)
        if (strcmp(view->currencies[i].code, wanted) == 0) {
            view->range.currency = view->currencies[i].code;
            return 0;
        }
    return 0;
}

static int read_maturity(const struct call *call, struct view *view, struct error *ret_error) {
    uint64_t days;
    int r = maturity_measure(view->sql, view->first, view->known, &view->maturity, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "mature", MATURE_MOST, (uint64_t)view->maturity.days,
                             &days, ret_error);
    if (r < 0)
        return r;
    view->mature_days = (int32_t)days;
    view->mature_until = view->known - view->mature_days;
    return 0;
}

/* With today as the archive has it: the day of its newest record, so that one that was recorded
 * earlier is not all mature. */
static int take_today(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int32_t *)user = (int32_t)sql_integer(row, 0);
    return 0;
}

static int read_view(const struct call *call, struct view *view, struct error *ret_error) {
    *view = (struct view){.sql = reader_sql(call->console->performance),
                          .today = (int32_t)day_of_us(call->now_us)};
    int r = sql_each(view->sql, ret_error, take_today, &view->today,
                     "SELECT last_day FROM state WHERE last_day >= 0", "");
    if (r >= 0)
        r = sums_extent(view->sql, &view->first, &view->last, ret_error);
    if (r < 0)
        return r;
    view->is_empty = r == 0;
    if (view->is_empty)
        view->first = view->last = view->today;
    r = read_range(call, view, ret_error);
    if (r == 0)
        r = read_currency(call, view, ret_error);
    return r < 0 ? r : read_maturity(call, view, ret_error);
}

/* ---- writing ---- */

/* Twelve digits are more than anybody reads, and some ten times as quick to write as the fewest
 * that read back as the same double: a page of two years has ten thousand of them. */
static void add_double(struct buffer *out, const char *key, double value) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.12g", value);
    if (isfinite(value))
        json_add_number(out, key, digits);
    else
        json_add_value(out, text_of(key), value_absent());
}

static void add_day(struct buffer *out, const char *key, int64_t day) {
    char date[NIGHT_DATE_SIZE];
    json_add_text(out, key, text_of(night_date_format(day < 0 ? 0 : day, date)));
}

/* null: there is nothing that it could be of. */
static void add_figure(struct buffer *out, const char *key, struct figure figure) {
    if (!figure.is_known) {
        json_add_value(out, text_of(key), value_absent());
        return;
    }
    json_begin_object(out, key);
    add_double(out, "value", figure.value);
    add_double(out, "low", figure.low);
    add_double(out, "high", figure.high);
    json_end_object(out);
}

static void add_share(struct buffer *out, const char *key, struct report_share share) {
    add_figure(out, key,
               (struct figure){.is_known = share.is_known,
                               .value = share.value,
                               .low = share.low,
                               .high = share.high});
}

static void add_money(struct buffer *out, const struct view *view, const char *key,
                      struct money_figure money) {
    char text[MONEY_SIZE];
    const struct text currency = text_of(view->range.currency);
    double half = money.half < 9e18 ? money.half : 9e18;
    json_begin_object(out, key);
    json_add_text(out, "value", text_of(money_format((int64_t)money.minor, currency, text)));
    json_add_text(out, "half", text_of(money_format((int64_t)(half + 0.5), currency, text)));
    json_end_object(out);
}

static void add_verdicts(struct buffer *out, const struct figures *figures) {
    json_begin_object(out, "verdicts");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(out, verdict_name(verdict), figures->verdicts[verdict]);
    json_end_object(out);
}

/* Members of an object. */
static void add_figures(struct buffer *out, const struct view *view, const struct sums *sums) {
    struct figures figures = figures_of(sums);
    json_add_unsigned(out, "transactions", figures.transactions);
    add_verdicts(out, &figures);
    json_add_unsigned(out, "with_outcome", figures.with_outcome);
    json_add_unsigned(out, "suspected", figures.suspected);
    json_add_unsigned(out, "fraud", figures.fraud);
    json_add_unsigned(out, "legit", figures.legit);
    json_add_unsigned(out, "caught", figures.caught);
    json_add_unsigned(out, "missed", figures.missed);
    json_add_unsigned(out, "false_alarms", figures.false_alarms);
    add_share(out, "precision", figures.precision);
    add_share(out, "recall", figures.recall);
    add_share(out, "alerts", figures.alerts);
    add_figure(out, "alarms_per_fraud", figures.alarms_per_fraud);
    add_money(out, view, "caught_money", figures.caught_money);
    add_money(out, view, "missed_money", figures.missed_money);
    add_money(out, view, "stopped_wrongly", figures.stopped_wrongly);
}

static void add_maturity(struct buffer *out, const struct view *view) {
    const struct maturity *maturity = &view->maturity;
    json_begin_object(out, "maturity");
    json_add_unsigned(out, "days", (uint64_t)view->mature_days);
    add_day(out, "until", view->mature_until);
    json_add_bool(out, "measured", maturity->is_measured);
    json_add_unsigned(out, "measured_days", (uint64_t)maturity->days);
    json_add_unsigned(out, "horizon", (uint64_t)maturity->horizon);
    json_add_signed(out, "frauds", maturity->frauds);
    add_double(out, "share", MATURITY_SHARE);
    json_end_object(out);
}

static void add_view(struct buffer *out, const struct view *view) {
    json_add_bool(out, "empty", view->is_empty);
    add_day(out, "first", view->first);
    add_day(out, "last", view->last);
    add_day(out, "from", view->range.from);
    add_day(out, "until", view->range.until);
    add_day(out, "known", view->known);
    json_add_bool(out, "known_now", view->range.known == KNOWN_NOW);
    json_add_text(out, "currency", text_of(view->range.currency));
    json_begin_array(out, "currencies");
    for (int i = 0; i < view->currency_count; i++)
        json_add_text(out, NULL, text_of(view->currencies[i].code));
    json_end_array(out);
    add_maturity(out, view);
}

/* ---- by day ---- */

static void add_days(struct buffer *out, const struct view *view, const struct sums *days) {
    struct sums mature = {0}, young = {0};
    json_begin_array(out, "days");
    for (int32_t day = view->range.from; day <= view->range.until; day++) {
        const struct sums *sums = &days[day - view->range.from];
        int32_t age = view->known - day;
        bool is_mature = day <= view->mature_until;
        sums_add(is_mature ? &mature : &young, sums);
        json_begin_object(out, NULL);
        add_day(out, "day", day);
        json_add_bool(out, "mature", is_mature);
        if (view->maturity.is_measured)
            add_double(out, "frauds_known", maturity_share(&view->maturity, age));
        add_figures(out, view, sums);
        json_end_object(out);
    }
    json_end_array(out);
    json_begin_object(out, "mature");
    add_figures(out, view, &mature);
    json_end_object(out);
    json_begin_object(out, "young");
    add_figures(out, view, &young);
    json_end_object(out);
}

/* ---- by rule ---- */

static int add_rules(struct buffer *out, const struct view *view, enum subject_kind kind,
                     struct error *ret_error) {
    struct subjects rules;
    int r = sums_by_subject(view->sql, &view->range, kind, view->mature_until, &rules, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < rules.count; i++) {
        struct sums mature = sums_plain(&rules.of[i].mature);
        struct sums young = sums_plain(&rules.of[i].young);
        json_begin_object(out, NULL);
        json_add_text(out, "rule", text_of(rules.of[i].name ? rules.of[i].name : ""));
        json_add_bool(out, "shadow", kind == SUBJECT_SHADOW_RULE);
        json_add_unsigned(out, "young", figures_of(&young).transactions);
        add_figures(out, view, &mature);
        json_end_object(out);
    }
    subjects_free(&rules);
    return 0;
}

/* How far the archive was read comes before the figures are: they have at least that. */
static void begin_answer(struct call *call) {
    json_begin_object(&call->answer->body, NULL);
    reader_write(call->console->performance, &call->answer->body);
}

int performance_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct view view;
    struct sums *days = NULL;
    begin_answer(call);
    int r = read_view(call, &view, ret_error);
    if (r == 0)
        r = sums_by_day(view.sql, &view.range, &days, ret_error);
    if (r < 0)
        return r;
    add_view(out, &view);
    add_days(out, &view, days);
    free(days);
    json_begin_array(out, "rules");
    r = add_rules(out, &view, SUBJECT_RULE, ret_error);
    if (r == 0)
        r = add_rules(out, &view, SUBJECT_SHADOW_RULE, ret_error);
    json_end_array(out);
    json_end_object(out);
    return r;
}

/* ---- policies side by side ---- */

struct phases {
    struct buffer *out;
    const struct view *view;
    const struct subjects *arms;
};

static struct sums arm_of(const struct phases *phases, int64_t phase, const char *arm, bool young) {
    char name[64];
    snprintf(name, sizeof name, "%lld %s", (long long)phase, arm);
    for (size_t i = 0; i < phases->arms->count; i++)
        if (phases->arms->of[i].name && strcmp(phases->arms->of[i].name, name) == 0)
            return sums_plain(young ? &phases->arms->of[i].young : &phases->arms->of[i].mature);
    return (struct sums){0};
}

static void add_arm(const struct phases *phases, int64_t phase, const char *key, enum arm arm) {
    struct sums mature = arm_of(phases, phase, arm_name(arm), false);
    struct sums young = arm_of(phases, phase, arm_name(arm), true);
    json_begin_object(phases->out, key);
    json_add_unsigned(phases->out, "young", figures_of(&young).transactions);
    add_figures(phases->out, phases->view, &mature);
    json_end_object(phases->out);
}

static void add_arm_differences(const struct phases *phases, int64_t phase) {
    struct sums champion = arm_of(phases, phase, arm_name(ARM_CHAMPION), false);
    struct sums challenger = arm_of(phases, phase, arm_name(ARM_CHALLENGER), false);
    struct arm_difference difference = figures_between_arms(&champion, &challenger);
    json_begin_object(phases->out, "differences");
    add_share(phases->out, "alerts", difference.alerts);
    add_share(phases->out, "declines", difference.declines);
    add_share(phases->out, "recall", difference.recall);
    add_share(phases->out, "precision", difference.precision);
    add_figure(phases->out, "net_each", difference.net);
    json_end_object(phases->out);
}

static bool has_rows(const struct phases *phases, int64_t phase) {
    char start[32];
    int length = snprintf(start, sizeof start, "%lld ", (long long)phase);
    for (size_t i = 0; i < phases->arms->count; i++)
        if (phases->arms->of[i].name &&
            strncmp(phases->arms->of[i].name, start, (size_t)length) == 0)
            return true;
    return false;
}

/* Those without a decision in the range are left out. */
static int take_phase(void *user, const struct sql_row *row, struct error *ret_error) {
    const struct phases *phases = user;
    struct buffer *out = phases->out;
    int64_t phase = sql_integer(row, 0);
    (void)ret_error;
    if (!has_rows(phases, phase))
        return 0;
    json_begin_object(out, NULL);
    json_add_signed(out, "phase", phase);
    json_add_text(out, "experiment", text_of(sql_text(row, 1)));
    json_add_text(out, "key", text_of(sql_text(row, 2)));
    json_add_signed(out, "share_e4", sql_integer(row, 3));
    json_add_text(out, "champion_id", text_of(sql_text(row, 4)));
    json_add_text(out, "challenger_id", text_of(sql_text(row, 5)));
    json_add_text(out, "champion_name", text_of(sql_text(row, 6)));
    json_add_text(out, "challenger_name", text_of(sql_text(row, 7)));
    json_add_bool(out, "ended", sql_integer(row, 8) != 0);
    add_arm(phases, phase, "champion", ARM_CHAMPION);
    add_arm(phases, phase, "challenger", ARM_CHALLENGER);
    add_arm(phases, phase, "without_key", ARM_NONE);
    add_arm_differences(phases, phase);
    json_end_object(out);
    return 0;
}

static int add_phases(struct buffer *out, const struct view *view, struct error *ret_error) {
    struct subjects arms;
    int r =
        sums_by_subject(view->sql, &view->range, SUBJECT_ARM, view->mature_until, &arms, ret_error);
    if (r < 0)
        return r;
    struct phases phases = {.out = out, .view = view, .arms = &arms};
    json_begin_array(out, "experiments");
    r = sql_each(view->sql, ret_error, take_phase, &phases,
                 "SELECT p.id, p.experiment, p.key, p.share, p.champion, p.challenger, a.name,"
                 " b.name, p.until_position FROM phases p"
                 " LEFT JOIN policies a ON a.id = p.champion"
                 " LEFT JOIN policies b ON b.id = p.challenger ORDER BY p.id DESC LIMIT 100",
                 "");
    json_end_array(out);
    subjects_free(&arms);
    return r < 0 ? r : 0;
}

static int take_policy_name(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    json_add_text(user, "policy", text_of(sql_text(row, 0)));
    return 0;
}

static void add_side(struct buffer *out, const struct view *view, const char *key,
                     const struct sums *sums) {
    json_begin_object(out, key);
    add_figures(out, view, sums);
    json_end_object(out);
}

static int add_shadow(struct buffer *out, const struct view *view,
                      const struct subject_sums *policy, struct error *ret_error) {
    struct shadow_comparison mature, young;
    const char *id = policy->name ? policy->name : "";
    figures_of_shadow(&policy->mature, &mature);
    figures_of_shadow(&policy->young, &young);
    json_begin_object(out, NULL);
    json_add_text(out, "id", text_of(id));
    int r = sql_each(view->sql, ret_error, take_policy_name, out,
                     "SELECT name FROM policies WHERE id = ?", "t", id);
    json_add_unsigned(out, "refused", mature.refused);
    json_add_unsigned(out, "young", figures_of(&young.live).transactions);
    add_side(out, view, "live", &mature.live);
    add_side(out, view, "shadow", &mature.shadow);
    json_begin_object(out, "differences");
    add_figure(out, "alerts", mature.alerts);
    add_figure(out, "declines", mature.declines);
    add_figure(out, "recall", mature.recall);
    add_figure(out, "net", mature.net);
    json_end_object(out);
    json_end_object(out);
    return r < 0 ? r : 0;
}

static int add_shadows(struct buffer *out, const struct view *view, struct error *ret_error) {
    struct subjects policies;
    int r = sums_by_subject(view->sql, &view->range, SUBJECT_SHADOW_POLICY, view->mature_until,
                            &policies, ret_error);
    if (r < 0)
        return r;
    json_begin_array(out, "shadows");
    for (size_t i = policies.count; i-- > 0 && r == 0;)
        r = add_shadow(out, view, &policies.of[i], ret_error);
    json_end_array(out);
    subjects_free(&policies);
    return r;
}

int performance_policies(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct view view;
    begin_answer(call);
    int r = read_view(call, &view, ret_error);
    if (r < 0)
        return r;
    add_view(out, &view);
    r = add_phases(out, &view, ret_error);
    if (r == 0)
        r = add_shadows(out, &view, ret_error);
    json_end_object(out);
    return r;
}
