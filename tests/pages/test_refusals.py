"""Whatever the core refuses an action with is told whole in Vietnamese: each sentence in it is known by its key."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest

from models import actions, fold, refusals
from models.actions import parse_action
from models.catalogue import Catalogue
from models.errors import Code, Refusal
from tests.models.office import ZONE, Office, official
from web.pages.language import Language, Tongue
from web.pages.page import Page
from web.pages.refusals import said

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"%\((\w+)\)s")
UNFORESEEN = {
    ("actions", "_unfit"),  # what pydantic finds wrong in what no form sends, and names with its own words
    ("dossier", "read"),  # the same, of the sender in a bare update
}
SAMPLES = {"at": "2025-04-01T08:00:00+07:00", "since": "2025-04-01T08:00:00+07:00", "what": refusals.PAUSE}
SAMPLES |= {"now": SAMPLES["at"], "later_at": SAMPLES["at"]}


class Raised(NamedTuple):
    """A refusal as it stands in the code: where, the name of its sentence if it has one, and the places it fills."""

    module: str
    function: str
    line: int
    sentence: str | None
    places: frozenset[str]


def modules() -> list[str]:
    """All of the core that an action can go through: what the aggregate imports, directly or not."""
    found, waiting = set[str](), ["dossier"]
    while waiting:
        name = waiting.pop()
        if name not in found and (ROOT / "models" / f"{name}.py").exists():
            found.add(name)
            for node in ast.walk(parsed(name)):
                if isinstance(node, ast.ImportFrom) and node.module == "models":
                    waiting += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:
                    waiting.append(node.module.removeprefix("models."))
    return sorted(found)


def parsed(module: str) -> ast.Module:
    return ast.parse((ROOT / "models" / f"{module}.py").read_text(encoding="utf-8"))


def raised() -> Iterator[Raised]:
    for module in modules():
        for function in ast.walk(parsed(module)):
            if isinstance(function, ast.FunctionDef) and (module, function.name) != ("errors", "after"):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and _refuses(call):
                        named = [key.arg for key in call.keywords if key.arg]
                        packed = [key.value for key in call.keywords if key.arg is None]
                        places = {*named, *(place for each in packed for place in _keys(function, each))}
                        sentence = _constant(call.args[1])
                        yield Raised(module, function.name, call.lineno, sentence, frozenset(places))


def _refuses(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id="Refusal"):
            return True
        case ast.Attribute(attr="after"):
            return len(call.args) > 1
    return False


def _constant(node: ast.expr) -> str | None:
    match node:
        case ast.Attribute(value=ast.Name(id="refusals"), attr=name):
            return name
    return None


def _keys(function: ast.FunctionDef, packed: ast.expr) -> set[str]:
    """Keys of the dictionary that was last given that name."""
    found: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)) if (
                isinstance(packed, ast.Name) and name == packed.id and node.lineno < packed.lineno
            ):
                found = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return found


def page(catalogue: Catalogue, language: Language = Language.VIETNAMESE) -> Page:
    return cast(
        "Page", SimpleNamespace(t=Tongue(language, ZONE), office=SimpleNamespace(catalogue=catalogue))
    )


def test_every_refusal_of_an_action_has_a_sentence_of_its_own() -> None:
    found = list(raised())
    assert {"actions", "dossier", "fold", "hearing", "instants", "plain_text", "state", "telling"} <= {
        each.module for each in found
    }
    untold = [
        each for each in found if each.sentence is None and (each.module, each.function) not in UNFORESEEN
    ]
    assert untold == []


def test_every_refusal_fills_the_places_of_its_sentence() -> None:
    for each in raised():
        if each.sentence is not None:
            sentence = getattr(refusals, each.sentence)
            assert sentence in refusals.SENTENCES
            assert set(PLACE.findall(sentence)) == each.places, each
    for sentence, figures in actions._DAILY.values():
        assert set(PLACE.findall(sentence)) == {"action", "field", *figures}


def test_every_deed_is_told_too() -> None:
    """``what``: who may not do what. Each is a sentence of the core's list, never text of its own."""
    for node in ast.walk(parsed("fold")):
        match node:
            case ast.Call(func=ast.Name(id="_check_holds" | "_check_override"), args=[*_, ast.Constant()]):
                pytest.fail(f"line {node.lineno}: write the deed into models.refusals")
    assert set(fold.ENDING.values()) <= refusals.SENTENCES


