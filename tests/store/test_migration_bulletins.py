"""A store of the first release, brought to this one: the new projections say what the journal says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, select

from models.lateness import LatenessState, Share
from models.views import StepState
from store.database import MIGRATIONS, open_database, reading, upgrade, writing
from store.journal import Journal
from store.rebuild import check
from tests.store.conftest import new_database
from tests.store.samples import T0, disclosed, event, lateness, local, paused, record, step
from tests.store.test_bulletin import closed

SHARES = (
    Share(agency="CT-LAND", official="cb-01", minutes=480, share=75),
    Share(agency="CT-TAX", official=None, minutes=160.25, share=25),
)
COPIED = ("journal", "outbox", "dossier", "step", "pause", "lateness")


def fill(url: str) -> None:
    journal = Journal(open_database(url), "test")
    due = local("2025-04-10 17:00")
    done = {"state": StepState.DONE, "due_at": due, "consumed_minutes": 90}
    steps = (
        step("a", completed_at=local("2025-04-09 09:00"), **done),
        step("b", completed_at=local("2025-04-10 09:00"), **done),
        step("c", completed_at=local("2025-04-11 09:00"), late=True, **done),
        step("d", completed_at=local("2025-04-11 09:00"), **{**done, "due_at": None}),
        step("e"),
    )
    pauses = (paused(T0, T0 + timedelta(days=1)), paused(T0 + timedelta(days=2), T0 + timedelta(days=3)))
    settled = {
        "completed_at": local("2025-04-11 09:00"),
        "overrun_minutes": 120.5,
        "explanation": 'ốm "nặng"',
    }
    for number, state in enumerate(LatenessState):
        code = f"D-{number}"
        late = (
            lateness(code, "c", due_at=due, shares=SHARES, state=state, **settled),
            lateness(code, None, due_at=due, state=state),
        )
        events = [event(1, subject=code), *(disclosed(n, each) for n, each in enumerate(late, 2))]
        changes = closed("2025-04-20 09:00") if number % 2 else {}
        journal.record_now([record(code, events=events, steps=steps, pauses=pauses, **changes)])


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_the_first_release_left(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    upgrade(source)
    fill(source)
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgres"))
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    new, old = MetaData(), MetaData()
    here = open_database(source)
    new.reflect(here, only=COPIED)
    old.reflect(engine, only=COPIED)
    with reading(here) as connection, writing(engine) as target:
        for name in COPIED:
            rows = [dict(row) for row in connection.execute(select(new.tables[name])).mappings()]
            columns = set(old.tables[name].columns.keys())
            told = [{k: v for k, v in row.items() if k in columns} for row in rows]
            if name == "lateness":
                told = [{**row, "received_at": T0} for row in told]
            target.execute(old.tables[name].insert(), told)
    upgrade(url)
    assert check(engine) == []
    with reading(engine) as connection:
        kept = MetaData()
        kept.reflect(engine, only=["share", "handled"])
        assert len(connection.execute(select(kept.tables["share"])).all()) == 2 * len(LatenessState)
        assert len(connection.execute(select(kept.tables["handled"])).all()) == 4 * len(LatenessState)
    here.dispose()
    engine.dispose()
