"""State on disk: only what changed, all or nothing, and no id twice."""

from pathlib import Path

from sandbox.keeper import Keeper
from sandbox.wire import Json


class _Things:
    """A kind with documents by key."""

    def __init__(self, keeper: Keeper) -> None:
        self.documents: dict[str, Json] = {}
        keeper.register("thing", self.documents.get, self.documents.__setitem__)


async def test_kept_documents_come_back_in_order_and_gone_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sandbox.db"
    keeper = Keeper(path)
    things = _Things(keeper)
    for key in ("b", "a", "c"):
        things.documents[key] = {"key": key}
        keeper.touch("thing", key)
    await keeper.flush()
    things.documents["b"] = {"key": "b", "changed": True}
    del things.documents["c"]
    keeper.touch("thing", "b")
    keeper.touch("thing", "c")
    await keeper.flush()

    again = Keeper(path)
    restored = _Things(again)
    again.load()
    assert list(restored.documents.items()) == [("b", {"key": "b", "changed": True}), ("a", {"key": "a"})]


async def test_ids_go_on_past_what_was_written(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "sandbox.db")
    given = [keeper.next_id("offer", 10) for _ in range(3)]
    await keeper.flush()
    given += [keeper.next_id("offer", 10) for _ in range(3)]

    again = Keeper(tmp_path / "sandbox.db")
    again.load()
    assert given == list(range(10, 16))
    assert again.next_id("offer", 10) > max(given)


async def test_forgetting_all_keeps_the_sequences(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "sandbox.db")
    things = _Things(keeper)
    things.documents["a"] = {}
    keeper.touch("thing", "a")
    first = keeper.next_id("offer", 10)
    await keeper.flush()
    keeper.forget_all()
    await keeper.flush()

    again = Keeper(tmp_path / "sandbox.db")
    restored = _Things(again)
    again.load()
    assert restored.documents == {}
    assert again.next_id("offer", 10) > first


async def test_foreign_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    keeper = Keeper(path)
    assert keeper.load() == 0
    assert path.with_suffix(".broken").exists()
    keeper.next_id("offer", 1)
    await keeper.flush()
    assert path.exists()


async def test_without_a_file_nothing_is_written() -> None:
    keeper = Keeper(None)
    assert keeper.load() == 0
    assert keeper.next_id("offer", 5) == 5
    await keeper.flush()


async def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "sandbox.db")
    keeper.next_id("offer", 1)
    await keeper.flush()
    assert (tmp_path / "sandbox.db").stat().st_mode & 0o077 == 0
