/* What the parts of a server are told, from its options. Texts belong to the options. */
#pragma once

#include "options.h"
#include "server/base/service.h"
#include "server/net/tls.h"

struct tls_settings tls_settings_of(const struct options *options);
struct challenge_settings challenge_settings_of(const struct options *options);
/* All zero: no cluster. The machine's name, which is the node's unless the options name it, lives
 * in a static buffer: whoever gets it copies it. */
struct cluster_settings cluster_settings_of(const struct options *options);
