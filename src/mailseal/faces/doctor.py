"""``mailseal doctor``: what on this machine keeps mail from being protected, and what to do.

**Security**: it only reads and asks; nothing is changed. **Limits**: it sees what its user may
see, so run it as root. **Bugs**: of Sendmail and Exim it sees only that they are there.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.doctor import machine, postfix, service
from mailseal.doctor.finding import Finding, Status, exit_code, ok
from mailseal.faces import inspection
from mailseal.faces.configured import config_option, format_option, load_config
from mailseal.faces.monitoringcommand import MonitoringCommand, WrongUsageError
from mailseal.names import NextHop, parse_next_hop

if TYPE_CHECKING:
    from mailseal.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorFacts:
    """What ``wiring`` finds out through its doors."""

    resolvers: tuple[machine.ResolverFact, ...]
    trust_store: machine.TrustStoreFact


@click.command(
    cls=MonitoringCommand,
    epilog="Example: mailseal doctor --domain example.com\n\n"
    "Exit codes: 0 all is well; 1 warnings; 2 errors, or an unusable configuration; "
    "3 something could not be looked at, or wrong usage.",
)
@click.option(
    "--domain",
    "domains",
    multiple=True,
    help="Ask the running service for this domain, instead of one whose policy it knows.",
)
@click.option(
    "--postfix",
    "postfix_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of main.cf, where there are several instances.",
)
@config_option
@format_option
@click.pass_obj
def doctor(
    wiring: Any,
    domains: tuple[str, ...],
    postfix_folder: Path | None,
    config_file: Path | None,
    form: str,
) -> None:
    """Check resolver, clock, trust store, service and mail server; one line each."""
    for domain in domains:
        if not isinstance(parse_next_hop(domain), NextHop):
            raise WrongUsageError(f"--domain {domain!r} is nothing that can be looked up")
    config = load_config(config_file)
    findings = list(_examine(wiring, config, config_file, domains, postfix_folder))
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding))
    raise SystemExit(exit_code(findings))


def _line(finding: Finding) -> str:
    line = f"{finding.status.value:<8} {finding.code}: {finding.seen}"
    return f"{line}. Do: {finding.remedy}" if finding.remedy else line


def _examine(
    wiring: Any,
    config: "Config",
    config_file: Path | None,
    domains: tuple[str, ...],
    postfix_folder: Path | None,
) -> Iterator[Finding]:
    """Gather part by part, and judge each."""
    from mailseal.config import config_path

    has_dane = config.dane.enabled
    doors: DoorFacts = wiring.look_through_doors(config)
    yield from machine.judge_resolvers(doors.resolvers, has_dane=has_dane)
    running, fetched = inspection.look_at_service(config)
    dated = [(f"the policy of {domain}", at) for domain, at in fetched]
    yield from machine.judge_clock(
        machine.ClockFacts(
            now=wiring.SystemClock().now(),
            dated=(*dated, *inspection.dated_files(config, config_path(config_file))),
            is_synchronised=inspection.is_clock_synchronised(),
        )
    )
    yield from machine.judge_trust_store(doors.trust_store)
    yield from machine.judge_state_folder(inspection.look_at_folder(config.state_dir))
    file = inspection.look_at_config_file(config, config_path(config_file))
    if file is not None:
        yield machine.judge_config_file(file)
    for socket in inspection.look_at_sockets(config):
        yield machine.judge_socket(socket)
    yield from service.judge_service(running, has_dane=has_dane)
    for probe in inspection.probe_listeners(config, service.TEST_KEY):
        yield service.judge_listener(probe)
    if running.counters is not None and not domains:
        domains = service.choose_domain(fetched)
        if not domains:
            yield service.NO_DOMAIN
    for domain in domains:
        asked = inspection.probe_domain(config, domain)
        if asked is not None:
            yield service.judge_domain(asked)
    yield from _examine_mtas(config, postfix_folder)


def _examine_mtas(config: "Config", postfix_folder: Path | None) -> Iterator[Finding]:
    mtas = inspection.find_mtas()
    if not mtas:
        yield ok("mta-not-found", "no mail server is installed here, so none was looked at")
    for name in ("Sendmail", "Exim"):
        if name in mtas:
            yield ok("mta-found", f"{name} is installed here; see docs/howto/{name.lower()}.md")
    if "Postfix" not in mtas:
        return
    facts = inspection.look_at_postfix(mtas["Postfix"], postfix_folder)
    if isinstance(facts, str):
        yield Finding(
            code="postfix-unseen",
            status=Status.UNKNOWN,
            seen=f"Postfix is installed, but postconf said: {facts}",
            remedy="see whether postconf works, or name the folder of main.cf with --postfix",
        )
        return
    yield from postfix.judge_postfix(
        facts,
        postfix.Expected(
            zones=inspection.zone_profiles(config),
            mta_default=config.answers.mta_default.value,
            has_dane=config.dane.enabled,
        ),
    )
