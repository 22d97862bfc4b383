"""The console over a large table: what each page takes to answer, beside figures that are asked of the tables anew."""

from __future__ import annotations

import json
from statistics import median

from benchmarks.measure import ROOT, CommandFailedError, run
from benchmarks.report import Outcome, Target
from benchmarks.settings import Settings

PYTHON = ROOT / ".venv-dev" / "bin" / "python"
TIMES = 5
REPEAT = 9
LIMIT_S = 1.0


def pages(settings: Settings) -> Outcome:
    """Let the development environment, which has the console, load five times the orders and open every page."""
    if not PYTHON.exists():
        raise CommandFailedError(f"there is no {PYTHON}: make bench makes it")
    orders = settings.orders * (TIMES if settings.large else 1)
    with settings.workspace("pages") as folder:
        file = settings.data.orders(orders, "ndjson")
        command = [str(PYTHON), "-m", "benchmarks.pages", str(folder), str(file), str(max(REPEAT, settings.repeat))]
        found = json.loads(run(command).out)
    anew = median(found["anew"])
    rows = [[page, median(each), max(each), anew / median(each)] for page, each in found["pages"].items()]
    targets = [
        Target(f"{page}, the slowest answer", max(each), LIMIT_S, unit="s") for page, each in found["pages"].items()
    ]
    targets.append(Target("the very first answer", found["first"], LIMIT_S, unit="s"))
    overview = median(found["pages"]["overview, 90 days"])
    targets.append(Target("figures asked anew ÷ overview", anew / overview, 1, least=True))
    return Outcome(
        f"pages: the console over {found['rows']['order_lines']:,} order lines of {found['orders']:,} orders",
        ("page", "median s", "slowest s", "asked anew ÷"),
        rows,
        targets,
        [
            f"loaded in {found['load']:.1f} s; figures {found['counted']:.1f} s after the first answer, which says so",
            f"asked anew: five questions to the tables, for 90 days and the 90 before, {anew:.2f} s",
        ],
    )
