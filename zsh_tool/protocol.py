"""What the SDK needs of us: registration, results, errors, both protocol eras.

The typed functions in ``server`` give names and schemas; calls are taken raw, so that spellings,
limits and error texts are ours.
"""

import base64
import difflib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.mcpserver.tools import Tool as FunctionTool
from mcp.server.models import InitializationOptions
from mcp.server.runner import serve_loop
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PROTOCOL_VERSION_META_KEY,
    CallToolRequestParams,
    Icon,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
    ToolAnnotations,
)

from zsh_tool import __version__, prompts, render, resources
from zsh_tool.arguments import ArgumentError, resolve
from zsh_tool.output.view import BadViewError
from zsh_tool.replies import META_KEY, Facts, Reply, facts_of
from zsh_tool.server import Call, Tools, task_key
from zsh_tool.session import Session
from zsh_tool.taskmodel import TaskError
from zsh_tool.transport import MessageReader, MessageWriter
from zsh_tool.waiting import BadUntilError
from zsh_tool.wire import whole_text

log = logging.getLogger(__name__)

INSTRUCTIONS: Final = """\
zsh runs shell commands in a real zsh, never hangs, and remembers how commands went before.
- Every call is a new shell. cd, export, aliases and functions do not carry over: use cwd and env.
- A reply shows the output, then bracketed lines; the last one is the state: exit code, time, and the codes
  of all parts of a pipeline.
- A call replies as soon as the command ends, or after yield_after seconds (10): it then runs on as a task.
  Make one waiting call, zsh_poll with wait or until, not many short ones. zsh_kill ends a task.
- until waits for a regex in the output ("listening on"), for idle, output or input: servers and REPLs.
- Programs that ask or draw need pty true; answer with zsh_send (input, keys such as C-c, eof), and look at what
  they draw by zsh_poll with view "screen".
- A server that should stay: persist true.
- Long output is cut in the middle; zsh_poll with lines ("200-260", "-50") or grep reads the rest.
- Times are in seconds. A command is ended after 120, in a pty after 600, unless timeout says otherwise. One
  that keeps timing out is held back for minutes; zsh_neverhang_reset overrides that.
- Warnings in brackets come from this project's history. zsh_alan_query searches past commands.
"""

_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3"/>'
    '<path d="M3 4l4 4-4 4M8 12h5" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)
ICON: Final = Icon(
    src="data:image/svg+xml;base64," + base64.b64encode(_SVG.encode("ascii")).decode("ascii"),
    mime_type="image/svg+xml",
)
PYTHON_ONLY: Final = "Python-only"
FACTS_ALWAYS: Final = frozenset({"zsh", "zsh_poll", "zsh_send", "zsh_kill"})


@dataclass(frozen=True)
class _Nature:
    """A tool's title and what it may do to the world."""

    title: str
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    def annotations(self) -> ToolAnnotations:
        return ToolAnnotations(
            read_only_hint=self.read_only,
            destructive_hint=self.destructive,
            idempotent_hint=self.idempotent,
            open_world_hint=self.open_world,
        )


_NATURES: Final[Mapping[str, _Nature]] = {
    "zsh": _Nature("Run a command", False, True, False, True),
    "zsh_poll": _Nature("Wait and read", idempotent=False),
    "zsh_send": _Nature("Type into a task", False, True, False, True),
    "zsh_kill": _Nature("End a task", False, True),
    "zsh_tasks": _Nature("List tasks"),
    "zsh_health": _Nature("Server health"),
    "zsh_alan_stats": _Nature("Command statistics"),
    "zsh_alan_query": _Nature("Search history"),
    "zsh_neverhang_status": _Nature("Held-back commands"),
    "zsh_neverhang_reset": _Nature("Release commands", False),
}


