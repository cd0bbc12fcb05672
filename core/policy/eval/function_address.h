/* Functions on addresses, of machines and of mail. Private to policy/. */
#pragma once

#include "function_apply.h"

APPLY(network);
APPLY(email_domain);
