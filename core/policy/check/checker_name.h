/* Names and members: what an expression may read. Private to policy/. */
#pragma once

#include "checker_walk.h"

/* Resolve a name, or a member (entity.feature, thresholds.NAME, map.key …). They return the type,
 * or BROKEN when something was reported. */
type_code checker_name(struct checker *checker, struct syntax *node);
type_code checker_member(struct checker *checker, struct syntax *node);

/* Reports a name that checker_is_unknown_name(). beside_text: it is compared with a text, so it may
 * be one that lacks its quotes. Returns BROKEN, as does the next one. */
type_code checker_unknown_name(struct checker *checker, const struct syntax *node,
                               bool beside_text);
/* Reports that this reader (enum scope_reader) may not read `what`, and what it may. start, length:
 * bytes of the source to underline. */
type_code checker_refuse_reading(struct checker *checker, size_t start, size_t length,
                                 const char *what);
