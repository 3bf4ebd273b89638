"""The throw-away PostgreSQL server that the store's tests use."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lab import Unavailable
from lab.postgres import throwaway_postgres
from tests.realservers import give_up_on_lab, require_psycopg

pytestmark = pytest.mark.lab

CRASH = """
import os
from lab.postgres import throwaway_postgres
with throwaway_postgres() as url:
    print(url, flush=True)
    os._exit(1)
"""


def socket_folder(url: str) -> Path:
    """Read the folder of the server's socket from a libpq URL."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def test_the_server_answers_while_it_is_wanted_and_leaves_nothing() -> None:
    """The URL works inside the block; afterwards its folder is gone."""
    require_psycopg()
    import psycopg

    try:
        with throwaway_postgres() as url:
            sockets = socket_folder(url)
            assert (sockets / ".s.PGSQL.5432").is_socket()
            with psycopg.connect(url) as connection:
                assert connection.execute("select 6 * 7").fetchone() == (42,)
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)
    assert not sockets.parent.exists()


def test_the_server_ends_when_its_user_crashes() -> None:
    """A crash of the test process leaves neither server nor files."""
    crashed = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unavailable" in crashed.stderr:
        give_up_on_lab(Unavailable(crashed.stderr.splitlines()[-1], "see there"))
    folder = socket_folder(crashed.stdout.strip()).parent
    subprocess.run(  # the guard removes the folder last
        ["timeout", "10", "sh", "-c", f"while [ -e {folder} ]; do sleep 0.05; done"], check=True
    )
