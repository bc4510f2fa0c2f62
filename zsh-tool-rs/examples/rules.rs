//! The rules that both languages have, as a filter: one JSON string a line in, one JSON object a line out.
//!
//! The property tests of the other language feed it random text and compare.

use std::io::{self, BufRead, Write};
use std::path::Path;

use serde_json::{Value, json};
use zsh_tool_exec::alan::{hash, pipeline};
use zsh_tool_exec::sideband::harmless_files;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let Value::String(command) = serde_json::from_str(&line?)? else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "each line must be a JSON string",
            ));
        };
        writeln!(out, "{}", rules(&command))?;
        // The caller may wait for each answer before it sends the next line.
        out.flush()?;
    }
    Ok(())
}

fn rules(command: &str) -> Value {
    let env = [c"HOME=/etc", c"PATH=/bin"].map(ToOwned::to_owned);
    json!({
        "normalized": hash::normalize(command),
        "hash": hash::hash(command),
        "template": hash::template(command),
        "segments": pipeline::split(command),
        "single_pipeline": pipeline::is_single_pipeline(command),
        "may_set_traps": harmless_files(command.as_bytes(), &env, Path::new("/"), &[]).is_none(),
    })
}
