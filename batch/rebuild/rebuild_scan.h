/* The scan phase: the archive into streams. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* 1: the guessed policy was not the right one; the streams are useless. */
int rebuild_scan(struct rebuild *rebuild, struct error *ret_error);
