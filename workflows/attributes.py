"""Search attributes of a dossier: who holds its running steps, its nearest deadline, how often it was late."""

from __future__ import annotations

from typing import Any

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from models.views import Snapshot, StepState
from workflows.names import AGENCY, DUE_AT, LATE, OFFICIAL, PROCEDURE, SEARCH_ATTRIBUTES, STATUS


def attributes_of(snapshot: Snapshot, late: int) -> TypedSearchAttributes:
    """What Temporal's list filters may ask of the dossier; no personal data of applicants (design 3)."""
    view = snapshot.view
    running = [step for step in view.steps if step.state is StepState.RUNNING]
    values: dict[SearchAttributeKey[Any], Any] = {
        PROCEDURE: view.procedure,
        STATUS: view.status.value,
        AGENCY: sorted({step.agency for step in running}),
        OFFICIAL: sorted({step.official for step in running if step.official}),
        DUE_AT: snapshot.next_deadline_at,
        LATE: late,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(key, value) for key, value in values.items() if value not in (None, [])]
    )


def changes(old: TypedSearchAttributes, new: TypedSearchAttributes) -> list[SearchAttributeUpdate[Any]]:
    """One update for each attribute whose value changed; what has no value any more is unset."""
    was, shall = ({pair.key.name: pair.value for pair in each} for each in (old, new))
    changed = [pair.key.value_set(pair.value) for pair in new if was.get(pair.key.name) != pair.value]
    gone = [key for key in SEARCH_ATTRIBUTES if key.name in was and key.name not in shall]
    return [*changed, *(key.value_unset() for key in gone)]
