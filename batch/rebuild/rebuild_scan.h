/* Reads the archive into streams. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* 1: the policy was guessed, and is not the right one. */
int rebuild_scan(struct rebuild *rebuild, struct error *ret_error);
