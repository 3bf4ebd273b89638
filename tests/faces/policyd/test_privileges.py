"""Being root is given up for good, and only when that is wanted."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from mailseal.faces.policyd.privileges import PrivilegeError, become
from tests.journeys.serving import Serving, open_to_everybody, program_for_everybody, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")


def test_without_a_user_nothing_changes(tmp_path: Path) -> None:
    """The service runs as whoever started it."""
    before = os.getresuid()
    become(None, None, state_dir=tmp_path)
    become(pwd.getpwuid(os.geteuid()).pw_name, None, state_dir=tmp_path)
    assert os.getresuid() == before


def test_an_unknown_user_is_named(tmp_path: Path) -> None:
    """Before anything is given up."""
    with pytest.raises(PrivilegeError, match="no-such-user"):
        become("no-such-user", None, state_dir=tmp_path)


@needs_root
def test_there_is_no_way_back(tmp_path: Path) -> None:
    """Real, effective and saved ids, the groups, and what a child would have."""
    tmp_path.chmod(0o777)
    code = (
        "import os, sys; from pathlib import Path;"
        "from mailseal.faces.policyd.privileges import become;"
        "sys.executable = '/bin/sh';"  # this Python may be root's own
        "become('nobody', 'nogroup', state_dir=Path('/tmp'));"
        "print(os.getresuid(), os.getresgid(), os.getgroups());"
        "os.setuid(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    user = pwd.getpwnam("nobody")
    uid, gid = user.pw_uid, user.pw_gid
    assert done.stdout == f"{(uid,) * 3} {(gid,) * 3} {[gid]}\n"
    assert "PermissionError" in done.stderr


@needs_root
def test_a_python_that_the_user_may_not_run_is_told(tmp_path: Path) -> None:
    """Else the resolver could not be started, and nothing would say why."""
    hidden = tmp_path / "python"
    hidden.symlink_to(sys.executable)
    tmp_path.chmod(0o700)
    code = (
        "import sys; from pathlib import Path;"
        "from mailseal.faces.policyd.privileges import become;"
        "sys.executable = sys.argv[1];"
        "become('nobody', None, state_dir=Path('/tmp'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, hidden], capture_output=True, text=True, check=False
    )
    assert f'user "nobody" may not run {hidden}' in done.stderr


@needs_root
def test_a_state_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    """The store would fail later, with a message that says less."""
    code = (
        "import sys; from pathlib import Path;"
        "from mailseal.faces.policyd.privileges import become;"
        "become('nobody', None, state_dir=Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False
    )
    assert f'user "nobody" may not write to {tmp_path}' in done.stderr


@needs_root
def test_both_processes_of_the_service_run_as_the_user(tmp_path: Path) -> None:
    """Sockets and state folder are made before, and belong to that user."""
    open_to_everybody(tmp_path)
    serving = Serving(tmp_path, '[process]\nuser = "nobody"\n')
    serving.start(program=program_for_everybody(tmp_path))
    try:
        uid = pwd.getpwnam("nobody").pw_uid
        for pid in serving.pids:
            assert Path(f"/proc/{pid}").stat().st_uid == uid
        assert (tmp_path / "state").stat().st_uid == uid
        assert serving.socketmap.stat().st_uid == uid
        until(lambda: serving.ask(b"postfix a..b") == b"NOTFOUND ")
    finally:
        serving.stop()
