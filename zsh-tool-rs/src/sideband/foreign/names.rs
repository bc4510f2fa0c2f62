//! The commands and variables that decide which code a shell runs.
use super::lexer::{Part, Word, is_name, is_prefix};

/// Commands that run code from elsewhere, or give later words of the text another meaning.
pub(super) const READERS: [&[u8]; 5] = [b".", b"source", b"eval", b"emulate", b"alias"];
/// Commands that run code in ways that are not followed.
pub(super) const BEYOND: [&[u8]; 9] = [
    b"trap",
    b"dirs",
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
pub(super) const WRITERS: [&[u8]; 14] = [
    b"getln",
    b"syserror",
    b"syswrite",
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
pub(super) const TABLES: [&[u8]; 9] = [
    b"functions",
    b"aliases",
    b"dis_aliases",
    b"dis_functions",
    b"dis_galiases",
    b"dis_saliases",
    b"galiases",
    b"saliases",
    b"options",
];

/// Variables whose value is a command, or code: for redirections alone, with each command that is traced, and before each choice.
pub(super) const CODE: [&[u8]; 6] = [
    b"NULLCMD",
    b"PROMPT3",
    b"PROMPT4",
    b"PS3",
    b"PS4",
    b"READNULLCMD",
];

/// Commands that take a number, which may be an expression.
pub(super) const COUNTERS: [&[u8]; 9] = [
    b"break",
    b"bye",
    b"continue",
    b"exit",
    b"logout",
    b"repeat",
    b"return",
    b"shift",
    b"sysseek",
];
/// Commands that reckon with what they get.
pub(super) const RECKONERS: [&[u8]; 6] = [
    b"float", b"integer", b"let", b"printf", b"sysread", b"zsystem",
];
/// Those of them, and others, of whose words none is looked at.
pub(super) const UNFOLLOWED: [&[u8]; 5] =
    [b"sysopen", b"sysread", b"sysseek", b"zformat", b"zsystem"];
/// Commands and words that change no file, whatever they are given.
const CALM: [&[u8]; 14] = [
    b".",
    b"source",
    b"setopt",
    b"unsetopt",
    b"set",
    b"[[",
    b"[",
    b"test",
    b":",
    b"true",
    b"false",
    b"alias",
    b"umask",
    b"emulate",
];

/// Variables of the shell's that are numbers: what they are given is reckoned.
pub(super) const NUMBERS: [&[u8]; 37] = [
    b"ARGC",
    b"BAUD",
    b"COLUMNS",
    b"DIRSTACKSIZE",
    b"EGID",
    b"EPOCHREALTIME",
    b"EPOCHSECONDS",
    b"ERRNO",
    b"EUID",
    b"FUNCNEST",
    b"GID",
    b"HISTCMD",
    b"HISTSIZE",
    b"KEYTIMEOUT",
    b"LINENO",
    b"LINES",
    b"LISTMAX",
    b"LOGCHECK",
    b"MAILCHECK",
    b"MBEGIN",
    b"MEND",
    b"OPTIND",
    b"PPID",
    b"RANDOM",
    b"REPORTMEMORY",
    b"REPORTTIME",
    b"SAVEHIST",
    b"SECONDS",
    b"SHLVL",
    b"TMOUT",
    b"TRY_BLOCK_ERROR",
    b"TRY_BLOCK_INTERRUPT",
    b"TTYIDLE",
    b"UID",
    b"ZLE_RPROMPT_INDENT",
    b"ZSH_SUBSHELL",
    b"status",
];

/// Variables that the shell gives values itself, whatever the environment says, or by another name, beside those that begin with its own
/// (`zshparam(1)`; numbers such as `COLUMNS` keep what can be counted).
const SHELLS_OWN: [&[u8]; 38] = [
    b"BASH_REMATCH",
    b"CDPATH",
    b"CPUTYPE",
    b"FIGNORE",
    b"FPATH",
    b"HISTCHARS",
    b"HOST",
    b"KEYBOARD_HACK",
    b"LOGNAME",
    b"MACHTYPE",
    b"MAILPATH",
    b"MANPATH",
    b"MATCH",
    b"MODULE_PATH",
    b"OLDPWD",
    b"OPTARG",
    b"OSTYPE",
    b"PROMPT",
    b"PROMPT2",
    b"PROMPT3",
    b"PROMPT4",
    b"PS1",
    b"PS2",
    b"PS3",
    b"PS4",
    b"PSVAR",
    b"PWD",
    b"REPLY",
    b"RPROMPT",
    b"RPROMPT2",
    b"RPS1",
    b"RPS2",
    b"SPROMPT",
    b"TTY",
    b"USERNAME",
    b"VENDOR",
    b"WATCH",
    b"_",
];

/// Those of small letters: what they hold is told by others, or by the shell.
const SMALL: [&[u8]; 21] = [
    b"argv",
    b"cdpath",
    b"dirstack",
    b"errnos",
    b"fignore",
    b"fpath",
    b"histchars",
    b"mailpath",
    b"manpath",
    b"match",
    b"mbegin",
    b"mend",
    b"module_path",
    b"options",
    b"path",
    b"pipestatus",
    b"prompt",
    b"psvar",
    b"reply",
    b"signals",
    b"watch",
];

/// Variables of the shell's modules, and what they hold.
const MODULES_OWN: [&[u8]; 41] = [
    b"BUFFER",
    b"CURSOR",
    b"aliases",
    b"builtins",
    b"commands",
    b"dis_aliases",
    b"dis_builtins",
    b"dis_functions",
    b"dis_functions_source",
    b"dis_galiases",
    b"dis_patchars",
    b"dis_reswords",
    b"dis_saliases",
    b"epochtime",
    b"funcfiletrace",
    b"funcsourcetrace",
    b"funcstack",
    b"functions",
    b"functions_source",
    b"functrace",
    b"galiases",
    b"history",
    b"historywords",
    b"jobdirs",
    b"jobstates",
    b"jobtexts",
    b"keymaps",
    b"langinfo",
    b"mapfile",
    b"modules",
    b"nameddirs",
    b"parameters",
    b"patchars",
    b"reswords",
    b"saliases",
    b"sysparams",
    b"termcap",
    b"terminfo",
    b"userdirs",
    b"usergroups",
    b"widgets",
];

/// Whether such a variable is one of the shell's or of its modules.
pub(super) fn is_known(name: &[u8]) -> bool {
    is_shells_own(name) || MODULES_OWN.contains(&name) || CODE.contains(&name)
}

/// Whether the shell gives this variable its value.
pub(super) fn is_shells_own(name: &[u8]) -> bool {
    SHELLS_OWN.contains(&name)
        || NUMBERS.contains(&name)
        || SMALL.contains(&name)
        || [&b"ZSH"[..], b"zsh"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Whether a value that this, or an element of it, is given in passing may be code, define commands or be the shell's arguments.
pub(super) fn is_table(name: &[u8]) -> bool {
    let end = name.iter().position(|b| !is_name(*b));
    let name = &name[..end.unwrap_or(name.len())];
    TABLES.contains(&name) || CODE.contains(&name) || name == b"argv"
}

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
        &[b"zmodload", b"functions", b"let"],
    ]
    .iter()
    .any(|names| names.contains(&name))
        || is_prefix(name)
        || name.is_empty()
}

/// Whether a command of this name may take a word for a number.
pub(super) fn takes_numbers(name: &[u8]) -> bool {
    COUNTERS.contains(&name) || matches!(name, b"[" | b"test")
}

/// Whether a function that runs what it is called with runs no code from elsewhere if it gets this word.
pub(super) fn passes_no_command(word: &Word) -> bool {
    match word.parts.as_slice() {
        [Part::Argument] => true,
        _ => {
            word.is_path()
                || word.said().is_some_and(|said| {
                    said.is_empty() || !is_special(said) && !takes_numbers(said)
                })
        }
    }
}

/// Whether a command sets the option of this letter, or takes it back.
pub(super) fn sets_by_letter(name: &[u8], arguments: &[Word], letter: u8) -> bool {
    let has_letter = |word: &Word| matches!(word.beginning(), [b'-' | b'+', letters @ ..] if letters.contains(&letter));
    (SETTERS.contains(&name) || name == b"emulate") && arguments.iter().any(has_letter)
}

/// Whether a command of this name changes no file.
pub(super) fn is_calm(name: &[u8]) -> bool {
    CALM.contains(&name) || DECLARERS.contains(&name)
}

/// Whether the first words behind a command of this name may be options that matter.
pub(super) fn takes_options(name: &[u8]) -> bool {
    DECLARERS.contains(&name) || WRITERS.contains(&name)
}
