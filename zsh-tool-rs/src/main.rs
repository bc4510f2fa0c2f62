//! The executor's entry point.
fn main() {
    let code = zsh_tool_exec::run();
    // No destructors after this: closing the last connection would checkpoint the database and make the caller wait for it.
    zsh_tool_exec::sys::exit_now(code)
}
