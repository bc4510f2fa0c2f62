"""Code from elsewhere that may set traps: the vectors both languages read, files that change, and random text."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.memory import Rules
from zsh_tool.foreign import is_harmless
from zsh_tool.foreign.files import LONGEST
from zsh_tool.foreign.stamps import Stamps
from zsh_tool.foreign.watch import Watch

VECTORS = json.loads((CHECKOUT / "zsh-tool-rs/tests/vectors/foreign.json").read_text(encoding="utf-8"))
TRAPS = json.loads((CHECKOUT / "zsh-tool-rs/tests/vectors/traps.json").read_text(encoding="utf-8"))
MOST_FILES = 32


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, code in VECTORS["files"].items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    return tmp_path


def env_of(home: Path) -> Mapping[bytes, bytes]:
    return {b"HOME": bytes(home), b"PATH": b"/nosuch:%b/bin" % bytes(home), b"READER": b"source"}


def is_told(text: str, home: Path, system: Sequence[bytes] = ()) -> bool:
    """Whether nothing but the text sets traps, as far as can be told."""
    with closing(Stamps()) as stamps:
        return is_harmless(text.encode(), env_of(home), home, system, stamps)


@contextmanager
def watched(text: str, home: Path) -> Iterator[Stamps]:
    with closing(Stamps()) as stamps:
        assert is_harmless(text.encode(), env_of(home), home, (), stamps)
        yield stamps


def test_texts_follow_the_vectors(home: Path) -> None:
    wrong = [case for case in VECTORS["cases"] if is_told(case["input"], home) is case["expected"]]
    assert not wrong


def home_with_traps(home: Path, start_up: str) -> Path:
    """Make the home that the vectors of traps have, and return the folder in it where they run."""
    sets = "trap 'print ran; true | true | true' EXIT\n"
    turns = "#!/bin/sh\ncd; if [ -e old.zwc ]; then rm old.zwc; else cp ready old.zwc; fi\n"
    number = "q[${${functions[f]::=emulate sh; . $HOME/more}:+1}]\n"
    files = {
        "num": number,
        "more": sets,
        "sets": "emulate sh; . $HOME/more\n",
        "bad/f": sets,
        "deep/f": sets,
        "old": sets,
    }
    empty = dict.fromkeys(("plain", "good/f", "scratch/f"), "")
    for name, code in {**files, **empty, "takes_turns": turns, ".zshenv": f"{start_up}\n"}.items():
        (home / name).parent.mkdir(exist_ok=True, parents=True)
        (home / name).write_text(code, encoding="utf-8")
    links = {
        "link": "good",
        "to_link": "link",
        "two": "good",
        "one": "two",
        "sym": "old",
        "deep/link": "../good",
    }
    for name, target in links.items():
        (home / name).symlink_to(target)
    text = "zcompile old && mv old.zwc ready && : > old && touch -t 200001010000 old && chmod +x takes_turns"
    subprocess.run(["zsh", "-fc", text], cwd=home, check=True)
    return home / "scratch"


@pytest.mark.parametrize("share", range(8))
def test_no_way_to_set_a_trap_goes_unseen(tmp_path: Path, share: int) -> None:
    ways = [("", text) for text in TRAPS["texts"]] + [(code, text) for code, text in TRAPS["start_up"]]
    unseen = []
    for number, (start_up, way) in enumerate(ways[share::8]):
        cwd = home_with_traps(tmp_path / str(number), start_up)
        env = {**os.environ, "HOME": str(cwd.parent), "LC_ALL": "C.UTF-8"}
        text = way + ("\n" if "\n" in way else "; ") + "true | true"
        with closing(Stamps()) as stamps:
            bare = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
            is_told = is_harmless(text.encode(), bare, cwd, (), stamps)
            command = ["zsh", "-c", text]
            done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, timeout=60, check=False)
            assert b"ran" in done.stdout, way
            if is_told and stamps.hold():
                unseen.append(way)
    assert not unseen


def test_ordinary_texts_keep_their_codes(home: Path) -> None:
    (home / ".zshenv").write_text(VECTORS["start_up"], encoding="utf-8")
    assert [text for text in VECTORS["ordinary"] if not is_told(text, home)] == []


def test_many_files_and_long_ones_are_taken_to_set_some(home: Path) -> None:
    (home / "long").write_bytes(b"#" * (LONGEST + 1))
    assert not is_told(". ./long", home)
    (home / "long").write_bytes(b"#" * LONGEST)
    assert is_told(". ./long", home)
    for number in range(MOST_FILES + 1):
        (home / str(number)).write_text(f"source ./{number + 1}", encoding="utf-8")
    assert not is_told(". ./0", home)
    assert is_told(". ./3", home)


@pytest.mark.parametrize(
    ("name", "value", "text", "expected"),
    [
        ("COLUMNS", "120", "a | b", True),
        ("n", "3", "(( n )) && a | b", True),
        ("n", "x[1]", "a $n | b", True),
        ("REPORTTIME", "x[1]", "a | b", False),
        ("COLUMNS", "a", "a | b", False),
        ("n", "x[1]", "(( n )) && a | b", False),
        ("n", "a", "(( n )) && a | b", False),
        ("commands", "a", "(( $+commands[x] )) && a | b", False),
    ],
)
def test_numbers_in_the_environment_must_be_such(
    home: Path, name: str, value: str, text: str, expected: bool
) -> None:
    env = {**env_of(home), name.encode(): value.encode()}
    with closing(Stamps()) as stamps:
        assert is_harmless(text.encode(), env, home, (), stamps) is expected


@pytest.mark.parametrize(
    ("before", "unit", "behind"),
    [
        ("cat <<E\n", "${", "\nE\na | b"),
        (": ", "$a[", "; a | b"),
        (": ", "{", "; a | b"),
        (": a(", "[", ")| b"),
        ("x=(", "[a", "]]=x)| b"),
        (": ", "$((n))", "| b"),
        (": ", "$x:h", ":F| b"),
    ],
)
def test_what_has_no_end_is_given_up(home: Path, before: str, unit: str, behind: str) -> None:
    """It is not looked for again and again: that would take hours."""
    is_told(before + unit * 200_000 + behind, home)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("export JAVA_HOME=/opt/java PATH=$HOME/bin:$PATH", False),
        ("path=(~/bin $path)\n. ./nosuch", False),
        ("[[ -f ~/plain ]] && source ~/plain", False),
        ("source ~/sets", True),
        ('eval "$(a)"', True),
        ("source $x", True),
        ("trap 'a | b' EXIT", True),
    ],
)
def test_a_start_up_file_is_searched_as_the_text_is(home: Path, code: str, expected: bool) -> None:
    (home / ".zshenv").write_text(code, encoding="utf-8")
    assert is_told("a | b", home) is not expected
    # So is the system's.
    (home / ".zshenv").unlink()
    assert is_told("a | b", home, [code.encode()]) is not expected


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("HOME=/elsewhere", "source ~/plain"),
        ("setopt rc_quotes", "a | b ''"),
        ("setopt glob_subst", "a $x"),
        ("cd bin", "source ./sets_too"),
        ('run() { "$@" }', "run source ./plain"),
        ("alias s=source", "s ./plain"),
    ],
)
def test_what_a_start_up_file_does_decides_what_the_text_means(home: Path, code: str, text: str) -> None:
    (home / ".zshenv").write_text(code, encoding="utf-8")
    assert not is_told(text, home)


def test_what_the_text_does_comes_after_the_start_up_file(home: Path) -> None:
    (home / ".zshenv").write_text("source ~/plain", encoding="utf-8")
    assert is_told("HOME=/elsewhere a | b", home)


def let_the_clock_go_on(folder: Path) -> None:
    """Wait until a change shows in the times of files, which may be those of a coarse clock."""
    mark = folder / "mark"
    mark.touch()
    before = mark.stat().st_ctime_ns
    limit = time.monotonic() + 10
    while mark.stat().st_ctime_ns == before:
        assert time.monotonic() < limit
        mark.touch()
    mark.unlink()


def put_away_and_back(place: Path) -> None:
    place.rename(place.with_name("away"))
    place.with_name("away").rename(place)


def write_and_remove(place: Path) -> None:
    place.touch()
    place.unlink()


def turn_and_back(link: Path) -> None:
    before = link.readlink()
    link.unlink()
    link.symlink_to("bin")
    link.unlink()
    link.symlink_to(before)


CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    (". ./plain", lambda home: (home / "plain").write_text("x=2", encoding="utf-8")),
    (". ~/plain", lambda home: put_away_and_back(home / "plain")),
    (". ./plain", lambda home: (home / "plain.zwc").touch()),
    (". ./plain", lambda home: write_and_remove(home / "plain.zwc")),
    (". ./link", lambda home: write_and_remove(home / "link.zwc")),
    (". ./bin/plain_too", lambda home: put_away_and_back(home / "bin")),
    (". ~/plain", put_away_and_back),
    (". ./new", lambda home: (home / "new").touch()),
    (". ./gone", lambda home: write_and_remove(home / "gone")),
    (". ./no/such", lambda home: (home / "no").mkdir()),
    (". ./link", lambda home: (home / "bin/plain_too").write_text("y", encoding="utf-8")),
    (". ./to/plain_too", lambda home: turn_and_back(home / "again")),
    (". ./to/gone", lambda home: write_and_remove(home / "bin/gone")),
    (". ./to/gone", lambda home: put_away_and_back(home / "bin")),
]


@pytest.fixture(params=[True, False], ids=["watched", "looked at twice"])
def has_watch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system lets us watch places; where not, less is known for certain, and no more."""
    if not request.param:
        monkeypatch.setattr(Watch, "_add", lambda *_: False)
    return bool(request.param)


