"""Search attributes of a dossier: who holds its running steps, its nearest deadline, how often it was late."""

from __future__ import annotations

from typing import Any

from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from models.views import Snapshot, StepState
from workflows.names import AGENCY, DUE_AT, LATE, OFFICIAL, PROCEDURE, STATUS


def attributes_of(snapshot: Snapshot, late: int) -> TypedSearchAttributes:
    """What Temporal's list filters may ask of the dossier; no personal data of applicants (design 3)."""
    view = snapshot.view
    running = [step for step in view.steps if step.state is StepState.RUNNING]
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(PROCEDURE, view.procedure),
        SearchAttributePair(STATUS, view.status.value),
        SearchAttributePair(AGENCY, sorted({step.agency for step in running})),
        SearchAttributePair(OFFICIAL, sorted({step.official for step in running if step.official})),
        SearchAttributePair(LATE, late),
    ]
    if snapshot.next_deadline_at is not None:
        pairs.append(SearchAttributePair(DUE_AT, snapshot.next_deadline_at))
    return TypedSearchAttributes(pairs)


def changes(old: TypedSearchAttributes, new: TypedSearchAttributes) -> list[SearchAttributeUpdate[Any]]:
    """One update for each attribute whose value changed; the deadline is unset when none runs."""
    updates: list[SearchAttributeUpdate[Any]] = [
        pair.key.value_set(pair.value) for pair in new if old.get(pair.key) != pair.value
    ]
    if old.get(DUE_AT) is not None and new.get(DUE_AT) is None:
        updates.append(DUE_AT.value_unset())
    return updates
