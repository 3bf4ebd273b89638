"""``mailseal pins``: make keys, sign lists of pinned policies, check them, and see what is used.

**Security**: a private key is written with mode 0600 and never shown; keep it away from the mail
servers, which need the public key alone.
**Limits**: a private key has no password.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.asking import ask
from mailseal.faces.configured import config_option, format_option, load_config

if TYPE_CHECKING:
    from mailseal.envelope import PrivateKey, PublicKey
    from mailseal.mtasts.pins import PinList

REFUSED = 1
NOT_RUNNING = 3
MAX_KEY_BYTES = 16_384  # ours: an Ed25519 key as PEM has 120


class DurationType(click.ParamType[timedelta]):
    """A duration as the configuration writes it."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Parse it or tell what is wrong with it."""
        from mailseal.config.kinds import RefusedValueError, duration

        if isinstance(value, timedelta):
            return value
        try:
            return duration("1h", "366d").read(value)
        except RefusedValueError:
            self.fail(f'{value!r} is not a duration from "1h" to "366d"', param, ctx)


class PublicKeyType(click.ParamType["PublicKey"]):
    """A public key as the configuration holds it."""

    name = "public key"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "PublicKey":
        """Parse it or tell what is wrong with it."""
        from mailseal.envelope import KeySyntaxError, PublicKey

        try:
            return PublicKey.parse(value)
        except KeySyntaxError as error:
            self.fail(str(error), param, ctx)


@click.group(epilog="Example: mailseal pins keygen pins.key")
def pins() -> None:
    """Sign lists of pinned policies, check them, and see which one is used."""


