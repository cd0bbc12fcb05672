/* Running all checks. */
#pragma once

#include "doctor.h"

/* Fills in everything but the options, runs every check, and prints. */
void doctor_run(struct doctor *doctor);
