"""Gives up being root, for good, once everything that takes root is open."""

import grp
import os
import pwd
import sys
from pathlib import Path

import mailseal


class PrivilegeError(mailseal.Error):
    """The service cannot become the user it should run as."""


def become(user: str | None, group: str | None, *, state_dir: Path) -> None:
    """Become another user and group with that user's further groups; there is no way back.

    Without a user nothing changes. Whoever is that user already need not be root.
    Raises ``PrivilegeError``, also when that user may not write to the state folder, or not run
    the Python that the other process is started with.
    """
    if user is None:
        return
    uid, gid = _ids(user, group)
    if os.geteuid() != 0:
        if os.geteuid() == uid:
            return
        raise PrivilegeError(
            f'[process] user is "{user}", but only root can become another user; '
            "start it as root, or leave that key out"
        )
    if uid == 0:
        return
    try:
        os.initgroups(user, gid)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise PrivilegeError(f'cannot become user "{user}": {error.strerror}') from error
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise PrivilegeError(
            f'user "{user}" may not write to {state_dir}; give it to that user with all that is '
            "in it, or set state_dir"
        )
    if not os.access(sys.executable, os.X_OK):
        raise PrivilegeError(
            f'user "{user}" may not run {sys.executable}; install mailseal where every user may '
            'read it, as "make install" does'
        )


def give(folder: Path, user: str | None, group: str | None) -> None:
    """Make a folder the user's own, if we are root and that is somebody else."""
    if user is not None and os.geteuid() == 0:
        os.chown(folder, *_ids(user, group))


def _ids(user: str, group: str | None) -> tuple[int, int]:
    try:
        entry = pwd.getpwnam(user)
        return entry.pw_uid, grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError as error:
        raise PrivilegeError(
            f'[process] user "{user}" or group "{group or ""}" is not known on this machine'
        ) from error
