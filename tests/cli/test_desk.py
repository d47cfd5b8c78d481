"""The desk against a running `danbiet up`: sign in, complete a step, answer an accusation, review it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Danbiet
from tests.cli.test_hearing import imported, state

HTML = "text/html; charset=utf-8"


@pytest.fixture
def call(up: Path, danbiet: Danbiet) -> Danbiet:
    return lambda *args, **piped: danbiet(*args, "--data", up, **piped)


@pytest.fixture
def web(up: Path) -> str:
    return str(json.loads((up / "up.json").read_text(encoding="utf-8"))["web"])


@contextmanager
def signed_in(web: str, call: Danbiet, *options: str) -> Iterator[httpx.Client]:
    key = call("keys", "create", *options, "--json").json["key"]
    with httpx.Client(base_url=web, follow_redirects=True) as browser:
        answer = browser.post("/sign-in", data={"key": key}, headers={"Origin": web})
        assert (answer.status_code, str(answer.url)) == (200, f"{web}/desk")
        yield browser


@pytest.fixture
def official(web: str, call: Danbiet) -> Iterator[httpx.Client]:
    with signed_in(web, call, "--role", "official", "--official", "TAN-01") as browser:
        yield browser


def submitted(call: Danbiet) -> str:
    body: dict[str, Any] = {"procedure": "2.000908", "agency": "H13.2.1"}
    return str(call("submit", "-", stdin=json.dumps(body)).json["code"])


def test_signing_in(web: str, call: Danbiet) -> None:
    with httpx.Client(base_url=web) as browser:
        assert browser.get("/desk").status_code == 401
        wrong = browser.post("/sign-in", data={"key": "dbk_00000000_x"})
        assert (wrong.status_code, browser.get("/desk").status_code) == (401, 401)
        key = call("keys", "create", "--role", "admin", "--json").json["key"]
        foreign = browser.post("/sign-in", data={"key": key}, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        answer = browser.post("/sign-in", data={"key": key}, headers={"Origin": web})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/desk").headers["content-type"] == HTML
        assert browser.post("/sign-out", headers={"Origin": web}).status_code == 303
        assert browser.get("/desk").status_code == 401


def test_an_official_completes_a_step(official: httpx.Client, call: Danbiet, web: str) -> None:
    code = submitted(call)
    assert code in official.get("/desk").text
    page = official.get(f"/desk/{code}")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert '<input type="hidden" name="action" value="complete">' in page.text
    own = {"Origin": web}
    foreign = official.post(
        f"/desk/{code}", data={"action": "complete", "step": "receive"}, headers={"Origin": "x"}
    )
    assert foreign.status_code == 403
    done = official.post(f"/desk/{code}", data={"action": "complete", "step": "receive"}, headers=own)
    assert (done.status_code, "done=1" in str(done.url)) == (200, True)
    assert call("show", code, "--json").json["steps"][0]["state"] == "done"
    refused = official.post(f"/desk/{code}", data={"action": "complete", "step": "appraise"}, headers=own)
    assert refused.status_code == 409
    assert "TAN-02" in refused.text
    assert "Bạn không giữ bước này" in refused.text
    assert official.get("/desk/H13.9-250101-0001").status_code == 404


def test_an_answer_is_filed_and_reviewed(web: str, call: Danbiet, tmp_path: Path) -> None:
    late = imported(call, tmp_path)
    code, own = late.split(":", maxsplit=1)[0], {"Origin": web}
    with signed_in(web, call, "--role", "official", "--official", "TAN-02") as named:
        assert late in named.get("/desk").text
        assert 'value="explain"' in named.get(f"/desk/{code}").text
        answer = {"action": "explain", "lateness": late, "text": "Mất điện <b>cả</b> chiều"}
        assert named.post(f"/desk/{code}", data=answer, headers=own).status_code == 200
    with signed_in(web, call, "--role", "supervisor", "--official", "NK-00") as head:
        page = head.get(f"/desk/{code}").text
        assert "Mất điện &lt;b&gt;cả&lt;/b&gt; chiều" in page
        decision = {"action": "review", "lateness": late, "decision": "excused", "cause": "objective"}
        without = head.post(f"/desk/{code}", data=decision, headers=own)
        assert without.status_code == 409
        given = decision | {"reason": "Có xác nhận của điện lực"}
        assert head.post(f"/desk/{code}", data=given, headers=own).status_code == 200
    found = state(call, late)
    assert (found["state"], found["explanation"]) == ("excused", "Mất điện <b>cả</b> chiều")
    assert found["review"]["by"] == "NK-00"


def test_a_form_that_stands_for_another_dossier(web: str, call: Danbiet) -> None:
    """Filled in again for somebody else it is told as such, and comes back as one that may be sent."""
    form = {"procedure": "2.000908", "agency": "H13.2.1", "name": "Lê Thị Một", "secret": "abcdefghijkl"}
    with signed_in(web, call, "--role", "counter", "--agency", "H13.2") as counter:
        own = {"Origin": web}
        first = counter.post("/desk/intake?lang=en", data=form, headers=own)
        assert (first.status_code, "abcdefghijkl" in first.text) == (200, True)
        other = form | {"name": "Lê Thị Hai"}
        refused = counter.post("/desk/intake?lang=en", data=other, headers=own)
        assert (refused.status_code, "other content" in refused.text) == (422, True)
        assert "Lê Thị Hai" in refused.text
        (secret,) = re.findall(r'name="secret" value="([^"]+)"', refused.text)
        assert secret != form["secret"]
        second = counter.post("/desk/intake?lang=en", data=other | {"secret": secret}, headers=own)
        assert (second.status_code, "Lê Thị Hai" in second.text) == (200, True)
