"""Every sentence that the pages can say: found in templates and code, and those of the core's narration."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir

from models import calendar_lines, refusals, why
from models.catalogue import Catalogue

WEB = Path(__file__).parents[2] / "web"
METHODS = [("pages/**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "N_": None,
    "count": (1, 2),
}

Message = str | tuple[str, str]


def of_pages() -> set[Message]:
    """Marked in the sources; a pair is a singular with its plural."""
    options = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
    found = extract_from_dir(str(WEB), METHODS, options, keywords=KEYWORDS, comment_tags=())
    return {
        tuple(message) if isinstance(message, (tuple, list)) else message for _, _, message, _, _ in found
    }


def of_narration(catalogue: Catalogue) -> set[Message]:
    """What "why this date" and the refusals say in English, and the sources of the calendars."""
    texts = {
        *calendar_lines.TEXTS["en"].values(),
        *why.WAITING.values(),
        why.INTAKE,
        why.EARLIER,
        why.SUSPENDED,
    }
    texts |= {text for _, text in why.NOTES.values()}
    return {
        *texts,
        *refusals.SENTENCES,
        *(source for calendar in catalogue.calendars.values() for source in calendar.sources),
    }
