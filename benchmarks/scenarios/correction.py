"""What a correction costs beside an append of as many new orders, on a table of a year's orders."""

from __future__ import annotations

from functools import partial

from benchmarks.equality import Fingerprint, fingerprint
from benchmarks.measure import Sample, Way, interleave, ratio, run
from benchmarks.report import COST_COLUMNS, Outcome, Target, costs
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, WrongLoadError, require

SHARE = 100
"""One order in a hundred is corrected: 10,000 of a million."""
NAMES = {"append": "append", "recent": "correction, recent", "spread": "correction, spread"}


def correction(settings: Settings) -> Outcome:
    """Load once, then run each change on its own copy of the project, restored at the same path."""
    source = settings.data.orders(settings.orders, "ndjson")
    count = settings.orders // SHARE
    changes = settings.data.changes(settings.orders, count)
    with settings.workspace("correction") as folder:
        project, backup = Project(folder / "project"), folder / "backup"
        project.create()
        require(run(project.load(source)), "loaded", loaded=settings.orders)
        base = fingerprint(project.wide_glob)
        project.keep(backup)

        def after(kind: str, sample: Sample) -> None:
            require(sample, "loaded", read=count, loaded=count)
            _check(kind, base, fingerprint(project.wide_glob))

        ways = [
            Way(name, project.load(changes[kind]), lambda: project.restore(backup), partial(after, kind))
            for kind, name in NAMES.items()
        ]
        samples = interleave(ways, settings.repeat, say)
    append, *corrections = NAMES.values()
    return Outcome(
        f"corrections: {count:,} of {settings.orders:,} orders, all three tables",
        COST_COLUMNS,
        costs(samples, append),
        [
            Target(f"{label}, {name} ÷ append", ratio(samples, name, append, what), 3)
            for name in corrections
            for label, what in (("wall", "wall"), ("CPU", "cpu"))
        ],
        ["after each correction the wide table has the same orders and lines, and other addresses"],
        samples,
    )


def _check(kind: str, base: Fingerprint, found: Fingerprint) -> None:
    """Raise unless an append added rows, and a correction changed addresses and nothing else."""
    if kind == "append":
        right = int(found["rows"]) > int(base["rows"])
    else:
        changed = {key for key in base if base[key] != found[key]}
        right = changed == {"address_sum", "address_hash", "row_hash"}
    if not right:
        message = f"{kind}: the wide table was {base} and is {found}"
        raise WrongLoadError(message)
