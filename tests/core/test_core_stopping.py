"""Who is told that the process stops."""

from core.stopping import Stopping


async def test_everybody_is_told_once_whatever_breaks() -> None:
    stopping, told = Stopping(), list[str]()

    async def hear() -> None:
        told.append("heard")

    async def break_down() -> None:
        raise RuntimeError

    for callback in (hear, break_down, hear):
        stopping.tell(callback)
    await stopping.announce()
    await stopping.announce()
    assert told == ["heard", "heard"]
