"""By Postfix 3.7 and 3.10: every state of DANE, what each is answered, and where its mail ends.

All rows are one world: domains below ``cases.test`` whose MX sets are made of its hosts, ``u``
and ``v`` with usable TLSA records, ``m`` with records that do not match, ``x`` with unusable ones,
``n`` with none, ``b`` with a broken signature, ``t`` whose records cannot be asked for. Each is
there twice: with a policy in mode enforce that allows all these hosts, and as ``….open`` without.
mailseal asks the second resolver, so that its MX look-up can fail where Postfix's does not.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from lab.addresses import SECOND_RESOLVER
from lab.ca import Flaw
from lab.daemon import Daemon
from lab.internet import Lab
from lab.model import STS_RECORD
from lab.packages import Tree
from lab.sender import Delivery

pytestmark = pytest.mark.lab

ZONE = "cases.test"
SECURE = (
    "OK secure match=.cases.test:mx.aaaa-fails.test:mx.servfail.test:mx.dane-nopolicy.test"
    " servername=hostname"
)
DANE_ONLY, DANE, NOTFOUND = "OK dane-only", "OK dane", "NOTFOUND "

NOT_VERIFIED = "Server certificate not verified"
NO_TLSA = "no TLSA records found"  # at the last host that was tried
NO_TLSA_ANSWER = "TLSA lookup error for {}:25"
NO_NAME = "Name service error for name={} type={}: Host not found, try again"
HELD = "client TLS configuration problem"  # Postfix was answered TEMP
ASK_AT_ONCE = 16


def narrowed(*hosts: str) -> str:
    """Render the answer for some of the hosts that the policy allows."""
    return f"OK secure match={':'.join(hosts)} servername=hostname"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A next hop, its MX records if it has any of its own, the answer, and what Postfix does.

    ``mx`` is as ``10 u 20 mx.servfail.test``. ``answer`` may be only the beginning of a TEMP.
    ``relay`` and ``tls`` say to whom mail went and how, ``tls_by_3_10`` where that version knows
    more; without them it has to wait, and ``why`` is in the reason.
    """

    about: str
    next_hop: str
    answer: str
    mx: str = ""
    relay: str = ""
    tls: str = ""
    tls_by_3_10: str = ""
    why: str = ""

    @property
    def domain(self) -> str:
        """The domain that mail is addressed to; a relay is reached by a route of its own."""
        if not self.next_hop.startswith("["):
            return self.next_hop
        words = self.next_hop.translate(str.maketrans("[]:.", "    ")).split()
        return f"{'-'.join(words)}.by-relay.{ZONE}"


def sent(answer: str, relay: str, tls: str = "Verified") -> dict[str, str]:
    """Expect that mail is sent."""
    return {"answer": answer, "relay": relay if "." in relay else f"{relay}.{ZONE}", "tls": tls}


def held(answer: str, why: str) -> dict[str, str]:
    """Expect that mail is deferred."""
    return {"answer": answer, "why": why}


def enforced(about: str, label: str, mx: str, expected: dict[str, str]) -> Row:
    """Make a row for a domain with a policy in mode enforce."""
    return Row(about=f"{about}, enforce", next_hop=f"{label}.{ZONE}", mx=mx, **expected)


def open_(about: str, label: str, mx: str, expected: dict[str, str]) -> Row:
    """Make a row for a domain without a policy."""
    return Row(about=f"{about}, no policy", next_hop=f"{label}.open.{ZONE}", mx=mx, **expected)


def both(
    about: str, label: str, mx: str, with_policy: dict[str, str], without: dict[str, str]
) -> tuple[Row, Row]:
    """Make the two rows of an MX set."""
    return enforced(about, label, mx, with_policy), open_(about, label, mx, without)


