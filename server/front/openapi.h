/* proto/openapi.yaml, embedded at build time. Static memory. */
#pragma once

#include "core/base/text.h"

struct text openapi_text(void);
