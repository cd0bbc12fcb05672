/* How good margins are on the validation slice: greater is better. Pure. */
#pragma once

#include "core/policy/models/model_training.h"
#include "train_rows.h"

struct train_metric;
/* Of these rows, which must outlive it. */
struct train_metric *train_metric_new(enum training_metric kind, const struct train_row *rows,
                                      size_t count);
void train_metric_free(struct train_metric *metric);
/* margins: parallel to the rows. log loss: its negative. Ties count as in report_curve.h. */
double train_metric_of(struct train_metric *metric, const float *margins);
