"""The list of pins in files: what is read, what survives, what is damaged."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailseal.mtasts.pins import MAX_LIST_BYTES
from mailseal.names import Domain
from mailseal.ports.pins import PinsUnavailable
from mailseal.ports.storeerrors import StoreError
from mailseal.store.pinfiles import FilePinSource, PinFiles

TIMEOUT = timedelta(seconds=10)
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def files_in(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


async def test_a_local_list_is_read(tmp_path: Path) -> None:
    """As it stands there."""
    path = tmp_path / "pins.json"
    path.write_bytes(b"{}")
    source = FilePinSource(path)

    assert (source.name, source.is_local) == (str(path), True)
    assert await source.read(timeout=TIMEOUT) == b"{}"


async def test_a_file_that_is_too_long_is_read_to_its_bound(tmp_path: Path) -> None:
    """One byte more than allowed tells that it is too long."""
    path = tmp_path / "pins.json"
    with path.open("wb") as file:
        file.truncate(MAX_LIST_BYTES * 2)
    got = await FilePinSource(path).read(timeout=TIMEOUT)

    assert isinstance(got, bytes)
    assert len(got) == MAX_LIST_BYTES + 1


@pytest.mark.parametrize(
    ("kind", "reason"), [("none", "No such file or directory"), ("folder", "Is a directory")]
)
async def test_a_list_that_cannot_be_read_is_no_list(
    tmp_path: Path, kind: str, reason: str
) -> None:
    """With the system's own word for it."""
    path = tmp_path / "pins.json"
    if kind == "folder":
        path.mkdir()

    assert await FilePinSource(path).read(timeout=TIMEOUT) == PinsUnavailable(reason=reason)


async def test_a_fifo_keeps_nobody_waiting(tmp_path: Path) -> None:
    """It is empty, as long as nobody writes."""
    path = tmp_path / "pins.json"
    os.mkfifo(path)

    assert await FilePinSource(path).read(timeout=TIMEOUT) == b""


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """The list, and which of its pins were replaced; nothing else is left behind."""
    files = PinFiles(tmp_path, "https://lists.example.com/pins.json")
    assert (await files.load(), await files.load_replaced()) == (None, {})
    await files.save(b"first")
    await files.save(b"second")
    await files.save_replaced({Domain("example.com"): NOW})

    again = PinFiles(tmp_path, "https://lists.example.com/pins.json")
    assert await again.load() == b"second"
    assert await again.load_replaced() == {Domain("example.com"): NOW}
    assert len(files_in(tmp_path)) == 2


async def test_another_source_is_another_list(tmp_path: Path) -> None:
    """Its list is not refused for being older than that of the source before."""
    await PinFiles(tmp_path, "/a").save(b"first")
    other = PinFiles(tmp_path, "/b")
    assert await other.load() is None
    await other.save(b"second")

    assert await PinFiles(tmp_path, "/a").load() is None


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{", b'{"a b": 1}', b'{"example.com": "x"}', b'{"example.com": 1e99}']
)
async def test_damage_is_told(tmp_path: Path, damage: bytes) -> None:
    """It is never taken for "nothing was replaced"."""
    files = PinFiles(tmp_path, "/a")
    await files.save_replaced({})
    (path,) = files_in(tmp_path)
    path.write_bytes(damage)

    with pytest.raises(StoreError, match="is damaged"):
        await files.load_replaced()


async def test_a_folder_that_is_gone_is_an_error_of_the_store(tmp_path: Path) -> None:
    """So that the book goes on without it."""
    files = PinFiles(tmp_path / "gone", "/a")
    with pytest.raises(StoreError, match="No such file"):
        await files.save(b"x")
    with pytest.raises(StoreError, match="No such file"):
        await files.save_replaced({})


async def test_a_list_that_cannot_be_put_in_place_is_an_error_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    """Whoever believes that it was kept would lose it with the process."""
    files = PinFiles(tmp_path, "/a")
    await files.save(b"first")
    (place,) = files_in(tmp_path)
    place.unlink()
    place.mkdir()

    with pytest.raises(StoreError, match="Is a directory"):
        await files.save(b"second")
    assert files_in(tmp_path) == [place]
