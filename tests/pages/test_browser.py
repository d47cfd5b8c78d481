"""The pages in a real browser: accessible by axe, usable without JavaScript, whole on a phone, on paper as A5.

Needs Chromium: the system's, or Playwright's own (``playwright install chromium``). CI must have it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from sqlalchemy import Engine

from models.catalogue import Catalogue
from tests.conftest import DESK, PHONE
from tests.pages.conftest import ENDED, OPEN, SECRET, board_over

PAGES = (
    "/",
    "/bulletins",
    "/bulletins/2025-04",
    "/agencies/H13.2",
    "/officials/NK-02",
    "/officials/CD-02",
    "/officials/nobody",
    "/method",
    "/ledger",
    "/lookup",
    f"/lookup/{ENDED}/{SECRET}",
    f"/lookup/{OPEN}/{SECRET}",
    f"/why/{ENDED}/{SECRET}",
    f"/why/{OPEN}/{SECRET}",
    f"/dossiers/{ENDED}/receipt",
    f"/dossiers/{ENDED}/apology",
)
A5_POINTS = (420, 595)


@pytest.fixture(scope="session")
def address(engine: Engine, catalogue: Catalogue) -> Iterator[str]:
    """The board on a port of its own, as a browser meets it."""
    app = board_over(engine, catalogue)
    app.state.ledger_checkpoint = lambda: "board.example/can-tho\n7\n" + "q" * 44 + "\n"
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.mark.parametrize("path", PAGES)
async def test_axe_finds_nothing_and_all_fits_a_phone(page: Page, address: str, path: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for size, language in ((PHONE, ""), (DESK, "?lang=en")):
        await page.set_viewport_size(size)
        await page.goto(address + path + language)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        results = await Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    assert not [each for each in complaints if "Content Security Policy" in each or "Refused" in each]


async def test_only_this_server_is_asked(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        await page.goto(address + path)
    assert asked
    assert all(each.startswith((address, "data:")) for each in asked)


async def test_filters_and_look_up_work_without_scripts(page_without_scripts: Page, address: str) -> None:
    page = page_without_scripts
    await page.goto(f"{address}/bulletins/2025-04?lang=en")
    await page.get_by_label("Unit", exact=True).select_option("H13.7.2")
    await page.get_by_role("button", name="Show").click()
    assert "1 of 3 records." in await page.content()
    await page.get_by_role("link", name="My dossier").click()
    await page.get_by_label("Code of the dossier").fill(ENDED)
    await page.get_by_label("Secret").fill("wrong")
    await page.get_by_role("button", name="Show my dossier").click()
    assert "No dossier has this code" in await page.content()
    await page.get_by_label("Secret").fill(SECRET)
    await page.get_by_role("button", name="Show my dossier").click()
    assert SECRET not in page.url
    assert "Result handed over" in await page.content()
    await page.get_by_role("button", name="Tiếng Việt").click()
    assert "Đã trả kết quả" in await page.content()
    await page.get_by_role("link", name="xem cách tính từng ngày").click()
    assert "1.440 phút làm việc" in await page.content()


async def test_the_keyboard_reaches_the_content_first(page: Page, address: str) -> None:
    await page.goto(address)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("paper", ["receipt", "apology"])
async def test_papers_fit_one_a5_page(page: Page, address: str, paper: str) -> None:
    await page.goto(f"{address}/dossiers/{ENDED}/{paper}")
    pdf = await page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf)
    assert len(boxes) == 1
    assert tuple(round(float(side)) for side in boxes[0]) == pytest.approx(A5_POINTS, abs=1)
