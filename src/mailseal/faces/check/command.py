"""The command: domains or a file in, judgements out, and the exit code of a monitoring plug-in.

**Security**: servers on the Internet learn that this machine asks; what they send is bounded and
shown as printable ASCII only. **Limits**: port 25 must be open from here, or nothing is known of
the mail servers.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import mailseal
from mailseal.faces.configured import (
    UnusableConfigError,
    config_option,
    load_config_or_defaults,
)
from mailseal.faces.monitoringcommand import CannotTellError, MonitoringCommand, WrongUsageError

if TYPE_CHECKING:
    from mailseal.checks.evidence import Evidence
    from mailseal.checks.judge import Judgement
    from mailseal.config import Config
    from mailseal.names import Domain

MAX_AT_ONCE = 8  # ours: each has some forty questions and a few sessions under way

_FORMS = {
    "text": "mailseal.faces.check.text",
    "json": "mailseal.faces.check.jsonform",
}
_GRAVITY = (2, 3, 1, 0)  # of several domains the worst counts, in this order


@click.command(
    cls=MonitoringCommand,
    epilog="Example: mailseal check example.com\n\n"
    "Exit codes: 0 all is well; 1 warnings; 2 errors; 3 something could not be found out, or "
    "wrong usage. Of several domains the worst counts, in the order 2, 3, 1, 0.",
)
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option(
    "--depth",
    type=click.Choice(["dns", "policy", "smtp"]),
    default="smtp",
    show_default=True,
    help="Whom to ask: resolvers alone, the policy host as well, or mail servers too.",
)
@click.option(
    "--deep", is_flag=True, help="Make a few more connections to each server, one after another."
)
@click.option(
    "--dkim", "selectors", multiple=True, metavar="SELECTOR", help="Look at this DKIM key as well."
)
@click.option(
    "--save-evidence",
    "save_to",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Keep what was observed: in a file, a line for each domain, or in an existing folder.",
)
@click.option(
    "--from-evidence",
    "read_from",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="Judge what --save-evidence has kept, and ask nobody.",
)
@click.option("--format", "form", type=click.Choice(list(_FORMS)), default="text")
@config_option
@click.pass_obj
def check(
    wiring: Any,
    domains: tuple[str, ...],
    depth: str,
    deep: bool,
    selectors: tuple[str, ...],
    save_to: Path | None,
    read_from: Path | None,
    form: str,
    config_file: Path | None,
) -> None:
    """Tell how securely mail reaches DOMAIN, what follows from it, and what to change."""
    if bool(domains) == bool(read_from):
        raise WrongUsageError("name either domains or --from-evidence")
    if read_from is not None:
        evidences = _read(read_from, save_to)
    else:
        names = _parse(domains)
        _check_selectors(selectors)
        try:
            config = load_config_or_defaults(config_file)
        except UnusableConfigError as error:
            raise WrongUsageError(error.message) from error
        evidences = _gather(wiring, config, names, depth=depth, deep=deep, selectors=selectors)
        if save_to is not None:
            _save(save_to, evidences)
    judgements = _judge(evidences)
    click.echo(_renderer(form)(judgements), nl=False)
    raise SystemExit(worst(judgements))


def worst(judgements: "Iterable[Judgement]") -> int:
    """Return the exit code of all together."""
    from mailseal.checks.finding import exit_code

    codes = {exit_code(judgement.findings) for judgement in judgements}
    return next((code for code in _GRAVITY if code in codes), 0)


def _renderer(form: str) -> "Callable[[Sequence[Judgement]], str]":
    import importlib

    render: Callable[[Sequence[Judgement]], str] = importlib.import_module(_FORMS[form]).render
    return render


def _parse(domains: tuple[str, ...]) -> "list[Domain]":
    from mailseal.names import Domain, NameSyntaxError

    names: dict[Domain, None] = {}
    for text in domains:
        try:
            names[Domain.parse(text)] = None
        except NameSyntaxError as error:
            raise WrongUsageError(f"{text[:100]!r} is no domain: {error}") from error
    return list(names)


def _check_selectors(selectors: tuple[str, ...]) -> None:
    from mailseal.names import Domain, NameSyntaxError

    for selector in selectors:
        try:
            Domain.parse(f"{selector}._domainkey.example")
        except NameSyntaxError as error:
            raise WrongUsageError(f"--dkim {selector[:100]!r} is no selector: {error}") from error


def _gather(
    wiring: Any,
    config: "Config",
    names: "Sequence[Domain]",
    *,
    depth: str,
    deep: bool,
    selectors: tuple[str, ...],
) -> "list[Evidence]":
    from mailseal.checks.evidence import Depth
    from mailseal.config import LogLevel

    wiring.set_up_logging(replace(config.log, level=LogLevel.ERROR))

    async def run() -> "list[Evidence]":
        turns = asyncio.Semaphore(MAX_AT_ONCE)
        async with wiring.open_checker(config) as checker:

            async def gather(name: "Domain") -> "Evidence":
                async with turns:
                    evidence: Evidence = await checker.gather(
                        name, depth=Depth(depth), is_deep=deep, dkim_selectors=selectors
                    )
                    return evidence

            return await asyncio.gather(*(gather(name) for name in names))

    try:
        return asyncio.run(run())
    except mailseal.Error as error:  # no resolver, no authorities: nothing was looked at
        raise CannotTellError(str(error)) from error


def _read(path: Path, save_to: Path | None) -> "list[Evidence]":
    from mailseal.checks.saved import SavedEvidenceError
    from mailseal.faces.check.files import read_files

    if save_to is not None:
        raise WrongUsageError("--save-evidence keeps what is observed, not what was read")
    try:
        evidences = read_files(path)
    except OSError as error:
        raise WrongUsageError(f"cannot read {path}: {error.strerror}") from error
    except SavedEvidenceError as error:
        raise WrongUsageError(f"{error}") from error
    if not evidences:
        raise WrongUsageError(f"{path} holds no evidence; make some with --save-evidence")
    return evidences


def _save(path: Path, evidences: "Sequence[Evidence]") -> None:
    from mailseal.faces.check.files import write_files

    try:
        write_files(path, evidences)
    except OSError as error:
        raise WrongUsageError(f"cannot write {path}: {error.strerror}") from error


def _judge(evidences: "Iterable[Evidence]") -> "list[Judgement]":
    from mailseal.checks.judge import judge

    return [judge(evidence) for evidence in evidences]
