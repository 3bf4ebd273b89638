"""SPF, DKIM, DMARC, CAA and the keys of a zone, as real name servers give them."""

import base64
import json
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.daemon import Daemon
from lab.internet import Lab

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab


def check(make_daemon: MakeDaemon, domain: str) -> Mapping[str, str]:
    """Check a domain by its DNS alone; return what was seen, by code."""
    desk: Daemon = make_daemon({})
    done = desk.command("check", domain, "--format", "json", "--depth", "dns", "--dkim", "s1")
    assert done.stderr == ""
    return {one["code"]: one["seen"] for one in json.loads(done.stdout)["findings"]}


def make_key() -> str:
    """Make a key that is longer than one string of a TXT record."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(data).decode()


def test_neighbours_that_are_in_order_are_found(make_daemon: MakeDaemon, lab: Lab) -> None:
    """A key in two strings, an authority with parameters, a policy for mail."""
    lab.dns.set_txt("good.test", "v=spf1 mx -all")
    lab.dns.set_txt("_dmarc.good.test", "v=DMARC1; p=reject")
    lab.dns.set_txt("s1._domainkey.good.test", f"v=DKIM1; k=rsa; p={make_key()}")
    lab.dns.set_records("good.test", "CAA", '0 issue "ca.example.net; validationmethods=dns-01"')

    seen = check(make_daemon, "good.test")

    assert seen["spf-present"] == "SPF is published; mail from elsewhere fails."
    assert seen["dmarc-present"] == "DMARC is published with the policy reject."
    assert "RSA, 2048 bits" in seen["dkim-present"]
    assert "ca.example.net only" in seen["caa-present"]


def test_neighbours_that_are_broken_are_named(make_daemon: MakeDaemon, lab: Lab) -> None:
    """Each by what is wrong with it."""
    lab.dns.set_txt("good.test", "v=spf1 mx -all", "v=spf1 -all")
    lab.dns.set_txt("_dmarc.good.test", "v=DMARC1; p=deny")
    lab.dns.set_txt("s1._domainkey.good.test", "v=DKIM1; p=MIIB")
    lab.dns.set_records("good.test", "CAA", '0 issue ";"')

    seen = check(make_daemon, "good.test")

    assert {"spf-several", "dmarc-syntax", "dkim-syntax", "caa-forbids"} <= set(seen)


def test_the_keys_of_a_signed_zone_belong_to_its_parent(make_daemon: MakeDaemon, lab: Lab) -> None:
    """The tag computed from each DNSKEY is that of the DS record, or there would be a finding."""
    seen = check(make_daemon, "dane-good.test")

    assert "dnssec-signed" in seen
    assert not {code for code in seen if code.startswith("dnssec-")} - {"dnssec-signed"}


def test_an_expired_zone_is_bogus(make_daemon: MakeDaemon, lab: Lab) -> None:
    """The validating resolver refuses it, and says why."""
    lab.dns.let_expire("dane-good.test")

    assert (
        "DNSSEC validation fails for MX of dane-good.test"
        in check(make_daemon, "dane-good.test")["dnssec-bogus"]
    )
