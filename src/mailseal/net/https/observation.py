"""One GET that looks at whatever a server says: any status, any header, any body within bounds.

It differs from a sender's exchange in one thing: nothing of the response's head ends it. How
much is read, and what counts as the end of a body, is the sender's.
"""

import h11

from mailseal.net.https.exchange import MAX_BODY_BYTES, POLICY_PATH, PolicyExchange
from mailseal.quoting import ascii_only

MAX_HEADERS = 50  # ours, of those that are kept; servers send 5 to 30
MAX_NAME_CHARS = 100  # ours
MAX_VALUE_CHARS = 500  # ours: what explains something is shorter


class ObservedExchange(PolicyExchange):
    """A GET whose ``status``, ``headers`` and ``body`` stay to be read, however it ends."""

    def __init__(self, host: str, *, target: str = POLICY_PATH, user_agent: str) -> None:
        super().__init__(host, target=target, user_agent=user_agent)
        self.status: int | None = None
        self.headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """What has come of the body, at most one byte beyond the limit."""
        return bytes(self._body[: MAX_BODY_BYTES + 1])

    def _take_head(self, response: h11.Response) -> None:
        self.status = response.status_code
        self.headers = tuple(
            (ascii_only(name[:MAX_NAME_CHARS]).lower(), ascii_only(value[:MAX_VALUE_CHARS]))
            for name, value in list(response.headers)[:MAX_HEADERS]
        )