@pytest.mark.parametrize(("text", "change"), CHANGES)
@pytest.mark.usefixtures("has_watch")
def test_a_file_must_stay_the_same_all_the_time(
    home: Path, tmp_path_factory: pytest.TempPathFactory, text: str, change: Callable[[Path], object]
) -> None:
    for name, target in (("link", "bin/plain_too"), ("to", "again"), ("again", "bin")):
        (home / name).symlink_to(target)
    with watched(text, home) as stamps:
        assert stamps.hold()
        let_the_clock_go_on(tmp_path_factory.mktemp("clock"))
        change(home)
        assert not stamps.hold()


def test_others_may_change_beside_a_file(
    home: Path, tmp_path_factory: pytest.TempPathFactory, has_watch: bool
) -> None:
    (home / "to").symlink_to("bin")
    for text in (". ./plain; . ~/bin/plain_too; . to/plain_too", "[[ -f new ]] && . ./new"):
        with watched(text, home) as stamps:
            let_the_clock_go_on(tmp_path_factory.mktemp("clock"))
            for name in ("sets", "bin/other", "plain.zw", "z.zwc"):
                write_and_remove(home / name)
            # That it was another file only a watch can tell.
            assert stamps.hold() is has_watch


def test_more_than_can_be_kept_is_noticed(home: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    with watched(". ./plain", home) as stamps:
        for number in range(most + 1):
            write_and_remove(home / str(number % 2))
        assert not stamps.hold()


def test_a_place_is_what_the_system_takes_it_for(home: Path) -> None:
    # What a slash follows is no file; of a name too long nothing can be told.
    for text in (". ./sets/", ". ./sets/.", ". ./sets/../sets"):
        assert is_told(text, home), text
    for text in (". .//sets", f". ./{'a' * 5000}", ". './a\0b'"):
        assert not is_told(text, home), text[:20]


def test_what_only_the_shell_can_read_is_taken_to_set_some(home: Path) -> None:
    os.mkfifo(home / "pipe")
    reader, writer = os.pipe()
    for place in ("./pipe", f"/dev/fd/{reader}", f"/proc/self/fd/{reader}", "/dev/zero"):
        assert not is_told(f". {place}", home), place
    os.close(reader)
    os.close(writer)


def test_compiled_files_are_searched_for_their_words(home: Path) -> None:
    def is_read(code: str) -> bool:
        (home / "code").write_text(code, encoding="utf-8")
        subprocess.run(["zsh", "-fc", "zcompile code && rm code"], cwd=home, check=True)
        return is_told(". ./code", home)

    assert is_read("echo from the compiled file; false; PATH=/bin")
    for code in ("trap 'a | b' EXIT", ". ./f", "source f", "eval a", "$x f", "`a`", '"$x" f', "r"):
        assert not is_read(code), code
    assert not is_told(". ./code.zwc", home)


PIECE_LIST = """
    source . eval emulate sh zsh cd pushd - -c -x builtin command exec noglob repeat until alias x= s=source ${s:-. $
    [[ ]] (( )) { } {} ! do done then fi if for foreach in case esac function f() f() { "$@" $@ $1 $* $_ $x $HOME
    ${HOME} ${PWD} ${x ${x:= ${~x} ${(e)x} ${(P)x=} $( $(( ${ } ` ' '' " "" $' \\ = =ls ~ ~/ * ? ^ [ ] *( (e: (|e) (#q
    =( <( <E <<E <<-E <<'E' E <<< <1-2> < > &> >& >| |& && || &! ;; ; & | ( ) 2> 2 {x} {a,b} # \\\n -- x=1 x+=. x[1]=2
    read getopts print -v -P printf export typeset -l set -A -o setopt glob_subst extended_glob rc_quotes zmodload
    zsh/zutil zsh/stat zstyle -e autoload disable -r argv PS4= functions functions[ trap tr ap
    cdpath= CDPATH setopt -T +T unsetopt -m options[ options+=( cdable_vars PWD= $PWD ${PWD}/passwd .. ../etc
    n n=$(a) n=3 m=$n $n $n[1] $m[n] ${n[ ${n:1 ${n:= ${(#)n} ${(l:3:)n} ${#n} $# $? $$ $[ :F :h :1 $+commands[a]
    -eq -gt -t -v test let read integer float -i -A printf %d '%s' "%d" repeat return exit shift SECONDS= sysread
    *(om[1]) ([n]=1) {1..3} local print -f break "$n" "$n[1]" commands= zformat 1 3 ++ + <
    always in esac ;;; a|b) (N[n]) ${x:-*([n])} ${(j.).l.n.)n} $#@[n] :gF :W -vn -vSECONDS '-%d' -nt $n$n ${#n[@]} none
    command_not_found_handler f a b HOME PATH path / passwd ./etc /etc/passwd etc/passwd /dev/null zshenv-nosuch
    \u00e9 \u0001
"""
PIECES = [piece.replace("\\n", "\n") for piece in PIECE_LIST.split()]


def texts(longest: int) -> st.SearchStrategy[str]:
    spaced = st.lists(st.sampled_from([*PIECES, "\n", "\t"]), max_size=longest).map(" ".join)
    packed = st.lists(st.sampled_from([*PIECES, " ", " ", " ", "\n"]), max_size=longest).map("".join)
    return spaced | packed


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts(6) | texts(14))
def test_both_languages_agree_on_any_text(rust: Rules, text: str) -> None:
    # What the executor's side is asked with too.
    env = {b"HOME": b"/etc", b"PATH": b"/bin"}
    with closing(Stamps()) as stamps:
        ours = is_harmless(text.encode(), env, Path("/"), (), stamps)
    assert json.loads(rust.ask(json.dumps(text)))["may_set_traps"] is not ours


