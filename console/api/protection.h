/* What people type may be the clear value of something that the policy in force protects
 * (docs/operations/pseudonyms.md). The console's database keeps none: neither the audit log nor a
 * saved view. */
#pragma once

#include "call.h"

/* May the audit log have this value of a list? False also if the policy in force is not known, or
 * has no such list. May wait for the server. */
bool protection_shows_value(const struct call *call, const char *list, const char *value);
/* Of a view: the query of its screen. ERROR_INVALID: it has the clear value of a protected field. A
 * policy that is not known protects nothing here. May wait for the server. */
int protection_check_view(const struct call *call, const char *query, struct error *ret_error);
