"""Name the commands and variables that decide which code a shell runs."""

from typing import Final

PREFIXES: Final = frozenset(b"builtin command coproc exec nocorrect noglob repeat".split())
"""Words that leave it to the next one to be the command."""
READERS: Final = frozenset(b". source eval emulate alias".split())
"""Commands that run code from elsewhere, or give later words of the text another meaning."""
BEYOND: Final = frozenset(b"autoload bindkey fc r sched zparseopts zregexparse".split())
"""Commands that run code in ways that are not followed."""
SETTERS: Final = frozenset(b"setopt unsetopt set enable disable".split())
"""Commands that set options, or what is reserved."""
DECLARERS: Final = frozenset(b"declare export float integer local private readonly typeset unset".split())
"""Commands that declare variables, or take them back."""
WRITERS: Final = frozenset(
    b"getopts print printf read strftime sysopen sysread vared zformat zstyle zsystem".split()
)
"""Commands that give values to the variables that their operands name."""
MODULES: Final = frozenset(
    b"""zsh/datetime zsh/files zsh/langinfo zsh/mathfunc zsh/parameter zsh/regex zsh/system zsh/terminfo
    zsh/zutil""".split()
)
"""Modules with no other commands than those of this page that run code or give variables values."""
MOVERS: Final = frozenset(b"cd chdir popd pushd".split())
"""Commands that change the working directory."""
TABLES: Final = frozenset(b"functions aliases galiases saliases options".split())
"""Where an assignment defines a command, or sets an option."""
CODE: Final = frozenset(b"NULLCMD PROMPT4 PS4 READNULLCMD".split())
"""Variables whose value is a command, or code: for redirections alone, and with each command that is traced."""
SHELLS_OWN: Final = frozenset(
    b"""ARGC CPUTYPE EGID ERRNO EUID GID HISTCMD HOST LINENO LOGNAME MACHTYPE MATCH OLDPWD OPTARG OPTIND OSTYPE PPID
    PWD RANDOM REPLY SECONDS SHLVL TTYIDLE UID USERNAME VENDOR _""".split()
)
"""Variables that the shell gives values itself, whatever the environment says."""
SPECIAL: Final = frozenset([b"", b"zmodload"]).union(
    READERS, BEYOND, SETTERS, DECLARERS, WRITERS, MOVERS, PREFIXES
)
"""Names of commands that run other code than their own, or change what later words mean."""


def is_no_code(value: bytes | None) -> bool:
    """Tell whether such a variable may have this value; None is one that is not said."""
    return value is not None and value not in SPECIAL and b"$" not in value and b"`" not in value
