/* How much a policy may hold. The limits are the same for folders and archives, so that a policy
 * that loads once loads everywhere. */
#pragma once

#define POLICY_FILES_MAX      1000u
#define POLICY_FILE_SIZE_MAX  (16u << 20)
#define POLICY_SIZE_MAX       (64u << 20)
#define POLICY_RULES_MAX      1000u
#define POLICY_GROUPS_MAX     64u
#define POLICY_TAGS_MAX       16u /* of a rule */
#define POLICY_VALUES_MAX     1000u
#define POLICY_LISTS_MAX      256u
#define POLICY_ZONES_MAX      256u
#define POLICY_ATTRIBUTES_MAX 256u
#define POLICY_DERIVED_MAX    64u
#define POLICY_RATES_MAX      100000u
#define POLICY_THRESHOLDS_MAX 256u
#define POLICY_MODELS_MAX     64u
#define POLICY_ABOUT_MAX      1000u /* bytes of a sentence */
/* Counts of all references of models: the server keeps a day of each, hour by hour. */
#define POLICY_REFERENCE_BINS_MAX 65536u
