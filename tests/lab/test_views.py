"""A zone with resolvers of its own, by two real ones: each zone is answered by what its own see."""

import json

import pytest

from lab.addresses import RESOLVER, SECOND_RESOLVER
from lab.daemon import Daemon
from lab.internet import Lab

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

OWN = f"{SECOND_RESOLVER}:53"
INSIDE = {"profile": '"postfix"', "deadline": '"2s"', "resolvers": json.dumps([SECOND_RESOLVER])}


@pytest.fixture
def viewed(make_daemon: MakeDaemon) -> Daemon:
    """Make a mailseal whose zone "inside" asks the second resolver; not started yet."""
    return make_daemon(
        {**QUICK_TABLES, "dane": {"self_test_interval": '"1s"'}, "zones.inside": INSIDE}
    )


def test_a_zone_is_without_dane_while_its_own_resolver_does_not_validate(
    lab: Lab, viewed: Daemon
) -> None:
    """The others keep theirs; DANE is back with the resolver, and a reload ends the view."""
    lab.dns.start_second_resolver(validates=False)
    viewed.start()
    viewed.await_log(f"DANE is off .*resolvers={OWN}")

    assert viewed.ask("dane-nopolicy.test") == "OK dane-only"
    assert viewed.ask("dane-nopolicy.test", "inside") == "OK dane"
    viewed.await_log(f"decision made next_hop=dane-nopolicy.test .*resolvers={OWN}")
    said = viewed.command("query", "dane-nopolicy.test", "--explain").stdout
    assert f"MX hosts for inside, by {OWN}\n  nothing here is proven: {OWN}: " in said
    assert "  inside        OK dane\n" in said
    counters = viewed.control({"op": "counters"})
    assert counters["dane_is_on"] == 0
    assert counters[f"resolver_validates {RESOLVER}:53"] == 1

    lab.dns.start_second_resolver(validates=True)
    viewed.await_log(f"DANE is on again .*resolvers={OWN}")
    assert viewed.ask("dane-mismatch.test", "inside") == "OK dane-only"

    viewed.config.write_text(viewed.config.read_text().replace(INSIDE["resolvers"], "[]"))
    assert viewed.command("reload").returncode == 0
    assert f"resolver_validates {OWN}" not in viewed.control({"op": "counters"})
    lab.dns.second_resolver.service.stop()
    assert viewed.ask("dane-nopolicy.test", "inside") == "OK dane-only"


def test_two_networks_see_two_mx_hosts_and_share_one_policy(lab: Lab, viewed: Daemon) -> None:
    """Inside, good.test names a host that its policy does not allow; outside all is well."""
    lab.dns.start_second_resolver(validates=True)
    lab.dns.second_resolver.command("local_data good.test. 60 IN MX 10 mx.nopolicy.test.")
    viewed.start()
    before = lab.policy_host.requests("good.test")

    assert viewed.ask("good.test").startswith("OK secure match=mx.good.test ")
    assert viewed.ask("good.test", "inside") == (
        "TEMP MTA-STS policy of good.test allows none of its MX hosts (mx.nopolicy.test)"
    )
    assert lab.policy_host.requests("good.test") == before + 1
