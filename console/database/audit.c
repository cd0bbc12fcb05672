#include "audit.h"

#include "core/base/json_writer.h"

int audit_add(struct sql *sql, const struct audit_entry *entry, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "INSERT INTO audit (at_us, person, address, action, subject, before, after) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "itttttt", entry->at_us, entry->person, entry->address, entry->action,
                    entry->subject, entry->before, entry->after);
    return r < 0 ? r : 0;
}

static int take_entry(void *user, const struct sql_row *row, struct error *ret_error) {
    static const char *const names[] = {"person",  "address", "action",
                                        "subject", "before",  "after"};
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_signed(out, "id", sql_integer(row, 0));
    json_add_time(out, "at", sql_integer(row, 1));
    for (int i = 0; i < 6; i++)
        json_add_text(out, names[i], text_of(sql_text(row, i + 2)));
    json_end_object(out);
    return 0;
}

int audit_list(struct sql *sql, const char *person, const char *action, int64_t before,
               int64_t limit, struct buffer *out, struct error *ret_error) {
    json_begin_array(out, "entries");
    int r = sql_each(sql, ret_error, take_entry, out,
                     "SELECT id, at_us, person, address, action, subject, before, after FROM audit "
                     "WHERE (?1 = '' OR person = ?1) AND (?2 = '' OR action = ?2) "
                     "AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
                     "ttii", person, action, before, limit);
    json_end_array(out);
    return r < 0 ? r : 0;
}
