/* proto/openapi.yaml, as it was when the program was built. */
#pragma once

#include "core/base/text.h"

struct text openapi_text(void);
