"""`danbiet apology`: the text of the letter that goes with an extension (Form 04 of Decree 61/2018)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.installation import Installation
from cli.output import as_json
from models.errors import Code, Refusal
from models.events import EventType
from models.instants import iso, parse_instant
from store import queries

BLANK = "." * 40


def apology(code: str, data: Path | None, *, json: bool) -> None:
    """Print it. The applicant's name is in no database: it is filled in by hand."""
    installation = Installation(data)
    snapshot = queries.dossier(installation.engine, code)
    if snapshot is None:
        raise Refusal(Code.NOT_FOUND, f"there is no dossier {code}")
    told = [event for event in queries.events(installation.engine, code) if event.type is EventType.EXTENDED]
    if not told:
        raise Refusal(
            Code.ILLEGAL_ACTION,
            f"{code} was not extended, and an apology needs a new date: 'danbiet act {code} extend' comes first",
        )
    view, zone, extension = snapshot.view, ZoneInfo(snapshot.zone), told[-1]
    new = extension.data["due_at"]
    # Extended while paused it has no date yet: it is the one that counts once the pause is over.
    promised = snapshot.promise_due_at if new is None else parse_instant(str(new))
    agency = installation.catalogue.agencies.get(view.agency)
    procedure = installation.catalogue.procedures.get(view.procedure)
    letter = {
        "dossier": view.code,
        "agency": agency.name if agency else view.agency,
        "procedure": procedure.name if procedure else view.procedure,
        "accepted_at": iso(view.accepted_at, zone),
        "original_due_at": iso(view.original_due_at, zone) if view.original_due_at else None,
        "due_at": iso(promised, zone) if promised else None,
        "sent_at": iso(extension.at, zone),
        "reason": str(extension.data.get("reason") or ""),
    }
    print(as_json(letter) if json else _text(letter))


def _text(letter: dict[str, str | None]) -> str:
    return f"""\
{(letter["agency"] or "").upper()}
CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc

Ngày {_day(letter["sent_at"])}

PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ
Mã hồ sơ: {letter["dossier"]}

Kính gửi: {BLANK}

Ngày {_day(letter["accepted_at"])}, {letter["agency"]} tiếp nhận hồ sơ đề nghị giải quyết thủ tục
"{letter["procedure"]}" của Ông/Bà.
Thời gian hẹn trả kết quả: {_moment(letter["original_due_at"])}.
Tuy nhiên, cơ quan chưa thể trả kết quả đúng thời gian đã hẹn. Lý do: {letter["reason"] or BLANK}.

{letter["agency"]} xin lỗi Ông/Bà vì sự chậm trễ này và sẽ trả kết quả
vào lúc {_moment(letter["due_at"])}.
Việc hẹn lại chỉ được thực hiện một lần.

THỦ TRƯỞNG CƠ QUAN
(Ký, ghi rõ họ tên, đóng dấu)"""


def _day(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant):%d/%m/%Y}" if instant else BLANK


def _moment(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant):%H giờ %M ngày %d/%m/%Y}" if instant else BLANK
