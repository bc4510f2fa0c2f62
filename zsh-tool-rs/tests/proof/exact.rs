//! The executor against zsh itself: same output, same status, and pipeline codes that are right or absent.
use super::cases::{NASTY, SIDEBAND, Vector, cases, contract, vectors};
use super::common::{self, Done, Exec, for_each};

/// What differs between two runs of zsh itself: measured times, and the order of trace lines from stages that run at once.
fn comparable(text: &str, output: &[u8]) -> Vec<u8> {
    let lossy = String::from_utf8_lossy(output);
    if text.starts_with("time ") {
        let words = lossy.split_whitespace();
        return words
            .filter(|word| !word.contains(|c: char| c.is_ascii_digit()))
            .collect::<String>()
            .into();
    }
    if lossy.contains("+zsh:1>") {
        let mut lines: Vec<&str> = lossy.lines().collect();
        lines.sort_unstable();
        return lines.join("\n").into();
    }
    output.to_vec()
}

/// In a list of lists that may be reported: nothing is known but how the shell ended.
pub const EXIT_CODE_ALONE: Vec<i64> = Vec::new();

/// Runs the text with zsh and with the executor, and compares.
pub fn check(exec: &Exec, text: &str, codes: &[Vec<i64>], pty: bool) -> Result<(), String> {
    let plain = exec.plain(text);
    exec.tidy();
    let ours = exec.run(text);
    exec.tidy();
    let without_returns = |done: &Done| {
        let lossless = if pty {
            done.text().replace("\r\n", "\n").into_bytes()
        } else {
            done.output.clone()
        };
        comparable(text, &lossless)
    };
    let told = ours.codes();
    let admitted = codes.contains(&EXIT_CODE_ALONE) && told == [i64::from(plain.code)];
    let problem = if without_returns(&ours) != comparable(text, &plain.output) {
        "output differs"
    } else if ours.code != plain.code || ours.meta["exit_code"] != plain.code {
        "exit code differs"
    } else if !ours.stderr.is_empty() {
        "the executor has something to say"
    } else if !codes.is_empty() && !admitted && !codes.contains(&told) {
        "codes are wrong"
    } else if told.len() == 1 && told[0] != i64::from(plain.code) {
        "a single code is the exit code"
    } else {
        return Ok(());
    };
    Err(format!(
        "{problem}: {text:?}\n allowed {codes:?}\n zsh {} {:?}\n ours {} {:?}\n {} {}",
        plain.code,
        plain.text(),
        ours.code,
        ours.text(),
        ours.meta,
        ours.stderr
    ))
}

/// A terminal differs from a pipe by design in what these look at.
fn not_about_terminals(list: Vec<Vector>) -> Vec<Vector> {
    let looks = |text: &str| {
        [
            "/proc/self/fd",
            ">(",
            "-t 0",
            "-p /dev/stdin",
            "\\r",
            "echo hi &",
            "setopt monitor",
        ]
        .iter()
        .any(|what| text.contains(what))
    };
    list.into_iter().filter(|(text, _)| !looks(text)).collect()
}

fn all_equal(list: &[Vector], pty: bool) {
    for_each(list, |(text, codes)| {
        let exec = if pty { Exec::new().pty() } else { Exec::new() };
        check(&exec, text, codes, pty)
    });
}

#[test]
fn contract_cases_in_pipe_mode() {
    all_equal(&vectors(), false);
}

/// Not only as the zsh of this machine does it.
#[test]
fn contract_cases_end_as_written() {
    for_each(&contract(), |case| {
        let done = Exec::new().run(case["input"].as_str().unwrap());
        // What is written for a text with a dash in front is how zsh takes it for an option, without the `--` that we put there.
        let is_option = case["input"].as_str().unwrap().starts_with('-');
        let same = is_option || case["expect"]["output"] == done.text();
        if same && case["expect"]["exit_code"] == done.code {
            Ok(())
        } else {
            Err(format!("{case}: {done:?}"))
        }
    });
}

#[test]
fn contract_cases_in_a_terminal() {
    all_equal(&not_about_terminals(vectors()), true);
}

#[test]
fn sideband_cases_in_pipe_mode() {
    all_equal(&cases(SIDEBAND), false);
}

#[test]
fn sideband_cases_in_a_terminal() {
    all_equal(&not_about_terminals(cases(SIDEBAND)), true);
}

#[test]
fn nasty_cases_in_pipe_mode() {
    all_equal(&cases(NASTY), false);
}

#[test]
fn nasty_cases_in_a_terminal() {
    all_equal(&not_about_terminals(cases(NASTY)), true);
}

/// Where a system-wide zshenv may hide the private folder, the hook goes in front of the text: still nothing of it shows.
#[test]
fn hook_in_front_of_the_text_is_as_exact() {
    // A zsh of our own with a zshenv beside it, which names ZDOTDIR without using it.
    let place = tempfile::tempdir().unwrap();
    let zsh = place.path().join("bin/zsh");
    std::fs::create_dir_all(place.path().join("bin")).unwrap();
    std::fs::create_dir_all(place.path().join("etc")).unwrap();
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|p| p.join("zsh"))
        .find(|p| p.exists())
        .unwrap();
    std::fs::copy(found, &zsh).unwrap();
    std::fs::write(
        place.path().join("etc/zshenv"),
        "export ZDOTDIR=/nonexistent\n",
    )
    .unwrap();
    let visible = [
        "ps -o",
        "set -x",
        "DEBUG",
        "funcstack",
        "restricted",
        "disable -m",
        "builtin()",
        "; echo a",
        "unfunction",
    ];
    let hidden = |text: &str| !visible.iter().any(|what| text.contains(what));
    let list: Vec<Vector> = cases(SIDEBAND)
        .into_iter()
        .chain(cases(NASTY))
        .filter(|(text, _)| text.contains('|') && hidden(text))
        .collect();
    for_each(&list, |(text, codes)| {
        check(&Exec::new().arg("--zsh").arg(&zsh), text, codes, false)
    });
}

