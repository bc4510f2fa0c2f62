"""How long finished tasks stay."""

from zsh_tool.shelf import AGE_MAX_SECS, Finished, surplus

MIB = 1 << 20


def test_a_hundred_newer_ones_push_a_task_out() -> None:
    finished = [Finished(f"t{number}", float(number), 10) for number in range(103)]
    assert sorted(surplus(finished, now=103.0)) == ["t0", "t1", "t2"]


def test_a_day_is_enough() -> None:
    finished = [Finished("old", 0.0, 1), Finished("new", 10.0, 1)]
    assert surplus(finished, AGE_MAX_SECS + 5) == ["old"]


def test_the_oldest_go_when_all_take_too_much() -> None:
    finished = [Finished(f"t{number}", float(number), 64 * MIB) for number in range(20)]
    assert sorted(surplus(finished, 20.0)) == ["t0", "t1", "t2", "t3"]
    assert surplus([], 0.0) == []
