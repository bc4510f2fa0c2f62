"""Other names that models already use for our arguments, and what each one means. A table, no more."""

from collections.abc import Mapping
from typing import Final

MILLISECONDS: Final = "milliseconds"
TOKENS: Final = "tokens"
BACKGROUND: Final = "background"
"""True means: reply at once."""
BLOCKING: Final = "blocking"
"""False means: reply at once."""
KEYSTROKES: Final = "keystrokes"
"""Text with its own line ends: no Enter after it unless that is asked for."""
IGNORED: Final = "ignored"
"""What other tools ask for and a client settles by itself, such as approval."""


def _all(to: str, *names: str, unit: str = "") -> dict[str, tuple[str, str]]:
    return dict.fromkeys(names, (to, unit))


_TASK: Final = _all("task_id", "id", "task", "taskid", "bash_id", "shell_id", "session_id", "process_id")
_WAIT: Final = {
    **_all("wait", "timeout", "wait_secs", "wait_seconds", "wait_time", "timeout_secs", "yield_after"),
    **_all("wait", "wait_ms", "timeout_ms", "yield_time_ms", "wait_time_ms", unit=MILLISECONDS),
    **_all("wait", "block", "blocking", unit=BLOCKING),
}
_OUTPUT: Final = {
    **_all(
        "max_output", "max_chars", "max_output_chars", "max_characters", "max_output_length", "output_limit"
    ),
    **_all("max_output", "max_output_tokens", "max_tokens", unit=TOKENS),
}
_UNTIL: Final = _all("until", "wait_for", "wait_until", "until_regex", "wait_for_pattern")
_ASKED_ELSEWHERE: Final = _all(
    "",
    "dangerously_disable_sandbox",
    "login",
    "require_user_approval",
    "required_permissions",
    "requires_approval",
    "restart",
    "safe_to_auto_run",
    "sandbox_permissions",
    "security_risk",
    "with_escalated_permissions",
    unit=IGNORED,
)
_SIGNAL: Final = _all("signal", "sig", "signal_name")

SPELLINGS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "zsh": {
        **_all("command", "cmd", "script", "code", "shell_command", "bash_command", "command_line"),
        **_all(
            "cwd",
            "workdir",
            "working_dir",
            "working_directory",
            "directory",
            "dir",
            "dir_path",
            "cd",
            "current_dir",
        ),
        **_all("timeout", "timeout_secs", "timeout_seconds", "timeout_sec", "timeout_s", "max_time"),
        **_all("timeout", "timeout_ms", "timeout_millis", "timeout_milliseconds", unit=MILLISECONDS),
        **_all("yield_after", "yield_secs", "yield_seconds", "wait", "wait_secs"),
        **_all("yield_after", "yield_time_ms", "yield_after_ms", "wait_ms", unit=MILLISECONDS),
        **_all("yield_after", "block_until_ms", "wait_ms_before_async", unit=MILLISECONDS),
        **_all("yield_after", "run_in_background", "background", "is_background", unit=BACKGROUND),
        **_all("yield_after", "block", "blocking", "wait_for_completion", unit=BLOCKING),
        **_all("pty", "tty", "use_pty", "interactive", "terminal"),
        **_all("stdin", "input", "stdin_text"),
        **_all("keep_stdin", "keep_stdin_open", "stdin_open"),
        **_all("env", "environment", "environ", "env_vars", "variables"),
        **_all("persist", "persistent", "detach", "detached", "daemon"),
        **_all("description", "justification", "explanation", "reason", "intent", "purpose", "goal"),
        **_ASKED_ELSEWHERE,
        **_UNTIL,
        **_OUTPUT,
    },
    "zsh_poll": {
        **_TASK,
        **_WAIT,
        **_UNTIL,
        **_OUTPUT,
        **_all("lines", "line_range", "range"),
        **_all("grep", "filter", "search", "regex", "pattern"),
        **_all("view", "mode"),
    },
    "zsh_send": {
        **_TASK,
        **_WAIT,
        **_SIGNAL,
        **_all("input", "text", "data", "stdin", "content", "message"),
        **_all("input", "chars", unit=KEYSTROKES),
        **_all("", *_OUTPUT, unit=IGNORED),
        **_all("enter", "newline", "press_enter", "submit", "append_newline"),
        **_all("keys", "key"),
        **_all("eof", "close_stdin", "end_of_file"),
    },
    "zsh_kill": {**_TASK, **_SIGNAL},
    "zsh_alan_stats": _all("command", "cmd", "pattern", "template"),
    "zsh_alan_query": {
        **_all("command", "cmd", "template"),
        **_all("search", "query", "text", "pattern", "q"),
        **_all("failed_only", "failed", "failures_only", "errors_only", "only_failed"),
        **_all("limit", "max", "max_results", "count", "n"),
    },
    "zsh_neverhang_reset": _all("command", "cmd", "template", "pattern"),
}
"""Tool to other name to (our name, how the value has to be read)."""
