/* What a night's report is alarmed about, for whoever reads the journal and not the report. */
#pragma once

/* Says each finding of severity `alert` in the report of this night's folder on standard error, one
 * line each; nothing if there is no report. */
void night_say_alerts(int folder);
