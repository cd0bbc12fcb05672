#include "xgboost_library.h"

#include <dlfcn.h>
#include <string.h>

#define VERSION_MIN 1007 /* 1.7: models as UBJ, categories in the hist method */

struct wanted {
    const char *name;
    void *at; /* a pointer to a function */
};

static int find_all(void *library, const struct wanted *wanted, size_t count,
                    struct error *ret_error) {
    for (size_t i = 0; i < count; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        memcpy(wanted[i].at, &symbol, sizeof symbol);
        if (!symbol)
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "libxgboost has no function %s: expected version 1.7 to 3",
                             wanted[i].name);
    }
    return 0;
}

static int find_functions(struct xgboost *x, struct error *ret_error) {
#define FIND(function, member) {#function, &x->member}
    const struct wanted wanted[] = {
        FIND(XGBoostVersion, version),
        FIND(XGBGetLastError, last_error),
        FIND(XGDMatrixCreateFromMat, matrix_create),
        FIND(XGDMatrixFree, matrix_free),
        FIND(XGDMatrixSetFloatInfo, matrix_set_floats),
        FIND(XGDMatrixSetStrFeatureInfo, matrix_set_strings),
        FIND(XGBoosterCreate, create),
        FIND(XGBoosterFree, free),
        FIND(XGBoosterSetParam, set_parameter),
        FIND(XGBoosterSetStrFeatureInfo, set_strings),
        FIND(XGBoosterUpdateOneIter, update),
        FIND(XGBoosterPredictFromDMatrix, predict),
        FIND(XGBoosterSlice, slice),
        FIND(XGBoosterFeatureScore, scores),
        FIND(XGBoosterSaveModelToBuffer, save),
    };
#undef FIND
    return find_all(x->library, wanted, sizeof wanted / sizeof *wanted, ret_error);
}

int xgboost_open(struct xgboost *ret_library, struct error *ret_error) {
    static const char *const names[] = {"libxgboost.so.0", "libxgboost.so"};
    struct xgboost x = {0};
    for (size_t i = 0; i < 2 && !x.library; i++)
        x.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!x.library)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "training with XGBoost needs its library, libxgboost, which is not "
                         "installed (Debian: libxgboost0)");
    int r = find_functions(&x, ret_error), major, minor, patch;
    if (r == 0) {
        x.version(&major, &minor, &patch);
        if (major * 1000 + minor < VERSION_MIN)
            r = error_set(ret_error, ERROR_UNSUPPORTED,
                          "libxgboost is of version %d.%d.%d; expected 1.7 or later", major, minor,
                          patch);
    }
    if (r < 0)
        dlclose(x.library);
    else
        *ret_library = x;
    return r;
}

/* It stays loaded: its threads and their memory do not survive being unmapped. */
void xgboost_close(struct xgboost *library) {
    *library = (struct xgboost){0};
}

int xgboost_result(const struct xgboost *library, int result, struct error *ret_error) {
    if (result == 0)
        return 0;
    /* A time and a place in its sources, the sentence, then a stack trace. */
    const char *message = library->last_error();
    const char *begin = strstr(message, "] ");
    const char *sentence = begin ? begin + 2 : message;
    return error_set(ret_error, ERROR_INTERNAL, "XGBoost: %.*s", (int)strcspn(sentence, "\n"),
                     sentence);
}