#[test]
fn three_hundred_stages_are_too_many_to_believe() {
    let stages = |n: usize| vec!["true"; n].join(" | ");
    check(&Exec::new(), &stages(300), &[vec![0]], false).unwrap();
    check(&Exec::new(), &stages(100), &[vec![0; 100]], false).unwrap();
}

/// As root the shell may give its rights away before the hook writes: no codes, no message.
#[test]
fn lost_rights_lose_the_codes_only() {
    check(
        &Exec::new(),
        "EUID=65534; false | true",
        // Who is not root may not, and zsh stops there.
        &[vec![0], vec![1, 0], vec![1]],
        false,
    )
    .unwrap();
}

#[test]
fn a_background_job_does_not_hold_the_codes_up() {
    let exec = Exec::new();
    let mut running = exec.start("(sleep 5; exit 3) & false | true");
    let (_, took) = running.ended();
    assert!(took.as_secs() < 3, "{took:?}");
    assert_eq!(
        common::meta_at(&exec.path("meta.json"))["pipestatus"],
        serde_json::json!([1, 0])
    );
}

/// What cannot be hidden in a text with a pipe, so that a change here is a decision.
#[test]
fn the_hook_shows_only_where_the_docs_say() {
    let shown = Exec::new().run("functions | cat");
    assert!(shown.text().starts_with("zshexit () {"), "{}", shown.text());
    let hidden = Exec::new().run("functions; typeset; set; trap; alias");
    assert!(
        !hidden.text().contains("zshexit") && !hidden.text().contains("ZDOTDIR"),
        "{}",
        hidden.text()
    );
}

#[test]
fn folders_leave_with_the_command() {
    let exec = Exec::new().without("XDG_RUNTIME_DIR");
    exec.run("false | true");
    exec.run("kill -9 $$ | cat");
    let mut left: Vec<_> = std::fs::read_dir(exec.home.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["meta.json", "scratch"]);
}

/// Whatever the caller ignores or blocks, the command starts as from a fresh terminal, in pipe mode and in PTY mode.
#[test]
fn signals_are_reset() {
    for flags in [&[][..], &["--pty"]] {
        let script = "trap '' PIPE INT TERM HUP QUIT CHLD USR1 XFSZ TSTP TTOU";
        let done = Exec::new()
            .args(flags)
            .under(script, "exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
        let masks: Vec<&str> = done
            .output
            .split(|b| *b == b'\n')
            .filter_map(|l| std::str::from_utf8(l).ok()?.split_whitespace().nth(1))
            .collect();
        // Two signals belong to the C library, which lets nobody touch them.
        let touchable = |mask: &&str| u64::from_str_radix(mask, 16).unwrap() & !(0b11 << 31);
        let masks: Vec<u64> = masks.iter().map(touchable).collect();
        assert_eq!(masks, [0, 0], "{done:?}");
    }
}

#[test]
fn no_descriptor_of_ours_leaks() {
    for flags in [&[][..], &["--pty"]] {
        let exec = Exec::new().args(flags);
        let db = exec.path("alan.db");
        let exec = exec.arg("--db").arg(db).args(&["--session-id", "x"]);
        let text = "exec ls -m /proc/self/fd";
        assert_eq!(
            exec.run(text).text().trim_end(),
            exec.plain(text).text().trim_end()
        );
        assert_eq!(exec.run("true | exec ls -m /proc/self/fd").code, 0);
    }
}

/// The same from a standby executor, with the caller's whole environment in order and its umask.
#[test]
fn a_standby_executor_is_as_exact() {
    let exec = Exec::new()
        .env("ZZ", "last but one")
        .env("AA", "ä \n x")
        .env("ZDOTDIR", "/nonexistent")
        .env("MM", "");
    for (text, codes) in [
        ("env; false | true", vec![1, 0]),
        ("umask; env | cat", vec![0, 0]),
        ("ls /proc/self/fd | wc -l; exit 300", vec![44]),
    ] {
        let plain = exec.plain(format!("umask 027; {text}"));
        let mut task = exec.task(text, &serde_json::json!({"umask": 0o027}));
        let answer = task.ended();
        let shown = String::from_utf8(task.output()).unwrap();
        // The standard library sorts what it hands to zsh; the request keeps its order.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&shown), sorted(&plain.text()));
        assert!(
            !shown.contains("ZZ=") || shown.find("ZZ=") < shown.find("AA="),
            "{shown}"
        );
        assert_eq!(
            (&answer["exit_code"], &answer["pipestatus"]),
            (&plain.code.into(), &codes.into()),
            "{answer}"
        );
        task.exit_code();
        std::fs::remove_dir_all(&task.folder).unwrap();
    }
}