HOSTILE = [
    "{ a " * 50_000,
    ". /nosuch;" * 20_000,
    "$HOME x=y;alias x=y;" * 20_000,
    "$x;alias x=y;" * 20_000,
    "cd x;" * 50_000,
    ". $HOME;" * 20_000,
    "'\"" * 100_000,
    "'" + "a b" * 300_000 + "'",
    '"' + "a\\b\\$" * 200_000 + '"',
    "`" + "\\a" * 500_000 + "`",
    "$'" + "\\'" * 500_000 + "'",
    "a(b)" * 50_000,
    "x[=(a)" * 20_000 + "]",
    "(" * 50 + "a" + ")" * 50,
    "((" * 25 + "a" + "))" * 25,
    "$((" * 40 + "'" + "))" * 40,
    "(( $(" * 1000,
    "a <<E\n" * 20_000,
    "eval " * 8 + "b " * 5_000,
    "eval " * 60 + "b",
    "$1 " * 60 + "b " * 60_000,
    "for " + "x " * 1000 + "in " + "y " * 1000 + "; $x",
    ". $HOME/passwd #" + "${HOME " * 3_000,
    "x=a; $x " * 30_000,
    "alias a=b a=c; " * 20_000,
    "[[ a ]] " * 20_000,
    "< 1" * 50_000,
    "<1-" * 50_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_a_long_hostile_text_takes_no_time(rust: Rules, text: str) -> None:
    theirs = json.loads(rust.ask(json.dumps(text)))["may_set_traps"]
    with closing(Stamps()) as stamps:
        ours = is_harmless(text.encode(), {b"HOME": b"/etc", b"PATH": b"/bin"}, Path("/"), (), stamps)
    assert theirs is not ours
