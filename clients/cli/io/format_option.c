/* The value of --format. GUESS cannot be asked for: it is what the commands do without the option.
 */
#include "format_option.h"

#include "clients/cli/terminal/option_value.h"

enum row_format format_option_parse(const char *value, struct argp_state *state) {
    static const char *const words[] = {"csv", "jsonl"};
    return choice_option_parse("--format", value, words, 2, state) == 0 ? ROW_FORMAT_CSV
                                                                        : ROW_FORMAT_JSONL;
}
