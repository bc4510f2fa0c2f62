"""Reads ssh command lines: which host, as whom, and what runs there. Pure.

The options are those of ssh(1), scp(1), sftp(1) and rsync(1); an option's value may be glued to it.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from zsh_tool.insights.words import TIMEOUT_OPTIONS, Program, after_options, program, split_words

SSH_FLAGS: Final = frozenset("1246AaCfGgKkMNnqsTtVvXxYy")
SSH_WITH_VALUE: Final = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
_CONNECTS_TO_NOTHING: Final = frozenset("GOQV")
"""Options with which ssh(1) only tells its configuration, algorithms or version, or asks the master on this side."""
_COPY_WITH_VALUE: Final = {"scp": frozenset("cDFiJloPSX"), "sftp": frozenset("BbcDFiJloPRSsX")}
_RSYNC_WITH_VALUE: Final = frozenset("efBMT@")
_RSYNC_LONG_LIST: Final = """
    address backup-dir block-size bwlimit checksum-choice checksum-seed chmod chown compare-dest compress-choice
    compress-level contimeout copy-as copy-dest debug early-input exclude exclude-from files-from filter groupmap
    iconv include include-from info link-dest log-file log-file-format max-alloc max-delete max-size min-size
    modify-window only-write-batch out-format outbuf partial-dir password-file port protocol read-batch
    remote-option rsh rsync-path skip-compress sockopts stop-after stop-at suffix temp-dir timeout usermap
    write-batch
