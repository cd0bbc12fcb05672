/* What `harrier check` and `harrier test` find in a policy's folder, as one JSON object for the
 * page: diagnostics with their places, cases, rules, and the names that expressions may use. */
#pragma once

/* harrier-console check-policy FOLDER: a process of its own with limits on time and memory, because
 * the texts are whatever a person has typed so far. Writes to standard output. Returns the exit
 * status: 0 also if the policy is not sound. */
int check_policy_main(const char *folder);
