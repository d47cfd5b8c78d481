"""Feeds of what was published, corrected or retracted: one entry a lateness, changed in place when it is corrected.

So whoever was told a name is told its correction in the same form.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Response

from models.lateness import LatenessState
from store import board
from web.pages.page import PUBLIC, SECURITY, Page, PageRoute, ThePage
from web.pages.records import PublicRecord, public_record
from web.pages.words import N_

router = APIRouter(route_class=PageRoute, include_in_schema=False)
ENTRIES = 100
ATOM = "http://www.w3.org/2005/Atom"


class Entry(NamedTuple):
    id: str
    url: str
    title: str
    text: str
    published: datetime
    updated: datetime


@router.get("/feed.atom")
def atom(page: ThePage) -> Response:
    entries = _entries(page)
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": page.language.value})
    for name, text in (
        ("id", _tag(page, "disclosures")),
        ("title", _title(page)),
        ("updated", _instant(max([entry.updated for entry in entries], default=page.now))),
    ):
        ET.SubElement(feed, name).text = text
    ET.SubElement(feed, "link", {"rel": "self", "href": page.absolute(page.url("/feed.atom"))})
    ET.SubElement(feed, "link", {"rel": "alternate", "href": page.absolute(page.url("/"))})
    ET.SubElement(ET.SubElement(feed, "author"), "name").text = page.publisher
    for entry in entries:
        element = ET.SubElement(feed, "entry")
        for name, text in (
            ("id", entry.id),
            ("title", entry.title),
            ("published", _instant(entry.published)),
            ("updated", _instant(entry.updated)),
        ):
            ET.SubElement(element, name).text = text
        ET.SubElement(element, "link", {"rel": "alternate", "href": entry.url})
        ET.SubElement(element, "content", {"type": "text"}).text = entry.text
    body = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers={**SECURITY, **PUBLIC})


@router.get("/feed.json")
def json_feed(page: ThePage) -> Response:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _title(page),
        "home_page_url": page.absolute(page.url("/")),
        "feed_url": page.absolute(page.url("/feed.json")),
        "language": page.language.value,
        "authors": [{"name": page.publisher}],
        "items": [
            {
                "id": entry.id,
                "url": entry.url,
                "title": entry.title,
                "content_text": entry.text,
                "date_published": _instant(entry.published),
                "date_modified": _instant(entry.updated),
            }
            for entry in _entries(page)
        ],
    }
    body = json.dumps(feed, ensure_ascii=False)
    return Response(body, media_type="application/feed+json", headers={**SECURITY, **PUBLIC})


def _entries(page: Page) -> list[Entry]:
    entries = []
    for told in board.disclosures(page.office.engine, ENTRIES):
        record = public_record(page, told.lateness)
        entries.append(
            Entry(
                id=_tag(page, f"disclosure/{told.position}"),
                url=page.absolute(page.url(f"/bulletins/{told.month}")),
                title=_headline(page, record),
                text=_text(page, record),
                published=told.first_at,
                updated=told.changed_at,
            )
        )
    return entries


def _headline(page: Page, record: PublicRecord) -> str:
    values = {"unit": record.agency_name, "name": record.official_name or ""}
    match record.late.state:
        case LatenessState.RETRACTED:
            text = N_("Retracted: %(unit)s")
        case LatenessState.CORRECTED:
            text = N_("Corrected: the unit answers, no person: %(unit)s")
        case _ if record.official_name is None:
            text = N_("Late: %(unit)s")
        case _:
            text = N_("Late: %(name)s, %(unit)s")
    return page.t.say(text) % values


def _text(page: Page, record: PublicRecord) -> str:
    t, late = page.t, record.late
    if late.state is LatenessState.RETRACTED:
        return t.say(N_("This record was withdrawn. There was no lateness to publish."))
    subject = record.procedure if record.step is None else f"{record.procedure}: {record.step}"
    told = [
        f"{subject}.",
        t.say(N_("Due %(moment)s.")) % {"moment": t.moment(late.due_at)},
    ]
    if late.completed_at is None:
        told.append(t.say(N_("Still open when this was told.")))
    else:
        late_by = t.working_time(late.overrun_minutes)
        told.append(
            t.say(N_("Done %(moment)s, late by %(time)s."))
            % {"moment": t.moment(late.completed_at), "time": late_by}
        )
    if late.explanation and late.state is LatenessState.PUBLISHED:
        told.append(t.say(N_("Answer: %(text)s")) % {"text": late.explanation})
    return " ".join(told)


def _title(page: Page) -> str:
    return f"Dân Biết: {page.t.say(N_('Late dossiers'))}, {page.publisher}"


def _tag(page: Page, path: str) -> str:
    """A tag URI (RFC 4151): the same for ever, and nothing in it leads to the dossier."""
    authority, _, rest = page.office.ledger_origin.partition("/")
    return f"tag:{authority},2025:{'/'.join(part for part in (rest, path) if part)}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
