/* Reads a mapping from its YAML file. */
#pragma once

#include "mapping.h"

/* ERROR_NOT_FOUND: no such file. ERROR_INVALID: "path:line:column: what". */
int mapping_yaml_load(const char *path, struct mapping **ret_mapping, struct error *ret_error);

/* The same from memory; name is for messages. */
int mapping_yaml_parse(struct text yaml, const char *name, struct mapping **ret_mapping,
                       struct error *ret_error);
