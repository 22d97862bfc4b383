"""Whether policies allow a request, decided as IAM does: a Deny that fits refuses, an Allow that fits allows, else no.

It knows the parts of the policy language that the module uses, and stops at any other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition"}
IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource, with the condition keys that the request brings."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} {dict(self.context) or ''}".rstrip()


def allows(statements: Iterable[Mapping[str, Any]], need: Need) -> bool:
    """Whether a role with these statements may."""
    return any(granting(statements, need))


def granting(statements: Iterable[Mapping[str, Any]], need: Need) -> Iterator[Mapping[str, Any]]:
    """The statements that allow it; none when one denies it."""
    fitting = [statement for statement in statements if fits(statement, need)]
    if not any(statement["Effect"] == "Deny" for statement in fitting):
        yield from fitting


def fits(statement: Mapping[str, Any], need: Need) -> bool:
    """Whether a statement speaks of this request."""
    unknown = set(statement) - KNOWN
    if unknown:
        raise ValueError(f"the evaluator does not know {sorted(unknown)} in a statement")
    return (
        any(like(need.action.lower(), action.lower()) for action in statement["Action"])
        and any(like(need.resource, resource) for resource in statement["Resource"])
        and all(_holds(how, asked, need.context) for how, asked in statement.get("Condition", {}).items())
    )


def like(value: str, pattern: str) -> bool:
    """Whether a value is as a pattern of IAM's: `*` is any text, `?` any character, slashes and colons too."""
    if "${" in pattern:
        raise ValueError(f"the evaluator does not know variables: {pattern}")
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern), value, re.DOTALL) is not None


def _holds(operator: str, asked: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether a condition holds; a key that the request lacks fails it, unless it says IfExists."""
    compare = {"StringEquals": str.__eq__, "StringLike": like}.get(operator.removesuffix(IF_EXISTS))
    if compare is None:
        raise ValueError(f"the evaluator does not know the condition {operator}")
    for key, wanted in asked.items():
        patterns = [wanted] if isinstance(wanted, str) else wanted
        if key not in context:
            if not operator.endswith(IF_EXISTS):
                return False
        elif not any(compare(context[key], pattern) for pattern in patterns):
            return False
    return True
