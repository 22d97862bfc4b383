"""Saved queries on the command line: what was asked for, and the list of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError
from orderlake.values import json_lines

if TYPE_CHECKING:
    from orderlake.query.saved import SavedQuery

_WIDTH = 100


def check_words(args: argparse.Namespace) -> None:
    """ConfigError unless one statement is named, or --list."""
    statements = [each for each in (args.sql, args.file, args.saved) if each is not None]
    if args.list:
        if statements or args.param or args.show:
            raise ConfigError("--list stands alone: give --saved NAME without it")
        return
    if len(statements) != 1:
        raise ConfigError(
            "give one statement: orderlake query 'SELECT …', or - for stdin, or --file FILE, or --saved NAME"
        )
    if args.saved is None and (args.param or args.show):
        raise ConfigError("--param and --show are for saved queries: give --saved NAME with them")


def given(pairs: Sequence[str]) -> dict[str, str]:
    """The values of parameters as `name=value`; the last of a name counts.

    >>> given(["limit=5", "name=a=b", "limit=7"])
    {'limit': '7', 'name': 'a=b'}
    """
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--param {pair}: write --param name=value")
    return {name.strip(): value for name, value in (pair.split("=", 1) for pair in pairs)}


def print_list(found: Sequence[SavedQuery], *, as_json: bool) -> int:
    """Print the saved queries, group by group; 0."""
    if as_json:
        for line in json_lines(each.as_dict() for each in found):
            print(line)
        return 0
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            print(f"{group}\n")
        print(f"  {each.name}: {each.title}")
        for line in wrap(f"{each.question} ({each.grain})", _WIDTH):
            print(f"      {line}")
        for parameter in each.parameters:
            print(f"      --param {parameter.name}={parameter.shown}  ({parameter.type}) {parameter.about}".rstrip())
        print()
    print("Ask one: orderlake query --saved NAME [--param NAME=VALUE …]; --show prints its SQL")
    return 0
