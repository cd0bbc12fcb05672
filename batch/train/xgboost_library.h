/* libxgboost, opened when it is needed: a command that does not train does not load it, and a
 * program that was built with its header also runs where it is not installed. Only functions that
 * 1.7 and 3.x both have, with the same parameters. Private to batch/train. */
#pragma once

#include "core/base/error.h"

#include <xgboost/c_api.h>

struct xgboost {
    void *library;
    __typeof__(XGBoostVersion) *version;
    __typeof__(XGBGetLastError) *last_error;
    __typeof__(XGDMatrixCreateFromMat) *matrix_create;
    __typeof__(XGDMatrixFree) *matrix_free;
    __typeof__(XGDMatrixSetFloatInfo) *matrix_set_floats;
    __typeof__(XGDMatrixSetStrFeatureInfo) *matrix_set_strings;
    __typeof__(XGBoosterCreate) *create;
    __typeof__(XGBoosterFree) *free;
    __typeof__(XGBoosterSetParam) *set_parameter;
    __typeof__(XGBoosterSetStrFeatureInfo) *set_strings;
    __typeof__(XGBoosterUpdateOneIter) *update;
    __typeof__(XGBoosterPredictFromDMatrix) *predict;
    __typeof__(XGBoosterSlice) *slice;
    __typeof__(XGBoosterFeatureScore) *scores;
    __typeof__(XGBoosterSaveModelToBuffer) *save;
};

/* ERROR_UNSUPPORTED: it is not there, or too old. */
int xgboost_open(struct xgboost *ret_library, struct error *ret_error);
void xgboost_close(struct xgboost *library);

/* Of a call's result: 0, or ERROR_INTERNAL with the library's message in one line. */
int xgboost_result(const struct xgboost *library, int result, struct error *ret_error);
