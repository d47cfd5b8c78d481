"""The desk in a real browser, against a running `danbiet up`, as clerks, officials and supervisors use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.cli.conftest import Danbiet
from tests.cli.test_hearing import imported, state
from tests.conftest import DESK, PHONE

SignIn = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def call(up: Path, danbiet: Danbiet) -> Iterator[Danbiet]:
    """In a thread of its own: commands run a loop, and the browser's runs here."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda *args, **piped: thread.submit(danbiet, *args, "--data", up, **piped).result()


@pytest.fixture
def web(up: Path) -> str:
    return str(json.loads((up / "up.json").read_text(encoding="utf-8"))["web"])


@pytest.fixture
def sign_in(web: str, call: Danbiet) -> SignIn:
    """Ends at the desk."""

    async def with_a_key(page: Page, *options: str) -> None:
        key = call("keys", "create", *options, "--json").json["key"]
        await page.goto(f"{web}/?lang=en")
        await page.get_by_role("link", name="Sign in").click()
        await page.get_by_label("Key").fill(key)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("heading", name="Desk").wait_for()

    return with_a_key


def submitted(call: Danbiet) -> str:
    return str(
        call("submit", "-", stdin=json.dumps({"procedure": "2.000908", "agency": "H13.2.1"})).json["code"]
    )


async def test_a_wrong_key_opens_nothing(page_without_scripts: Page, web: str) -> None:
    page = page_without_scripts
    await page.goto(f"{web}/sign-in?lang=en")
    await page.get_by_label("Key").fill("dbk_00000000_wrong")
    await page.get_by_role("button", name="Sign in").click()
    assert "unknown, has expired or was revoked" in await page.inner_text("main")
    await page.goto(f"{web}/desk?lang=en")
    assert "Sign in first" in await page.inner_text("main")


async def test_an_official_completes_a_step(
    page_without_scripts: Page, sign_in: SignIn, call: Danbiet
) -> None:
    page, code = page_without_scripts, submitted(call)
    await sign_in(page, "--role", "official", "--official", "TAN-01")
    row = page.get_by_role("row").filter(has_text=code)
    assert "left" in await row.inner_text()
    await page.get_by_role("link", name=code).click()
    await page.get_by_role("button", name="Complete this step").click()
    assert await page.get_by_role("status").inner_text() == "Done, and on record."
    assert call("show", code, "--json").json["steps"][0]["state"] == "done"
    await page.get_by_role("link", name="Desk").click()
    assert code not in await page.inner_text("main")
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{page.url.split('?', maxsplit=1)[0]}desk?lang=en")
    assert "Sign in first" in await page.inner_text("main")


async def test_what_is_refused_is_said_and_kept(
    page_without_scripts: Page, sign_in: SignIn, call: Danbiet
) -> None:
    page, code = page_without_scripts, submitted(call)
    await sign_in(page, "--role", "official", "--official", "TAN-01")
    await page.get_by_role("link", name=code).click()
    await page.get_by_label("Working days").fill("many")
    await page.get_by_role("button", name="Apologise and give a new date").click()
    assert "'Working days' must be a number" in await page.get_by_role("alert").inner_text()
    field = page.get_by_label("Working days")
    assert (await field.input_value(), await field.get_attribute("aria-invalid")) == ("many", "true")
    told = page.locator(f"#{await field.get_attribute('aria-describedby')}")
    assert "must be a number" in await told.inner_text()
    assert call("show", code, "--json").json["sequence"] == 2


async def test_an_answer_is_filed_and_reviewed(
    browser: Browser, web: str, sign_in: SignIn, call: Danbiet, tmp_path: Path
) -> None:
    late = imported(call, tmp_path)
    named = await browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = await named.new_page()
    await sign_in(page, "--role", "official", "--official", "TAN-02")
    await page.get_by_role("link", name=late).click()
    await page.get_by_label("Answer").fill("Mất điện cả chiều")
    await page.get_by_role("button", name="Answer").click()
    assert "Done" in await page.get_by_role("status").inner_text()
    await named.close()

    head = await browser.new_context(viewport=DESK, java_script_enabled=False)
    page = await head.new_page()
    await sign_in(page, "--role", "supervisor", "--official", "NK-00")
    entry = page.get_by_role("listitem").filter(has_text=late)
    assert "answered" in await entry.inner_text()
    await entry.get_by_role("link").click()
    assert "Mất điện cả chiều" in await page.inner_text("main")
    await page.get_by_label("Decision").select_option("excused")
    await page.get_by_role("button", name="Decide").click()
    assert "reason" in await page.get_by_role("alert").inner_text()
    why = page.get_by_role("region", name=late).get_by_label("Reason")
    assert await why.get_attribute("aria-invalid") == "true"
    await page.get_by_label("Decision").select_option("excused")
    await page.get_by_role("region", name=late).get_by_label("Reason").fill("Có xác nhận của điện lực")
    await page.get_by_role("button", name="Decide").click()
    assert "Done" in await page.get_by_role("status").inner_text()
    found = state(call, late)
    assert (found["state"], found["review"]["by"]) == ("excused", "NK-00")
    await page.goto(f"{web}/bulletins/2025-03?lang=en")
    assert "excused." in await page.inner_text("main")
    assert "TAN-02" not in await page.content()
    await head.close()


