"""``mailseal cache``: the policies that are stored, and what can be done about them.

**Security**: as ``query``. **Limits**: while the service runs it is asked, so that its memory and
the store agree; else the store is opened here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.asking import NoServiceError, ask, by_itself
from mailseal.faces.configured import config_option, format_option, load_config, state_dir_option
from mailseal.names import Domain, NameSyntaxError

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.services.policyservice import PolicyService

NOT_STORED = 1
Document = dict[str, Any]


class DomainType(click.ParamType[Domain]):
    """A domain name on the command line."""

    name = "domain"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Domain:
        """Parse it or tell what is wrong with it."""
        try:
            return Domain.parse(value)
        except NameSyntaxError as error:
            self.fail(str(error), param, ctx)


@click.group(epilog="Example: mailseal cache show example.com")
def cache() -> None:
    """Look at stored policies, refresh or purge them."""


def _common(command: Any) -> Any:
    return config_option(state_dir_option(format_option(command)))


@cache.command("list", epilog="Example: mailseal cache list --format json")
@_common
@click.pass_obj
def list_(wiring: Any, config_file: Path | None, state_dir: Path | None, form: str) -> None:
    """List the stored policies, one a line; as JSON one object a line."""
    config = load_config(config_file, state_dir)
    number = 0
    for policy in _stored(wiring, config):
        number += 1
        if form == "json":
            click.echo(json.dumps(policy))
        else:
            trouble = f"  {policy['failure']['reason']}" if policy["failure"] else ""
            click.echo(
                f"{policy['domain']:<40} {policy['mode']:<8} until {policy['expires_at']}{trouble}"
            )
    if form == "text":
        click.echo(f"{number} policies", err=True)


@cache.command(epilog="Example: mailseal cache show example.com\n\nExit codes: 1 not stored.")
@click.argument("domain", type=DomainType())
@_common
@click.pass_obj
def show(
    wiring: Any, domain: Domain, config_file: Path | None, state_dir: Path | None, form: str
) -> None:
    """Show a domain's policy with all its dates."""
    config = load_config(config_file, state_dir)
    document = ask(config, {"op": "show", "domain": domain})
    if document is None:
        document = by_itself(wiring, config, lambda one: _load(one, domain), with_store=True)
    policy = document["policy"]
    if form == "json":
        click.echo(json.dumps(policy, indent=2))
    elif policy is None:
        click.echo(f'no policy is stored for {domain}; try "mailseal query {domain} --explain"')
    else:
        from mailseal.faces.explanation import render_policy

        click.echo(render_policy(policy))
    if policy is None:
        raise SystemExit(NOT_STORED)


@cache.command(
    epilog="Example: mailseal cache refresh example.com\n\n"
    "Exit codes: 1 no policy could be fetched; 3 the running service cannot be asked."
)
@click.argument("domain", type=DomainType())
@_common
@click.pass_obj
def refresh(
    wiring: Any, domain: Domain, config_file: Path | None, state_dir: Path | None, form: str
) -> None:
    """Look up and fetch a domain's policy now, back-off or not."""
    config = load_config(config_file, state_dir)
    document = ask(config, {"op": "refresh", "domain": domain})
    if document is None:
        document = by_itself(wiring, config, lambda one: _refresh(one, domain), with_store=True)
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    else:
        from mailseal.faces.explanation import render

        click.echo(render(document))
    if document["fetch"]["state"] != "fetched":
        raise SystemExit(NOT_STORED)


@cache.command(epilog="Example: mailseal cache purge example.com\n\nExit codes: 1 not stored.")
@click.argument("domain", type=DomainType())
@_common
@click.pass_obj
def purge(
    wiring: Any, domain: Domain, config_file: Path | None, state_dir: Path | None, form: str
) -> None:
    """Forget a domain's policy, in memory and in the store.

    Until the next look-up succeeds, mail to that domain is no longer protected by the policy.
    """
    config = load_config(config_file, state_dir)
    document = ask(config, {"op": "purge", "domain": domain})
    if document is None:
        document = by_itself(wiring, config, lambda one: _purge(one, domain), with_store=True)
    if form == "json":
        click.echo(json.dumps(document))
    else:
        click.echo(f"{domain}: " + ("purged" if document["was_known"] else "was not stored"))
    if not document["was_known"]:
        raise SystemExit(NOT_STORED)


@cache.command(
    "import",
    epilog="Example: mailseal cache import /var/lib/mta-sts/cache.db\n\n"
    "Exit codes: 1 the cache cannot be read; 3 the service runs and has to be stopped first.",
)
@click.argument("source")
@_common
@click.pass_obj
def import_(
    wiring: Any, source: str, config_file: Path | None, state_dir: Path | None, form: str
) -> None:
    """Take over the policies that postfix-mta-sts-resolver has cached.

    SOURCE is its SQLite file, or the URL of its Redis (redis://, rediss://, unix://) or
    PostgreSQL (postgresql://), with the number or name of the database.
    Each policy is read anew and strictly, keeps its record's id and its date, and is fetched
    again as soon as the service runs.
    What could not be taken over is listed with the reason, and is looked up when it is asked for.
    """
    from mailseal.services.mover import move_policies

    config = load_config(config_file, state_dir)
    if ask(config, {"op": "counters"}) is not None:
        raise NoServiceError("the service runs; stop it first, so that it sees what is imported")
    moved = by_itself(
        wiring,
        config,
        lambda one: move_policies(wiring.read_foreign_cache(source), one.store, wiring.clock),
        with_store=True,
    )
    if form == "json":
        refused = [{"domain": domain, "reason": reason} for domain, reason in moved.refused]
        click.echo(
            json.dumps(
                {
                    "taken": moved.taken,
                    "kept": moved.kept,
                    "refused": moved.refused_count,
                    "reasons": refused,
                }
            )
        )
        return
    for domain, reason in moved.refused:
        # Names and reasons are somebody else's bytes, and this may be a terminal.
        click.echo(
            f"not taken over: {domain[:100]!a}: {reason.encode('ascii', 'replace').decode()}"
        )
    click.echo(
        f"{moved.taken} policies taken over, {moved.kept} left as a later one is stored, "
        f"{moved.refused_count} not taken over"
    )


def _stored(wiring: Any, config: "Config") -> Iterator[Document]:
    after = ""
    while True:
        document = ask(config, {"op": "list", "after": after})
        if document is None:
            yield from by_itself(wiring, config, _load_all, with_store=True)
            return
        page = document["policies"]
        yield from page
        if not page:
            return
        after = page[-1]["domain"]


async def _load_all(service: "PolicyService") -> list[Document]:
    from mailseal.services.explainer import policy_document

    documents: list[Document] = []
    after: Domain | None = None
    while page := await service.store.list(after=after):
        documents += [policy_document(cached) for cached in page]
        after = page[-1].domain
    return documents


async def _load(service: "PolicyService", domain: Domain) -> Document:
    from mailseal.services.explainer import policy_document

    cached = await service.store.load(domain)
    return {"policy": policy_document(cached) if cached else None}


async def _refresh(service: "PolicyService", domain: Domain) -> Document:
    from mailseal.names import NextHop

    await service.discoverer.refetch(domain, force=True)
    return await service.explainer.explain(NextHop(domain=domain))


async def _purge(service: "PolicyService", domain: Domain) -> Document:
    return {"domain": domain, "was_known": await service.discoverer.forget(domain)}