STATES = (
    *both("dane", "dane", "10 u 20 v", sent(DANE_ONLY, "u"), sent(DANE_ONLY, "u")),
    *both("bad dane", "bad", "10 m",
          held(DANE_ONLY, NOT_VERIFIED), held(DANE_ONLY, NOT_VERIFIED)),
    # Without a policy the next host is tried, which has neither: RFC 7672 goes host by host.
    *both("bad dane at the best host", "bad-first", "10 m 20 n",
          held(DANE_ONLY, NO_TLSA), sent(DANE, "n", "Trusted")),
    *both("partial dane, the best host has it", "first", "10 u 20 n",
          sent(DANE_ONLY, "u"), sent(DANE, "u")),
    *both("partial dane, the best host has none", "last", "10 n 20 u",
          sent(narrowed("n.cases.test"), "n"), sent(DANE, "n", "Trusted")),
    *both("partial dane, the best host is unusable", "unusable-first", "10 x 20 u",
          sent(narrowed("x.cases.test"), "x"), sent(DANE, "x", "Trusted")),
    *both("dane behind a CNAME", "cname", "10 alias",
          sent(DANE_ONLY, "alias"), sent(DANE_ONLY, "alias")),
    *both("unusable TLSA", "unusable", "10 x", sent(SECURE, "x"), sent(DANE, "x", "Trusted")),
    *both("no TLSA", "none", "10 n", sent(SECURE, "n"), sent(NOTFOUND, "n", "Trusted")),
    *both("bogus TLSA", "bogus-tlsa", "10 b",
          held(DANE_ONLY, NO_TLSA_ANSWER.format("b.cases.test")),
          held(DANE, NO_TLSA_ANSWER.format("b.cases.test"))),
    *both("bogus address", "bogus-a", "10 bogus",
          held(DANE_ONLY, NO_NAME.format("bogus.cases.test", "A")),
          held(DANE, NO_NAME.format("bogus.cases.test", "A"))),
    Row(about="bogus zone", next_hop="bogus.test",
        **held(DANE, NO_NAME.format("bogus.test", "MX"))),
    *both("expired signatures of the host", "expired", "10 mx.dane-nopolicy.test",
          held(DANE_ONLY, NO_NAME.format("mx.dane-nopolicy.test", "A")),
          held(DANE, NO_NAME.format("mx.dane-nopolicy.test", "A"))),
    Row(about="expired signatures of the domain", next_hop="dane-nopolicy.test",
        **held(DANE, NO_NAME.format("dane-nopolicy.test", "MX"))),
    *both("SERVFAIL on one of two hosts, dane on the other", "fails-u",
          "10 mx.servfail.test 20 u", sent(DANE_ONLY, "u"), sent(DANE, "u")),
    *both("SERVFAIL on one of two hosts, no dane on the other", "fails-n",
          "10 mx.servfail.test 20 n",
          sent(narrowed("n.cases.test"), "n"), sent(DANE, "n", "Trusted")),
    *both("bogus TLSA on one of two hosts, dane on the other", "bogus-u", "10 b 20 u",
          sent(DANE_ONLY, "u"), sent(DANE, "u")),
    *both("bogus TLSA on one of two hosts, no dane on the other", "bogus-n", "10 b 20 n",
          sent(narrowed("n.cases.test"), "n"), sent(DANE, "n", "Trusted")),
    *both("A insecure, AAAA SERVFAIL", "aaaa", "10 mx.aaaa-fails.test",
          sent(SECURE, "mx.aaaa-fails.test"), sent(NOTFOUND, "mx.aaaa-fails.test", "Trusted")),
    enforced("implicit MX", "implicit", "", sent(DANE_ONLY, "implicit")),
    open_("implicit MX", "implicit", "", sent(DANE_ONLY, "implicit.open.cases.test")),
    *both("TLSA queries blocked by an attacker", "blocked", "10 t",
          held(DANE_ONLY, NO_TLSA_ANSWER.format("t.cases.test")),
          held(DANE, NO_TLSA_ANSWER.format("t.cases.test"))),
    Row(about="unsigned MX with dane hosts, enforce", next_hop="dane-insecure-mx.test",
        **held(narrowed("mx.dane-good.test"), NOT_VERIFIED)),
    # 3.10 looks at the TLSA records even so, and finds that they match.
    Row(about="unsigned MX with dane hosts, no policy", next_hop="open.dane-insecure-mx.test",
        mx="10 mx.dane-good.test", tls_by_3_10="Trusted",
        **sent(DANE, "mx.dane-good.test", "Untrusted")),
    enforced("best host allowed and without address, next one a stranger", "gone",
             "10 gone 20 mx.attacker.test", held("TEMP ", HELD)),
    enforced("best host without address and a stranger's, next one a stranger", "strangers",
             "10 gone.attacker.test 20 mx.attacker.test", held("TEMP ", HELD)),
)  # fmt: skip

