"""The commands: each opens the store, does one thing, and says what came of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailseal.faces.cache import DomainType
from mailseal.faces.configured import (
    config_option,
    format_option,
    load_config,
    state_dir_option,
)
from mailseal.faces.monitoringcommand import CannotTellError, MonitoringCommand

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.names import Domain
    from mailseal.services.watchservice import WatchService

T = TypeVar("T")

NOT_WATCHED = 1
NOT_SENT = 1
NOBODY = 'no domain is watched; run "mailseal monitor add DOMAIN"'
SHOWN_LOOKS = 30  # ours: what fits on a screen


@click.group(epilog="Example: mailseal monitor add example.com")
def monitor() -> None:
    """Watch your own domains: what breaks, and what is mended, is told once."""


@monitor.command(
    short_help="Watch domains from now on.",
    epilog="Example: mailseal monitor add example.com example.net",
)
@click.argument("domains", metavar="DOMAIN...", nargs=-1, required=True, type=DomainType())
@config_option
@state_dir_option
@click.pass_obj
def add(
    wiring: Any, domains: "tuple[Domain, ...]", config_file: Path | None, state_dir: Path | None
) -> None:
    """Watch domains from now on; the service looks at them within seconds."""
    config = load_config(config_file, state_dir)

    async def work(watch: "WatchService") -> None:
        now, at_most = wiring.clock.now(), config.monitor.max_domains
        for domain in dict.fromkeys(domains):
            is_new = await watch.history.add(domain, now=now, at_most=at_most)
            click.echo(f"{domain}: " + ("is watched from now on" if is_new else "was watched"))

    _run(wiring, config, work)
    if not config.monitor.enabled:
        click.echo("[monitor] enabled is false: only monitor run looks at them", err=True)


@monitor.command(
    short_help="Watch domains no more.",
    epilog="Example: mailseal monitor remove example.com\n\nExit codes: 1 was not watched.",
)
@click.argument("domains", metavar="DOMAIN...", nargs=-1, required=True, type=DomainType())
@config_option
@state_dir_option
@click.pass_obj
def remove(
    wiring: Any, domains: "tuple[Domain, ...]", config_file: Path | None, state_dir: Path | None
) -> None:
    """Watch domains no more, and forget their history."""

    async def work(watch: "WatchService") -> bool:
        known = [await watch.history.remove(domain) for domain in domains]
        for domain, was_known in zip(domains, known, strict=True):
            click.echo(f"{domain}: " + ("is forgotten" if was_known else "was not watched"))
        return all(known)

    if not _run(wiring, load_config(config_file, state_dir), work):
        raise SystemExit(NOT_WATCHED)


@monitor.command(
    "list",
    short_help="List the watched domains with their verdicts.",
    epilog="Example: mailseal monitor list --format json",
)
@format_option
@config_option
@state_dir_option
@click.pass_obj
def list_(wiring: Any, form: str, config_file: Path | None, state_dir: Path | None) -> None:
    """List the watched domains with their verdicts; as JSON one object a line."""
    from mailseal.faces.monitor import showing

    async def work(watch: "WatchService") -> list[str]:
        render = showing.line_of if form == "text" else showing.json_of
        return [render(one) for one in await watch.history.list()]

    lines = _run(wiring, load_config(config_file, state_dir), work)
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo(NOBODY, err=True)


@monitor.command(
    short_help="Show what is wrong with a domain, and since when.",
    epilog="Example: mailseal monitor show example.com --history\n\nExit codes: 1 is not watched.",
)
@click.argument("domain", type=DomainType())
@click.option("--history", is_flag=True, help="Show what is over, and the looks of the past, too.")
@click.option(
    "--save-evidence",
    "save_to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what the last look has observed, for mailseal check --from-evidence.",
)
@format_option
@config_option
@state_dir_option
@click.pass_obj
def show(
    wiring: Any,
    domain: "Domain",
    history: bool,
    save_to: Path | None,
    form: str,
    config_file: Path | None,
    state_dir: Path | None,
) -> None:
    """Show what is wrong with a domain and since when, and when certificates end."""
    from mailseal.faces.monitor import showing

    async def work(watch: "WatchService") -> "showing.Story | None":
        watched = await watch.history.load(domain)
        if watched is None:
            return None
        if save_to is not None:
            _save(save_to, await watch.history.load_evidence(domain))
        return showing.Story(
            watched=watched,
            now=wiring.clock.now(),
            spans=await watch.history.load_open(domain),
            resolved=await watch.history.load_resolved(domain, limit=100) if history else (),
            looks=await watch.history.load_observations(domain, limit=SHOWN_LOOKS)
            if history
            else (),
        )

    story = _run(wiring, load_config(config_file, state_dir), work)
    if story is None:
        click.echo(f'{domain} is not watched; run "mailseal monitor add {domain}"', err=True)
        raise SystemExit(NOT_WATCHED)
    if form == "json":
        click.echo(json.dumps(showing.document_of(story), indent=2))
    else:
        click.echo(showing.text_of(story))


@monitor.command(
    cls=MonitoringCommand,
    short_help="Look at watched domains now.",
    epilog="Example: mailseal monitor run example.com\n\n"
    "Exit codes: 0 all is well; 1 warnings; 2 errors; 3 something could not be found out, or "
    "wrong usage. Of several domains the worst counts, in the order 2, 3, 1, 0.",
)
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1, type=DomainType())
@config_option
@state_dir_option
@click.pass_obj
def run(
    wiring: Any, domains: "tuple[Domain, ...]", config_file: Path | None, state_dir: Path | None
) -> None:
    """Look at watched domains now, all of them unless named, and send what is news."""
    import mailseal
    from mailseal.checks.finding import Severity, exit_code
    from mailseal.faces.monitor import showing
    from mailseal.watch.records import Look

    async def work(watch: "WatchService") -> set[Severity]:
        watched = tuple(one.domain for one in await watch.history.list())
        names = domains or watched
        if not names:
            raise CannotTellError(NOBODY)
        seen = set()
        for found in await watch.watcher.look_now(tuple(dict.fromkeys(names))):
            if isinstance(found, Look):
                click.echo(showing.outcome_of(found))
                seen |= {one for one, number in found.figures.by_severity() if number}
            else:
                click.echo(
                    f"{found}: is being looked at already; ask again in a minute"
                    if found in watched
                    else f'{found}: is not watched; run "mailseal monitor add {found}"'
                )
                seen.add(Severity.UNKNOWN)
        await watch.herald.round()
        return seen

    config = load_config(config_file, state_dir)
    try:
        seen = _run(wiring, config, work)
    except mailseal.Error as error:
        raise CannotTellError(str(error)) from error
    raise SystemExit(exit_code(seen))


@monitor.command(
    "test-alert",
    short_help="Send a message about nothing, to try the alerts.",
    epilog="Example: mailseal monitor test-alert\n\nExit codes: 1 nothing was sent.",
)
@config_option
@state_dir_option
@click.pass_obj
def test_alert(wiring: Any, config_file: Path | None, state_dir: Path | None) -> None:
    """Send a message about nothing by every way that is configured."""
    from mailseal.ports.alerts import Sent

    outcomes = _run(wiring, load_config(config_file, state_dir), lambda watch: watch.herald.test())
    if not outcomes:
        click.echo("nobody is told: set mail_to or webhook_url in [monitor]", err=True)
    for channel, outcome in outcomes:
        if isinstance(outcome, Sent):
            click.echo(f"{channel}: sent" + (f", but {outcome.note}" if outcome.note else ""))
        else:
            click.echo(f"{channel}: {outcome.reason}", err=True)
    if not outcomes or not all(isinstance(one, Sent) for _, one in outcomes):
        raise SystemExit(NOT_SENT)


def _save(path: Path, packed: bytes | None) -> None:
    from mailseal.checks.saved import SavedEvidenceError
    from mailseal.watch.judging import unpack_evidence

    if packed is None:
        raise click.ClickException("no evidence is kept of the last look")
    try:
        path.write_bytes(unpack_evidence(packed) + b"\n")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    except SavedEvidenceError as error:
        raise click.ClickException(f"the evidence cannot be read: {error}") from error


def _run(wiring: Any, config: "Config", work: "Callable[[WatchService], Awaitable[T]]") -> T:
    from mailseal.config import LogLevel

    wiring.set_up_logging(replace(config.log, level=LogLevel.ERROR))

    async def go() -> T:
        async with wiring.open_watch(config) as watch:
            return await work(watch)

    return asyncio.run(go())
