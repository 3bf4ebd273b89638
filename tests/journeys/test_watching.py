"""The watch as it is built from a configuration, over a real store."""

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailseal import config, wiring
from mailseal.config.watching import WebhookUrl
from mailseal.names import Domain
from mailseal.ports.alerts import SendFailed
from mailseal.store import open_store
from mailseal.watch.notice import Channel
from mailseal.wiring.watching import build_watch
from tests.net.httpproxy import running_proxy

DOMAIN = Domain("example.com")
MAIL = 'mail_to = ["a@example.com"]\nmail_from = "b@example.com"\n'
HOOK = 'webhook_url = "https://hooks.example.com/x"\n'


def configuration(folder: Path, text: str = "") -> config.Config:
    """Return a configuration whose state is in a folder."""
    return config.parse(f'state_dir = "{folder}"\n[monitor]\n{text}')


async def test_what_is_watched_outlives_the_process(tmp_path: Path) -> None:
    """One command adds a domain, another one finds it."""
    settings = configuration(tmp_path)
    async with wiring.open_watch(settings) as watch:
        now = wiring.clock.now()
        assert await watch.history.add(DOMAIN, now=now, at_most=settings.monitor.max_domains)
    async with wiring.open_watch(settings) as watch:
        assert [one.domain for one in await watch.history.list()] == [DOMAIN]
        assert watch.herald.channels == ()


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        (MAIL, (Channel.MAIL,)),
        (HOOK, (Channel.WEBHOOK,)),
        (
            f"{MAIL}{HOOK}",
            (Channel.MAIL, Channel.WEBHOOK),
        ),
    ],
)
async def test_who_is_told_is_what_is_configured(
    tmp_path: Path, text: str, channels: tuple[Channel, ...]
) -> None:
    """A way that is not set up gets no messages that would wait for ever."""
    settings = configuration(tmp_path, text)
    async with await open_store(settings.store.url.reveal()) as store:
        assert build_watch(settings, store.history).herald.channels == channels


async def test_a_webhook_goes_the_way_of_policies(tmp_path: Path) -> None:
    """A machine that reaches the web only through its proxy can tell somebody."""
    async with running_proxy(b"HTTP/1.1 403 Forbidden\r\n\r\n", to="127.0.0.1") as proxy:
        settings = configuration(tmp_path, f'{HOOK}[https]\nproxy = "{proxy.url}"\n')
        async with await open_store(settings.store.url.reveal()) as store:
            ((_, outcome),) = await build_watch(settings, store.history).herald.test()
    assert outcome == SendFailed(reason="hooks.example.com through the proxy: proxy-403")
    assert proxy.heads[0].startswith(b"CONNECT hooks.example.com:443 HTTP/1.1\r\n")


async def test_a_webhook_that_cannot_be_used_does_not_stop_the_service(tmp_path: Path) -> None:
    """Mail servers are answered all the same, and the log does not have the URL."""
    settings = configuration(tmp_path, MAIL)
    broken = replace(settings.monitor, webhook_url=WebhookUrl("https://a..b.example/SECRET"))
    settings = replace(settings, monitor=broken)
    async with await open_store(settings.store.url.reveal()) as store:
        with capture_logs() as logged:
            channels = build_watch(settings, store.history).herald.channels
    assert channels == (Channel.MAIL,)
    assert [line["event"] for line in logged] == ["webhook cannot be used"]
    assert "SECRET" not in str(logged)
