"""The record of a batch. `base.py` is what the engine sees, `sqlite.py` how it is kept."""
