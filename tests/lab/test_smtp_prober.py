"""A deep look at a real Postfix: more connections, and what they find."""

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from mailseal.checks.saved import read_evidence

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab


def test_a_deep_look_at_postfix_finds_old_tls_and_nothing_else(
    make_daemon: MakeDaemon, lab: Lab
) -> None:
    """Postfix throws away what was sent in clear behind STARTTLS; without
    ``smtpd_tls_protocols`` it takes TLS 1.0 to this day."""
    desk: Daemon = make_daemon({})
    path = lab.folder / "evidence-deep.json"

    done = desk.command("check", "good.test", "--deep", "--save-evidence", path)

    assert done.stderr == ""
    seen = path if path.exists() else desk.inside(path)
    (host, *_) = read_evidence(seen.read_bytes()).mx_hosts
    for session in host.sessions:
        assert session.failure is None
        assert session.tls is not None
        assert session.deep is not None
        assert session.deep.old_versions == ("TLSv1", "TLSv1.1")
        assert session.deep.chain_without_sni
        assert session.deep.runs_injected is False
