"""`danbiet up --sample can-tho --no-live`: April 2025 through real workflows, once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.up.processes import RunningUp, danbiet, get

HEADLINE = "6 units, 7 individuals, 8 dossiers"


@pytest.mark.timeout(120)
def test_april_2025_is_imported_once(start: Callable[..., RunningUp]) -> None:
    first = start("--sample", "can-tho", "--no-live")
    addresses = first.until_ready()
    (headline,) = [line for line in first.told if HEADLINE in line]
    assert headline.startswith("April 2025")
    assert len([line for line in first.told if line.endswith("published")]) == 8
    front = get(f"{addresses['web']}/")[1]
    assert "Cán bộ NK-02" in front
    assert "CR-02" not in front
    assert "NK-05" in get(f"{addresses['web']}/bulletins/2025-04?lang=en")[1]
    assert "CR-02" in get(f"{addresses['web']}/bulletins/2025-04?edition=1")[1]
    told = danbiet("bulletin", "2025-04", "--json", "--data", str(first.data))
    bulletin = json.loads(told.stdout)
    assert [bulletin[name] for name in ("agencies", "officials", "dossiers")] == [6, 7, 8]
    events = (first.data / "events.ndjson").read_text(encoding="utf-8").splitlines()
    ids = [json.loads(line)["id"] for line in events]
    assert len(ids) == len(set(ids)) > 1000
    assert first.stop() == 0

    second = start("--sample", "can-tho", "--no-live")
    second.until_ready()
    assert not [line for line in second.told if line.startswith("importing")]
    assert [line for line in second.told if HEADLINE in line]
    assert second.stop() == 0
    assert len((second.data / "events.ndjson").read_text(encoding="utf-8").splitlines()) == len(events)
