"""`orderlake deploy`: put the project on AWS, look at it there, take it down."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.config import AwsSettings, find_project, load_project
from orderlake.errors import CheckFailedError, ConfigError, NotFoundError, exit_code
from orderlake.lake import Lake
from orderlake.samples import sample_paths
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.deployment import Change, Deployment

EXAMPLE: Final = """
orderlake deploy plan --region eu-central-1
orderlake deploy apply --set encryption=KMS --set monthly_budget_usd=5
orderlake deploy status
orderlake deploy destroy
"""
_ORDERS: Final = 12
_SMOKE_SQL: Final = (
    "SELECT count(*) AS orders, count(DISTINCT order_id) AS different_orders, sum(total_amount) AS revenue "
    "FROM smoke_orders"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which variables of the Terraform module."""
    parser.add_argument("action", choices=("plan", "apply", "status", "destroy"), help="plan changes nothing")
    parser.add_argument(
        "--name", metavar="NAME", help="what everything is called after (default: the project's folder)"
    )
    parser.add_argument("--region", metavar="REGION", help="the AWS region (default: AWS_REGION)")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a variable of docs/aws.md, kept for the next apply; NAME=null goes back to its default",
    )
    parser.add_argument("--no-smoke", action="store_true", help="do not load the 12-order sample after apply")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--verbose", action="store_true", help="show what terraform prints")


def run(args: argparse.Namespace) -> int:
    """Do it; asks before it makes, changes or removes anything."""
    from orderlake.deployment import Deployment  # noqa: PLC0415 - needs the extra `aws`

    project = load_project(find_project(Path.cwd()) if args.project is None else Path(args.project))
    given = {key: value for key in ("name", "region") if (value := getattr(args, key)) is not None}
    deployment = Deployment(
        project, {**given, **dict(_variable(text) for text in args.set)}, _note, _note if args.verbose else _nothing
    )
    return {"plan": _plan, "apply": _apply, "status": _status, "destroy": _destroy}[args.action](deployment, args)


def _plan(deployment: Deployment, args: argparse.Namespace) -> int:
    changes = deployment.plan()
    if args.json:
        print(json_text([{"action": change.action, "address": change.address} for change in changes]))
    else:
        _show(changes)
        if changes:
            print("`orderlake deploy apply` does it, `orderlake cost` estimates what it costs in a month")
    return 0


def _apply(deployment: Deployment, args: argparse.Namespace) -> int:
    changes = deployment.plan()
    if not args.json:
        _show(changes)
    where = f"account {deployment.account}, {deployment.variables['region']}"
    if changes and not _agreed(f"Do this in {where}? Type yes to go on:", "yes", args):
        return exit_code(ConfigError())
    settings = deployment.apply()
    answer = None if args.no_smoke else _smoke(deployment, settings, args)
    if args.json:
        print(json_text({"changes": len(changes), "raw": settings.raw, "lake": settings.lake, "smoke": answer}))
    else:
        print(
            f"\n{settings.name} is deployed. Upload order files, and they are loaded:\n"
            f"  aws s3 cp orders.json {settings.raw}/\n"
            f"  orderlake --env aws loads\n"
            f"  orderlake query --on athena 'SELECT count(*) FROM orders'"
        )
    return 0


def _smoke(deployment: Deployment, settings: AwsSettings, args: argparse.Namespace) -> dict[str, Any]:
    """Load the sample the way every file is loaded, and ask for it the way analysts do."""
    _note("trying it out: the 12-order sample is uploaded")
    started = time.monotonic()
    report = deployment.smoke(settings, sample_paths("orders")[0].read_bytes())
    seconds = time.monotonic() - started
    if report.status != "loaded" or report.read != _ORDERS:
        raise CheckFailedError(
            f"the sample was {report.status}, {report.read} of {_ORDERS} records read: {report.reason}"
        )
    with Lake.of(deployment.trial(settings)) as lake:
        result = lake.query(_SMOKE_SQL, on="duckdb" if "AWS_ENDPOINT_URL" in os.environ else "athena")
    answer = {name: str(value) for name, value in result.as_dicts()[0].items()}
    if answer["different_orders"] != answer["orders"] or answer["different_orders"] != str(_ORDERS):
        raise CheckFailedError(f"the sample has {_ORDERS} orders, the table smoke_orders has {answer}")
    by = "Athena" if result.stats is not None else "DuckDB (an emulator has no Athena)"
    if not args.json:
        found = f"{counted(report.read, 'order')}, {answer['revenue']} in all"
        print(f"the sample was loaded {seconds:.0f} s after its upload; {by} finds {found}")
    return answer


def _status(deployment: Deployment, args: argparse.Namespace) -> int:
    found = deployment.status()
    if args.json:
        print(json_text(found))
        return 0
    for label, key in (
        ("name", "name"), ("region", "region"), ("new files", "raw"), ("tables", "lake"), ("pipelines", "pipelines"),
        ("Glue database", "database"), ("Athena workgroup", "workgroup"), ("dashboard", "dashboard_url"),
        ("announced, not loaded", "waiting"), ("dead letters", "dead_letters"),
    ):  # fmt: skip
        print(f"{label:<22} {found.get(key, '')}")
    if found["dead_letters"]:
        print("`orderlake deadletter list` says what they are")
    return 0


def _destroy(deployment: Deployment, args: argparse.Namespace) -> int:
    if not deployment.stands:
        raise NotFoundError("nothing is deployed from this project")
    name = deployment.variables["name"]
    question = (
        f"This removes {name} from account {deployment.account}, {deployment.variables['region']}, with all its tables "
        "and raw files, in all versions. Nothing can bring it back."
    )
    if not _agreed(f"{question}\nType {name} to go on:", name, args):
        return exit_code(ConfigError())
    left = deployment.destroy()
    if args.json:
        print(json_text({"left": left}))
    if left:
        raise CheckFailedError(f"Terraform still knows of {', '.join(left)}: `orderlake deploy destroy` again goes on")
    if not args.json:
        print(f"{name} is gone, and nothing of it is left")
    return 0


def _agreed(question: str, word: str, args: argparse.Namespace) -> bool:
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask here: say --yes")
    print(question, end=" ", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() == word:
        return True
    _note("nothing was done")
    return False


def _show(changes: Sequence[Change]) -> None:
    if not changes:
        print("nothing to change")
        return
    for change in changes:
        print(f"  {change.action:>2} {change.address}")
    print(f"{counted(len(changes), 'change')}  (+ make, ~ change, - remove, -+ make anew)")


def _variable(text: str) -> tuple[str, Any]:
    """`name=value`, the value as JSON where it is JSON: true, 5, ["a"]."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set {text}: say NAME=VALUE")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _nothing(_: str) -> None:
    pass
