"""One question put to several resolvers until one of them answers or the time is up.

A resolver that is silent is not given up: while the next one is asked its answer may still
come, and the first answer wins. One that fails is left out, and the next is asked at once.
Whether a SERVFAIL means forged data is found out on the spot (RFC 7672 §2.1.1).
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

from mailseal.answers import DnsFailure, LookupFailed
from mailseal.net.dns.question import Question, malformed, printable
from mailseal.net.dns.reply import (
    Final,
    Reply,
    Truncated,
    Unexplained,
    Unsupported,
    read_reply,
)
from mailseal.net.dns.transport import Pending, ask_over_tcp
from mailseal.net.dns.upstream import Upstream, in_order

# The failure to report when resolvers fail differently: what says most about the name.
_TELLING = (DnsFailure.SERVFAIL, DnsFailure.MALFORMED, DnsFailure.REFUSED, DnsFailure.TIMEOUT)


class _Attempt:
    """A query to one resolver in one form: with EDNS or without, checking disabled or not."""

    __slots__ = ("has_edns", "is_checking_disabled", "is_done", "pending", "task", "upstream")

    def __init__(
        self, upstream: Upstream, *, has_edns: bool = True, is_checking_disabled: bool = False
    ) -> None:
        self.upstream = upstream
        self.has_edns = has_edns
        self.is_checking_disabled = is_checking_disabled
        self.is_done = False
        self.pending: Pending | None = None
        self.task: asyncio.Task[None] | None = None


class Exchange:
    """The state of one question between its first query and its end; ``run`` it once."""

    def __init__(
        self,
        question: Question,
        upstreams: tuple[Upstream, ...],
        *,
        deadline: float,
        retransmit_after: timedelta,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._question = question
        self._deadline = deadline
        now = self._loop.time()
        self._live = in_order(upstreams, now)
        # Short deadlines still leave every resolver its turn.
        self._interval = min(
            retransmit_after.total_seconds(),
            max(deadline - now, 0.0) / (len(upstreams) + 1),
        )
        self._attempts: dict[Upstream, _Attempt] = {}
        self._inbox: deque[tuple[_Attempt, bytes | OSError]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failures: list[tuple[Upstream, LookupFailed]] = []

    async def run(self) -> Final:
        """Ask until there is an answer; ends at the deadline."""
        try:
            return await self._run()
        finally:
            tasks = [a.task for a in self._attempts.values() if a.task is not None]
            for attempt in self._attempts.values():
                _drop(attempt)
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> Final:
        turn, next_turn_at = 0, self._loop.time()
        while self._live:
            now = self._loop.time()
            if now >= self._deadline:
                return self._timed_out(now)
            if now >= next_turn_at:
                upstream = self._live[turn % len(self._live)]
                # Later rounds wait longer: a resolver with a cold cache needs seconds.
                rounds = turn // len(self._live)
                next_turn_at = now + self._interval * 2.0 ** min(rounds, 5)
                turn += 1
                await self._ask(upstream)
            event = await self._next_event(min(next_turn_at, self._deadline))
            if event is None:
                continue
            attempt, data = event
            before = len(self._live)
            answer = await self._judge(attempt, data)
            if answer is not None:
                return answer
            if len(self._live) < before:
                turn, next_turn_at = 0, self._loop.time()
        return self._failed()

    async def _ask(self, upstream: Upstream) -> None:
        """Send the first query to a resolver, or its latest one again."""
        attempt = self._attempts.get(upstream)
        if attempt is None:
            await self._start(_Attempt(upstream))
        elif attempt.pending is not None:
            attempt.pending.send()

    async def _start(self, attempt: _Attempt) -> None:
        previous = self._attempts.get(attempt.upstream)
        if previous is not None:
            _drop(previous)
        self._attempts[attempt.upstream] = attempt
        try:
            attempt.pending = await attempt.upstream.pool.register(
                self._question,
                lambda data: self._deliver(attempt, data),
                has_edns=attempt.has_edns,
                is_checking_disabled=attempt.is_checking_disabled,
            )
        except OSError as error:
            self._deliver(attempt, error)
            return
        attempt.pending.send()

    async def _judge(self, attempt: _Attempt, data: bytes | OSError) -> Final | None:
        """Take one reply: an answer to end with, or None, after doing what it asks for."""
        upstream = attempt.upstream
        if isinstance(data, OSError):
            self._give_up(attempt, _unreachable(data), is_sick=True)
            return None
        reply = read_reply(data, self._question, is_trusted=upstream.is_trusted)
        if attempt.is_checking_disabled and not isinstance(reply, Truncated):
            return self._judge_unchecked(attempt, reply)
        match reply:
            case Truncated():
                _drop(attempt)
                if attempt.task is None:
                    follow_up = _Attempt(
                        upstream,
                        has_edns=attempt.has_edns,
                        is_checking_disabled=attempt.is_checking_disabled,
                    )
                    self._attempts[upstream] = follow_up
                    follow_up.task = self._loop.create_task(self._ask_over_tcp(follow_up))
                else:
                    self._give_up(attempt, malformed("truncated over TCP"), is_sick=True)
            case Unsupported(reason=reason):
                if attempt.has_edns:
                    await self._start(_Attempt(upstream, has_edns=False))
                else:
                    self._give_up(attempt, malformed(reason), is_sick=True)
            case Unexplained(reason=reason):
                upstream.has_answered()
                self._failures.append((upstream, _servfail(reason)))
                await self._start(
                    _Attempt(upstream, has_edns=attempt.has_edns, is_checking_disabled=True)
                )
            case LookupFailed(failure=DnsFailure.BOGUS):
                # No other resolver is asked: one that does not validate would believe it.
                upstream.has_answered()
                return self._name_source(upstream, reply)
            case LookupFailed(failure=failure):
                self._give_up(attempt, reply, is_sick=failure is not DnsFailure.SERVFAIL)
            case _:
                upstream.has_answered()
                self._blame_silent()
                return reply
        return None

    def _judge_unchecked(self, attempt: _Attempt, reply: Reply) -> Final | None:
        """Judge the answer to the repeated query: data without checking means bogus data."""
        if isinstance(reply, LookupFailed | Unexplained | Unsupported):
            self._leave_out(attempt)
            return None
        failed = LookupFailed(
            failure=DnsFailure.BOGUS, reason="SERVFAIL, but an answer with checking disabled"
        )
        return self._name_source(attempt.upstream, failed)

    async def _ask_over_tcp(self, attempt: _Attempt) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                data = await ask_over_tcp(
                    attempt.upstream.address,
                    self._question,
                    has_edns=attempt.has_edns,
                    is_checking_disabled=attempt.is_checking_disabled,
                )
        except OSError as error:  # TimeoutError is one
            self._deliver(attempt, error)
        else:
            self._deliver(attempt, data)

    def _deliver(self, attempt: _Attempt, data: bytes | OSError) -> None:
        if attempt.is_done:
            return
        attempt.is_done = True
        self._inbox.append((attempt, data))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _next_event(self, until: float) -> tuple[_Attempt, bytes | OSError] | None:
        if not self._inbox:
            self._waiter = waiter = self._loop.create_future()
            timer = self._loop.call_at(until, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        while self._inbox:
            attempt, data = self._inbox.popleft()
            if self._attempts.get(attempt.upstream) is attempt:
                return attempt, data
        return None

    def _give_up(self, attempt: _Attempt, failed: LookupFailed, *, is_sick: bool) -> None:
        self._failures.append((attempt.upstream, failed))
        if is_sick:
            attempt.upstream.has_failed(self._loop.time())
        else:
            attempt.upstream.has_answered()
        self._leave_out(attempt)

    def _leave_out(self, attempt: _Attempt) -> None:
        _drop(attempt)
        self._live = [u for u in self._live if u is not attempt.upstream]

    def _blame_silent(self) -> None:
        now = self._loop.time()
        for upstream, attempt in self._attempts.items():
            if not attempt.is_done:  # whoever has answered, or is left out, is done
                upstream.has_failed(now)

    def _timed_out(self, now: float) -> LookupFailed:
        silent = [upstream for upstream in self._live if upstream in self._attempts]
        known = {upstream for upstream, _ in self._failures}
        for upstream in silent:
            if upstream not in known:
                upstream.has_failed(now)
                failed = LookupFailed(failure=DnsFailure.TIMEOUT, reason="no answer in time")
                self._failures.append((upstream, failed))
        if not self._failures:
            return LookupFailed(failure=DnsFailure.TIMEOUT, reason="no time left to ask")
        return self._failed()

    def _failed(self) -> LookupFailed:
        """Sum up how each resolver failed, under the failure that says most."""
        kinds = {failed.failure for _, failed in self._failures}
        return LookupFailed(
            failure=next(kind for kind in _TELLING if kind in kinds),
            reason=printable("; ".join(f"{u.address}: {f.reason}" for u, f in self._failures)),
        )

    def _name_source(self, upstream: Upstream, failed: LookupFailed) -> LookupFailed:
        return LookupFailed(
            failure=failed.failure, reason=printable(f"{upstream.address}: {failed.reason}")
        )


def close_all(upstreams: Iterable[Upstream]) -> None:
    """Close the sockets of all resolvers."""
    for upstream in upstreams:
        upstream.pool.close()


def _drop(attempt: _Attempt) -> None:
    attempt.is_done = True
    if attempt.pending is not None:
        attempt.pending.forget()
        attempt.pending = None
    if attempt.task is not None:
        attempt.task.cancel()


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _unreachable(error: OSError) -> LookupFailed:
    if isinstance(error, TimeoutError):
        return LookupFailed(failure=DnsFailure.TIMEOUT, reason="no answer over TCP in time")
    if isinstance(error, ConnectionRefusedError):
        return LookupFailed(failure=DnsFailure.REFUSED, reason="nothing listens there")
    return LookupFailed(
        failure=DnsFailure.REFUSED, reason=f"unreachable: {error.strerror or error}"
    )


def _servfail(reason: str) -> LookupFailed:
    return LookupFailed(failure=DnsFailure.SERVFAIL, reason=reason)
