"""What an administrator may ask of, and tell, the running service: one operation for each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from mailseal.faces.policyd.patience import answer_seconds
from mailseal.names import Domain, NameSyntaxError, NextHop, parse_next_hop
from mailseal.services.exceptiondocuments import pins_document
from mailseal.services.explainer import policy_document
from mailseal.services.policyservice import PolicyService

log = structlog.stdlib.get_logger("mailseal.control")

PAGE = 1000  # ours, of policies in one answer

Document = dict[str, Any]
Operation = Callable[[Document], Awaitable[Document]]
Reload = Callable[[], Awaitable[Document]]


class RequestError(ValueError):
    """A request that cannot be carried out; the text goes back to the one who asked."""


class Operations:
    """What can be done with one running service, by name."""

    def __init__(self, service: PolicyService, reload: Reload) -> None:
        self._service = service
        self._ask_for_reload = reload
        self._operations: dict[str, Operation] = {
            "explain": self._explain,
            "list": self._list,
            "show": self._show,
            "refresh": self._refresh,
            "purge": self._purge,
            "pins": self._pins,
            "counters": self._counters,
            "reload": self._reload,
        }

    async def carry_out(self, request: Document) -> Document:
        """Do what a request says; raises ``RequestError`` for one that makes no sense."""
        name = str(request.get("op"))
        operation = self._operations.get(name)
        if operation is None:
            raise RequestError(f"unknown operation; known are {', '.join(self._operations)}")
        try:
            async with asyncio.timeout(answer_seconds(name)):
                return await operation(request)
        except TimeoutError:
            raise RequestError(f"{name} takes long; see the log for its outcome") from None

    async def _explain(self, request: Document) -> Document:
        next_hop = parse_next_hop(str(request.get("next_hop", "")))
        if not isinstance(next_hop, NextHop):
            raise RequestError(next_hop.value)
        return await self._service.explainer.explain(next_hop)

    async def _list(self, request: Document) -> Document:
        after = Domain(str(request["after"])) if request.get("after") else None
        policies = await self._service.store.list(after=after, limit=PAGE)
        return {"policies": [policy_document(cached) for cached in policies]}

    async def _show(self, request: Document) -> Document:
        state = await self._service.discoverer.state_of(_domain(request))
        return {"policy": policy_document(state.cached) if state.cached else None}

    async def _refresh(self, request: Document) -> Document:
        domain = _domain(request)
        await self._service.discoverer.refetch(domain, force=True)
        return await self._service.explainer.explain(NextHop(domain=domain))

    async def _purge(self, request: Document) -> Document:
        domain = _domain(request)
        was_known = await self._service.discoverer.forget(domain)
        log.info("policy purged", domain=domain, was_known=was_known)
        return {"domain": domain, "was_known": was_known}

    async def _pins(self, request: Document) -> Document:
        if request.get("refresh"):
            await self._service.pins.refresh()
        return pins_document(self._service.pins)

    async def _counters(self, request: Document) -> Document:
        return dict(self._service.counters())

    async def _reload(self, request: Document) -> Document:
        return await self._ask_for_reload()


def _domain(request: Document) -> Domain:
    try:
        return Domain.parse(str(request.get("domain", "")))
    except NameSyntaxError as error:
        raise RequestError(str(error)) from error
