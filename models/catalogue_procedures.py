"""Procedures of a catalogue, read from their YAML: one file each, and ``policies.yaml`` with what all share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from yaml.nodes import MappingNode, Node

from models.budget import Budget, Unit
from models.catalogue_text import Findings, YamlFile, line_of, minutes_of, nearest
from models.procedure import Policies, Procedure, Rung, RungOf, RungTo, Stage, Step, Supplement

KEY = r"[a-z0-9_]{1,40}"
CODE = r"[0-9A-Za-z.]{1,60}"
POSITIONS = ("before", "after", "percent")
DEFAULT_DAY = 480
"""Minutes of a working day where the calendar could not be read: 8 hours (design 4.1)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a procedure may refer to. None: could not be read, so nothing about it is checked."""

    agencies: Mapping[str, str | None] | None
    """Code -> volume group."""
    calendars: Mapping[str, int]
    """Name -> minutes of a working day."""


@dataclass(frozen=True, slots=True)
class FoundProcedure:
    """A procedure as one file has it. ``offered_by`` None: by every agency."""

    file: str
    line: int
    procedure: Procedure
    offered_by: tuple[str, ...] | None


def read_policies(file: str, text: str, findings: Findings) -> Mapping[str, Any]:
    """Policies that hold for every procedure unless its own file says otherwise."""
    yaml = YamlFile(file, text, findings)
    return {} if yaml.root is None else _policies(yaml, yaml.root, DEFAULT_DAY)


def read_procedure(
    file: str, text: str, known: Known, shared: Mapping[str, Any], findings: Findings
) -> FoundProcedure | None:
    """The procedure of one file; None if an error was reported."""
    before = len(findings.errors)
    yaml = YamlFile(file, text, findings)
    fields = None
    if yaml.root is not None:
        fields = yaml.mapping(
            yaml.root,
            "a procedure",
            required=("code", "version", "name", "total", "stages"),
            optional=("calendar", "offered_by", "policies"),
        )
    if fields is None or yaml.root is None:
        return None
    calendar = _calendar(yaml, fields.get("calendar"), known)
    day = known.calendars.get(calendar, DEFAULT_DAY)
    code = yaml.text(fields["code"], "code", CODE)
    version = yaml.text(fields["version"], "version")
    name = yaml.text(fields["name"], "name")
    total = yaml.budget(fields["total"], "total", day)
    stages = _stages(yaml, fields["stages"], known, day)
    offered_by = _offered_by(yaml, fields.get("offered_by"), known)
    own = _policies(yaml, fields["policies"], day) if "policies" in fields else {}
    if len(findings.errors) > before or not (code and version and name and total and stages):
        return None
    _check_total(yaml, fields["total"], total, stages, day)
    procedure = Procedure(
        code=code,
        version=version,
        name=name,
        total=total,
        stages=stages,
        calendar=calendar,
        policies=Policies(**{**shared, **own}),
    )
    return FoundProcedure(file, line_of(yaml.root), procedure, offered_by)


def _calendar(yaml: YamlFile, node: Node | None, known: Known) -> str:
    name = "vn" if node is None else yaml.text(node, "calendar")
    if name is not None and name not in known.calendars:
        names = ", ".join(known.calendars) or "none"
        where = node if node is not None else 1
        yaml.error(
            where, f"unknown calendar '{name}': write calendars/{name}.yaml, or use one of these: {names}"
        )
    return name or ""


def _offered_by(yaml: YamlFile, node: Node | None, known: Known) -> tuple[str, ...] | None:
    """Codes of the agencies that accept the procedure; an entry may be a volume group, for all its agencies."""
    if node is None:
        return None
    codes: dict[str, None] = {}
    for entry in yaml.items(node, "offered_by") or ():
        name = yaml.text(entry, "an entry of offered_by")
        if name is None or known.agencies is None:
            continue
        members = [code for code, group in known.agencies.items() if name in (code, group)]
        if not members:
            hint = nearest(name, [*known.agencies, *{group for group in known.agencies.values() if group}])
            yaml.error(entry, f"offered_by: '{name}' is neither an agency nor a volume_group{hint}")
        codes |= dict.fromkeys(members)
    return tuple(codes)


# --- stages and steps ----------------------------------------------------------------------------------------------


def _stages(yaml: YamlFile, node: Node, known: Known, day: int) -> tuple[Stage, ...] | None:
    """A stage is one step, or ``parallel`` with several."""
    entries = yaml.items(node, "stages")
    if entries is None:
        return None
    if not entries:
        yaml.error(node, "stages is empty: a procedure needs at least one step")
    seen: dict[str, int] = {}
    stages = []
    for entry in entries:
        steps = [_step(yaml, each, known, day, seen) for each in _steps_of(yaml, entry)]
        whole = tuple(step for step in steps if step is not None)
        if whole:
            stages.append(Stage(steps=whole))
    return tuple(stages)


def _steps_of(yaml: YamlFile, entry: Node) -> list[Node]:
    is_group = isinstance(entry, MappingNode) and any(key.value == "parallel" for key, _ in entry.value)
    if not is_group:
        return [entry]
    fields = yaml.mapping(entry, "a stage of several steps", required=("parallel",))
    steps = yaml.items(fields["parallel"], "parallel") if fields else None
    if steps is not None and not steps:
        yaml.error(entry, "parallel is empty: a stage needs at least one step")
    return steps or []


def _step(yaml: YamlFile, node: Node, known: Known, day: int, seen: dict[str, int]) -> Step | None:
    fields = yaml.mapping(node, "a step", required=("key", "name", "role", "budget"), optional=("agency",))
    if fields is None:
        return None
    key = yaml.text(fields["key"], "key", KEY)
    name = yaml.text(fields["name"], "name")
    role = yaml.text(fields["role"], "role", KEY)
    budget = yaml.budget(fields["budget"], "budget", day)
    agency = yaml.text(fields["agency"], "agency") if "agency" in fields else None
    if key == "promise":
        yaml.error(fields["key"], "a step cannot be called 'promise': that is the whole dossier's deadline")
    if key is not None and key in seen:
        yaml.error(fields["key"], f"step '{key}' stands in line {seen[key]} already: give each its own key")
    if agency is not None and known.agencies is not None and agency not in known.agencies:
        hint = nearest(agency, known.agencies)
        yaml.error(
            fields["agency"], f"unknown agency '{agency}': add it to agencies.csv, or correct it{hint}"
        )
    if not (key and name and role and budget):
        return None
    seen.setdefault(key, line_of(fields["key"]))
    return Step(key=key, name=name, role=role, budget=budget, agency=agency)


def _check_total(yaml: YamlFile, where: Node, total: Budget, stages: tuple[Stage, ...], day: int) -> None:
    """Warn where the steps cannot fit into the published total (rules R2).

    Both are compared in working minutes. Calendar days and months have no fixed number of them, so such totals
    are left out; but a same-day total (0 calendar days) is one working day at most.
    """
    if total.is_zero:
        yaml.warn(where, "the total is 0: dossiers of this procedure have no promised date")
        return
    same_day = total.unit is Unit.CALENDAR_DAYS and total.amount == 0
    if not total.unit.is_working and not same_day:
        return
    limit = Decimal(day) if same_day else total.amount * minutes_of(total.unit, day)
    needed = Decimal(0)
    for stage in stages:
        working = [step.budget for step in stage.steps if step.budget.unit.is_working]
        needed += max((b.amount * minutes_of(b.unit, day) for b in working), default=Decimal(0))
    if needed > limit:
        yaml.warn(
            where,
            f"the steps take {needed / day:.5g} working days (the longest of each stage), the published total is "
            f"{'one at most' if same_day else f'{limit / day:.5g}'}: a dossier on time at every step breaks its "
            "promise; correct one of them, or keep both if they are published so",
        )


# --- policies ------------------------------------------------------------------------------------------------------


def _policies(yaml: YamlFile, node: Node, day: int) -> dict[str, Any]:
    """The policies that are given, by field of :class:`Policies`."""
    optional = ("supplement", "explanation_window", "backdate_limit_minutes", "ladder")
    fields = yaml.mapping(node, "policies", optional=optional) or {}
    read: dict[str, Any] = {}
    if "supplement" in fields:
        read["supplement"] = _choice(yaml, fields["supplement"], "supplement", tuple(Supplement))
    if "explanation_window" in fields:
        read["explanation_window"] = yaml.budget(fields["explanation_window"], "explanation_window", day)
    if "backdate_limit_minutes" in fields:
        limit = yaml.whole_number(fields["backdate_limit_minutes"], "backdate_limit_minutes", 0, 100_000)
        read["backdate_limit_minutes"] = limit
    if "ladder" in fields:
        read["ladder"] = _ladder(yaml, fields["ladder"], day)
    return {name: value for name, value in read.items() if value is not None}


def _ladder(yaml: YamlFile, node: Node, day: int) -> tuple[Rung, ...]:
    rungs: dict[str, Rung] = {}
    for entry in yaml.items(node, "ladder") or ():
        rung = _rung(yaml, entry, day)
        if rung is not None and rung.key in rungs:
            yaml.error(entry, f"rung '{rung.key}' is in the ladder already: give each its own key")
        elif rung is not None:
            rungs[rung.key] = rung
    return tuple(rungs.values())


def _rung(yaml: YamlFile, node: Node, day: int) -> Rung | None:
    fields = yaml.mapping(node, "a rung", required=("key", "of", "to"), optional=POSITIONS)
    if fields is None:
        return None
    given: dict[str, Any] = {
        "key": yaml.text(fields["key"], "key", KEY),
        "of": _choice(yaml, fields["of"], "of", tuple(RungOf)),
        "to": _choice(yaml, fields["to"], "to", tuple(RungTo)),
    }
    for position in [name for name in POSITIONS if name in fields]:
        if position == "percent":
            given[position] = yaml.whole_number(fields[position], position, 1, 1000)
        else:
            given[position] = yaml.budget(fields[position], position, day)
    if None in given.values():
        return None
    try:
        return Rung(**given)
    except ValidationError as error:
        yaml.error(node, error.errors()[0]["msg"].removeprefix("Value error, "))
        return None


def _choice(yaml: YamlFile, node: Node, what: str, choices: Collection[str]) -> str | None:
    value = yaml.text(node, what)
    if value is not None and value not in choices:
        yaml.error(node, f"{what} '{value}': use one of {', '.join(choices)}{nearest(value, choices)}")
        return None
    return value
