#include "promotion_terms.h"

#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A plain decimal number: strtod() knows hexadecimal ones, infinity and more. */
static bool parse_margin(const char *text, double *ret_margin) {
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    double margin = strtod(text, &end);
    if (*digits == '\0' || strspn(digits, "0123456789.") != strlen(digits) || *end != '\0' ||
        fabs(margin) > 1)
        return false;
    *ret_margin = margin;
    return true;
}

int promotion_terms_add(struct promotion_terms *terms, const char *text, struct error *ret_error) {
    const char *colon = strchr(text, ':');
    struct promotion_term term;
    if (!colon || !ranking_metric_parse(text, (size_t)(colon - text), &term.metric) ||
        !parse_margin(colon + 1, &term.margin))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is no margin; expected METRIC:MARGIN, for example ap:0.01, with "
                         "the metric " PROMOTION_METRICS " and a margin from -1 to 1",
                         text);
    for (size_t i = 0; i < terms->count; i++)
        if (terms->terms[i].metric == term.metric)
            return error_set(ret_error, ERROR_INVALID, "%s has a margin already",
                             ranking_metric_name(term.metric));
    check(terms->count < PROMOTION_TERMS_MAX); /* more than there are metrics */
    terms->terms[terms->count++] = term;
    return 0;
}

void promotion_terms_complete(struct promotion_terms *terms) {
    struct error error;
    if (terms->count == 0)
        check(promotion_terms_add(terms, PROMOTION_DEFAULT, &error) == 0);
}

bool promotion_term_holds(const struct promotion_term *term, const struct champion_report *report) {
    const struct ranking_figure *figure = &report->figures.difference[term->metric];
    return figure->has_interval && figure->low > term->margin;
}

bool promotion_is_earned(const struct promotion_terms *terms,
                         const struct champion_report *report) {
    bool is_earned = terms->count > 0 && report->refused == 0;
    for (size_t i = 0; i < terms->count; i++)
        is_earned &= promotion_term_holds(&terms->terms[i], report);
    return is_earned;
}

static void put_reason(const struct promotion_term *term, const struct champion_report *report,
                       struct buffer *out) {
    const struct ranking_figures *figures = &report->figures;
    const struct ranking_figure *figure = &figures->difference[term->metric];
    const char *name = ranking_metric_name(term->metric);
    if (!figure->is_known)
        buffer_printf(out,
                      "%s is not known: the range has %" PRIu64 " transactions that count, %" PRIu64
                      " of them fraud\n",
                      name, figures->rows, figures->positive);
    else if (figures->days < RANKING_DAYS_MIN)
        buffer_printf(out,
                      "%s has no interval: the range has %" PRIu64
                      " days with transactions that count; expected at least %d\n",
                      name, figures->days, RANKING_DAYS_MIN);
    else if (!figure->has_interval)
        buffer_printf(out, "%s has no interval: there is fraud on too few days\n", name);
    else
        buffer_printf(out,
                      "%s differs by %+.4f (95 %%: %+.4f to %+.4f); the interval must lie above "
                      "%+g\n",
                      name, figure->value, figure->low, figure->high, term->margin);
}

void promotion_reasons(const struct promotion_terms *terms, const struct champion_report *report,
                       struct buffer *out) {
    char count[QUANTITY_COUNT_SIZE];
    for (size_t i = 0; i < terms->count; i++)
        if (!promotion_term_holds(&terms->terms[i], report))
            put_reason(&terms->terms[i], report, out);
    if (report->refused > 0)
        buffer_printf(out, "the candidate refuses %s transactions that the champion takes\n",
                      quantity_format_count(report->refused, count));
}
