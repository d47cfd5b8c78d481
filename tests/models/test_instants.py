"""How instants and other values are written at every border."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from models.instants import iso, localised
from models.views import Pause, Status

CAN_THO = ZoneInfo("Asia/Ho_Chi_Minh")
NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2025, 4, 7, 5, 0, tzinfo=UTC)


def test_an_instant_has_the_offset_of_its_zone_and_whole_seconds() -> None:
    assert iso(NOON, CAN_THO) == "2025-04-07T12:00:00+07:00"
    assert iso(NOON + timedelta(microseconds=999_999), CAN_THO) == "2025-04-07T12:00:00+07:00"
    assert iso(NOON, NEW_YORK) == "2025-04-07T01:00:00-04:00"


def test_the_two_instants_of_a_repeated_hour_are_told_apart() -> None:
    """Python takes them for equal, so that whatever remembers one must not answer with it for the other."""
    first = datetime(2025, 11, 2, 1, 30, tzinfo=NEW_YORK)
    second = first.replace(fold=1)
    assert first == second
    assert [iso(each, NEW_YORK) for each in (first, second)] == [
        "2025-11-02T01:30:00-04:00",
        "2025-11-02T01:30:00-05:00",
    ]
    assert [iso(each.astimezone(UTC), NEW_YORK)[-6:] for each in (first, second)] == ["-04:00", "-05:00"]


def test_every_kind_of_value_is_written_as_json_has_it() -> None:
    told = {
        "model": Pause(kind="supplement", start=NOON, end=None),
        "map": MappingProxyType({1: NOON}),
        "list": [NOON, (Status.RUNNING, Decimal("2.50")), None, True],
        "whole": Decimal("2.00"),
        "float": 0.5,
    }
    assert localised(told, CAN_THO) == {
        "model": {"kind": "supplement", "start": "2025-04-07T12:00:00+07:00", "end": None},
        "map": {"1": "2025-04-07T12:00:00+07:00"},
        "list": ["2025-04-07T12:00:00+07:00", ["running", 2.5], None, True],
        "whole": 2,
        "float": 0.5,
    }
    assert type(localised(Status.RUNNING, CAN_THO)) is str


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, Enum])
def test_what_has_no_place_in_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no place in JSON"):
        localised(value, CAN_THO)
