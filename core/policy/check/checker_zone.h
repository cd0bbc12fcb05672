/* The last argument of functions of local times: an offset from UTC or a time zone. */
#pragma once

#include "checker_walk.h"

/* Finds the zone that a literal names; what is computed may name any of the policy's zones. The
 * call has its function. False: an error, reported now or before. Private to policy/. */
bool checker_zone(struct checker *checker, struct syntax *call);
