"""The simulator shares nothing with what it tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pipeline.sim


def test_it_imports_nothing_of_the_pipeline_but_itself() -> None:
    folder = Path(pipeline.sim.__file__).parent
    found: dict[str, list[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if not node.level else ["." * node.level]
            found[file.name] = found.get(file.name, []) + names

    ours = {name for names in found.values() for name in names if name.split(".")[0] in ("pipeline", "")}

    assert len(found) > 10
    assert {name for name in ours if not name.startswith("pipeline.sim")} == set()


def test_it_loads_no_media_library_before_it_needs_one() -> None:
    """They take a tenth of a second, and most commands only know the simulator by name."""
    check = "import sys, pipeline.sim; print(sorted({'av', 'PIL'} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
