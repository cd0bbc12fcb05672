/* The subcommands of `harrier`: a row in main.c's table and a file each.
 *
 * argv[0] is "harrier NAME". A command parses its own line with argp, which ends the process itself
 * for --help and usage errors (64). Otherwise it returns an enum exit_status. */
#pragma once

int command_amend(int argc, char **argv);
int command_archive(int argc, char **argv);
int command_erase(int argc, char **argv);
int command_backfill(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_brake(int argc, char **argv);
int command_check(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_entity(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_export(int argc, char **argv);
int command_find(int argc, char **argv);
int command_import(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_list(int argc, char **argv);
int command_night(int argc, char **argv);
int command_outcome(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_pseudonym(int argc, char **argv);
int command_rebuild(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_score(int argc, char **argv);
int command_shadow(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_stream(int argc, char **argv);
int command_status(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_test(int argc, char **argv);
int command_token(int argc, char **argv);
int command_train(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_zones(int argc, char **argv);
