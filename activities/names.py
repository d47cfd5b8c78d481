"""Names of activities, for the workflows that call them without importing what they touch."""

RECORD = "record"
FREEZE = "freeze"
DELIVER = "deliver"
