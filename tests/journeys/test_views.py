"""A zone with resolvers of its own, from the configuration to the answer, by real look-ups."""

from datetime import timedelta
from pathlib import Path

import dns.flags
import dns.rdatatype

from mailseal import wiring
from mailseal.config import Config, parse
from mailseal.names import Domain, NextHop
from mailseal.services.policyservice import PolicyService
from mailseal.wire import postfix
from tests.net.nameserver import Asked, NameServer, Script, name_server

LONG = timedelta(seconds=10)
SOA = ". 60 SOA a.test. b.test. 1 2 3 4 60"
RECORDS = {
    ("example.com", dns.rdatatype.MX): "example.com 60 MX 10 mx.example.com.",
    ("mx.example.com", dns.rdatatype.A): "mx.example.com 60 A 192.0.2.25",
    ("_25._tcp.mx.example.com", dns.rdatatype.TLSA): (
        "_25._tcp.mx.example.com 60 TLSA 3 1 1 " + "00" * 32
    ),
}


def script(*, signed: bool, validates: bool = True) -> Script:
    """Serve example.com, signed or not, with or without validation of anything."""

    def answer(asked: Asked) -> bytes:
        is_secure = validates and (signed or not asked.name.endswith("example.com"))
        flags = dns.flags.RA | (dns.flags.AD if is_secure else 0)
        record = RECORDS.get((asked.name, asked.rdtype))
        if record is not None and (signed or asked.rdtype != dns.rdatatype.TLSA):
            return asked.answer(record, flags=flags)
        return asked.answer(authority=[SOA], flags=flags)

    return answer


def configure(folder: Path, default: NameServer, **zones: NameServer) -> Config:
    """Return a configuration whose zones have these resolvers for their own."""
    text = f'state_dir = "{folder}"\n[dns]\nresolvers = ["{default.address}"]\n'
    for name, server in zones.items():
        text += f'[zones.{name}]\nprofile = "postfix"\nresolvers = ["{server.address}"]\n'
    return parse(text)


async def reply(service: PolicyService, zone: str) -> str:
    """Return what a Postfix that asks for a zone is told."""
    resolver = service.views.of(zone).resolver
    resolution = await resolver.resolve(NextHop(domain=Domain("example.com")), timeout=LONG)
    return postfix.render(resolution.delivery, with_tlsrpt=False).decode()


async def test_two_views_answer_differently_for_one_domain(tmp_path: Path) -> None:
    """And neither is asked for what belongs to the other."""
    async with (
        name_server(script(signed=False)) as outside,
        name_server(script(signed=True)) as inside,
        wiring.open_service(
            configure(tmp_path, outside, inside=inside), lambda _domain: None
        ) as service,
    ):
        assert await reply(service, "postfix") == "NOTFOUND "
        assert await reply(service, "inside") == "OK dane-only"
        document = await service.explainer.explain(NextHop(domain=Domain("example.com")))

        assert document["exchange"]["dnssec"] is False
        (view,) = document["views"]
        assert view["resolvers"] == [str(inside.address)]
        assert view["zones"] == ["inside"]
        assert view["decision"]["answer"] == "dane-required"
        assert document["zones"] == {"inside": "OK dane-only"}
    asked = {(one.name, one.rdtype) for one in inside.asked}
    assert ("_mta-sts.example.com", dns.rdatatype.TXT) not in asked


async def test_a_view_that_does_not_validate_is_without_dane_alone(tmp_path: Path) -> None:
    """Its own zone's answers are left to the mail server; the other's are as before."""
    async with (
        name_server(script(signed=True)) as outside,
        name_server(script(signed=True, validates=False)) as inside,
        wiring.open_service(
            configure(tmp_path, outside, inside=inside), lambda _domain: None
        ) as service,
    ):
        assert await reply(service, "postfix") == "OK dane-only"
        assert await reply(service, "inside") == "OK dane"
        counters = service.counters()
        assert counters["dane_is_on"] == 0
        assert counters[f"resolver_validates {outside.address}"] == 1
        assert counters[f"resolver_validates {inside.address}"] == 0


async def test_a_zone_that_names_the_services_resolvers_has_no_view_of_its_own(
    tmp_path: Path,
) -> None:
    """Nor have two zones with the same ones two of them."""
    async with (
        name_server(script(signed=False)) as outside,
        name_server(script(signed=True)) as inside,
        wiring.open_service(
            configure(tmp_path, outside, same=outside, inside=inside, inner=inside),
            lambda _domain: None,
        ) as service,
    ):
        views = service.views
        assert views.of("same") is views.default
        assert views.of("inside") is views.of("inner") is not views.default
