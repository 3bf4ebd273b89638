"""Restarts and reloads under load, with sockets that somebody else holds."""

from collections.abc import Iterator

import pytest

from lab.internet import Lab
from lab.kept import KeptDaemon
from lab.load import Load

pytestmark = pytest.mark.lab

SECURE = "OK secure match=mx.good.test servername=hostname"
RESTARTS = 20


@pytest.fixture
def kept(lab: Lab) -> Iterator[KeptDaemon]:
    """Run a mailseal whose sockets outlive it."""
    daemon = KeptDaemon(lab.namespace, lab.folder / "kept", ca_file=lab.ca_file)
    daemon.start()
    yield daemon
    daemon.stop()


def test_twenty_restarts_and_reloads_cost_no_lookup(kept: KeptDaemon) -> None:
    """Clients that ask once more after an end of file, as Postfix does, notice nothing."""
    known = {"good.test": frozenset({SECURE}), "[127.0.0.1]": frozenset({"NOTFOUND "})}
    assert kept.ask("good.test") == SECURE

    with Load(kept.socketmap, known) as load:
        for number in range(RESTARTS):
            kept.replace()
            if number % 5 == 0:
                assert kept.command("reload").returncode == 0

    assert load.failed == []
    assert load.wrong == []
    assert load.asked > RESTARTS * 10
    assert load.retried > 0
