"""Measurements, apart from the tests: what they say goes into docs/performance.md."""
