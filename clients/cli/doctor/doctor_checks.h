/* The checks, one function for each row of the table in doctor_run.c. Later ones may use what
 * earlier ones found. */
#pragma once

#include "doctor.h"

/* doctor_machine.c */
void check_open_files(struct doctor *doctor);
void check_core_dumps(struct doctor *doctor);
void check_locked_memory(struct doctor *doctor);
void check_clock(struct doctor *doctor);
void check_time_zone(struct doctor *doctor);
void check_huge_pages(struct doctor *doctor);
void check_governor(struct doctor *doctor);
void check_memory(struct doctor *doctor);
void check_overcommit(struct doctor *doctor);
void check_oom(struct doctor *doctor);
void check_sandbox(struct doctor *doctor);
void check_libraries(struct doctor *doctor);

/* doctor_disk.c */
void check_file_system(struct doctor *doctor);
void check_disk_speed(struct doctor *doctor);
void check_space(struct doctor *doctor);

/* doctor_access.c */
void check_configuration(struct doctor *doctor);
void check_data_access(struct doctor *doctor);
void check_file_access(struct doctor *doctor);
void check_tokens(struct doctor *doctor);
void check_certificate(struct doctor *doctor);

/* doctor_policy.c */
void check_policy(struct doctor *doctor);

/* doctor_store.c */
void check_archive(struct doctor *doctor);
void check_torn_files(struct doctor *doctor);
void check_sealing(struct doctor *doctor);
void check_generations(struct doctor *doctor);
void check_night(struct doctor *doctor);
void check_backup(struct doctor *doctor);

/* doctor_server.c */
void check_server(struct doctor *doctor);
void check_synced(struct doctor *doctor);
void check_version(struct doctor *doctor);
void check_console(struct doctor *doctor);
