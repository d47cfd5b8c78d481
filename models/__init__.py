"""The functional core: what things are and how they change.

Pure: no I/O, no clock, no Temporal, no SQL (``models.tables`` aside, which nothing here imports).
Everything a workflow needs may be imported from here.
"""
