"""Search attributes of a dossier: who holds its running steps, its nearest deadline, how often it was late."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from workflows.names import AGENCY, DUE_AT, LATE, OFFICIAL, PROCEDURE, STATUS

with workflow.unsafe.imports_passed_through():
    from models.views import Snapshot, StepState


def attributes_of(snapshot: Snapshot, late: int) -> TypedSearchAttributes:
    """What Temporal's list filters may ask of the dossier; no personal data of applicants (design 3)."""
    view = snapshot.view
    running = [step for step in view.steps if step.state is StepState.RUNNING]
    pairs = [
        SearchAttributePair(PROCEDURE, view.procedure),
        SearchAttributePair(STATUS, view.status.value),
        SearchAttributePair(AGENCY, sorted({step.agency for step in running})),
        SearchAttributePair(OFFICIAL, sorted({step.official for step in running if step.official})),
        SearchAttributePair(LATE, late),
    ]
    if snapshot.next_deadline_at is not None:
        pairs.append(SearchAttributePair(DUE_AT, snapshot.next_deadline_at))
    return TypedSearchAttributes(pairs)


def changes(old: TypedSearchAttributes, new: TypedSearchAttributes) -> list[SearchAttributeUpdate]:
    """One update for each attribute whose value changed; the deadline is unset when none runs."""
    updates: list[SearchAttributeUpdate] = [
        pair.key.value_set(pair.value) for pair in new if old.get(pair.key) != pair.value
    ]
    if DUE_AT in old and DUE_AT not in new:
        updates.append(DUE_AT.value_unset())
    return updates