"""
_RSYNC_LONG_WITH_VALUE: Final = frozenset(f"--{name}" for name in _RSYNC_LONG_LIST.split())
_PROGRAMS: Final = ("ssh", "scp", "sftp", "rsync")
_UNQUOTED: Final = str.maketrans("", "", "\\'\"\n")

_WORD: Final = re.compile(r"""(?:\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|[^\s\\'"]|['"\\])+""")
# Redirections of zshmisc(1), and before them what hides their signs. Nothing here can backtrack.
_QUOTED: Final = r"""\\[\s\S]|'[^']*+'|"(?:[^"\\]++|\\[\s\S])*+"|\$?\([^()]*+\)|`[^`]*+`"""
_REDIRECTION: Final = re.compile(
    rf"""(?P<kept>{_QUOTED}|[<>]\([^()]*+\))"""
    r"""|(?:(?<!\S)\d++)?(?:&>>?|>&|<&|<<<|<>|>>?|<)[|!]?[ \t]*+"""
    rf"""(?:[<>]\([^()]*+\)|(?:{_QUOTED}|[^\s\\'"`<>;&|()])*+)"""
)
_DESTINATION: Final = re.compile(
    r"ssh://(?:(?P<user>[^/]*)@)?(?P<host>\[[^\]]*\]|[^/:@]+)(?::(?P<port>\d+))?/?"
)
_DAEMON_PATH: Final = re.compile(r"[^/:\[]*::")
_REMOTE_PATH: Final = re.compile(r"(?:(?P<user>[^/]+)@)?(?P<host>\[[^\]]*\]|[^/:@]+):(?P<path>.*)")


@dataclass(frozen=True)
class SshCommand:
    """What an ssh command line asks for."""

    host: str
    user: str | None = None
    port: str | None = None
    remote_command: str | None = None


def parse_ssh(command: str) -> SshCommand | None:
    """Read one simple command that starts with ``ssh``; None if it is something else or connects to no host.

    As ssh does: options may follow the host too, and the first value given for user or port counts, a user
    before the host's ``@`` most of all.
    """
    command = without_redirections(command.replace("\\\n", " "))
    words = list(_WORD.finditer(command))
    if not words or words[0][0] != "ssh":
        return None
    values: dict[str, str] = {}
    plain = [_unquoted(word[0]) for word in words]
    position = _options(plain, 1, values)
    if position is None or position >= len(words):
        return None
    target = _target(plain[position])
    if target is None:
        return None
    # Behind `--` there are no more options, neither before the host's name nor after it.
    rest = position + 1 if plain[position - 1] == "--" else _options(plain, position + 1, values)
    if rest is None or not _CONNECTS_TO_NOTHING.isdisjoint(values):
        return None
    remote = " ".join(command[words[rest].start() :].split()) if rest < len(words) else None
    return SshCommand(
        target.host, target.user or values.get("l"), target.port or values.get("p"), remote or None
    )


def without_redirections(simple: str) -> str:
    """Return a simple command without the redirections that this side's shell makes; what is quoted stays."""
    if "<" not in simple and ">" not in simple:
        return simple
    return _REDIRECTION.sub(lambda found: found["kept"] or " ", simple).strip()


def may_use_ssh(command: str) -> bool:
    """Tell, quickly and never wrongly with no, whether a part of the command could be one of these programs."""
    unquoted = command.translate(_UNQUOTED)
    return any(name in unquoted for name in _PROGRAMS)


def ssh_in(command: str) -> SshCommand | None:
    """Read one simple command that runs ssh, by whatever path and behind whatever prefixes; None as for `parse_ssh`."""
    found = program(command)
    if found is None or found.name != "ssh":
        return None
    arguments = _last_words(command, len(found.args))
    return None if arguments is None else parse_ssh(f"ssh {arguments}")


def within_timeout(command: str) -> str | None:
    """Return the simple command that ``timeout DURATION`` runs; None for any other command. See timeout(1)."""
    found = program(command)
    if found is None or found.name != "timeout":
        return None
    duration = after_options(found.args, 0, TIMEOUT_OPTIONS)
    return _last_words(command, len(found.args) - duration - 1) or None


def _last_words(command: str, count: int) -> str | None:
    """Return the text of the last words of a command; None if the words cannot be told for certain."""
    words = list(_WORD.finditer(command))
    if not 0 <= count < len(words) or len(words) < len(split_words(command)):
        return None
    return command[words[len(words) - count].start() :] if count else ""


def remote_host(command: str) -> str | None:
    """Return the host that ssh, scp, sftp or rsync over ssh would connect to; None if only the shell knows it."""
    found = program(command)
    host = _host_of(found, command) if found else None
    # What a variable stood for is not known, and may be another host each time.
    return None if host is None or "$" in host or "`" in host else host


def _host_of(found: Program, command: str) -> str | None:
    if found.name == "ssh":
        parsed = ssh_in(command)
        return parsed.host if parsed else None
    if found.name in _COPY_WITH_VALUE:
        return _copy_host(_arguments(found.args, _COPY_WITH_VALUE[found.name]), bare=found.name == "sftp")
    if found.name == "rsync":
        words = _arguments(found.args, _RSYNC_WITH_VALUE, _RSYNC_LONG_WITH_VALUE)
        return _copy_host([word for word in words if not _DAEMON_PATH.match(word)])
    return None


def _options(words: list[str], position: int, values: dict[str, str]) -> int | None:
    """Step over options, keeping the first value of each, of a flag an empty one.

    None if one is unknown or lacks its value.
    """
    while position < len(words):
        word = words[position]
        if word == "--":
            return position + 1
        if not word.startswith("-") or word == "-":
            return position
        position += 1
        for index, letter in enumerate(word[1:], start=1):
            if letter in SSH_WITH_VALUE:
                value = word[index + 1 :]
                if not value:
                    if position >= len(words):
                        return None
                    value = words[position]
                    position += 1
                values.setdefault(letter, value)
                break
            if letter not in SSH_FLAGS:
                return None
            values.setdefault(letter, "")
    return position


def _target(word: str) -> SshCommand | None:
    if word.startswith("ssh://"):
        found = _DESTINATION.fullmatch(word)
        if found is None:
            return None
        return SshCommand(found["host"], unquote(found["user"]) if found["user"] else None, found["port"])
    user, at, host = word.rpartition("@")
    # An empty name on either side of the `@` is wrong usage.
    return SshCommand(host, user or None) if host and (user or not at) else None


def _arguments(
    words: tuple[str, ...], with_value: frozenset[str], long_with_value: frozenset[str] = frozenset()
) -> list[str]:
    found: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            return found + list(words[position:])
        if word.startswith("--") or word == "-":
            position += word in long_with_value
            continue
        if word.startswith("-"):
            taking = next(
                (index for index, letter in enumerate(word) if index and letter in with_value), None
            )
            position += taking is not None and taking == len(word) - 1
        else:
            found.append(word)
    return found


def _copy_host(words: list[str], bare: bool = False) -> str | None:
    for word in words:
        if "://" in word:
            scheme, _, rest = word.partition("://")
            if scheme in ("scp", "sftp"):
                target = _DESTINATION.match("ssh://" + rest.split("/", 1)[0])
                return target["host"] if target else None
            continue
        if found := _REMOTE_PATH.fullmatch(word):
            return found["host"]
        if bare:
            return word.rpartition("@")[2] or None
    return None


def _unquoted(word: str) -> str:
    words = split_words(word)
    return words[0] if len(words) == 1 else word
