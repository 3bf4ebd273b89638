"""What a failed connect says of whom, whatever was to be spoken there."""

import errno
import os

import pytest

from mailseal.checks.evidence import Trouble
from mailseal.net.connecting import judge_no_connection


@pytest.mark.parametrize(
    ("number", "trouble"),
    [
        (errno.ECONNREFUSED, Trouble.REFUSED),
        (errno.ETIMEDOUT, Trouble.TIMEOUT),
        (errno.ECONNRESET, Trouble.CLOSED),
        (errno.EACCES, Trouble.BLOCKED),
        (errno.EMFILE, Trouble.SKIPPED),
        (errno.EIO, Trouble.UNREACHABLE),
    ],
)
def test_a_failed_connect_says_whose_doing_it_is(number: int, trouble: Trouble) -> None:
    """The server's, the way's, or this machine's own."""
    error = OSError(number, os.strerror(number))

    assert judge_no_connection(error, "192.0.2.1").trouble is trouble


@pytest.mark.parametrize(
    ("has_way", "trouble"), [(True, Trouble.UNREACHABLE), (False, Trouble.NO_FAMILY)]
)
def test_a_machine_without_ipv6_is_told_from_a_host_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, has_way: bool, trouble: Trouble
) -> None:
    """Only where nothing of that family can be reached is it this machine's lack."""
    monkeypatch.setattr("mailseal.net.connecting.has_way_out", lambda family: has_way)
    error = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    assert judge_no_connection(error, "2001:db8::2").trouble is trouble
