"""What exit codes mean, program by program, each with the manual page that says so. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Meaning:
    """What one code of one program says.

    The text has no brackets: it may be told in brackets. A benign one is an answer, not a failure; an unsure
    one may be. An obvious one says no more than the program's own output does.
    """

    text: str
    source: str
    benign: bool = False
    obvious: bool = False
    unsure: bool = False
    only_with: frozenset[str] = frozenset()
    """The options of which one must be there for the code to mean this."""


def _table(
    source: str,
    *,
    benign: Mapping[int, str] | None = None,
    obvious: Mapping[int, str] | None = None,
    **codes: str,
) -> Mapping[int, Meaning]:
    found = {int(code[1:]): Meaning(text, source) for code, text in codes.items()}
    found.update({code: Meaning(text, source, benign=True) for code, text in (benign or {}).items()})
    found.update({code: Meaning(text, source, obvious=True) for code, text in (obvious or {}).items()})
    return found


def _with(options: str, source: str, benign: bool = False, **codes: str) -> Mapping[int, Meaning]:
    only_with = frozenset(options.split())
    return {
        int(code[1:]): Meaning(text, source, benign=benign, only_with=only_with)
        for code, text in codes.items()
    }


_NO_MATCH: Final = {1: "no lines matched"}
_DIFFER: Final = {1: "the inputs differ"}
_FALSE: Final = {1: "the condition is false"}

_GREP = _table(
    "grep(1), EXIT STATUS", benign=_NO_MATCH, _2="an error occurred, such as a bad pattern or file"
)
_RIPGREP = _table(
    "rg(1), EXIT STATUS", benign=_NO_MATCH, _2="an error occurred, such as a bad pattern or path"
)
_AG = _table("ag(1)", benign=_NO_MATCH)
_DIFF = _table("diff(1)", benign=_DIFFER, _2="trouble, such as an input that is missing")
_CMP = _table("cmp(1)", benign=_DIFFER, _2="trouble, such as an input that is missing")
_TEST = _table("test(1), zshmisc(1) CONDITIONAL EXPRESSIONS", benign=_FALSE, _2="the expression is not valid")
_SSH = _table("ssh(1), EXIT STATUS", _255="ssh itself failed: the connection was not made or was lost")
_SCP = _table("scp(1), EXIT STATUS", _1="the copy failed", _255="the ssh connection failed")
_NO_COMMAND = _table("zshbuiltins(1), whence", benign={1: "no such command"})
_ARITHMETIC = _table("zshmisc(1), ARITHMETIC EVALUATION", benign={1: "the value is 0"})
_PGREP = _table(
    "pgrep(1), EXIT STATUS",
    benign={1: "no process matched"},
    _2="the options or the pattern are not valid",
    _3="fatal error, such as no memory",
)
_GZIP = _table("gzip(1), DIAGNOSTICS", _1="an error occurred", _2="a warning was given; the work was done")
_PYTEST = _table(
    "pytest documentation, Exit codes",
    obvious={1: "tests ran and some failed"},
    _2="interrupted, or collection failed",
    _3="internal error in pytest",
    _4="wrong usage: an option or a path does not exist",
    _5="no tests were collected",
)
_GIT = _table(
    "git(1) and api-error-handling",
    obvious={
        128: "git refused: a fatal error, such as no repository, an unknown revision, or trouble with the remote",
        129: "wrong usage: unknown option or subcommand argument",
    },
)
_GIT_ANSWER: Final = {
    "grep": _table("git-grep(1)", benign=_NO_MATCH),
    "diff": _table("git-diff(1), --exit-code", benign=_DIFFER),
    "diff --no-index": {
        1: Meaning(
            "the inputs differ, or one of them cannot be read",
            "git-diff(1), --no-index",
            benign=True,
            unsure=True,
        )
    },
    "merge-base": _table(
        "git-merge-base(1), --is-ancestor", benign={1: "it is not an ancestor, or there is none"}
    ),
    "show-ref": _table("git-show-ref(1)", benign={1: "no such ref"}),
    "check-ignore": _table("git-check-ignore(1)", benign={1: "none of the paths is ignored"}),
    "config": _table("git-config(1)", benign={1: "the key is not set"}),
    "ls-remote": _table("git-ls-remote(1), --exit-code", benign={2: "no matching refs"}),
}

SUBCOMMANDS: Final[Mapping[str, Mapping[str, Mapping[int, Meaning]]]] = {
    "git": _GIT_ANSWER,
    "systemctl": {
        "is-active": _table("systemctl(1)", benign={3: "the unit is not active"}, _4="no such unit"),
        "is-enabled": _table("systemctl(1)", benign={1: "the unit is not enabled"}, _4="no such unit"),
        "is-failed": _table("systemctl(1)", benign={1: "the unit has not failed"}),
        "status": _table(
            "systemctl(1), EXIT STATUS", benign={3: "the unit is not active"}, _4="no such unit"
        ),
    },
    "dpkg": {"-s": _table("dpkg(1), EXIT STATUS", benign={1: "the package is not installed"})},
}
"""Codes that depend on the first argument; they go before those of the program."""

PROGRAMS: Final[Mapping[str, Mapping[int, Meaning]]] = {
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "zgrep": _GREP,
    "rg": _RIPGREP,
    "ag": _AG,
    "diff": _DIFF,
    "colordiff": _DIFF,
    "sdiff": _DIFF,
    "diff3": _table(
        "diff3(1)", benign={1: "there are conflicts"}, _2="trouble, such as an input that is missing"
    ),
    "cmp": _CMP,
    "test": _TEST,
    "[": _TEST,
    "[[": _TEST,
    "expr": _table("expr(1)", benign={1: "the value is empty or 0"}, _2="the expression is not valid"),
    "pgrep": _PGREP,
    "pkill": _PGREP,
    "pidof": _table("pidof(8)", benign={1: "no such program runs"}),
    "which": _table("which(1), EXIT STATUS", benign={1: "not found in PATH"}),
    "command -v": _NO_COMMAND,
    "type": _NO_COMMAND,
    "whence": _NO_COMMAND,
    "where": _NO_COMMAND,
    "((": _ARITHMETIC,
    "let": _ARITHMETIC,
    "getent": _table("getent(1), EXIT STATUS", benign={2: "the key is not in the database"}),
    "ssh": _SSH,
    "sftp": _table(
        "sftp(1)",
        _1="an error occurred, such as a failed command of the batch",
        _255="the ssh connection failed",
    ),
    "scp": _SCP,
    "rsync": _table(
        "rsync(1), EXIT VALUES",
        _1="syntax or usage error",
        _2="protocol versions do not fit",
        _3="an input or output path could not be selected",
        _5="the client-server protocol did not start",
        _10="error in socket I/O",
        _11="error in file I/O, such as a full disk",
        _12="error in the protocol stream: the connection broke, or rsync is missing there",
        _20="interrupted",
        _23="partial transfer: some files failed",
        _24="partial transfer: source files vanished meanwhile",
        _30="timeout in sending or receiving",
        _35="timeout waiting for the connection",
        _255="the ssh connection failed",
    ),
    "curl": _table(
        "curl(1), EXIT CODES",
        _3="the URL is malformed",
        _5="the proxy's name was not resolved",
        _6="the host's name was not resolved",
        _7="no connection to the host",
        _18="the transfer ended early",
        _22="the server answered with HTTP 400 or above",
        _23="writing the received data failed",
        _26="reading a local file failed",
        _28="the operation timed out",
        _33="the server refused the byte range",
        _35="the TLS handshake failed",
        _47="too many redirects",
        _52="the server sent nothing",
        _55="sending failed",
        _56="receiving failed: the connection was reset",
        _60="the server's certificate was not trusted",
        _67="login was refused",
    ),
    "wget": _table(
        "wget(1), EXIT STATUS",
        _1="an error occurred",
        _2="an option or configuration line is not valid",
        _3="file I/O error",
        _4="network failure",
        _5="the server's certificate was not trusted",
        _6="login was refused",
        _7="protocol error",
        _8="the server answered with an error",
    ),
    "tar": _table(
        "tar(1), RETURN VALUE", _1="some files differ or changed while being read", _2="fatal error"
    ),
    "gzip": _GZIP,
    "gunzip": _GZIP,
    "unzip": _table(
        "unzip(1), DIAGNOSTICS",
        _1="warnings were given; the work was done",
        _2="the archive is damaged",
        _9="the archive was not found",
        _11="no file of the archive matched",
        _82="wrong password",
    ),
    "zip": _table("zip(1), DIAGNOSTICS", _12="nothing to do", _18="a file to add could not be read"),
    "xargs": _table(
        "xargs(1), EXIT STATUS",
        _123="a command that it started failed",
        _124="a command that it started exited with 255",
        _125="a command that it started was killed by a signal",
    ),
    "timeout": _table(
        "timeout(1), EXIT STATUS",
        _124="its time limit ended the command",
        _125="timeout itself failed",
        _137="killed outright, by its time limit with -k or -s KILL, or for lack of memory",
    ),
    "find": _table("find(1), EXIT STATUS", _1="some paths could not be read, or an -exec failed"),
    "ls": _table(
        "ls(1), Exit status",
        _1="minor trouble, such as a subdirectory that cannot be read",
        obvious={2: "serious trouble, such as a path that is missing or an unknown option"},
    ),
    "sort": {
        **_with("-c -C --check", "sort(1p), -c", benign=True, _1="the input is not sorted"),
        **_table("sort(1p), EXIT STATUS", _2="an error occurred"),
    },
    "jq": {
        **_with(
            "-e --exit-status",
            "jq(1), --exit-status",
            benign=True,
            _1="the last output was false or null",
            _4="there was no output",
        ),
        **_table(
            "jq(1), --exit-status",
            _2="wrong usage or I/O error",
            _3="the program did not compile",
            _5="the program failed on this input, or it is not JSON",
        ),
    },
    "make": {
        **_with("-q --question", "make(1), EXIT STATUS", benign=True, _1="something is not up to date"),
        **_table("make(1), EXIT STATUS", obvious={2: "a recipe failed"}),
    },
    "patch": _table("patch(1)", _1="some hunks did not apply", _2="trouble, such as a missing file"),
    "ping": _table("ping(8)", _1="no reply", _2="an error, such as an unknown host, or on BSD no reply"),
    "apt": _table("apt-get(8), DIAGNOSTICS", obvious={100: "an error occurred"}),
    "apt-get": _table("apt-get(8), DIAGNOSTICS", obvious={100: "an error occurred"}),
    "cargo": _table("cargo(1), EXIT STATUS", obvious={101: "the build or the tests failed"}),
    "pytest": _PYTEST,
    "psql": _table(
        "psql(1), EXIT STATUS",
        _1="fatal error of its own",
        _2="the connection failed",
        _3="the script failed",
    ),
    "docker": _table("docker-run(1), Exit Status", _125="docker itself failed, not the command inside"),
    "mypy": _table("mypy documentation", obvious={1: "type errors were found"}, _2="wrong usage or a crash"),
    "ruff": _table("ruff documentation", obvious={1: "violations were found"}, _2="wrong usage or a crash"),
    "shellcheck": _table(
        "shellcheck(1), RETURN VALUES", obvious={1: "issues were found"}, _2="a file was not processed"
    ),
    "git": _GIT,
}
"""Codes of a program. General meanings (126, 127, 128+n) hold for the rest."""

SIGNAL_HINTS: Final[Mapping[str, str]] = {
    "KILL": "killed outright, often for lack of memory",
    "SEGV": "it crashed: invalid memory access",
    "ABRT": "it aborted itself, as a failed assertion does",
    "BUS": "it crashed: bad memory access, often a truncated file",
    "FPE": "it crashed: arithmetic error",
    "ILL": "it crashed: illegal instruction",
    "INT": "interrupted",
    "TERM": "asked to terminate",
    "HUP": "its terminal or session went away",
    "PIPE": "its reader closed the pipe",
    "QUIT": "quit with a core dump",
    "ALRM": "its own alarm ended it",
    "XCPU": "it used up its CPU time",
    "XFSZ": "a file grew beyond the limit",
}
"""What it usually means that a signal ended a program."""

CONNECTION_CODES: Final = {
    "ssh": frozenset((255,)),
    "scp": frozenset((255,)),
    "sftp": frozenset((255,)),
    "rsync": frozenset((10, 12, 30, 35, 255)),
}
"""Codes by which a program says that its connection failed: ssh(1), scp(1), sftp(1), rsync(1)."""
ANY_CONNECTION_CODE: Final = frozenset().union(*CONNECTION_CODES.values())
