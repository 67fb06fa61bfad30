"""The table of targets: what holds for any bytes, real bytes to begin with, and words worth trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fuzz import documents, seeds, tables, words
from fuzz.answers import answer_holds
from fuzz.files import clip_holds, env_file_holds, scenario_holds, world_holds
from fuzz.headers import times_hold
from fuzz.links import links_hold
from fuzz.manifests import manifest_holds
from fuzz.messages import answer_of
from fuzz.pictures import layouts_hold, sending_holds
from fuzz.transfers import transfers_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`holds` raises for bytes that break a promise. `words`: separated by spaces."""

    holds: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: str


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "answers": Target(
            holds=lambda data: answer_holds(answer_of(data)), seeds=seeds.answers, words=words.JSON
        ),
        "documents": Target(holds=documents.documents_hold, seeds=documents.seeds, words=""),
        "manifests": Target(holds=manifest_holds, seeds=seeds.manifests, words=words.YAML),
        "tables": Target(holds=tables.tables_hold, seeds=tables.seeds, words=words.TABLE),
        "times": Target(holds=times_hold, seeds=seeds.times, words=words.DATES),
        "transfers": Target(holds=transfers_hold, seeds=seeds.transfers, words=words.HTTP),
        "links": Target(holds=links_hold, seeds=seeds.links, words=words.LINK),
        "layouts": Target(holds=layouts_hold, seeds=seeds.pictures, words=words.PICTURE),
        "pictures": Target(holds=sending_holds, seeds=seeds.pictures, words=words.PICTURE),
        "env": Target(holds=env_file_holds, seeds=seeds.env_files, words=words.ENV),
        "scenarios": Target(holds=scenario_holds, seeds=seeds.scenarios, words=words.SCENARIO),
        "worlds": Target(holds=world_holds, seeds=seeds.worlds, words=words.JSON),
        "clips": Target(holds=clip_holds, seeds=seeds.clips, words=words.CLIP),
    }
)
