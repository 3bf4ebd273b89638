"""The lines of docs/howto/postfix.md, as they stand there, in a real Postfix of 3.7 and 3.10."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.packages import Tree
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

HOWTO = (Path(__file__).parents[2] / "docs" / "howto" / "postfix.md").read_text()
RELAY = "mx.nopolicy.test"
TLS_PROBLEM = "client TLS configuration problem"


def settings(*, like: str) -> dict[str, str]:
    """Return the main.cf of the how-to's first block with such a line."""
    blocks = re.findall(r"^```text\n(.*?)^```$", HOWTO, re.MULTILINE | re.DOTALL)
    [found, *_] = [block for block in blocks if like in block]
    return dict(line.split(" = ", 1) for line in found.splitlines())


MAIN = settings(like="smtp_tls_loglevel")
TABLE = MAIN["smtp_tls_policy_maps"]

MakeSender = Callable[..., SendingPostfix]


@pytest.fixture(params=["3.7", "3.10"])
def make_sender(lab: Lab, daemon: Daemon, request: pytest.FixtureRequest) -> Iterator[MakeSender]:
    """Make a sender of either version with the how-to's main.cf, or with another table."""
    newer: Tree | None = request.getfixturevalue("newer") if request.param == "3.10" else None
    assert "For Postfix 3.10 and later write `postfix-3.10` as the last word" in HOWTO
    with ExitStack() as stack:

        def make(policy_maps: str = TABLE, **more: str) -> SendingPostfix:
            if newer is not None:
                policy_maps = re.sub(":postfix$", ":postfix-3.10", policy_maps)
            ours = MAIN | {"smtp_tls_CAfile": str(lab.ca_file)} | more
            del ours["smtp_tls_policy_maps"]
            return stack.enter_context(lab.sender(policy_maps, newer=newer, **ours))

        yield make


def test_mail_goes_where_it_may_and_waits_where_it_must(lab: Lab, make_sender: MakeSender) -> None:
    """By the policy, by DANE, and as ever without either; the log says what the how-to tells."""
    postfix = make_sender()

    for label, tls in (("good", "Verified"), ("dane-good", "Verified"), ("nopolicy", "Trusted")):
        assert postfix.deliver(f"someone@{label}.test").tls == tls
    for label, why in (
        ("stripped", "TLS is required, but was not offered by host "),
        ("wrongname", "Server certificate not verified"),
        ("uncovered", TLS_PROBLEM),
    ):
        held = postfix.deliver(f"someone@{label}.test")
        assert held.status == "deferred"
        assert why in held.reason
        assert f"| `{why}" in HOWTO


def test_postmap_shows_the_policy_or_nothing(make_sender: MakeSender) -> None:
    """The command that the how-to gives, for a domain with and one without."""
    assert f"# postmap -q example.com {TABLE}\n" in HOWTO
    postfix = make_sender()

    shown = postfix.look_up("good.test", TABLE)

    assert shown == "secure match=mx.good.test servername=hostname"
    assert postfix.look_up("nopolicy.test", TABLE) == ""


def test_while_mailseal_is_down_all_mail_waits(make_sender: MakeSender) -> None:
    """In the words of the how-to, domains without a policy included."""
    delivery = make_sender(TABLE.replace("8461", "8469")).deliver("someone@nopolicy.test")

    assert delivery.status == "deferred"
    assert f"deferred with `{delivery.dsn} {delivery.reason}`" in HOWTO


@pytest.mark.parametrize(("relay", "status"), [(RELAY, "sent"), ("mx.selfsigned.test", "deferred")])
def test_a_fallback_relay_can_be_held_to_its_certificate(
    make_sender: MakeSender, relay: str, status: str
) -> None:
    """By the how-to's table of one's own, in front of mailseal's."""
    maps = settings(like="inline:")["smtp_tls_policy_maps"].replace("relay.example.com", relay)
    postfix = make_sender(maps, smtp_fallback_relay=f"[{relay}]")

    delivery = postfix.deliver("someone@stripped.test")

    assert delivery.status == status
    assert delivery.relay.startswith(relay)


def test_a_table_of_ones_own_decides_first(lab: Lab, make_sender: MakeSender) -> None:
    """What it does not know is mailseal's to answer."""
    maps = settings(like="/etc/postfix/tls_policy")["smtp_tls_policy_maps"]
    own = lab.folder / "tls_policy"
    own.write_text("stripped.test may\n")
    own.chmod(0o644)
    postfix = make_sender(maps.replace("/etc/postfix/tls_policy", str(own)))

    assert postfix.deliver("someone@stripped.test").status == "sent"
    assert postfix.deliver("someone@nostarttls.test").status == "deferred"
