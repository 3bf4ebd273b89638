"""``mailseal query``: what an MTA is answered for a next hop, and with --explain why.

**Security**: it asks the running service over a socket that only root and the service's user can
open. **Limits**: without a running service it knows no stored policy and looks everything up.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.asking import ask, by_itself
from mailseal.faces.configured import config_option, format_option, load_config, state_dir_option
from mailseal.names import NextHop, parse_next_hop

if TYPE_CHECKING:
    from mailseal.services.policyservice import PolicyService

MAIL_WAITS = 1


@click.command(
    epilog="Example: mailseal query example.com --explain\n\n"
    "Exit codes: 0 answered; 1 answered that mail has to wait; 2 wrong usage; "
    "3 the running service cannot be asked."
)
@click.argument("next_hop", metavar="DOMAIN")
@click.option("--explain", is_flag=True, help="Show every step that led to the answer.")
@click.option(
    "--profile", default="postfix", show_default=True, help="Whose reply to show without --explain."
)
@config_option
@state_dir_option
@format_option
@click.pass_obj
def query(
    wiring: Any,
    next_hop: str,
    explain: bool,
    profile: str,
    config_file: Path | None,
    state_dir: Path | None,
    form: str,
) -> None:
    """Tell how mail to DOMAIN must be secured; [host] and :port as the MTA writes them."""
    _check_profile(profile)
    parsed = parse_next_hop(next_hop)
    if not isinstance(parsed, NextHop):
        _tell_no_lookup(next_hop, parsed.value, form)
        return
    config = load_config(config_file, state_dir)
    document = ask(config, {"op": "explain", "next_hop": str(parsed)})
    is_running = document is not None
    if document is None:
        document = by_itself(wiring, config, lambda one: _explain(one, parsed), with_store=False)
    document["from_running_service"] = is_running
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    elif explain:
        from mailseal.faces.explanation import render

        click.echo(render(document))
    else:
        click.echo(f"{parsed}: {document['replies'][profile].strip()}")
        if not is_running:
            click.echo("no service is running; looked up by this command", err=True)
    if document["decision"]["answer"] == "unavailable":
        raise SystemExit(MAIL_WAITS)


def _check_profile(profile: str) -> None:
    """Complain about an unknown profile before anything is looked up."""
    from mailseal.wire.profiles import ProfileName

    known = [one.value for one in ProfileName]
    if profile not in known:
        raise click.UsageError(f"no profile {profile!r}; there are {', '.join(known)}")


def _tell_no_lookup(key: str, reason: str, form: str) -> None:
    """Say what every MTA is answered for a key that nothing is looked up for."""
    if form == "text":
        click.echo(f"{key}: NOTFOUND, since {reason}")
        return
    from mailseal.wire.profiles import profiles
    from mailseal.wire.socketmap import notfound

    replies = {name: notfound().decode("ascii") for name in profiles()}
    click.echo(
        json.dumps({"next_hop": key, "no_look_up_because": reason, "replies": replies}, indent=2)
    )


async def _explain(service: "PolicyService", next_hop: NextHop) -> dict[str, Any]:
    return await service.explainer.explain(next_hop)
