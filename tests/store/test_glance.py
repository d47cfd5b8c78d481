"""Short reads: of a file in the event loop, of a database server in a thread."""

from __future__ import annotations

import asyncio
import threading

from sqlalchemy import Engine, text

from store.database import reading
from web.glance import FEW, glance


def whose(engine: Engine) -> threading.Thread:
    with reading(engine):
        return threading.current_thread()


async def test_a_file_is_read_where_one_is_and_a_server_is_waited_for_elsewhere(engine: Engine) -> None:
    here = threading.current_thread()
    in_place = engine.dialect.name == "sqlite"
    assert await glance(engine, lambda: whose(engine)) is not here  # no connection lies ready yet
    assert (await glance(engine, lambda: whose(engine)) is here) is in_place
    assert (await glance(engine, lambda: whose(engine), FEW) is here) is in_place
    assert await glance(engine, lambda: whose(engine), FEW + 1) is not here


async def test_who_reads_while_all_connections_are_out_keeps_nobody_waiting(engine: Engine) -> None:
    await glance(engine, lambda: whose(engine))
    with reading(engine):
        assert await glance(engine, lambda: whose(engine)) is not threading.current_thread()


async def test_a_long_search_is_given_up_here_and_done_in_a_thread(engine: Engine) -> None:
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
    searched_by = []

    def search() -> int:
        searched_by.append(threading.current_thread())
        with reading(engine) as connection:
            return int(connection.execute(text(count)).scalar_one())

    await glance(engine, lambda: whose(engine))
    assert await glance(engine, search) == 300_000
    in_place = engine.dialect.name == "sqlite"
    assert [each is threading.current_thread() for each in searched_by] == [True, False][not in_place :]
    assert await asyncio.to_thread(search) == 300_000
    with reading(engine) as connection:  # the connection that gave up is as it was
        assert connection.execute(text(count)).scalar_one() == 300_000
