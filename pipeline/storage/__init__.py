"""The door to the disk. `base.py` is what the stages see, `local.py` a folder on a local file system."""
