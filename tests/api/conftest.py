"""Whole runs, of which many are nights in virtual time: their files need no disk."""

from support.folders import tmp_path as tmp_path
