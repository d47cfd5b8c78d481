"""Frozen editions of the monthly list: made once, kept for ever, restated when facts or the method have changed.

An edition is a function of the journal up to its position, of its instant and of the formula: ``remade`` makes
it again from the journal alone, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, Engine, func, select

from models.budget import Model
from models.bulletin import FORMULA, Bulletin, Change, ChangeKind, period_of, public, read, to_json
from models.bulletin_rows import Names, RowKey, row_key
from models.catalogue import Catalogue
from models.editions import differences
from models.errors import Code, Refusal
from models.instants import Instant, iso, whole
from models.tables import EditionRow, table_of
from store.bulletin import Basis, compiled
from store.database import WRITER_LOCK, reading, writing
from store.journal import JOURNAL
from store.projections import insert_rows
from store.rebuild import rewound

EDITION = table_of(EditionRow)


class Edition(Model):
    """One frozen list. ``position``: of the last journal row counted in; ``sha256``: of what the public gets."""

    period: str
    edition: int
    frozen_at: Instant
    watermark: Instant
    position: int
    formula: str
    sha256: str
    content: bytes

    @property
    def bulletin(self) -> Bulletin:
        return read(self.content)


OnFrozen = Callable[[Edition], None]
"""Told every edition that ``freeze`` made or found unchanged, once it is stored: told again, it must do nothing."""


class Frozen(Model):
    """What freezing came to. ``created`` False: nothing has changed since that edition."""

    edition: Edition
    created: bool


def freeze(
    engine: Engine, catalogue: Catalogue, period: str, *, now: datetime, on_frozen: OnFrozen | None = None
) -> Frozen:
    """Freeze ``period``, or restate it where its facts or the method changed since.

    Raises :class:`Refusal` for what is no month, has not begun or has not ended.
    """
    instant, basis = whole(now), basis_of(catalogue)
    _check_ended(period, basis, instant)
    while True:
        with reading(engine) as connection:
            previous = _latest(connection, period)
            last = connection.execute(select(func.max(JOURNAL.c.position))).scalar() or 0
            bulletin = _next_edition(engine, connection, period, basis=basis, now=instant, previous=previous)
        if bulletin is None and previous is not None:
            frozen = Frozen(edition=previous, created=False)
            break
        assert bulletin is not None  # noqa: S101 - a first edition is always one
        made = _edition(bulletin, basis, last)
        if _kept(engine, made):
            frozen = Frozen(edition=made, created=True)
            break
    if on_frozen is not None:
        on_frozen(frozen.edition)
    return frozen


def restate(
    engine: Engine, catalogue: Catalogue, *, now: datetime, on_frozen: OnFrozen | None = None
) -> list[Edition]:
    """Restate every frozen month that calls for it; the new editions."""
    with reading(engine) as connection:
        periods = connection.execute(select(EDITION.c.period).distinct().order_by(EDITION.c.period))
        frozen = list(periods.scalars())
    made = (freeze(engine, catalogue, period, now=now, on_frozen=on_frozen) for period in frozen)
    return [each.edition for each in made if each.created]


def latest(engine: Engine, period: str) -> Edition | None:
    """The newest edition of ``period``; None: it is not frozen."""
    with reading(engine) as connection:
        return _latest(connection, period)


def editions_of(engine: Engine, period: str) -> list[Edition]:
    """All of them, in order."""
    query = select(EDITION).where(EDITION.c.period == period).order_by(EDITION.c.edition)
    with reading(engine) as connection:
        return [Edition.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def edition(engine: Engine, period: str, number: int) -> Edition:
    """Raises :class:`Refusal` (``not_found``), with those there are."""
    found = {each.edition: each for each in editions_of(engine, period)}
    if number in found:
        return found[number]
    known = f"its editions are {', '.join(map(str, found))}" if found else "it is not frozen"
    raise Refusal(Code.NOT_FOUND, f"{period} has no edition {number}: {known}")


def numbers(engine: Engine, period: str) -> list[int]:
    """Of the editions of ``period``, oldest first; empty: it is not frozen."""
    query = select(EDITION.c.edition).where(EDITION.c.period == period).order_by(EDITION.c.edition)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def changes_since(engine: Engine, catalogue: Catalogue, frozen: Edition) -> list[str]:
    """What the facts say now, of the instant of that edition, that it does not say."""
    with reading(engine) as connection:
        now = compiled(
            connection,
            frozen.period,
            now=frozen.watermark,
            basis=basis_of(catalogue),
            earlier=_earlier(frozen),
        )
    return differences(frozen.bulletin, now)


def remade(engine: Engine, catalogue: Catalogue, frozen: Edition) -> bytes:
    """The content of ``frozen`` made anew from the journal up to its position; names as it printed them.

    Raises :class:`Refusal` (``invalid``) for one that another formula made.
    """
    if frozen.formula != FORMULA:
        raise Refusal(
            Code.INVALID,
            f"edition {frozen.edition} of {frozen.period} was counted by formula {frozen.formula}, "
            f"this release counts by {FORMULA}: use the release that made it",
        )
    previous = edition(engine, frozen.period, frozen.edition - 1) if frozen.edition > 1 else None
    basis = _printed(frozen.bulletin, basis_of(catalogue))
    with rewound(engine, frozen.position) as past, reading(past) as connection:
        bulletin = _next_edition(
            engine, connection, frozen.period, basis=basis, now=frozen.watermark, previous=previous
        )
    return b"" if bulletin is None else to_json(bulletin, basis.calendar.zone)


def basis_of(catalogue: Catalogue) -> Basis:
    return Basis(
        names=Names.of(catalogue),
        calendar=catalogue.main_calendar,
        calendars={code: catalogue.calendar_of(code) for code in catalogue.procedures},
    )


def _check_ended(period: str, basis: Basis, now: datetime) -> None:
    _, end = period_of(period, basis.calendar.zone, now)
    if now < end:
        first = iso(end, basis.calendar.zone)[:10]
        raise Refusal(
            Code.TOO_EARLY,
            f"{period} has not ended: its list is preliminary until it can be frozen, from {first} on",
        )


def _next_edition(
    engine: Engine,
    connection: Connection,
    period: str,
    *,
    basis: Basis,
    now: datetime,
    previous: Edition | None,
) -> Bulletin | None:
    """The list on these facts as the edition after ``previous``; None: nothing has changed.

    What a dossier went on to do after the earlier edition's instant is no correction: facts are compared as of
    that instant.
    """
    earlier = _earlier(previous)
    bulletin = compiled(connection, period, now=now, basis=basis, earlier=earlier).model_copy(
        update={"edition": 1, "frozen_at": now}
    )
    if previous is None:
        return bulletin
    before = counted_alike = previous.bulletin
    if method := previous.formula != FORMULA:
        with rewound(engine, previous.position) as past, reading(past) as then:
            counted_alike = compiled(then, period, now=previous.watermark, basis=basis, earlier=earlier)
    now_said = compiled(connection, period, now=previous.watermark, basis=basis, earlier=earlier)
    facts = differences(counted_alike, now_said)
    if not method and not facts:
        return None
    number = previous.edition + 1
    changes = [*before.changes]
    if method:
        changed = differences(before, counted_alike) or ["no figure differs"]
        title = f"formula {previous.formula} -> {FORMULA}"
        changes += _changes(number, ChangeKind.METHOD, [f"{title}: {text}" for text in changed])
    changes += _changes(number, ChangeKind.FACTS, facts)
    return bulletin.model_copy(update={"edition": number, "changes": tuple(changes)})


def _earlier(previous: Edition | None) -> frozenset[RowKey]:
    """What a restatement must show in the same form, also what has been retracted."""
    return frozenset() if previous is None else frozenset(map(row_key, previous.bulletin.rows))


def _changes(number: int, kind: ChangeKind, texts: Sequence[str]) -> list[Change]:
    return [Change(edition=number, kind=kind, text=text) for text in texts]


def _edition(bulletin: Bulletin, basis: Basis, position: int) -> Edition:
    zone = basis.calendar.zone
    return Edition(
        period=bulletin.period,
        edition=bulletin.edition,
        frozen_at=bulletin.watermark,
        watermark=bulletin.watermark,
        position=position,
        formula=bulletin.formula,
        sha256=sha256(to_json(public(bulletin), zone)).hexdigest(),
        content=to_json(bulletin, zone),
    )


def _kept(engine: Engine, made: Edition) -> bool:
    """Store it, unless somebody else has just frozen the month too."""
    with writing(engine, lock=WRITER_LOCK) as connection:
        known = _latest(connection, made.period)
        if (known.edition if known else 0) != made.edition - 1:
            return False
        insert_rows(connection, EDITION, [made.model_dump()])
    return True


def _latest(connection: Connection, period: str) -> Edition | None:
    query = select(EDITION).where(EDITION.c.period == period).order_by(EDITION.c.edition.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else Edition.model_validate(dict(row))


def _printed(bulletin: Bulletin, basis: Basis) -> Basis:
    """Names are no facts of the journal: an edition keeps those it was printed with."""
    names = Names(
        agencies={
            **basis.names.agencies,
            **{row.agency: row.agency_name for row in bulletin.rows if row.agency_name},
        },
        officials={
            **basis.names.officials,
            **{
                row.official: row.official_name for row in bulletin.rows if row.official and row.official_name
            },
        },
    )
    return Basis(names, basis.calendar, basis.calendars)
