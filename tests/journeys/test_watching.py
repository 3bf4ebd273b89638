"""The watch as it is built from a configuration, over a real store."""

from pathlib import Path

import pytest

from mailseal import config, wiring
from mailseal.names import Domain
from mailseal.store import open_store
from mailseal.watch.notice import Channel
from mailseal.wiring.watching import build_watch

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
