"""Real Postfix and Sendmail let mail wait when their policy daemon breaks off."""

import pytest

from lab.internet import Lab

from .conftest import MakeBreaker

pytestmark = pytest.mark.lab

DEEDS = ["fin", "rst", "read-fin", "read-rst", "say:9:NOTFO", "say:NOTFOUND\n"]


@pytest.mark.parametrize("deed", DEEDS)
def test_sendmail_defers_when_a_connection_breaks_off(
    lab: Lab, make_breaker: MakeBreaker, deed: str
) -> None:
    """No answer is a temporary failure, of the map and of the rules."""
    host, port = make_breaker(deed).split(":")

    said = lab.sendmail.check("a@nopolicy.test", "mx.nopolicy.test", address=f"inet:{port}@{host}")

    assert said.startswith("$# error")
    assert "450 STS lookup temp fail" in said


@pytest.mark.parametrize("deed", DEEDS)
def test_postfix_defers_when_a_connection_breaks_off(
    lab: Lab, make_breaker: MakeBreaker, deed: str
) -> None:
    """It asks once more, and then lets the mail wait."""
    with lab.sender(f"socketmap:inet:{make_breaker(deed)}:postfix") as postfix:
        delivery = postfix.deliver("someone@nopolicy.test")

    assert delivery.status == "deferred"
    assert delivery.dsn == "4.7.5"
    assert len(lab.mailbox("mx.nopolicy.test")) == 0
