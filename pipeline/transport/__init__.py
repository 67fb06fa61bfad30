"""The door to HTTP. `base.py` is what the stages see, `http.py` is the only file that knows aiohttp."""
