"""How far each subscriber of the outbox has been served."""

from __future__ import annotations

from sqlalchemy import Engine, select

from models.tables import SubscriberRow, table_of
from store.database import reading, writing
from store.projections import insert_for

SUBSCRIBER = table_of(SubscriberRow)


def position(engine: Engine, name: str) -> int:
    """The last outbox position that ``name`` has had; 0 for one that is new."""
    with reading(engine) as connection:
        return (
            connection.execute(select(SUBSCRIBER.c.position).where(SUBSCRIBER.c.name == name)).scalar() or 0
        )


def advance(engine: Engine, name: str, served: int) -> None:
    """Everything up to ``served`` has been delivered to ``name``."""
    with writing(engine) as connection:
        insert = insert_for(engine.dialect.name, SUBSCRIBER)
        statement = insert.on_conflict_do_update(
            index_elements=["name"], set_={"position": insert.excluded.position}
        )
        connection.execute(statement, {"name": name, "position": served})
