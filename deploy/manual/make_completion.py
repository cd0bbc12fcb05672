#!/usr/bin/env python3
"""Makes what bash completes: harrier's commands and their options, and values that --help lists (csv|jsonl). Anything
else is a file's name.

usage: make_completion.py HARRIER > harrier"""
import re
import sys

import help_text

HEAD = """\
# bash completion for harrier. Made by deploy/manual/make_completion.py.
_harrier() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= options= values= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
    done
    if [[ -z $command || ($command == help && $COMP_CWORD -eq 2) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$COMMANDS help --help --version" -- "$word")
        return
    fi
    # bash takes --format=csv for three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $command in
"""
TAIL = """\
    *) ;;
    esac
    case " $values " in
    *" $before="*)
        values=${values#*"$before="}
        values=${values%% *}
        mapfile -t COMPREPLY < <(compgen -W "${values//|/ }" -- "$word")
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
    fi
}
complete -F _harrier harrier
"""


def main():
    harrier = sys.argv[1]
    commands = help_text.commands(harrier)
    out = [HEAD.replace("$COMMANDS", " ".join(commands))]
    for name in commands:
        options = help_text.parse(help_text.run(harrier, name, "--help")).options
        choices = {option.name: option.value.strip("[=]") for option in options
                   if re.fullmatch(r"\[?=[a-z0-9-]+(\|[a-z0-9-]+)+\]?", option.value)}
        out.append(f"    {name})\n        options='{' '.join(option.name for option in options)}'\n")
        if choices:
            out.append(f"        values='{' '.join(f'{option}={values}' for option, values in choices.items())}'\n")
        out.append("        ;;\n")
    print("".join(out) + TAIL, end="")


if __name__ == "__main__":
    main()
