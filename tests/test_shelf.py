"""How long finished tasks stay."""

from zsh_tool.shelf import AGE_MAX_SECS, Finished, Shelf

MIB = 1 << 20


def shelf_of(*finished: Finished) -> Shelf:
    shelf = Shelf()
    for one in finished:
        shelf.add(one)
    return shelf


def test_a_hundred_newer_ones_push_a_task_out() -> None:
    finished = [Finished(float(number), f"t{number}", 10) for number in range(103)]
    shelf = shelf_of(*reversed(finished))
    assert shelf.take_surplus(now=103.0) == ["t0", "t1", "t2"]
    assert shelf.take_surplus(now=103.0) == []


def test_a_day_is_enough() -> None:
    shelf = shelf_of(Finished(0.0, "old", 1), Finished(10.0, "new", 1))
    assert shelf.take_surplus(AGE_MAX_SECS + 5) == ["old"]
    assert shelf.take_surplus(AGE_MAX_SECS + 11) == ["new"]


def test_the_oldest_go_when_all_take_too_much() -> None:
    shelf = shelf_of(*(Finished(float(number), f"t{number}", 64 * MIB) for number in range(20)))
    assert shelf.take_surplus(20.0) == ["t0", "t1", "t2", "t3"]
    assert Shelf().take_surplus(0.0) == []
