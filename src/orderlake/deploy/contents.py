"""What a deployment is given of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from orderlake.config import Project

TRIAL_FILE: Final = Path(__file__).parent / "smoke.yaml"
"""The pipeline that a deployment is tried out with."""


def contents(project: Project) -> dict[str, Path]:
    """What the pipelines location of a deployment holds, by name: the project's pipelines and marts, and TRIAL_FILE."""
    found = {file.name: file for file in sorted(project.pipelines.glob("*.y*ml"))}
    found |= {f"marts/{file.name}": file for file in sorted((project.root / "marts").glob("*.sql"))}
    return found | {TRIAL_FILE.name: TRIAL_FILE}
