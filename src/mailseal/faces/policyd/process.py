"""The answerer as a process: its signals, its clock, its service manager, its reload."""

import asyncio
import contextlib
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import mailseal
from mailseal.faces.collecting import RARELY, spare_collector
from mailseal.faces.logstream import take_over_stderr
from mailseal.faces.policyd.answerer import Answerer, AnswererConfig, Plan
from mailseal.faces.policyd.child import command_spawner
from mailseal.faces.policyd.eventloop import new_event_loop
from mailseal.faces.policyd.httpdoor import HttpDoor
from mailseal.faces.policyd.resolverlink import TICK_SECONDS
from mailseal.faces.policyd.servicemanager import Notifier
from mailseal.faces.policyd.usage import usage

OTHER_FILES = 64  # descriptors that are no connections: listeners, the link, standard ones


class UnusablePlanError(mailseal.Error):
    """A configuration that cannot be used; ``faults`` has one text for each fault."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def _reload_nothing() -> Plan:
    raise UnusablePlanError(("there is no configuration to read anew",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process has beside its configuration.

    ``read_plan`` reads the configuration anew, in a thread; it raises
    ``UnusablePlanError``.
    ``when_open`` is called once the listeners are open: here privileges are dropped.
    """

    notifier: Notifier = field(default_factory=Notifier)
    read_plan: Callable[[], Plan] = _reload_nothing
    when_open: Callable[[], None] = lambda: None


def run(
    config: AnswererConfig,
    resolver_command: Sequence[str],
    hello: bytes,
    surroundings: Surroundings | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. SIGHUP reads the configuration anew.

    ``resolver_command`` is started with one more argument, the number of its end of the link,
    and gets ``hello`` as the first message.
    """
    take_over_stderr()
    process = _Process(
        Plan(config=config, hello=hello), resolver_command, surroundings or Surroundings()
    )
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(process.run())
    except mailseal.Error as error:
        config.log("mailseal cannot start", level="error", reason=error)
        return 1


class _Process:
    """One life of the answerer, from its start to the signal that ends it."""

    def __init__(
        self, plan: Plan, resolver_command: Sequence[str], surroundings: Surroundings
    ) -> None:
        self._plan = plan
        self._command = resolver_command
        self._notifier = surroundings.notifier
        self._surroundings = surroundings
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._answerer: Answerer
        self._http = HttpDoor((), plan.config.log)
        self._is_ready = False

    async def run(self) -> int:
        """Serve until a signal."""
        self._http = HttpDoor(self._plan.config.http, self._plan.config.log)
        try:
            return await self._serve()
        finally:
            self._http.close()

    async def _serve(self) -> int:
        config = self._plan.config
        self._answerer = Answerer(
            config,
            spawn=command_spawner(self._command, lambda: self._http.sockets),
            hello=self._plan.hello,
            max_connections=_raise_file_limit() - OTHER_FILES,
            on_reload_wanted=self._reload_wanted.set,
            on_resolver=self._tell_state,
        )
        self._answerer.board.add_stats(
            lambda: {"listeners": len(self._answerer.sockets), **usage()}
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        await self._answerer.start(when_open=self._surroundings.when_open)
        spare_collector(RARELY)
        config.log(
            "mailseal answers",
            level="info",
            listeners=len(self._answerer.sockets),
            zones=len(config.zones),
        )
        reloading = asyncio.create_task(self._reload_when_asked())
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                self._answerer.tick()
                self._notifier.alive()
        self._notifier.stopping()
        reloading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reloading
        await self._answerer.stop()
        self._plan.config.log("mailseal has ended", level="info")
        return 0

    def _tell_state(self) -> None:
        """Tell the service manager whether everything works; once that was so, it stays ready."""
        if not self._answerer.has_resolver:
            self._notifier.status("answers what it knows; its resolver is being started")
        elif self._is_ready:
            self._notifier.status("answers")
        else:
            self._is_ready = True
            self._notifier.ready("answers")

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading()
            faults = await self._reload()
            log = self._plan.config.log
            if faults:
                for fault in faults:
                    log("configuration refused", level="error", reason=fault, action="keep-the-old")
            else:
                log(
                    "configuration reloaded",
                    level="info",
                    listeners=len(self._answerer.sockets),
                    zones=len(self._plan.config.zones),
                )
            self._answerer.tell_outcome(faults)
            self._notifier.ready("answers" if not faults else "answers by its old configuration")

    async def _reload(self) -> tuple[str, ...]:
        """Work by what the configuration says now; return why not."""
        try:
            plan = await asyncio.to_thread(self._surroundings.read_plan)
            await self._work_by(plan)
        except UnusablePlanError as error:
            return error.faults
        except mailseal.Error as error:
            return (str(error),)
        self._plan = plan
        return ()

    async def _work_by(self, plan: Plan) -> None:
        """Reload; the HTTP listener goes with the resolver that reads from it."""
        before = self._http
        self._http = before.succeed(plan.config.http, plan.config.log)
        try:
            await self._answerer.reload(plan)
        except mailseal.Error:
            before, self._http = self._http, before
            raise
        finally:
            if before is not self._http:
                before.close()


def _raise_file_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
