"""A service with fakes behind every door: for a command to open, or to find running."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from mailseal import wiring
from mailseal.config import Config, load
from mailseal.decision import Rules
from mailseal.faces.cli import cli
from mailseal.faces.policyd.controlsocket import serve_control
from mailseal.mtasts.foreign import ForeignPolicy
from mailseal.names import Domain
from mailseal.overrides import Overrides
from mailseal.services.exceptions import Exceptions
from mailseal.services.explainer import Explainer
from mailseal.services.pinbook import PinBook
from mailseal.services.policyservice import PolicyService
from mailseal.services.refresher import Refresher
from mailseal.services.resolver import Resolver, ResolverLimits
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.services.views import View, Views
from mailseal.testing import (
    FakeDns,
    FakePins,
    FakePolicyHosts,
    ManualClock,
    MemoryShelf,
    MemoryStore,
)
from mailseal.wire.postfix import TestingAnswer
from mailseal.wire.profiles import profiles, zone_forms
from tests.services.world import new_discoverer

INSIDE = "192.0.2.53:53"
POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: mx.example.com\r\nmax_age: 604800\r\n"


@dataclass
class World:
    """What there is to be found out; stands in for ``mailseal.wiring`` as well.

    ``inside`` is what the resolvers of a zone of that name see, if it has any of its own.
    ``opened`` counts how often a command opened a service of its own; ``dropped`` are the
    domains that the answerer would have been told to forget.
    """

    folder: Path
    dns: FakeDns = field(default_factory=FakeDns)
    inside: FakeDns | None = None
    hosts: FakePolicyHosts = field(default_factory=FakePolicyHosts)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=ManualClock)
    pins: FakePins = field(default_factory=FakePins)
    opened: int = 0
    dropped: list[str] = field(default_factory=list)
    reload_faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config_file = self.folder / "mailseal.toml"
        self.config_file.write_text(f'state_dir = "{self.folder / "state"}"\n')

    def publish(self, domain: str = "example.com", mode: str = "enforce", *, mx: str = "") -> None:
        """Let a domain have an MX host, a record and a policy that names ``mx.example.com``."""
        self.dns.txt(f"_mta-sts.{domain}", "v=STSv1; id=20260701;")
        self.dns.mx(domain, (10, mx or "mx.example.com"))
        self.dns.a("mx.example.com", "192.0.2.25")
        self.hosts.serve(domain, POLICY.format(mode=mode))

    def run(self, *arguments: str | Path) -> Result:
        """Run a command line as in a terminal."""
        words = [*map(str, arguments), "--config", str(self.config_file)]
        return CliRunner().invoke(cli, words, obj=self)

    def run_alone(self, *arguments: str | Path) -> Result:
        """Run a command line that needs no configuration."""
        return CliRunner().invoke(cli, [*map(str, arguments)], obj=self)

    def run_json(self, *arguments: str) -> Any:
        """Run a command line with ``--format json``, and read what it prints."""
        result = self.run(*arguments, "--format", "json")
        return json.loads(result.stdout)

    # -- in place of mailseal.wiring ----------------------------------------------------------

    def read_foreign_cache(self, source: str) -> Iterator[list[ForeignPolicy]]:
        """Open another daemon's cache, which is a file or socket of the test's own."""
        return wiring.read_foreign_cache(source)

    @contextlib.asynccontextmanager
    async def open_service(
        self, config: Config, on_change: Callable[[Domain], None]
    ) -> AsyncIterator[PolicyService]:
        """Build the actors on the fakes."""
        self.opened += 1
        discoverer = new_discoverer(
            dns=self.dns,
            fetcher=self.hosts,
            store=self.store,
            clock=self.clock,
            on_change=on_change,
            on_purged=lambda domain: views.forget(domain),
        )
        pins = PinBook(
            clock=self.clock,
            source=self.pins,
            shelf=MemoryShelf(),
            keys=config.pins.keys,
            on_change=on_change,
        )
        await pins.open()
        exceptions = Exceptions(
            clock=self.clock,
            overrides=Overrides([one.override for one in config.overrides]),
            pins=pins,
        )

        def view(dns: FakeDns, *resolvers: str, zones: tuple[str, ...] = ()) -> View:
            surveyor = Surveyor(dns, self.clock, SurveyLimits())
            resolver = Resolver(
                discoverer=discoverer,
                surveyor=surveyor,
                store=self.store,
                clock=self.clock,
                rules=Rules(),
                exceptions=exceptions,
                limits=ResolverLimits(),
                resolvers=resolvers,
            )
            return View(resolver=resolver, surveyor=surveyor, resolvers=resolvers, zones=zones)

        others = [view(self.inside, INSIDE, zones=("inside",))] if self.inside else []
        views = Views(view(self.dns), others)
        try:
            yield PolicyService(
                views=views,
                discoverer=discoverer,
                refresher=Refresher(
                    discoverer=discoverer,
                    store=self.store,
                    clock=self.clock,
                    keep_expired=timedelta(days=30),
                ),
                explainer=Explainer(
                    views=views,
                    discoverer=discoverer,
                    clock=self.clock,
                    profiles=profiles(testing=TestingAnswer.NOTFOUND),
                    zones=zone_forms(config.zones, testing=TestingAnswer.NOTFOUND),
                ),
                store=self.store,
                pins=pins,
            )
        finally:
            for one in views:
                await one.surveyor.aclose()
            await discoverer.aclose()

    async def _reload(self) -> dict[str, Any]:
        """Be an answerer that reads its configuration anew."""
        return {"faults": self.reload_faults}

    def set_up_logging(self, settings: object) -> None:
        """Leave the log to the test."""

    # -- as a running service -------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self) -> Iterator[PolicyService]:
        """Serve the control socket from a thread of its own while the block runs."""
        config = load(self.config_file)
        config.state_dir.mkdir(mode=0o700, exist_ok=True)
        loop = asyncio.new_event_loop()
        ending = asyncio.Event()
        ready: list[PolicyService] = []
        is_ready = threading.Event()

        async def serve() -> None:
            async with (
                self.open_service(config, self.dropped.append) as service,
                serve_control(config, service, reload=self._reload),
            ):
                ready.append(service)
                is_ready.set()
                await ending.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        try:
            assert is_ready.wait(10)
            yield ready[0]
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()
