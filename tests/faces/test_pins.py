"""``mailseal pins``, and what explanations say of overrides, pins and zones."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from mailseal.envelope import PrivateKey, new_private_key, seal
from mailseal.mtasts.pins import PAYLOAD_TYPE, PinList, parse_pins, render_list
from tests.faces.world import World

LIST = {
    "policies": {
        "pinned.example": {"mx": ["mx.example.com"]},
        "partner.example": {"mx": ["*.partner.example"], "hold": True, "comment": "contract"},
    }
}


def public_key(world: World, name: str = "pins.key") -> str:
    """Make a key pair; return the public key."""
    result = world.run_alone("pins", "keygen", world.folder / name)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def signed(world: World, *options: str) -> Path:
    """Sign the list with the command."""
    source, target = world.folder / "pins.json", world.folder / "signed.json"
    source.write_text(json.dumps(LIST))
    key = str(world.folder / "pins.key")
    result = world.run_alone("pins", "sign", source, "--key", key, "--output", target, *options)
    assert result.exit_code == 0, result.output
    return target


def test_a_list_is_signed_and_checked(world: World) -> None:
    """The way of the how-to; the private key is nobody else's to read."""
    public = public_key(world)
    path = signed(world, "--valid-for", "30d")
    assert stat.S_IMODE((world.folder / "pins.key").stat().st_mode) == 0o600

    shown = world.run_alone("pins", "verify", path, "--key", public)
    assert shown.exit_code == 0, shown.output
    assert "is good: 2 pins, expires " in shown.stdout
    assert "partner.example: enforce, held: *.partner.example" in shown.stdout
    answer = world.run_alone("pins", "verify", path, "--key", public, "--format", "json")
    assert json.loads(answer.stdout)["policies"]["partner.example"]["comment"] == "contract"


def test_the_keys_of_the_configuration_check_a_list(world: World) -> None:
    """Without --key; where there is none either, that is said."""
    public = public_key(world)
    path = signed(world)
    assert "no key to check with" in world.run("pins", "verify", path).stderr
    with world.config_file.open("a") as file:
        file.write(f'[pins]\nkeys = ["{public}"]\n')

    assert world.run("pins", "verify", path).exit_code == 0


def test_a_list_by_another_key_is_refused(world: World) -> None:
    """With exit code 1, as text and as JSON."""
    other = public_key(world, "other.key")
    public_key(world)
    path = signed(world)

    result = world.run_alone("pins", "verify", path, "--key", other)
    assert result.exit_code == 1
    assert "no signature is good" in result.stderr
    answer = world.run_alone("pins", "verify", path, "--key", other, "--format", "json")
    assert (answer.exit_code, json.loads(answer.stdout)["valid"]) == (1, False)


def test_a_key_is_never_overwritten(world: World) -> None:
    """All lists that it has signed would be worthless."""
    public_key(world)
    result = world.run_alone("pins", "keygen", world.folder / "pins.key")

    assert result.exit_code == 1
    assert "cannot be written: File exists" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "policies is null"),
        ('{"policies": {"example.com": {"mx": []}}}', "example.com: mx is not a list"),
        ('{"policies": {}, "policies": {}}', "there twice"),
    ],
)
def test_a_list_with_a_fault_is_not_signed(world: World, text: str, message: str) -> None:
    """It would be refused everywhere."""
    public_key(world)
    source = world.folder / "pins.json"
    source.write_text(text)
    result = world.run_alone("pins", "sign", source, "--key", world.folder / "pins.key")

    assert result.exit_code == 1
    assert message in result.stderr


def test_what_is_no_key_signs_nothing(world: World) -> None:
    """And is not shown either."""
    source = world.folder / "pins.json"
    source.write_text(json.dumps(LIST))
    result = world.run_alone("pins", "sign", source, "--key", source)

    assert result.exit_code == 1
    assert "expected an Ed25519 private key" in result.stderr
    assert "policies" not in result.stderr


def configure(world: World) -> None:
    """Let the service have a list, overrides and zones."""
    key = PrivateKey(new_private_key())
    now = world.clock.now()
    found = PinList(issued=now, expires=now + timedelta(days=9), pins=parse_pins(LIST["policies"]))
    world.pins.serve(seal(render_list(found), PAYLOAD_TYPE, [key]))
    with world.config_file.open("a") as file:
        file.write(
            f"""
            [zones.strict]
            profile = "postfix"
            strict_testing = true
            sni = false
            [pins]
            source = "/fake"
            keys = ["{key.public}"]
            [[overrides]]
            domains = [".example.org"]
            sts = "off"
            expires = "2027-01-31"
            comment = "ticket 4711"
            """
        )


def test_the_service_tells_which_list_it_uses(world: World) -> None:
    """Where from, how many, until when; without a service, that there is none."""
    configure(world)
    assert world.run("pins", "show").exit_code == 3
    with world.running():
        shown = world.run("pins", "show")
        world.pins.fail("connection-refused")
        refreshed = world.run("pins", "refresh")

    assert shown.exit_code == 0, shown.output
    assert "in use: 2 pins, 0 replaced since\nissued 2026-07-01T12:00:00Z" in shown.stdout
    assert refreshed.exit_code == 0
    assert "not read anew: connection-refused" in refreshed.stdout


def test_a_service_without_a_list_says_so(world: World) -> None:
    """With exit code 1."""
    with world.running():
        result = world.run("pins", "show", "--format", "json")

    assert (result.exit_code, json.loads(result.stdout)["in_use"]) == (1, None)


def test_an_explanation_names_the_pin(world: World) -> None:
    """As JSON and as text, before and after the domain has spoken."""
    configure(world)
    world.dns.mx("pinned.example", (10, "mx.example.com"))
    with world.running():
        document = world.run_json("query", "pinned.example")
        text = world.run("query", "pinned.example", "--explain").stdout
        world.publish("pinned.example", mode="none")
        after = world.run_json("query", "pinned.example")

    assert document["ruling"] == {
        "policy_from": "pin",
        "mode": "enforce",
        "mx": ["mx.example.com"],
        "mode_changed_by": None,
    }
    assert document["pin"]["state"] == "available"
    assert document["zones"] == {"strict": "OK secure match=mx.example.com"}
    assert "Pin\n  mode enforce, counts until the domain has served" in text
    assert "Policy that counts\n  mode enforce, pinned" in text
    assert "Replies of zones with rules of their own\n  strict" in text
    assert (after["pin"]["state"], after["ruling"]["mode"]) == ("replaced", "none")


def test_an_explanation_names_the_override(world: World) -> None:
    """With the name that it was found by."""
    configure(world)
    world.publish("a.example.org")
    with world.running():
        document = world.run_json("query", "a.example.org")
        text = world.run("query", "a.example.org", "--explain").stdout

    assert document["override"]["matched"] == ".example.org"
    assert document["ruling"]["policy_from"] == "override"
    assert document["replies"]["postfix"] == "NOTFOUND "
    assert "Override\n  sts off, for .example.org\n  until 2027-01-31T00:00:00Z" in text
    assert "ticket 4711" in text
    assert "Policy that counts\n  none, by the override" in text


def test_an_explanation_shows_what_a_strict_zone_is_told(world: World) -> None:
    """Beside what everybody else is told."""
    configure(world)
    world.publish("example.net", mode="testing")
    with world.running():
        document = world.run_json("query", "example.net")

    assert document["replies"]["postfix"] == "NOTFOUND "
    assert document["zones"] == {"strict": "OK secure match=mx.example.com"}
