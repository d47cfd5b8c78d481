"""Search attributes of a dossier: who holds its running steps, its nearest deadline, how often it was late."""

from __future__ import annotations

from typing import Any

from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from models.views import Snapshot, StepState
from workflows.names import AGENCY, DUE_AT, LATE, OFFICIAL, PROCEDURE, SEARCH_ATTRIBUTES, STATUS

Values = dict[str, Any]
"""By the name of the attribute; what has no value is not there."""


def attributes_of(snapshot: Snapshot, late: int) -> TypedSearchAttributes:
    """As a workflow is started with."""
    values = values_of(snapshot, late)
    return TypedSearchAttributes(
        [SearchAttributePair(key, values[key.name]) for key in SEARCH_ATTRIBUTES if key.name in values]
    )


def values_of(snapshot: Snapshot, late: int) -> Values:
    """What Temporal's list filters may ask of the dossier; no personal data of applicants (design 3)."""
    view = snapshot.view
    running = [step for step in view.steps if step.state is StepState.RUNNING]
    values = {
        PROCEDURE.name: view.procedure,
        STATUS.name: view.status.value,
        AGENCY.name: sorted({step.agency for step in running}),
        OFFICIAL.name: sorted({step.official for step in running if step.official}),
        DUE_AT.name: snapshot.next_deadline_at,
        LATE.name: late,
    }
    return {name: value for name, value in values.items() if value not in (None, [])}


def values_in(attributes: TypedSearchAttributes) -> Values:
    """Those that the workflow shows already."""
    return {pair.key.name: pair.value for pair in attributes}


def changes(old: Values, new: Values) -> list[SearchAttributeUpdate[Any]]:
    """One update for each attribute whose value changed; what has no value any more is unset."""
    return [
        key.value_set(new[key.name]) if key.name in new else key.value_unset()
        for key in SEARCH_ATTRIBUTES
        if old.get(key.name) != new.get(key.name)
    ]
