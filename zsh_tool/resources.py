"""Resources: the list of tasks, each task's log, the memory's summary; and notices of their changes.

Clients of the handshake era subscribe by a request of their own, and notices go to their session;
2026-07-28 clients listen on a stream, which is fed by a bus. Both are served from one place here.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    NotificationParams,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from zsh_tool import health, render
from zsh_tool.arguments import MAX_OUTPUT_CHARS
from zsh_tool.output import view
from zsh_tool.session import Session
from zsh_tool.task import Task
from zsh_tool.taskmodel import TaskError, UnknownTaskError
from zsh_tool.wire import whole_text

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

TASKS: Final = "zsh://tasks"
SUMMARY: Final = "zsh://alan/summary"
LOG_PREFIX: Final = "zsh://task/"
LOG_SUFFIX: Final = "/log"
TEXT: Final = "text/plain"
LIST_DELAY_SECS: Final = 0.05
"""Tasks that start together are one change of the list, and the replies about them go first."""
APART_SECS: Final = 1.0
"""Notices about one log are at least so far apart."""

Context = ServerRequestContext[dict[str, Any]]


def log_uri(task_id: str) -> str:
    """Return the address of a task's log."""
    return f"{LOG_PREFIX}{task_id}{LOG_SUFFIX}"


def task_id_of(uri: str) -> str | None:
    """Return the task that an address is about, if it is a log's."""
    if uri.startswith(LOG_PREFIX) and uri.endswith(LOG_SUFFIX):
        return uri[len(LOG_PREFIX) : -len(LOG_SUFFIX)]
    return None


class Resources:
    """What can be read, and who wants to know when it changes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._client: ServerSession | None = None
        self._subscribed: dict[str, ServerSession] = {}
        self._listened: list[frozenset[str]] = []
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._list_due = False
        self._sending: set[asyncio.Task[None]] = set()
        session.changed.append(self._task_changed)

    def register(self, server: Server[dict[str, Any]]) -> None:
        """Learn of a handshake client's session, for notices that no request asked for."""
        server.add_notification_handler("notifications/initialized", NotificationParams, self._initialized)

    async def _initialized(self, ctx: Context, _params: NotificationParams) -> None:
        self._client = ctx.session

    # -- reading -------------------------------------------------------------------------------

    async def on_list(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        """List the fixed resources and the log of every task."""
        await self._ready()
        fixed = [
            Resource(
                uri=TASKS, name="tasks", title="Tasks", description="Live and finished tasks", mime_type=TEXT
            ),
            Resource(
                uri=SUMMARY,
                name="summary",
                title="Session summary",
                description="What was run",
                mime_type=TEXT,
            ),
        ]
        logs = [
            Resource(
                uri=log_uri(task.id),
                name=f"task {task.id}",
                title=whole_text(render.preview(task.command)),
                mime_type=TEXT,
            )
            for task in self._session.registry.tasks()
        ]
        return ListResourcesResult(resources=[*fixed, *logs])

    async def on_list_templates(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """List the one template."""
        template = ResourceTemplate(
            uri_template=f"{LOG_PREFIX}{{id}}{LOG_SUFFIX}",
            name="task log",
            title="Output of a task",
            mime_type=TEXT,
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def on_read(self, _ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """Read one resource."""
        await self._ready()
        uri = str(params.uri)
        contents = TextResourceContents(uri=uri, mime_type=TEXT, text=whole_text(await self._text(uri)))
        return ReadResourceResult(contents=[contents])

    async def _text(self, uri: str) -> str:
        if uri == TASKS:
            return health.task_lines(self._session)
        if uri == SUMMARY:
            return await asyncio.to_thread(self._session.alan.summary)
        if (task_id := task_id_of(uri)) is not None:
            try:
                task = self._session.registry.get(task_id)
            except UnknownTaskError as unknown:
                raise MCPError(INVALID_PARAMS, str(unknown), {"uri": uri}) from None
            shown = await view.full(task.output, max_chars=MAX_OUTPUT_CHARS)
            return shown.text
        raise MCPError(
            INVALID_PARAMS, f"no resource {uri}; there are {TASKS}, {SUMMARY}, {log_uri('ID')}", {"uri": uri}
        )

    async def _ready(self) -> None:
        try:
            await self._session.ready()
        except TaskError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None

    # -- who listens ---------------------------------------------------------------------------

    async def on_subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Remember a handshake client's wish."""
        self._subscribed[str(params.uri)] = ctx.session
        self._watch(str(params.uri))
        return EmptyResult()

    async def on_unsubscribe(self, _ctx: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Forget it."""
        self._subscribed.pop(str(params.uri), None)
        self._unwatch(str(params.uri))
        return EmptyResult()

    async def on_listen(
        self, ctx: Context, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve a 2026-07-28 client's stream of notices."""
        wanted = frozenset(str(uri) for uri in params.notifications.resource_subscriptions or ())
        self._listened.append(wanted)
        for uri in wanted:
            self._watch(uri)
        try:
            return await self._listen(ctx, params)
        finally:
            self._listened.remove(wanted)
            for uri in wanted:
                self._unwatch(uri)

    def _wanted(self, uri: str) -> bool:
        return uri in self._subscribed or any(uri in uris for uris in self._listened)

    def _watch(self, uri: str) -> None:
        if task_id_of(uri) is not None and uri not in self._watchers:
            self._watchers[uri] = asyncio.create_task(self._watch_log(uri))

    def _unwatch(self, uri: str) -> None:
        if uri in self._watchers and not self._wanted(uri):
            self._watchers.pop(uri).cancel()

    async def _watch_log(self, uri: str) -> None:
        try:
            await self._session.ready()
            task = self._session.registry.get(task_id_of(uri) or "")
        except TaskError:
            return
        told = task.output.total
        # What is printed while the next notice has to wait is news all the same, also if it was the last.
        while task.output.total > told or task.live or not task.gone.done():
            more = task.output_beyond(told)
            events: list[asyncio.Future[Any]] = [more, task.gone]
            try:
                await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
            finally:
                more.cancel()
            if not more.cancelled():
                told = task.output.total
                await self._updated(uri)
                await asyncio.sleep(APART_SECS)

    # -- notices -------------------------------------------------------------------------------

    def _task_changed(self, task: Task, started: bool) -> None:
        # Not asked of the task later: a short command is over before the notice of its start is written.
        notice = asyncio.create_task(self._tell_task_changed(task, started))
        self._sending.add(notice)
        notice.add_done_callback(self._sending.discard)

    async def _tell_task_changed(self, task: Task, started: bool) -> None:
        if started:
            await self._list_changed_soon()
        else:
            await self._updated(log_uri(task.id))
            await self._updated(SUMMARY)
        await self._updated(TASKS)

    async def _list_changed_soon(self) -> None:
        if not self._list_due:
            self._list_due = True
            await asyncio.sleep(LIST_DELAY_SECS)
            self._list_due = False
            await self._list_changed()

    async def _list_changed(self) -> None:
        await self._bus.publish(ResourcesListChanged())
        if self._client is not None:
            await _sent(self._client.send_resource_list_changed())

    async def _updated(self, uri: str) -> None:
        if not self._wanted(uri):
            return
        await self._bus.publish(ResourceUpdated(uri=uri))
        if (subscriber := self._subscribed.get(uri)) is not None:
            await _sent(subscriber.send_resource_updated(uri))

    async def close(self) -> None:
        """Send nothing more."""
        pending = [*self._watchers.values(), *self._sending]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)


async def _sent(notice: Any) -> None:
    try:
        await notice
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return
