"""Names of activities, for the workflows that call them without importing what they touch."""

RECORD = "record"
RECORD_ALL = "record_all"
FREEZE = "freeze"
DELIVER = "deliver"
