"""A real browser without a window, from Debian's package, not installed; needs no root."""

import os
import subprocess
import tempfile
from pathlib import Path

from lab.packages import Program, fetch

CHROMIUM = Program(
    name="chromium",
    packages=("chromium", "fonts-dejavu-core"),
    proof="usr/lib/chromium/chromium",
)
BROWSER_SECONDS = 60.0
# No sandbox of its own: the lab may run as root. Nothing is updated or asked from the Internet.
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


def browse(page: Path, *options: str) -> str:
    """Open a file and return what the browser prints, such as the page with ``--dump-dom``.

    Takes a second; the first time, some 100 MB are fetched. Raises ``Unavailable``.
    """
    tree = fetch(CHROMIUM)
    with tempfile.TemporaryDirectory(prefix="mailseal-browser-") as folder:
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(_FONTS.format(fonts=tree.file("usr/share/fonts"), cache=folder))
        done = subprocess.run(
            [tree.file("usr/lib/chromium/chromium"), *_OPTIONS,
             f"--user-data-dir={folder}/profile", *options, page.as_uri()],
            env={
                **os.environ,
                "HOME": folder,
                "LD_LIBRARY_PATH": tree.library_path(),
                "FONTCONFIG_FILE": str(fonts),
            },
            capture_output=True, text=True, timeout=BROWSER_SECONDS, check=True,
        )  # fmt: skip
    return done.stdout
