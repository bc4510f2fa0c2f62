//! Texts that are longer than an argument can be, and bytes that are no characters.
use super::common::Exec;

/// A text from a file, which may be longer than an argument; zsh reads the same text from its own file to compare.
fn check_long(text: &[u8], pty: bool) {
    let exec = Exec::new().file("text", text).file("script", text);
    let mut zsh = std::process::Command::new("zsh");
    zsh.arg(exec.path("script"));
    let plain = exec.plain_command(zsh);
    exec.tidy();
    let file = exec.path("text");
    let flags: &[&str] = if pty { &["--pty"] } else { &[] };
    let exec = exec.args(flags).arg("--command-file").arg(file);
    let ours = exec.start_without_text().wait();
    let shown = if pty {
        ours.text().replace("\r\n", "\n").into_bytes()
    } else {
        ours.output.clone()
    };
    assert_eq!(ours.code, plain.code, "{:?} {}", ours.meta, ours.stderr);
    if shown != plain.output {
        let tail = |bytes: &[u8]| {
            String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(300)..]).into_owned()
        };
        assert_eq!(
            (shown.len(), tail(&shown)),
            (plain.output.len(), tail(&plain.output)),
        );
    }
}

#[test]
fn commands_of_five_megabytes_run() {
    let lines: Vec<String> = (0..100_000)
        .map(|n| format!(": a line that does nothing, number {n:06}\n"))
        .collect();
    let filler = lines.concat();
    let heredoc = format!("wc -c <<'END'\n{}\nEND\n", "x".repeat(5_000_000));
    let with = |end: &str| format!("{filler}{end}");
    for text in [
        with("echo $LINENO; false | true"),
        with("exit 7"),
        with("cat <<E\nlast\nE"),
        heredoc,
        with("echo b;"),
        with("kill -9 $$"),
    ] {
        assert!(text.len() > 4_000_000);
        check_long(text.as_bytes(), false);
    }
    check_long(with("echo $LINENO; exit 3").as_bytes(), true);
}

#[test]
fn messages_of_long_commands_keep_their_line() {
    let text = format!(
        "{}nosuch_command\n",
        "# a comment that fills the room of a line\n".repeat(5000)
    );
    let exec = Exec::new().file("text", text);
    let file = exec.path("text");
    let done = exec
        .arg("--command-file")
        .arg(file)
        .start_without_text()
        .wait();
    assert!(
        done.text()
            .ends_with(":5001: command not found: nosuch_command\n"),
        "{done:?}"
    );
    assert_eq!(done.code, 127);
}

/// Around the largest argument there can be, with a pipe and without.
#[test]
fn lengths_around_the_argument_limit() {
    for length in [
        130_000, 131_000, 131_070, 131_071, 131_072, 131_073, 140_000,
    ] {
        for end in ["; false | true", "; exit 5"] {
            let text = format!("echo {}{end}", "x".repeat(length - 5 - end.len()));
            assert_eq!(text.len(), length);
            check_long(text.as_bytes(), false);
        }
    }
}

#[test]
fn bytes_that_are_no_characters_stay() {
    for text in [
        &b"printf '%s' '\xff\xfe\x80 \xc3(' | od -c"[..],
        b"echo \xf0\x9f\x98",
        b"print -r -- $'\xff'; x=\xff; echo ${#x}",
        b"cat <<E\n\xff\x01\x1b[m\nE",
        b"nosuch\xff | cat",
        b"# \xff\n: \x83\xa0; echo \x83\xa2 | od -c",
    ] {
        let exec = Exec::new();
        let (plain, ours) = (exec.plain(text), exec.run(text));
        assert_eq!(
            (ours.code, &ours.output),
            (plain.code, &plain.output),
            "{}",
            String::from_utf8_lossy(text)
        );
        let exec = exec.pty();
        let shown = exec.run(text).output;
        let expected = with_returns(&plain.output);
        assert_eq!(shown, expected, "{}", String::from_utf8_lossy(text));
    }
}

/// As a terminal shows it.
fn with_returns(output: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = output.split(|b| *b == b'\n').collect();
    lines.join(&b"\r\n"[..])
}
