"""From a job as written to its clips: the one, or many (many.py).

What is wrong with the job as written is told once, at its place in the manifest; what is wrong with a row of
a data file is told at the row.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.manifest.jobs import NAMES, TEXTS, JobDraft, draft_of, flaws_of, job_label
from pipeline.manifest.many import Many, Reading
from pipeline.manifest.nodes import Broken, Flaw, Mapping, Node, found, place_of
from pipeline.manifest.pages import Page
from pipeline.manifest.problems import Problems
from pipeline.manifest.template import is_template
from pipeline.manifest.tree import JobNode
from pipeline.manifest.values import add_errors, plain_values


def drafts(part: JobNode, reading: Reading) -> Iterator[JobDraft | Page]:
    """Every clip of this job, as far as it can be read; what is wrong is told. Many come by the page."""
    node = part.node
    if not isinstance(node, Mapping):
        no_mapping = [] if isinstance(node, Broken) else [_no_mapping(node)]
        reading.problems.add_all(part.flaws or no_mapping, job_label(part.number, None))
        reading.lost = True
    elif is_template(node):
        yield from Many(part, node, reading).drafts()
    else:
        yield _single(part, node, reading.problems)


def _single(part: JobNode, node: Mapping, problems: Problems) -> JobDraft:
    values = plain_values(node, TEXTS)
    draft, errors = draft_of(node, values)
    flaws = part.flaws + flaws_of(node)
    if errors or flaws:
        label = job_label(part.number, draft.key)
        add_errors(problems, errors, node, NAMES, label)
        problems.add_all(flaws, label)
    if flaws or len(values) < len(node.fields):
        draft.values = None
    return draft


def _no_mapping(node: Node) -> Flaw:
    return place_of(node.mark), f'expected fields such as "prompt: ...", got {found(node)}'