@pins.command(
    epilog="Example: mailseal pins keygen pins.key\n\nExit codes: 1 the key cannot be written."
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@format_option
def keygen(file: Path, form: str) -> None:
    """Make a private key in FILE, and print the public one for the configuration.

    A file that is there is never overwritten.
    """
    from mailseal.envelope import PrivateKey, new_private_key

    pem = new_private_key()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(pem)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    public = PrivateKey(pem).public
    _print({"public_key": str(public), "key_id": public.id}, str(public), form)


@pins.command(
    epilog="Example: mailseal pins sign pins.json --key pins.key --output pins.signed.json\n\n"
    "Exit codes: 1 the list has a fault, or a file cannot be read or written."
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "key_files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    required=True,
    help="A private key; give it twice to sign with two.",
)
@click.option(
    "--valid-for",
    type=DurationType(),
    default="90d",
    show_default=True,
    help="How long the list counts from now on.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write it; else standard output."
)
def sign(
    file: Path, key_files: tuple[Path, ...], valid_for: timedelta, output: Path | None
) -> None:
    """Sign the list in FILE, a JSON object whose "policies" are pins by domain.

    It is issued now, and replaces every list that was issued before.
    """
    from mailseal.envelope import seal
    from mailseal.mtasts.pins import (
        MAX_LIST_BYTES,
        PAYLOAD_TYPE,
        PinList,
        PinListError,
        parse_pins,
        read_json,
        render_list,
    )

    now = datetime.now(UTC).replace(microsecond=0)
    try:
        policies = read_json(_read(file, MAX_LIST_BYTES)).get("policies")
        found = PinList(issued=now, expires=now + valid_for, pins=parse_pins(policies))
    except PinListError as error:
        raise click.ClickException(f"{file}: {error}") from error
    envelope = seal(render_list(found), PAYLOAD_TYPE, [_private_key(key) for key in key_files])
    if len(envelope) > MAX_LIST_BYTES:
        raise click.ClickException(f"{file}: signed it has over {MAX_LIST_BYTES} bytes")
    if output is None:
        click.echo(envelope, nl=False)
        return
    draft = output.with_name(f".{output.name}.new")
    try:
        draft.write_bytes(envelope)
        draft.replace(output)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {output}: {_summary(found)}", err=True)


@pins.command(
    epilog="Example: mailseal pins verify pins.signed.json\n\n"
    "Exit codes: 1 the service would refuse the list."
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "keys",
    type=PublicKeyType(),
    multiple=True,
    help="A public key that may have signed it; else those of the configuration.",
)
@config_option
@format_option
def verify(file: Path, keys: "tuple[PublicKey, ...]", config_file: Path | None, form: str) -> None:
    """Check the signature and dates of the list in FILE, and show what it pins."""
    from mailseal.envelope import EnvelopeError
    from mailseal.mtasts.pins import (
        MAX_LIST_BYTES,
        PinListError,
        open_list,
        pin_document,
        render_instant,
    )

    trusted = keys or load_config(config_file).pins.keys
    if not trusted:
        raise click.UsageError("there is no key to check with; pass --key, or set [pins] keys")
    try:
        found = open_list(
            _read(file, MAX_LIST_BYTES), keys=trusted, now=datetime.now(UTC), stored=None
        )
    except (EnvelopeError, PinListError) as error:
        if form == "json":
            click.echo(json.dumps({"valid": False, "reason": str(error)}))
            raise SystemExit(REFUSED) from error
        raise click.ClickException(f"{file}: {error}") from error
    document = {
        "valid": True,
        "issued": render_instant(found.issued),
        "expires": render_instant(found.expires),
        "policies": {domain: pin_document(pin) for domain, pin in found.pins.items()},
    }
    lines = [f"{file} is good: {_summary(found)}"]
    for domain, pin in found.pins.items():
        hold = ", held" if pin.hold else ""
        mx = " ".join(pattern.text for pattern in pin.policy.mx)
        lines.append(f"{domain}: {pin.policy.mode.value}{hold}: {mx}")
    _print(document, "\n".join(lines), form)


@pins.command(
    epilog="Example: mailseal pins show\n\n"
    "Exit codes: 1 no list is in use; 3 the running service cannot be asked."
)
@config_option
@format_option
def show(config_file: Path | None, form: str) -> None:
    """Tell which list the running service uses."""
    _tell_state(config_file, {"op": "pins"}, form)


@pins.command(
    epilog="Example: mailseal pins refresh\n\n"
    "Exit codes: 1 no list is in use; 3 the running service cannot be asked."
)
@config_option
@format_option
def refresh(config_file: Path | None, form: str) -> None:
    """Let the running service read its list now, and tell which one it uses."""
    _tell_state(config_file, {"op": "pins", "refresh": True}, form)


def _tell_state(config_file: Path | None, request: dict[str, Any], form: str) -> None:
    document = ask(load_config(config_file), request)
    if document is None:
        click.echo("no service is running", err=True)
        raise SystemExit(NOT_RUNNING)
    in_use = document["in_use"]
    lines = [f"source {document['source'] or 'none'}"]
    if in_use:
        lines.append(f"in use: {in_use['pins']} pins, {in_use['replaced']} replaced since")
        lines.append(f"issued {in_use['issued']}, expires {in_use['expires']}")
    else:
        lines.append("in use: none")
    if document["trouble"]:
        lines.append(f"not read anew: {document['trouble']}")
    _print(document, "\n".join(lines), form)
    if not in_use:
        raise SystemExit(REFUSED)


def _read(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error


def _private_key(file: Path) -> "PrivateKey":
    from mailseal.envelope import KeySyntaxError, PrivateKey

    try:
        return PrivateKey(_read(file, MAX_KEY_BYTES))
    except KeySyntaxError as error:
        raise click.ClickException(f"{file}: {error}") from error


def _summary(found: "PinList") -> str:
    from mailseal.mtasts.pins import render_instant

    return f"{len(found.pins)} pins, expires {render_instant(found.expires)}"


def _print(document: dict[str, Any], text: str, form: str) -> None:
    click.echo(json.dumps(document, indent=2) if form == "json" else text)
