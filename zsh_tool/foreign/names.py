"""Name the commands and variables that decide which code a shell runs."""

import re
from typing import Final

PREFIXES: Final = frozenset(b"builtin command coproc exec nocorrect noglob repeat".split())
"""Words that leave it to the next one to be the command."""
READERS: Final = frozenset(b". source eval emulate alias".split())
"""Commands that run code from elsewhere, or give later words of the text another meaning."""
BEYOND: Final = frozenset(b"trap dirs autoload bindkey fc r sched zparseopts zregexparse".split())
"""Commands that run code in ways that are not followed."""
SETTERS: Final = frozenset(b"setopt unsetopt set enable disable".split())
"""Commands that set options, or what is reserved."""
DECLARERS: Final = frozenset(b"declare export float integer local private readonly typeset unset".split())
"""Commands that declare variables, or take them back."""
WRITERS: Final = frozenset(
    b"getln syserror syswrite getopts print printf read strftime sysopen sysread vared zformat zstyle zsystem".split()
)
"""Commands that give values to the variables that their operands name."""
MODULES: Final = frozenset(
    b"""zsh/datetime zsh/files zsh/langinfo zsh/mathfunc zsh/parameter zsh/regex zsh/system zsh/terminfo
    zsh/zutil""".split()
)
"""Modules with no other commands than those of this page that run code or give variables values."""
UNSEEN: Final = (b"trap", b"functions[", b"aliases[")
"""Text behind which more may happen than is looked at."""
UNSEEN_OPTIONS: Final = tuple(b"promptsubst promptvars histchars magicequalsubst zshdirectoryname".split())
"""Names of the same kind, in whatever case and with underscores anywhere."""
MOVERS: Final = frozenset(b"cd chdir popd pushd".split())
"""Commands that change the working directory."""
TABLES: Final = frozenset(
    b"functions aliases dis_aliases dis_functions dis_galiases dis_saliases galiases saliases options".split()
)
"""Where an assignment defines a command, or sets an option."""
CODE: Final = frozenset(b"NULLCMD PROMPT3 PROMPT4 PS3 PS4 READNULLCMD".split())
"""Variables whose value is a command, or code: for redirections alone, with what is traced, before each choice."""
NUMBERS: Final = frozenset(
    b"""ARGC BAUD COLUMNS DIRSTACKSIZE EGID EPOCHREALTIME EPOCHSECONDS ERRNO EUID FUNCNEST GID HISTCMD HISTSIZE
    KEYTIMEOUT LINENO LINES LISTMAX LOGCHECK MAILCHECK MBEGIN MEND OPTIND PPID RANDOM REPORTMEMORY REPORTTIME
    SAVEHIST SECONDS SHLVL TMOUT TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT TTYIDLE UID ZLE_RPROMPT_INDENT
    ZSH_SUBSHELL status""".split()
)
"""Variables of the shell's that are numbers: what they are given is reckoned."""
_SHELLS_OWN: Final = NUMBERS.union(
    b"""BASH_REMATCH CDPATH CPUTYPE FIGNORE FPATH HISTCHARS HOST KEYBOARD_HACK LOGNAME MACHTYPE MAILPATH MANPATH
    MATCH MODULE_PATH OLDPWD OPTARG OSTYPE PROMPT PROMPT2 PROMPT3 PROMPT4 PS1 PS2 PS3 PS4 PSVAR PWD REPLY
    RPROMPT RPROMPT2 RPS1 RPS2 SPROMPT TTY USERNAME VENDOR WATCH _ argv cdpath dirstack errnos fignore fpath
    histchars mailpath manpath match mbegin mend module_path options path pipestatus prompt psvar reply
    signals watch""".split()
)
"""Variables that the shell gives values itself, whatever the environment says, or by another name.

Beside those that begin with its own (zshparam(1); numbers such as ``COLUMNS`` keep what can be counted). Those of
small letters are told by others, or hold what was matched.
"""
_MODULES_OWN: Final = frozenset(
    b"""BUFFER CURSOR aliases builtins commands dis_aliases dis_builtins dis_functions dis_functions_source dis_galiases
    dis_patchars dis_reswords dis_saliases epochtime funcfiletrace funcsourcetrace funcstack functions functions_source
    functrace galiases history historywords jobdirs jobstates jobtexts keymaps langinfo mapfile modules nameddirs
    parameters patchars reswords saliases sysparams termcap terminfo userdirs usergroups widgets""".split()
)
"""Variables of the shell's modules, and what they hold."""
COUNTERS: Final = frozenset(b"break bye continue exit logout repeat return shift sysseek".split())
"""Commands that take a number, which may be an expression."""
RECKONERS: Final = frozenset(b"float integer let printf sysread zsystem".split())
"""Commands that reckon with what they get."""
TAKES_NUMBERS: Final = COUNTERS.union([b"[", b"test"])
"""Commands that may take a word for a number."""
UNFOLLOWED: Final = frozenset(b"sysopen sysread sysseek zformat zsystem".split())
"""Commands of whose words, some of which may be numbers, none is looked at."""
CALM: Final = DECLARERS.union(
    b". source setopt unsetopt set [[ [ test : true false alias umask emulate".split()
)
"""Commands and words that change no file, whatever they are given."""
_NAME: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]*+")
SPECIAL: Final = frozenset([b"", b"zmodload", b"functions", b"let"]).union(
    READERS, BEYOND, SETTERS, DECLARERS, WRITERS, MOVERS, PREFIXES
)
"""Names of commands that run other code than their own, or change what later words mean."""


def is_no_code(value: bytes | None) -> bool:
    """Tell whether such a variable may have this value; None is one that is not said."""
    return value is not None and value not in SPECIAL and b"$" not in value and b"`" not in value


def is_shells_own(name: bytes) -> bool:
    """Tell whether the shell gives this variable its value."""
    return name in _SHELLS_OWN or name.startswith((b"ZSH", b"zsh"))


def is_known(name: bytes) -> bool:
    """Tell whether such a variable is one of the shell's or of its modules."""
    return is_shells_own(name) or name in _MODULES_OWN or name in CODE


def is_table(name: bytes) -> bool:
    """Tell whether a value that this, or an element of it, is given in passing matters for which code runs.

    It may be code, define commands or be the shell's arguments.
    """
    found = _NAME.match(name)
    return found is not None and (found[0] in TABLES or found[0] in CODE or found[0] == b"argv")
