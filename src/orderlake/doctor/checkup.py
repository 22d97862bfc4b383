"""All checks, in the order in which one thing needs the other."""

from __future__ import annotations

import os
from pathlib import Path

from orderlake.config import find_project, in_environment, load_project
from orderlake.doctor import here, on_aws
from orderlake.doctor.check import Check
from orderlake.errors import LakeError


def examine(folder: str | os.PathLike[str] | None = None, env: str | None = None) -> list[Check]:
    """Look at the machine, then at the project in `folder` or the nearest one upward, and where its lake is.

    `env` is that of `Lake`: the lake in folders, or the deployed one. Nothing is changed.
    """
    checks = here.machine()
    try:
        project = load_project(find_project(Path.cwd()) if folder is None else Path(folder))
    except LakeError as error:
        return [*checks, Check("project", "fail", str(error))]
    checks.append(Check("project", "ok", f"project {project.root}"))
    pipelines, found = here.pipelines_of(project)
    checks += found
    try:
        aws = in_environment(project, env).aws
    except LakeError as error:
        return [*checks, Check("deployment", "fail", str(error))]
    return [*checks, *(here.lake(project, pipelines) if aws is None else on_aws.lake(project, aws))]
