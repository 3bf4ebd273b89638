"""The systemd unit: understood by systemd, and as confined as it claims to be."""

import configparser
import re
import socket
import subprocess
from pathlib import Path

import pytest

from mailseal.config import Config, parse
from mailseal.faces.policyd.plan import make_plan
from tests.realservers import require_command

PACKAGING = Path(__file__).parents[2] / "packaging"
UNIT = PACKAGING / "mailseal.service"
SOCKET = PACKAGING / "mailseal.socket"
HTTP_SOCKET = PACKAGING / "mailseal-http.socket"
MOST_EXPOSED = 1.6  # of 10, by systemd's own count; ours is 1.5


class Directives(configparser.RawConfigParser):
    """A unit file: case counts, and a directive may stand there several times."""

    def optionxform(self, optionstr: str) -> str:
        """Keep a directive's name as it is."""
        return optionstr


@pytest.fixture
def unit() -> Directives:
    """Read the unit; of a repeated directive the last counts here."""
    parser = Directives(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text())
    return parser


def test_the_unit_starts_the_service_as_a_user_of_its_own(unit: Directives) -> None:
    """Not root, restarted after a crash, state in the folder that the configuration names."""
    service = unit["Service"]
    assert service["ExecStart"].endswith(" mailseal serve")
    assert service["User"] == "mailseal"
    assert service["StateDirectory"] == "mailseal"  # /var/lib/mailseal, the default state_dir
    assert service["Restart"] == "on-failure"
    assert "u mailseal" in (PACKAGING / "mailseal.sysusers").read_text()


def test_the_unit_never_gives_up_starting(unit: Directives) -> None:
    """A socket's folder that is late at boot must not use up systemd's five starts."""
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateMounts", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ],
)
def test_the_unit_confines_the_service(unit: Directives, directive: str, value: str) -> None:
    """What a hole in a parser could reach is kept small."""
    assert unit["Service"][directive] == value


def test_systemd_learns_how_the_service_is(unit: Directives) -> None:
    """Ready, reloaded and alive are told by the service, not guessed."""
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["ExecReload"].endswith(" mailseal reload")
    assert service["WatchdogSec"] == "30s"


def addresses(unit: Path) -> list[str]:
    """Return where a socket unit listens."""
    return re.findall(r"^ListenStream=(.+)$", unit.read_text(), re.MULTILINE)


def test_the_socket_units_have_the_default_listeners() -> None:
    """Every address that systemd keeps open for mail servers is one of the defaults."""
    assert addresses(SOCKET) == [str(one.address) for one in Config().listen]
    assert addresses(HTTP_SOCKET) == [str(Config().http.address)]


@pytest.mark.parametrize("moved", ['address = "127.0.0.1:1"', "enabled = false"])
def test_a_changed_address_of_http_leaves_the_socket_units_usable(moved: str) -> None:
    """Its socket is known by its name, and mail servers are answered whatever comes of it."""
    text = HTTP_SOCKET.read_text()
    assert "\nService=mailseal.service\n" in text
    [name] = re.findall(r"^FileDescriptorName=(.+)$", text, re.MULTILINE)
    with socket.create_server(("127.0.0.1", 0)) as passed:
        plan = make_plan(parse(f"[http]\n{moved}\n"), [(name, passed)])
    assert len(plan.config.listeners) == len(Config().listen)


def test_systemd_understands_the_unit() -> None:
    """A misspelt directive would be ignored with a warning in the journal, and protect nothing."""
    analyze = require_command("systemd-analyze", "apt-get install systemd")
    verified = subprocess.run(
        [analyze, "verify", str(UNIT), str(SOCKET), str(HTTP_SOCKET)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in verified.stderr.splitlines() if "mailseal" in line]
    assert complaints == []
    judged = subprocess.run(
        [
            analyze, "security", "--offline=yes", "--no-pager",
            f"--threshold={int(MOST_EXPOSED * 10)}", str(UNIT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout
