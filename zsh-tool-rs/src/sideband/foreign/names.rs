//! The commands and variables that decide which code a shell runs.
use super::lexer::{Part, Word, is_prefix};

/// Commands that run code from elsewhere, or give later words of the text another meaning.
pub(super) const READERS: [&[u8]; 5] = [b".", b"source", b"eval", b"emulate", b"alias"];
/// Commands that run code in ways that are not followed.
pub(super) const BEYOND: [&[u8]; 7] = [
    b"autoload",
    b"bindkey",
    b"fc",
    b"r",
    b"sched",
    b"zparseopts",
    b"zregexparse",
];
/// Commands that set options, or what is reserved.
pub(super) const SETTERS: [&[u8]; 5] = [b"setopt", b"unsetopt", b"set", b"enable", b"disable"];
/// Commands that declare variables, or take them back.
pub(super) const DECLARERS: [&[u8]; 9] = [
    b"declare",
    b"export",
    b"float",
    b"integer",
    b"local",
    b"private",
    b"readonly",
    b"typeset",
    b"unset",
];
/// Commands that give values to the variables that their operands name.
pub(super) const WRITERS: [&[u8]; 11] = [
    b"getopts",
    b"print",
    b"printf",
    b"read",
    b"strftime",
    b"sysopen",
    b"sysread",
    b"vared",
    b"zformat",
    b"zstyle",
    b"zsystem",
];
/// Modules with no other commands than those of this page that run code or give variables values.
pub(super) const MODULES: [&[u8]; 9] = [
    b"zsh/datetime",
    b"zsh/files",
    b"zsh/langinfo",
    b"zsh/mathfunc",
    b"zsh/parameter",
    b"zsh/regex",
    b"zsh/system",
    b"zsh/terminfo",
    b"zsh/zutil",
];
/// Commands that change the working directory.
pub(super) const MOVERS: [&[u8]; 4] = [b"cd", b"chdir", b"popd", b"pushd"];
/// Where an assignment defines a command, or sets an option.
pub(super) const TABLES: [&[u8]; 5] = [
    b"functions",
    b"aliases",
    b"galiases",
    b"saliases",
    b"options",
];

/// Variables whose value is a command, or code: for redirections alone, and with each command that is traced.
pub(super) const CODE: [&[u8]; 4] = [b"NULLCMD", b"PROMPT4", b"PS4", b"READNULLCMD"];

/// Variables that the shell gives values itself, whatever the environment says.
pub(super) const SHELLS_OWN: [&[u8]; 27] = [
    b"ARGC",
    b"CPUTYPE",
    b"EGID",
    b"ERRNO",
    b"EUID",
    b"GID",
    b"HISTCMD",
    b"HOST",
    b"LINENO",
    b"LOGNAME",
    b"MACHTYPE",
    b"MATCH",
    b"OLDPWD",
    b"OPTARG",
    b"OPTIND",
    b"OSTYPE",
    b"PPID",
    b"PWD",
    b"RANDOM",
    b"REPLY",
    b"SECONDS",
    b"SHLVL",
    b"TTYIDLE",
    b"UID",
    b"USERNAME",
    b"VENDOR",
    b"_",
];

/// Whether such a variable may have this value.
pub(super) fn is_no_code(value: &[u8]) -> bool {
    !is_special(value) && !value.iter().any(|b| b"$`".contains(b))
}

/// Whether a command of this name runs other code than its own, or changes what later words mean.
pub(super) fn is_special(name: &[u8]) -> bool {
    [
        &READERS[..],
        &BEYOND,
        &SETTERS,
        &DECLARERS,
        &WRITERS,
        &MOVERS,
        &[b"zmodload"],
    ]
    .iter()
    .any(|names| names.contains(&name))
        || is_prefix(name)
        || name.is_empty()
}

/// Whether a function that runs what it is called with runs no code from elsewhere if it gets this word.
pub(super) fn passes_no_command(word: &Word) -> bool {
    match word.parts.as_slice() {
        [Part::Argument] => true,
        _ => {
            word.is_path()
                || word
                    .said()
                    .is_some_and(|said| !is_special(said) || said.is_empty())
        }
    }
}

/// Whether a command sets the option of this letter, or takes it back.
pub(super) fn sets_by_letter(name: &[u8], arguments: &[Word], letter: u8) -> bool {
    let has_letter = |word: &Word| matches!(word.beginning(), [b'-' | b'+', letters @ ..] if letters.contains(&letter));
    (SETTERS.contains(&name) || name == b"emulate") && arguments.iter().any(has_letter)
}