def tidied(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input schema without what no model needs: titles, and defaults that say nothing."""
    properties = {
        name: {
            key: value for key, value in spec.items() if key != "title" and (key, value) != ("default", None)
        }
        for name, spec in schema.get("properties", {}).items()
    }
    kept: dict[str, Any] = {"type": "object", "properties": properties}
    if schema.get("required"):
        kept["required"] = schema["required"]
    return kept


@dataclass(frozen=True)
class _Registered:
    function: Callable[..., Awaitable[Reply]]
    definition: Tool


def definitions(tools: Tools) -> dict[str, _Registered]:
    """Return the ten tools by name, as they are listed and called."""
    registered: dict[str, _Registered] = {}
    for name, nature in _NATURES.items():
        function = getattr(tools, name)
        made = FunctionTool.from_function(function, context_kwarg="call", structured_output=False)
        registered[name] = _Registered(
            function,
            Tool(
                name=name,
                title=nature.title,
                description=" ".join(made.description.split()),
                input_schema=tidied(made.parameters),
                annotations=nature.annotations(),
            ),
        )
    return registered


class Face:
    """The MCP server of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.resources = resources.Resources(session)
        self._prompts = prompts.Prompts(session, self.call)
        self.server: Server[dict[str, Any]] = Server(
            "zsh-tool",
            version=__version__,
            title="zsh",
            instructions=INSTRUCTIONS,
            icons=[ICON],
            on_list_tools=self._list_tools,
            on_list_resources=self.resources.on_list,
            on_list_resource_templates=self.resources.on_list_templates,
            on_read_resource=self.resources.on_read,
            on_subscribe_resource=self.resources.on_subscribe,
            on_unsubscribe_resource=self.resources.on_unsubscribe,
            on_subscriptions_listen=self.resources.on_listen,
            on_list_prompts=self._prompts.on_list,
            on_get_prompt=self._prompts.on_get,
        )
        # Its results are as they are sent, and checked like typed ones, whose writing out takes a hundredth of a call.
        self.server.add_request_handler("tools/call", CallToolRequestParams, self._call_tool)
        # The SDK wraps every message for a tracing library; no telemetry here, not even an idle one.
        self.server.middleware.clear()
        self.resources.register(self.server)

    @cached_property
    def _tools(self) -> dict[str, _Registered]:
        """The tools by name. Their schemas take 10 ms to make, which the handshake need not wait for."""
        return definitions(Tools(self._session))

    async def run(self, reader: MessageReader, writer: MessageWriter) -> None:
        """Serve one client until it goes away."""
        options = self.server.create_initialization_options(NotificationOptions(resources_changed=True))
        try:
            if await reader.opens_with("initialize"):
                await self._serve_handshake_era(reader, writer, options)
            else:
                await self.server.run(reader, writer, options)
        finally:
            await self.resources.close()

    async def _serve_handshake_era(
        self, reader: MessageReader, writer: MessageWriter, options: InitializationOptions
    ) -> None:
        """Do what `Server.run` does after a first request that is a handshake.

        It would look for that request itself, and then hand on every later message through a queue and a task
        more: 0.1 ms of each call.
        """
        self.server.middleware.append(_refuse_other_era)
        async with self.server.lifespan(self.server) as state:
            await serve_loop(self.server, reader, writer, lifespan_state=state, init_options=options)

    async def _list_tools(
        self, _ctx: ServerRequestContext[dict[str, Any]], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=[tool.definition for tool in self._tools.values()])

    async def _call_tool(
        self, ctx: ServerRequestContext[dict[str, Any]], params: CallToolRequestParams
    ) -> dict[str, Any]:
        if params.name not in self._tools:
            near = difflib.get_close_matches(params.name, self._tools, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}? " if near else ""
            raise MCPError(
                INVALID_PARAMS, f"unknown tool {params.name!r}; {hint}there are {', '.join(self._tools)}"
            )
        call = Call(client=_client_name(ctx))
        if ctx.meta is not None and "progress_token" in ctx.meta:
            call.report = _reporter(ctx)
        return as_result(params.name, await self.call(params.name, params.arguments, call))

    async def call(self, name: str, arguments: Mapping[str, Any] | None, call: Call) -> Reply:
        """Carry out one call; whatever is wrong with it comes back as an error reply."""
        reply = await self._carried_out(name, arguments, call)
        return reply if name == "zsh_health" else self._with_mode(reply)

    async def _carried_out(self, name: str, arguments: Mapping[str, Any] | None, call: Call) -> Reply:
        tool = self._tools[name]
        values: Mapping[str, Any] = arguments or {}
        try:
            given = resolve(name, tool.definition.input_schema, arguments)
            values = given.values
            call.notes += given.notes
            if name != "zsh_health":
                await self._session.ready()
            return await tool.function(call, **given.values)
        except (ArgumentError, TaskError, BadUntilError, BadViewError) as wrong:
            return self._refused(str(wrong), self._facts_of(values.get("task_id")), call)
        except Exception:  # the boundary: a bug of ours may cost this call, never the server
            log.exception("%s failed", name)
            return Reply(f"{name} failed inside zsh-tool; its log says why", is_error=True)

    def _refused(self, words: str, facts: Facts | None, call: Call) -> Reply:
        remarks = render.bracketed([*call.notes, *self._session.announcements()])
        return Reply(f"{words}\n{remarks}" if remarks else words, facts, is_error=True)

    def _facts_of(self, task_id: object) -> Facts | None:
        """Return how the task stands that a refused call is about, if there is such a task."""
        try:
            return facts_of(self._session.registry.get(task_key(str(task_id))))
        except TaskError:
            return None

    def _with_mode(self, reply: Reply) -> Reply:
        """Say in every reply that there is no executor; those about commands say it in their state."""
        if not self._session.python_only or PYTHON_ONLY in reply.text.rpartition("\n")[2]:
            return reply
        return replace(reply, text=f"{reply.text}\n[{PYTHON_ONLY} mode]")


async def _refuse_other_era(
    ctx: ServerRequestContext[dict[str, Any], Any], call_next: CallNext
) -> HandlerResult:
    """Refuse, after a handshake, requests that each bring a protocol version of their own, as `Server.run` does."""
    names_version = ctx.meta is not None and PROTOCOL_VERSION_META_KEY in ctx.meta
    if names_version and ctx.request_id is not None and ctx.method != "initialize":
        raise MCPError(
            INVALID_REQUEST,
            "this connection was opened by a handshake: requests that name a protocol version are not served on it",
        )
    return await call_next(ctx)


def as_result(name: str, reply: Reply) -> dict[str, Any]:
    """Return a reply as MCP sends it. The SDK checks the text; what else UTF-8 cannot carry, `wire.encode` replaces."""
    facts = reply.facts or (Facts() if name in FACTS_ALWAYS else None)
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": whole_text(reply.text)}],
        "isError": reply.is_error,
        # The handshake's revisions have no such key; the SDK takes it out for them.
        "resultType": "complete",
    }
    if reply.structured is not None:
        result["structuredContent"] = reply.structured
    if facts is not None:
        result["_meta"] = {META_KEY: facts.as_meta()}
    return result


def _client_name(ctx: ServerRequestContext[dict[str, Any]]) -> str | None:
    client = ctx.session.client_params
    return client.client_info.name if client is not None and client.client_info is not None else None


def _reporter(
    ctx: ServerRequestContext[dict[str, Any]],
) -> Callable[[float, float | None, str], Awaitable[None]]:
    last = 0.0

    async def report(value: float, total: float | None, message: str) -> None:
        nonlocal last
        # A value has to rise even if two notices fall into one tick of the clock.
        last = max(value, last + 0.001)
        await ctx.session.report_progress(round(last, 3), total, message)

    return report
