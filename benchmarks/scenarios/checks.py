"""What checks and quarantine cost: the bundled pipeline as it is, against the same without its checks.

Twice: of a good file, and of one in which an order in 200 has a line that a check sets its order aside for.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from benchmarks.equality import fingerprint, require_equal
from benchmarks.measure import Sample, Way, interleave, ratio, warm
from benchmarks.report import COST_COLUMNS, Outcome, Target, costs
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

MOST = 1.25
ONE_IN = 200


@dataclass(frozen=True, slots=True)
class Unchecked(Project):
    """A project whose pipeline is the bundled one without checks and reconciliation."""

    def create(self) -> None:
        """Start anew, and take them out."""
        Project.create(self)
        path = self.folder / "pipelines" / "orders.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document.pop("reconcile")
        for source in document["sources"].values():
            for table in source["tables"].values():
                table.pop("checks", None)
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def checks(settings: Settings) -> Outcome:
    """Compare on two arrays."""
    good = settings.data.orders(settings.orders, "json")
    bad = settings.data.faulty(settings.orders, ONE_IN)
    aside = settings.orders // ONE_IN
    samples: dict[str, list[Sample]] = {}
    for source, count, words in ((good, 0, "a good file"), (bad, aside, f"1 in {ONE_IN} set aside")):
        warm(source)
        with settings.workspace("checks") as folder:
            with_checks, without = Project(folder / "checked"), Unchecked(folder / "unchecked")

            def after(sample: Sample, quarantined: int = count) -> None:
                loaded = settings.orders - quarantined
                require(sample, "loaded", read=settings.orders, loaded=loaded, quarantined=quarantined)

            def after_all(sample: Sample) -> None:
                require(sample, "loaded", read=settings.orders, loaded=settings.orders, quarantined=0)

            ways = [
                Way(f"{words}, with checks", with_checks.load(source), with_checks.create, after),
                Way(f"{words}, without", without.load(source), without.create, after_all),
            ]
            samples |= interleave(ways, settings.repeat, say)
            if not count:
                require_equal(fingerprint(without.wide_glob), fingerprint(with_checks.wide_glob), "with checks")
    first, *rest = [words for words in samples if words.endswith("with checks")]
    targets = [
        Target(f"CPU, with checks ÷ without, {name.removesuffix(', with checks')}", _ratio(samples, name), MOST)
        for name in (first, *rest)
    ]
    return Outcome(
        f"checks and quarantine, array: {settings.orders:,} orders",
        COST_COLUMNS,
        costs(samples, next(iter(samples))),
        targets,
        ["of the good file the wide table is the same with checks and without"],
        samples,
    )


def _ratio(samples: dict[str, list[Sample]], name: str) -> float:
    return ratio(samples, name, f"{name.removesuffix('with checks')}without", "cpu")
