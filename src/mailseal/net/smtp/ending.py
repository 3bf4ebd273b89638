"""Why a session ended before its time, as an exception inside this package."""

import mailseal
from mailseal.checks.evidence import Failure, Trouble
from mailseal.net.smtp.reply import Reply

MAX_REASON_CHARS = 300  # ours, of a server's words; they say what they have to in 100


class SessionEnded(mailseal.Error):
    """The session cannot go on; ``failure`` goes into the evidence."""

    def __init__(self, trouble: Trouble, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.failure = Failure(trouble=trouble, reason=reason[:MAX_REASON_CHARS], code=code)


def refusal(reply: Reply) -> SessionEnded:
    """Return what a reply means that was not the one due.

    4xx asks to come again, whatever for (RFC 5321 §4.2.1), so that nothing is learnt from it;
    5xx is the server's last word; anything else is not SMTP's order of things.
    """
    match reply.code // 100:
        case 4:
            trouble = Trouble.BUSY
        case 5:
            trouble = Trouble.REJECTED
        case _:
            trouble = Trouble.PROTOCOL
    return SessionEnded(trouble, str(reply), code=reply.code)
