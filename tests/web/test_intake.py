"""The counter's form where no engine answers: nothing that was typed is lost."""

from __future__ import annotations

import httpx

from tests.web.conftest import bearer

TYPED = {"procedure": "1.001612", "agency": "H13.2", "name": "Phạm Thị Thử", "papers": "Đơn"}


async def test_an_engine_that_does_not_answer_keeps_the_form(
    client: httpx.AsyncClient, held: dict[str, str]
) -> None:
    answer = await client.post("/desk/intake?lang=en", data=TYPED, headers=bearer(held["counter"]))
    assert answer.status_code == 503
    assert "no Temporal server answers" in answer.text
    assert 'value="Phạm Thị Thử"' in answer.text


async def test_a_unit_of_others_is_told_at_its_field(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    foreign = TYPED | {"agency": "H13.9"}
    answer = await client.post("/desk/intake?lang=en", data=foreign, headers=bearer(held["counter"]))
    assert answer.status_code == 422
    assert 'id="wrong-agency"' in answer.text
