"""What a plan says: its resources, by kind, and the statements of its policies, by role."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "infra" / "terraform"


def resources(plan, kind):
    found = plan["planned_values"]["root_module"]["resources"]
    return {each.get("index", each["name"]): each["values"] for each in found if each["type"] == kind}


def statements(plan):
    """Every statement of every role's policies, by role."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in resources_list(plan, "aws_iam_role_policy"):
        found.setdefault(policy["role"], []).extend(json.loads(policy["policy"])["Statement"])
    return found


def resources_list(plan, kind):
    return [each["values"] for each in plan["planned_values"]["root_module"]["resources"] if each["type"] == kind]
