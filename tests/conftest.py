"""Chromium for the tests of pages: one browser a run, a fresh context for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

PHONE = {"width": 320, "height": 640}
"""The narrowest that WCAG asks for (1.4.10)."""
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except PlaywrightError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip("no Chromium here: apt-get install chromium, or `playwright install chromium`")
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=PHONE)
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def page_without_scripts(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
    yield await context.new_page()
    await context.close()
