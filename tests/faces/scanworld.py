"""A folder with a list to scan, and fakes behind every door of ``mailseal scan``."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from mailseal.config import Config
from mailseal.faces.cli import cli
from mailseal.scans.optouts import OptOuts
from mailseal.services.checker import Checker
from mailseal.services.port25 import Port25
from mailseal.services.sparing import SparingSmtp
from mailseal.store.nameset import DiskNames
from tests.services.checkworld import World, good_world

Line = dict[str, Any]


@dataclass
class ScanWorld:
    """A folder with a list, and fakes; stands in for ``mailseal.wiring``."""

    folder: Path
    world: World = field(default_factory=good_world)
    contact: str | None = None
    is_blocked: bool = False

    def __post_init__(self) -> None:
        self.list = self.folder / "domains.txt"
        self.output = self.folder / "results.jsonl"
        (self.folder / "mailseal.toml").write_text("")

    def write(self, *lines: str) -> None:
        self.list.write_text("".join(f"{line}\n" for line in lines))

    def scan(self, *words: str | Path) -> Result:
        """Run a scan of the list."""
        line = ["scan", self.list, *words, "--output", self.output]
        return self.run(*line, "--config", self.folder / "mailseal.toml")

    def run(self, *words: str | Path) -> Result:
        return CliRunner().invoke(cli, [*map(str, words)], obj=self)

    def results(self) -> list[Line]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    # -- in place of mailseal.wiring -----------------------------------------------------------

    @contextlib.asynccontextmanager
    async def open_checker(
        self, config: Config, *, opt_outs: OptOuts, is_scan: bool
    ) -> AsyncIterator[Checker]:
        """Build a checker on the fakes."""
        assert is_scan
        self.contact = config.check.contact
        world = self.world
        yield Checker(
            dns=world.dns,
            policies=world.policies,
            smtp=SparingSmtp(world.smtp, opt_outs=opt_outs, clock=world.clock),
            clock=world.clock,
            observer=world.observer,
            limits=world.limits,
            port25=Port25(smtp=world.smtp, dns=world.dns) if self.is_blocked else None,
        )

    def open_names(self) -> DiskNames:
        """Open a set of names."""
        return DiskNames()

    def set_up_logging(self, settings: object) -> None:
        """Leave the log alone."""
