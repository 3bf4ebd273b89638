"""``python -m lab.demo``: three deliveries by a real Postfix, without and with mailseal.

An honest MX, an attacker who strips STARTTLS, an attacker who forges the MX. The table says
what became of each message, and Postfix's own log proves it. Exits 0 when all came out as
they should, 1 when not or when the lab cannot run here.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.catalogue import ATTACKER_HOST
from lab.daemon import Daemon
from lab.demo_page import Row, Side, render
from lab.internet import Lab
from lab.sender import Delivery, SendingPostfix
from lab.unavailable import Unavailable

LOG_LINES = 20  # of mailseal's log, shown when something is not as it should be


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that can happen to a message, and where it must end up then.

    ``lands`` is the host that gets the message without mailseal; ``delivers`` tells whether
    mailseal should let it go there.
    """

    domain: str
    happens: str
    lands: str
    delivers: bool
    without: str
    protected: str


SCENES = (
    Scene(
        domain="good.test",
        happens="an honest MX",
        lands="mx.good.test",
        delivers=True,
        without="delivered, and nobody checked to whom",
        protected="delivered to the verified MX",
    ),
    Scene(
        domain="stripped.test",
        happens="an attacker strips STARTTLS",
        lands="mx.stripped.test",
        delivers=False,
        without="delivered in clear text; the attacker reads along",
        protected="held back; nothing is sent",
    ),
    Scene(
        domain="forged.test",
        happens="an attacker forges the MX in DNS",
        lands=ATTACKER_HOST,
        delivers=False,
        without="delivered to the attacker",
        protected="held back; nothing is sent",
    ),
)


@contextmanager
def mailseal(lab: Lab) -> Iterator[Daemon]:
    """Run the service inside the lab, on its defaults but for the lab's resolver and authority."""
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=lab.folder))
    folder.chmod(0o755)  # Postfix' own user must get through to the socket
    daemon = Daemon(lab.namespace, folder / "mailseal", ca_file=lab.ca_file)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


def play(lab: Lab, say: Callable[[str], None]) -> tuple[Row, ...]:
    """Deliver every scene's message twice; return what became of them."""
    lab.attack.forge_mx("forged.test")
    with mailseal(lab) as daemon:
        with lab.sender() as bare, lab.sender(daemon.table()) as guarded:
            rows = []
            for scene in SCENES:
                say(f"{scene.happens}: without mailseal")
                without = _deliver(lab, bare, scene)
                say(f"{scene.happens}: with mailseal")
                rows.append(_row(scene, without, _deliver(lab, guarded, scene)))
        if not all(row.is_expected for row in rows):
            for line in daemon.log_lines()[-LOG_LINES:]:
                say(f"mailseal logged: {line}")
        return tuple(rows)


def _deliver(lab: Lab, sender: SendingPostfix, scene: Scene) -> tuple[Delivery, bool]:
    """Send a scene's message; tell also whether its host has got it."""
    mailbox = lab.mailbox(scene.lands)
    before = len(mailbox)
    delivery = sender.deliver(f"someone@{scene.domain}")
    return delivery, len(mailbox) == before + 1


def _row(scene: Scene, without: tuple[Delivery, bool], protected: tuple[Delivery, bool]) -> Row:
    delivery, arrived = without
    as_told = delivery.status == "sent" and arrived
    guarded, got_through = protected
    if scene.delivers:
        guarded_as_told = (guarded.status, guarded.tls) == ("sent", "Verified") and got_through
    else:
        guarded_as_told = guarded.status == "deferred" and not got_through
    return Row(
        domain=scene.domain,
        happens=scene.happens,
        without=Side(
            says=scene.without if as_told else _unexpected(delivery),
            is_expected=as_told,
            is_safe=scene.delivers,
            log_lines=delivery.log_lines,
        ),
        protected=Side(
            says=scene.protected if guarded_as_told else _unexpected(guarded),
            is_expected=guarded_as_told,
            is_safe=True,
            log_lines=guarded.log_lines,
        ),
    )


def _unexpected(delivery: Delivery) -> str:
    return f"UNEXPECTED: {delivery.status} at {delivery.relay} ({delivery.dsn})"


def main(start: Callable[..., AbstractContextManager[Lab]] = Lab.start) -> int:
    """Play the scenes, print the page, return the exit code."""

    def say(line: str) -> None:
        print(f"demo: {line}", file=sys.stderr, flush=True)

    try:
        say("starting a private Internet on loopback")
        with start(progress=say) as lab:
            rows = play(lab, say)
    except Unavailable as unavailable:
        say(f"the lab cannot run here: {unavailable.reason}")
        say(f"what would help: {unavailable.remedy}")
        return 1
    except TimeoutError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    print(render(rows, with_colours=sys.stdout.isatty()), end="")
    return 0 if all(row.is_expected for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