@pytest.mark.parametrize("sentence", sorted(refusals.SENTENCES))
def test_it_is_told_whole_in_vietnamese(catalogue: Catalogue, sentence: str) -> None:
    places = PLACE.findall(sentence)
    refusal = Refusal(Code.INVALID, sentence, **{place: SAMPLES.get(place, "x") for place in places})
    told = said(page(catalogue), refusal, "2.000908")
    assert told.is_translated
    assert "%(" not in told.text
    assert told.text.casefold() != refusal.message.casefold()


def test_what_makes_a_later_action_illegal_is_told_with_what_that_one_is_refused_for(
    catalogue: Catalogue,
) -> None:
    office = Office()
    office.act("complete", "04-01 09:00", step="receive")
    with pytest.raises(Refusal) as refused:
        office.act("request_supplement", "04-01 08:30", arrives="04-01 09:05", reason="sổ")
    assert refused.value.code is Code.CONFLICT
    assert refused.value.message == (
        "it would make 'complete' of 2025-04-01T09:00:00+07:00, accepted before, illegal: H13.2-250401-0001 is "
        "paused since 2025-04-01T08:30:00+07:00 (supplement): 'complete' must wait"
    )
    assert said(page(catalogue), refused.value, "2.000908").text == (
        "Nếu ghi nhận việc này thì việc “Hoàn thành bước này” lúc 09:00, 1/4/2025 đã được ghi nhận trước đó sẽ không "
        "còn hợp lệ: Hồ sơ H13.2-250401-0001 đang tạm dừng từ 08:30, 1/4/2025 (bổ sung giấy tờ): việc “Hoàn thành "
        "bước này” phải chờ."
    )


@pytest.mark.parametrize(
    ("action", "when", "fields", "told"),
    [
        (
            "complete",
            "04-01 08:30",
            {"step": "receive"},
            "quá 15 phút: chỉ người phụ trách mới được ghi nhận.",
        ),
        ("send_back", "04-01 09:00", {"step": "sign"}, "Bước “Ký duyệt bản sao” không thuộc giai đoạn trước"),
        ("stop", "04-01 09:00", {}, "người phụ trách mới được dừng giải quyết hồ sơ."),
        ("complete", "04-01 09:00", {"step": "x"}, "Tiếp nhận hồ sơ, Thẩm tra, đối chiếu sổ gốc, Ký duyệt"),
    ],
)
def test_rarer_refusals(
    catalogue: Catalogue, action: str, when: str, fields: dict[str, str], told: str
) -> None:
    office = Office()
    with pytest.raises(Refusal) as refused:
        office.act(action, when, arrives="04-01 09:00", by=official("Z"), **fields)
    found = said(page(catalogue), refused.value, "2.000908")
    assert found.is_translated
    assert told in found.text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": "1"}, "“Yêu cầu bổ sung” không có số lượng"),
        ({"text": "x" * 2_001}, "“Nội dung” quá dài, tối đa 2.000 ký tự."),
        ({"text": "a\u202eb"}, "“Nội dung” có ký tự ẩn U+202E"),
        ({"at": "hôm qua"}, "“hôm qua” không phải là thời điểm hợp lệ"),
    ],
)
def test_what_is_wrong_with_the_fields(catalogue: Catalogue, fields: dict[str, str], told: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_action({"action": "request_supplement", "at": "2025-04-01T08:00:00+07:00", **fields})
    assert told in said(page(catalogue), refused.value, "2.000908").text


def test_a_sentence_without_facts_may_hold_a_per_cent_sign() -> None:
    refusal = Refusal(Code.INVALID, "100 % done").after(
        Code.CONFLICT, refusals.MAKES_ILLEGAL, later="deliver", later_at="x"
    )
    assert refusal.message.endswith("illegal: 100 % done")