RELAYS = (
    Row(about="[host]", next_hop="[u.cases.test]", **sent(DANE_ONLY, "u")),
    Row(about="[host]:port", next_hop="[u.cases.test]:25", **sent(DANE_ONLY, "u")),
    Row(about="[host]:service", next_hop="[u.cases.test]:smtp", **sent(DANE_ONLY, "u")),
    Row(about="[host]:587", next_hop="[u.cases.test]:587", **sent(DANE_ONLY, "u")),
    Row(about="[host]:submission", next_hop="[u.cases.test]:submission", **sent(DANE_ONLY, "u")),
    Row(about="[host]:port, bad dane", next_hop="[m.cases.test]:25",
        **held(DANE_ONLY, NOT_VERIFIED)),
    Row(about="[host]:port, bogus TLSA", next_hop="[b.cases.test]:25",
        **held(DANE, NO_TLSA_ANSWER.format("b.cases.test"))),
    Row(about="[host]:port, unusable TLSA", next_hop="[x.cases.test]:25",
        **sent(DANE, "x", "Trusted")),
    Row(about="[host]:port, no TLSA, enforce", next_hop="[n.cases.test]:25", **sent(SECURE, "n")),
)  # fmt: skip

# mailseal's MX look-up fails when they are asked for; those "after" were asked for before.
AFTER = (
    *both("MX failing after all usable", "after-u", "10 u 20 v",
          sent(DANE_ONLY, "u"), sent(DANE, "u")),
    *both("MX failing after mixed", "after-mixed", "10 u 20 n",
          sent(DANE_ONLY, "u"), sent(DANE, "u")),
    *both("MX failing after bad dane", "after-bad", "10 m",
          held(DANE_ONLY, NOT_VERIFIED), held(DANE, NOT_VERIFIED)),
    *both("MX failing after none", "after-none", "10 n",
          sent(SECURE, "n"), sent(DANE, "n", "Trusted")),
)  # fmt: skip
BEFORE = both(
    "MX failing before a verdict", "before", "10 u",
    held("TEMP before.cases.test: MX look-up: ", HELD), sent(DANE, "u"),
)  # fmt: skip

ROWS = (*STATES, *RELAYS, *AFTER, *BEFORE)


@pytest.fixture(scope="module")
def world(whole_lab: Lab) -> Iterator[Daemon]:
    """Put all rows into DNS, and start a mailseal that asks the second resolver."""
    lab = whole_lab
    publish(lab)
    lab.dns.start_second_resolver(validates=True)
    lab.dns.drop_queries("_25._tcp.t.cases.test")
    daemon = Daemon(
        lab.namespace,
        lab.folder / "mailseal-table",
        ca_file=lab.ca_file,
        resolvers=(SECOND_RESOLVER,),
    )
    daemon.start()
    ask(daemon, AFTER)
    for row in (*AFTER, *BEFORE):
        name = row.next_hop
        lab.dns.let_second_refuse(name, f"_mta-sts.{name}", f"mta-sts.{name}")
    daemon.restart()  # nothing but the store knows what was learnt
    yield daemon
    daemon.stop()
    lab.restore()


