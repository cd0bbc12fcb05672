#include "train_fit.h"

#include <stdlib.h>

void train_fitted_deinit(struct train_fitted *fitted) {
    buffer_deinit(&fitted->file);
    free(fitted->importance);
    free(fitted->margins);
    *fitted = (struct train_fitted){0};
}
