"""The Spark runner beside the bare kernel: seconds to begin and per GB, where it pays, what a second worker gives."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import Sample, Way, environment, interleave, median, ratio, warm
from benchmarks.report import Outcome, Target
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

SIZES = (200_000, 1_000_000, 10_000_000)
GIB = 1 << 30
PATIENCE_S = 60.0


def spark(settings: Settings) -> Outcome:
    """Load NDJSON of growing sizes by `run` on one core and on all, and by Spark with one worker and with two."""
    sizes = SIZES[:1] if settings.quick else SIZES if settings.large else SIZES[:2]
    found: dict[tuple[int, str], list[Sample]] = {}
    for size in sizes:
        source = settings.data.orders(size, "ndjson")
        warm(source)
        with settings.workspace("spark") as folder:
            for cores in (1, 2):
                with cluster(folder / f"cluster-{cores}", cores) as master:
                    project = Project(folder / f"project-{cores}", narrow=True)

                    def after(sample: Sample, size: int = size) -> None:
                        require(sample, "loaded", read=size, loaded=size)

                    def before(project: Project = project, cores: int = cores) -> None:
                        project.create(workers=cores)

                    ways = [
                        Way(f"run, {cores}", project.load(source), before, after),
                        Way(f"spark, {cores}", project.backfill(source, master), before, after),
                    ]
                    found |= {(size, way): each for way, each in interleave(ways, settings.repeat, say).items()}
    gib = {size: settings.data.orders(size, "ndjson").stat().st_size / GIB for size in sizes}
    return _outcome(sizes, found, gib)


def _outcome(sizes: Sequence[int], found: dict[tuple[int, str], list[Sample]], gib: dict[int, float]) -> Outcome:
    ways = ("run, 1", "run, 2", "spark, 1", "spark, 2")
    last = sizes[-1]
    of_last = {way: found[last, way] for way in ways}
    targets = [Target("wall, one worker ÷ two", ratio(of_last, "spark, 1", "spark, 2", "wall"), 1.6, least=True)]
    notes = []
    if len(sizes) > 1:
        lines = {way: _line([(gib[size], median(found[size, way], "wall")) for size in sizes]) for way in ways}
        notes += [f"{way}: {start:.1f} s and {slope:.1f} s per GiB" for way, (start, slope) in lines.items()]
        (start, slope), (base, kernel) = lines["spark, 2"], lines["run, 1"]
        notes.append(f"per GiB, spark on one core ÷ run on one: {lines['spark, 1'][1] / kernel:.2f}")
        if slope < kernel:
            notes.append(
                f"two workers beat one core of this machine from {(start - base) / (kernel - slope):.2f} GiB on"
            )
    return Outcome(
        f"the Spark runner: {sizes[0]:,} to {last:,} orders, two tables",
        ("orders", "GiB", *(f"{way} s" for way in ways), "spark ÷ run, 1", "spark ÷ run, 2"),
        [
            [
                f"{size:,}",
                gib[size],
                *(median(found[size, way], "wall") for way in ways),
                *(
                    ratio({way: found[size, way] for way in ways}, f"spark, {cores}", f"run, {cores}", "wall")
                    for cores in (1, 2)
                ),
            ]
            for size in sizes
        ],
        targets,
        ["a worker is a process of a standalone cluster on this machine, with one core", *notes],
        {f"{size:,} {way}": each for (size, way), each in found.items()},
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The line through the first and the last point: seconds to begin, and per GiB."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0)
    return y0 - slope * x0, slope


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """Run a Spark master and so many workers of one core each; give the master's address."""
    import pyspark

    folder.mkdir()
    home = Path(pyspark.__file__).parent
    env = environment() | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    with contextlib.ExitStack() as stack:

        def start(name: str, *words: str) -> Path:
            log = folder / f"{name}.log"
            out = stack.enter_context(log.open("wb"))
            command = [str(home / "bin" / "spark-class"), *words]
            process = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=folder)  # noqa: S603
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return log

        said = start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0")
        master = _wait(said, rb"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            one = ("--host", "127.0.0.1", "--cores", "1", "--memory", "2g", "--work-dir", str(folder / f"w{number}"))
            log = start(f"worker-{number}", "org.apache.spark.deploy.worker.Worker", *one, master)
            _wait(log, rb"(Successfully registered) with master")
        yield master


def _wait(log: Path, pattern: bytes) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = re.search(pattern, log.read_bytes())
        if found:
            return found[1].decode()
        time.sleep(0.1)
    message = f"{log} does not say {pattern!r}: {log.read_bytes()[-500:]!r}"
    raise TimeoutError(message)