@pytest.fixture(scope="module")
def replies(world: Daemon) -> dict[str, str]:
    """Ask for every row, many at once."""
    return ask(world, ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one Postfix did with a message to every row, and who got any."""

    version: str
    deliveries: dict[str, Delivery]
    received: frozenset[tuple[str, str]]


@pytest.fixture(scope="module", params=["3.7", "3.10"])
def done(
    whole_lab: Lab, world: Daemon, replies: dict[str, str], request: pytest.FixtureRequest
) -> Sent:
    """Let a Postfix without a memory deliver to every row side by side."""
    newer: Tree | None = request.getfixturevalue("newer") if request.param == "3.10" else None
    routes = ", ".join(f"{{ {row.domain} = smtp:{row.next_hop} }}" for row in RELAYS)
    table = world.table("postfix-3.10" if newer else "postfix")
    whole_lab.mx.clear()
    with whole_lab.sender(table, newer=newer, transport_maps=f"inline:{{ {routes} }}") as postfix:
        deliveries = postfix.deliver_all(recipient(row) for row in ROWS)
    hosts = [host.name for domain in whole_lab.domains.values() for host in domain.mx]
    received = frozenset(
        (to.partition("@")[2], host)
        for host in hosts
        for to in whole_lab.mailbox(host).recipients()
    )
    return Sent(version=request.param, deliveries=deliveries, received=received)


def recipient(row: Row) -> str:
    """Address somebody at a row."""
    return f"someone@{row.domain}"


def publish(lab: Lab) -> None:
    """Put the records of all rows into DNS, and let the policy host serve their policies."""
    usable = lab.dns.records("_25._tcp.u.cases.test", "TLSA")
    at_u = lab.addresses.mx["u.cases.test"]
    policy_host = lab.addresses.policy_hosts[ZONE]
    below = [row.next_hop for row in (*STATES, *AFTER, *BEFORE) if row.about.endswith(", enforce")]
    with_policy = [name for name in below if name.endswith(ZONE)] + ["n.cases.test"]
    lab.policy_host.set_certificate(ZONE, Flaw.NONE, also=with_policy)
    with lab.dns.together():
        for row in ROWS:
            words = row.mx.split()
            hosts = [host if "." in host else f"{host}.{ZONE}" for host in words[1::2]]
            records = [f"{p} {host}." for p, host in zip(words[::2], hosts, strict=True)]
            if records:
                lab.dns.set_records(row.next_hop, "MX", *records)
        for name in with_policy:
            lab.dns.set_sts(name, STS_RECORD)
            lab.dns.set_records(f"mta-sts.{name}", "A", policy_host)
        lab.dns.set_records("alias.cases.test", "CNAME", "u.cases.test.")
        lab.dns.set_records("_587._tcp.u.cases.test", "TLSA", *usable)
        for name in ("t", "implicit", "implicit.open"):
            lab.dns.set_records(f"{name}.{ZONE}", "A", at_u)
            lab.dns.set_records(f"_25._tcp.{name}.{ZONE}", "TLSA", *usable)
        lab.dns.set_records("bogus.cases.test", "A", at_u)
        lab.dns.set_bogus("bogus.cases.test", "A")
        lab.dns.let_expire("dane-nopolicy.test")


def ask(daemon: Daemon, rows: tuple[Row, ...]) -> dict[str, str]:
    """Ask for these next hops, and return the replies by next hop."""
    with ThreadPoolExecutor(ASK_AT_ONCE) as threads:
        return dict(threads.map(lambda row: (row.next_hop, daemon.ask(row.next_hop)), rows))


BY_NAME = [pytest.param(row, id=row.about) for row in ROWS]


@pytest.mark.parametrize("row", BY_NAME)
def test_each_state_has_its_answer(replies: dict[str, str], row: Row) -> None:
    """What docs/explain/decisions.md says, from real DNS."""
    reply = replies[row.next_hop]

    assert reply.startswith(row.answer) if row.answer.startswith("TEMP") else reply == row.answer


@pytest.mark.parametrize("row", BY_NAME)
def test_each_state_leads_mail_to_a_verified_host_or_lets_it_wait(done: Sent, row: Row) -> None:
    """Sent to whom and how well verified, or deferred with which words; nothing is returned."""
    delivery = done.deliveries[recipient(row)]

    if row.relay:
        tls = row.tls_by_3_10 if row.tls_by_3_10 and done.version == "3.10" else row.tls
        assert (delivery.status, delivery.tls) == ("sent", tls), delivery.log_lines
        assert delivery.relay.partition("[")[0] == row.relay
    else:
        assert delivery.status == "deferred", delivery.reason
        assert delivery.dsn.startswith("4.")
        assert row.why in delivery.reason


def test_nobody_got_mail_that_had_to_wait(done: Sent) -> None:
    """The mailboxes hold what was sent, and not a message more."""
    assert {domain for domain, _ in done.received} == {row.domain for row in ROWS if row.relay}
    assert not {host for _, host in done.received} & {"m.cases.test", "b.cases.test"}
