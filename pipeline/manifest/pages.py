"""Rows of a table whose clips are alike but for key and prompt: looked at by the page, not one by one.

A long spreadsheet has few combinations of settings. Once a clip with the same settings was found sound, all
that can be wrong with another is its key or its prompt, and those of a whole page are tried at once. A page
with anything out of the ordinary is none: its rows go the long way, which finds the words for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from pipeline.manifest.jobs import JobDraft
from pipeline.manifest.names import Cells, is_safe_in_key
from pipeline.manifest.rules import are_keys, are_prompts
from pipeline.manifest.shapes import DataRow
from pipeline.manifest.template import Template

ROWS = 256
_MOST_KINDS = 500
_APART = ("id", "prompt")  # what tells the clips of one kind apart


@dataclass(slots=True)
class Page:
    """Clips by the column, one for each row. `kinds`: a sound clip with the same settings for each."""

    rows: Sequence[DataRow]
    keys: Sequence[str]
    prompts: Sequence[str]
    kinds: Sequence[JobDraft]

    def by_kind(self) -> dict[JobDraft, list[str]]:
        """The prompts of each kind."""
        found: dict[JobDraft, list[str]] = {}
        for kind, prompt in zip(self.kinds, self.prompts, strict=True):
            found.setdefault(kind, []).append(prompt)
        return found

    def clips(self) -> Iterator[tuple[JobDraft, str, DataRow, dict[str, Any]]]:
        """Kind, key, row and values of each."""
        for kind, key, prompt, row in zip(self.kinds, self.keys, self.prompts, self.rows, strict=True):
            assert kind.values is not None, "a kind is sound"
            yield kind, key, row, {**kind.values, "id": key, "prompt": prompt}


class Pages:
    """What is known of the clips of one written job. `settable`: fields that columns set."""

    def __init__(self, template: Template, settable: Sequence[str]) -> None:
        texts = {one.field: one.text for one in template.texts if one.field in _APART}
        self._key, self._prompt = texts.get("id"), texts.get("prompt")
        self._by_column = {name for name in _APART if name in settable}
        self._constant = template.constants.get("prompt")
        rest = [slot.name for one in template.texts if one.field not in _APART for slot in one.text.slots]
        self._rest = tuple(dict.fromkeys([*rest, *(name for name in settable if name not in _APART)]))
        self._kinds: dict[tuple[object, ...], JobDraft] = {}
        self._usable = (self._key is not None or "id" in self._by_column) and (
            self._prompt is not None or "prompt" in self._by_column or isinstance(self._constant, str)
        )

    def learn(self, cells: Cells, draft: JobDraft) -> None:
        """A clip of a row that went the long way. It counts once somebody found it `sound`."""
        if self._usable and draft.values is not None and draft.parent_key is None and not draft.is_key_made:
            self._kinds.setdefault(self._settings(cells), draft)
            self._usable = len(self._kinds) <= _MOST_KINDS

    def page(self, rows: Sequence[DataRow]) -> Page | None:
        """None where a row wants a closer look."""
        if not self._usable or not self._kinds:
            return None
        cells = [row.cells for row in rows]
        known = self._kinds.get
        kinds = [known(self._settings(each)) for each in cells]
        sound = [kind for kind in kinds if kind is not None and kind.sound]
        keys, prompts = self._keys(cells), self._prompts(cells)
        if len(sound) < len(rows) or keys is None or prompts is None:
            return None
        return Page(rows, keys, prompts, sound)

    def _settings(self, cells: Cells) -> tuple[object, ...]:
        return tuple([cells[name] for name in self._rest])

    def _keys(self, cells: Sequence[Cells]) -> Sequence[str] | None:
        text = self._key
        keys = _stripped(cells, "id") if text is None else text.column(cells, fits=is_safe_in_key)
        return keys if keys and are_keys(keys) else None

    def _prompts(self, cells: Sequence[Cells]) -> Sequence[str] | None:
        prompts: Sequence[str] | None
        if self._prompt is not None:
            prompts = self._prompt.column(cells)
        elif "prompt" in self._by_column:
            prompts = _stripped(cells, "prompt")
        else:
            prompts = list(repeat(str(self._constant), len(cells)))
        return prompts if prompts and are_prompts(prompts) else None


def _stripped(cells: Sequence[Cells], name: str) -> list[str]:
    return [str(each[name]).strip() for each in cells]
