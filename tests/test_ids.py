"""The ids of rows."""

import uuid
from time import time

from zsh_tool.ids import new_id


def test_ids_are_uuids_of_version_seven_that_grow_with_time() -> None:
    made = [uuid.UUID(new_id()) for _ in range(100)]
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    assert len(set(made)) == 100
    millis = [one.int >> 80 for one in made]
    assert millis == sorted(millis)
    assert abs(millis[-1] / 1000 - time()) < 5
