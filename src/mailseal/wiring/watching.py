"""The watch over one's own domains, built from a ``Config``."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

from mailseal.wiring.checking import DEEP_FACTOR, open_checker
from mailseal.wiring.clock import clock

if TYPE_CHECKING:
    from mailseal.checks.evidence import Evidence
    from mailseal.config import Config
    from mailseal.names import Domain
    from mailseal.ports.alerts import AlertSender
    from mailseal.ports.historystore import HistoryStore
    from mailseal.services.watcher import Gather
    from mailseal.services.watchservice import WatchService

LEASE_SLACK = timedelta(minutes=2)  # ours: to judge a look and to store it


@contextlib.asynccontextmanager
async def open_watch(config: "Config") -> "AsyncIterator[WatchService]":
    """Open the store, build the actors, and close it behind the block.

    Raises ``StoreError`` where the store cannot be opened.
    """
    from mailseal.store import open_store

    async with await open_store(
        config.store.url.reveal(), max_policies=config.store.max_policies
    ) as store:
        yield build_watch(config, store.history)


def build_watch(config: "Config", history: "HistoryStore") -> "WatchService":
    """Build the actors over an open store; nothing is observed yet."""
    from mailseal.services.herald import Herald
    from mailseal.services.watcher import Watcher, WatchLimits
    from mailseal.services.watchservice import WatchService
    from mailseal.watch.rules import WatchRules

    monitor = config.monitor

    @contextlib.asynccontextmanager
    async def open_gather() -> "AsyncIterator[Gather]":
        await asyncio.to_thread(_load_checks)
        async with open_checker(config) as checker:

            async def gather(domain: "Domain") -> "Evidence":
                return await checker.gather(domain, is_deep=monitor.deep)

            yield gather

    herald = Herald(store=history, senders=_open_senders(config), clock=clock)
    watcher = Watcher(
        store=history,
        open_gather=open_gather,
        clock=clock,
        rules=WatchRules(
            interval=monitor.interval,
            jitter=monitor.jitter,
            confirm_after=monitor.confirm_after,
            least=monitor.alert_severity,
            channels=herald.channels,
        ),
        limits=WatchLimits(
            at_once=monitor.at_once,
            lease=config.check.timeout * DEEP_FACTOR + LEASE_SLACK,
            keep_history=monitor.keep_history,
        ),
        chance=random.random,
    )
    return WatchService(history=history, watcher=watcher, herald=herald)


def _load_checks() -> None:
    """Load what the first look is made and judged with; in a thread, or mail servers would wait."""
    import mailseal.net.smtp
    import mailseal.services.checker
    import mailseal.watch.judging  # noqa: F401 -- whoever uses it finds it loaded


def _open_senders(config: "Config") -> "list[AlertSender]":
    """Return a sender for each way that is configured; its libraries are loaded for no other."""
    monitor = config.monitor
    senders: list[AlertSender] = []
    if monitor.mail_to and monitor.mail_from is not None:
        from mailseal.net.alerts import MailPlace, SubmissionSender

        place = MailPlace(
            host=monitor.mail_host,
            port=monitor.mail_port,
            security=monitor.mail_security,
            sender=monitor.mail_from,
            recipients=monitor.mail_to,
            user=monitor.mail_user or "",
            password_file=monitor.mail_password_file,
            ca_file=monitor.ca_file,
        )
        senders.append(SubmissionSender(place))
    if monitor.webhook_url is not None:
        import structlog

        from mailseal.net.alerts import WebhookSender
        from mailseal.watch.webhookplace import WebhookSyntaxError

        try:
            place_of_hook = monitor.webhook_url.place
        except WebhookSyntaxError as error:
            # Mail servers are answered all the same, whatever becomes of alerts.
            log = structlog.stdlib.get_logger("mailseal.watch")
            log.error("webhook cannot be used", reason=str(error), action="left-out")
        else:
            senders.append(
                WebhookSender(
                    place_of_hook,
                    clock=clock,
                    secret_file=monitor.webhook_secret_file,
                    ca_file=monitor.ca_file,
                    proxy=config.https.proxy,
                )
            )
    return senders
