/* Puts a report into the page that embed.py made: its title, the main figures for readers without
 * JavaScript, and the document itself.
 *
 * The document stands in a <script> of a type that browsers do not run. Such an element ends at
 * "</script" and changes its meaning at "<!--", also inside a JSON string. In JSON, '<' and '>'
 * only occur in strings; there they are written as escapes, which read as the same text. So are
 * U+2028 and U+2029, which end a line in older JavaScript. */
#include "report_page.h"

#include "clients/cli/output/html_text.h"
#include "report_template.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* -- text -- */

static void write_html(const char *text, FILE *to) {
    struct buffer html;
    buffer_init(&html);
    html_text_put(text_of(text), &html);
    fwrite(html.bytes, 1, html.length, to);
    buffer_deinit(&html);
}

/* How many bytes at the text's beginning cannot stand in a <script>; *ret_escape is for JSON. */
static size_t unsafe_prefix(const char *text, size_t length, const char **ret_escape) {
    if (*text == '<') {
        *ret_escape = "\\u003c";
        return 1;
    }
    if (*text == '>') {
        *ret_escape = "\\u003e";
        return 1;
    }
    if (length >= 3 && memcmp(text, "\xe2\x80\xa8", 3) == 0) {
        *ret_escape = "\\u2028";
        return 3;
    }
    if (length >= 3 && memcmp(text, "\xe2\x80\xa9", 3) == 0) {
        *ret_escape = "\\u2029";
        return 3;
    }
    return 0;
}

/* In runs between the bytes that must be escaped. */
static void write_json(const char *json, size_t length, FILE *to) {
    size_t from = 0, at = 0;
    while (at < length) {
        const char *escape = NULL;
        size_t unsafe = unsafe_prefix(json + at, length - at, &escape);
        if (unsafe == 0) {
            at++;
            continue;
        }
        fwrite(json + from, 1, at - from, to);
        fputs(escape, to);
        from = at += unsafe;
    }
    fwrite(json + from, 1, length - from, to);
}

/* -- figures for readers without JavaScript -- */

/* The text at object.key, or "". */
static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The day of an RFC 3339 time, with words before it. */
static void write_date(const char *before, const char *time, FILE *to) {
    char day[sizeof("2026-01-31")];
    if (strlen(time) < sizeof(day) - 1)
        return;
    memcpy(day, time, sizeof(day) - 1);
    day[sizeof(day) - 1] = '\0';
    fputs(before, to);
    write_html(day, to);
}

/* The policy's name and the days of the range, as far as the document has them. */
static void write_title(const json_t *report, FILE *to) {
    const json_t *archive = json_object_get(report, "archive");
    const char *name = text_at(json_object_get(report, "policy"), "name");
    fputs("Replay", to);
    if (*name) {
        fputs(" of ", to);
        write_html(name, to);
    }
    write_date(", ", text_at(archive, "from"), to);
    write_date(" to ", text_at(archive, "to"), to);
}

/* A dash for what is not known. */
static void write_rate(const json_t *value, FILE *to) {
    if (json_is_number(value))
        fprintf(to, "<td>%.2f%%</td>", 100 * json_number_value(value));
    else
        fputs("<td>\xe2\x80\x93</td>", to);
}

/* Minor units in the report's currency. */
static void write_money(const json_t *report, const json_t *value, FILE *to) {
    if (!json_is_number(value)) {
        fputs("<td>\xe2\x80\x93</td>", to);
        return;
    }
    double reported = json_number_value(json_object_get(report, "currency_digits"));
    int digits = reported >= 0 && reported <= 4 ? (int)reported : 0;
    double major = json_number_value(value);
    for (int i = 0; i < digits; i++)
        major /= 10;
    fprintf(to, "<td>%.*f ", digits, major);
    write_html(text_at(report, "currency"), to);
    fputs("</td>", to);
}

/* One row per figure, one column per side: object.side.key, or its "value" if it has an interval.
 */
static void write_figures(const json_t *report, FILE *to) {
    static const struct {
        const char *name, *object, *key;
        bool money;
    } rows[] = {{"Alert rate", "rates", "alert", false},
                {"Precision of alerts", "detection", "precision", false},
                {"Recall of fraud", "detection", "recall", false},
                {"Money caught", "detection", "money_caught", true},
                {"Money wrongly declined", "detection", "money_declined_wrongly", true},
                {"Net", "detection", "net", true}};
    fputs("<p>The charts and tables of this report need JavaScript. The main figures:</p>\n"
          "<table><thead><tr><th>Figure</th><th>Replayed</th><th>Compared with</th></tr></thead>"
          "<tbody>\n",
          to);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        fprintf(to, "<tr><th>%s</th>", rows[i].name);
        for (int side = 0; side < 2; side++) {
            const json_t *object = json_object_get(report, rows[i].object);
            const json_t *of = json_object_get(object, side ? "against" : "replayed");
            const json_t *value = json_object_get(of, rows[i].key);
            if (rows[i].money)
                write_money(report, value, to);
            else
                write_rate(json_object_get(value, "value"), to);
        }
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table>", to);
}

/* -- the page -- */

int report_page_write(const char *json, size_t length, FILE *to, struct error *ret_error) {
    /* Sums may be longer than 64 bits: as doubles they are read, too. */
    json_error_t where;
    json_t *report = json_loadb(json, length, JSON_DECODE_INT_AS_REAL, &where);
    if (!report)
        return error_set(ret_error, ERROR_INVALID, "the report is not JSON: line %d, column %d: %s",
                         where.line, where.column, where.text);
    if (!json_is_object(report)) {
        json_decref(report);
        return error_set(ret_error, ERROR_INVALID, "the report is not a JSON object");
    }
    errno = 0;
    fwrite(page_0, 1, sizeof(page_0), to);
    write_title(report, to);
    fwrite(page_1, 1, sizeof(page_1), to);
    write_figures(report, to);
    fwrite(page_2, 1, sizeof(page_2), to);
    write_json(json, length, to);
    fwrite(page_3, 1, sizeof(page_3), to);
    json_decref(report);
    if (fflush(to) != 0 || ferror(to))
        return error_set_errno(ret_error, errno ? errno : EIO, "cannot write the report page");
    return 0;
}
