/* Folds the streams into tables. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* 1: the result would not be that of a full rebuild: transactions came too late. */
int rebuild_fold(struct rebuild *rebuild, struct error *ret_error);