async def fill_in(page: Page, name: str) -> None:
    await page.get_by_label("Procedure").select_option("2.000908")
    await page.get_by_label("Unit that handles it").select_option("H13.2.1")
    await page.get_by_label("Name").fill(name)


async def test_a_counter_hands_in_and_gets_one_receipt(
    page_without_scripts: Page, web: str, sign_in: SignIn, call: Danbiet
) -> None:
    page, before = page_without_scripts, len(call("list", "--agency", "H13.2.1", "--json").json)
    await sign_in(page, "--role", "counter", "--agency", "H13.2")
    await page.get_by_role("link", name="Hand in a dossier").click()
    await fill_in(page, "Nguyễn Thị Thử")
    await page.get_by_label("Papers handed in").fill("Đơn, bản sao")
    await page.get_by_role("button", name="Hand in").click()
    paper = await page.inner_text("main")
    for printed in ("Nguyễn Thị Thử", "Đơn, bản sao", "Result promised for"):
        assert printed in paper
    code = (await page.locator(".number strong").inner_text()).strip()
    secret = await page.locator(".mono strong").inner_text()
    await page.reload()  # the form is sent again, as by a double click
    assert await page.locator(".number strong").inner_text() == code
    assert await page.locator(".mono strong").inner_text() == secret
    assert len(call("list", "--agency", "H13.2.1", "--json").json) == before + 1
    await page.goto(f"{web}/lookup/{code}/{secret}?lang=en")
    assert "In process" in await page.inner_text("main")
    assert "Thử" not in json.dumps(call("show", code, "--json").json, ensure_ascii=False)


async def test_going_back_for_the_next_applicant(
    page_without_scripts: Page, web: str, sign_in: SignIn
) -> None:
    page = page_without_scripts
    await sign_in(page, "--role", "counter", "--agency", "H13.2")
    await page.goto(f"{web}/desk/intake?lang=en")
    await fill_in(page, "Lê Thị Một")
    await page.get_by_role("button", name="Hand in").click()
    first = await page.locator(".number strong").inner_text()
    await page.go_back()
    await fill_in(page, "Lê Thị Hai")
    await page.get_by_role("button", name="Hand in").click()
    assert await page.locator(".number strong").inner_text() != first
    assert "Lê Thị Hai" in await page.inner_text("main")


async def test_what_is_wrong_is_said_at_its_field(
    page_without_scripts: Page, web: str, sign_in: SignIn
) -> None:
    page = page_without_scripts
    await sign_in(page, "--role", "counter", "--agency", "H13.2")
    await page.goto(f"{web}/desk/intake?lang=en")
    assert await page.get_by_label("Name").get_attribute("aria-required") == "true"
    await fill_in(page, "Trần Văn Thử")
    for label, wrong, said in (
        ("Code of the dossier", "12 34", "This is no dossier code"),
        ("Received at", "2031-01-05T08:00", "lies in the future"),
        ("Telephone", "090\u202e1", "invisible character"),
    ):
        field = page.get_by_label(label)
        await field.fill(wrong)
        await page.get_by_role("button", name="Hand in").click()
        assert await field.get_attribute("aria-invalid") == "true", label
        told = await page.locator(
            f"#{(await field.get_attribute('aria-describedby') or '').split()[0]}"
        ).inner_text()
        assert said in told
        assert await page.get_by_label("Name").input_value() == "Trần Văn Thử"
        await field.fill("")
    await page.get_by_label("Procedure").select_option("1.001612")
    await page.get_by_role("button", name="Hand in").click()
    assert await page.get_by_label("Unit that handles it").get_attribute("aria-invalid") == "true"


async def test_all_mistakes_are_listed_and_lead_to_their_fields(
    page: Page, web: str, sign_in: SignIn
) -> None:
    await sign_in(page, "--role", "counter", "--agency", "H13.2")
    await page.goto(f"{web}/desk/intake?lang=en")
    await page.get_by_label("Telephone").fill("0900")
    await page.get_by_role("button", name="Hand in").click()
    summary = page.get_by_role("alert")
    assert await summary.evaluate("each => each === document.activeElement")
    links = summary.get_by_role("link")
    assert await links.all_inner_texts() == ["Procedure", "Unit that handles it", "Name"]
    await links.last.click()
    assert await page.get_by_label("Name").evaluate("each => each === document.activeElement")
    assert await page.get_by_label("Telephone").input_value() == "0900"
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("path", ["/sign-in", "/desk", "/desk/intake", "/desk/{open}", "/desk/{late}"])
async def test_axe_finds_nothing_and_all_fits_a_phone(
    page: Page, sign_in: SignIn, call: Danbiet, tmp_path: Path, path: str
) -> None:
    known = {"open": submitted(call)}
    if "late" in path:
        known["late"] = imported(call, tmp_path).split(":", maxsplit=1)[0]
    await sign_in(page, "--role", "admin")
    web = page.url.split("/desk", maxsplit=1)[0]
    for size, language in ((PHONE, ""), (DESK, "?lang=en")):
        await page.set_viewport_size(size)
        await page.goto(web + path.format(**known) + language)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        results = await Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
