"""The users that the MTAs want, known inside the namespace only."""

from pathlib import Path

# (name, uid and gid); the ids are above what Debian gives out and below nobody's.
ACCOUNTS = {"postfix": 64_001, "postdrop": 64_002, "labmail": 64_003, "Debian-exim": 64_004,
            "smmta": 64_005, "smmsp": 64_006}  # fmt: skip
POSTFIX_UID, POSTDROP_GID, MAILBOX_UID = 64_001, 64_002, 64_003


def etc_files(resolver: str) -> dict[str, str]:
    """Render the files of /etc that differ inside the namespace."""
    return {
        "resolv.conf": f"nameserver {resolver}\noptions edns0 trust-ad timeout:2 attempts:1\n",
        "hosts": "127.0.0.1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "passwd": _others("/etc/passwd")
        + "".join(f"{name}:x:{i}:{i}::/nonexistent:/bin/false\n" for name, i in ACCOUNTS.items()),
        "group": _others("/etc/group")
        + "".join(f"{name}:x:{i}:\n" for name, i in ACCOUNTS.items()),
    }


def _others(path: str) -> str:
    lines = Path(path).read_text().splitlines(keepends=True)
    return "".join(line for line in lines if line.split(":")[0] not in ACCOUNTS)
