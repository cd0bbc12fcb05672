/* Where jobs over the archive have always found it. */
#pragma once

#include "core/engine/audit.h"
