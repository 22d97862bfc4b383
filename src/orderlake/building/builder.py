"""What builds have in common, wherever the marts are made: what to build, of which models, and what came of it."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from orderlake.building.dbt import Workshop, run_dbt
from orderlake.building.models import Models
from orderlake.building.origin import heads_of
from orderlake.building.publish import Candidate, candidates
from orderlake.building.report import BuildReport, Step
from orderlake.errors import ConfigError
from orderlake.tables.published import Publication
from orderlake.wiring import Backends, utc_now

_NO_UNIT_TESTS: Final = ("--exclude-resource-type", "unit_test")
"""They test models, not data, and our own tests run them; dbt may trip when it runs two of one model at once."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to build: `select` in dbt's words (all when empty), from scratch or not, with documentation or not."""

    select: Sequence[str] = ()
    full_refresh: bool = False
    docs: bool = False


@dataclass(frozen=True, slots=True)
class Builder(ABC):
    """One build, of these models in this workshop."""

    backends: Backends
    workshop: Workshop
    models: Models
    options: Options
    on_step: Callable[[Step], None]

    @abstractmethod
    def write_profile(self) -> None:
        """Tell dbt where to build."""

    @abstractmethod
    def run(self, last: Publication | None) -> BuildReport:
        """Build, test, and publish if all went well."""

    def is_current(self, last: Publication) -> bool:
        """Whether a build of everything would give what is published."""
        if self.options.full_refresh or self.options.select:
            return False
        return last.models == self.models.digest and last.sources == heads_of(self.backends)

    def document(self) -> str:
        """Make dbt's documentation, and give the path of the page."""
        self.write_profile()
        run_dbt(self.workshop, self.models, ["docs", "generate", "--static"], self.workshop.docs, lambda _: None)
        page = self.workshop.docs / "index.html"
        (self.workshop.docs / "static_index.html").replace(page)
        return str(page)

    def dbt_build(self, *, anew: bool) -> Sequence[Step]:
        """Let dbt build and test; what failed is among the results that it leaves. ConfigError: nothing is selected."""
        (self.workshop.target / "run_results.json").unlink(missing_ok=True)  # what is read later is of this build
        select = ["--select", *self.options.select] if self.options.select else []
        words = ["build", *_NO_UNIT_TESTS, *(["--full-refresh"] if anew else []), *select]
        steps = run_dbt(self.workshop, self.models, words, self.workshop.target, self.on_step).steps
        if self.options.select and not steps:
            raise ConfigError(
                f"nothing to build is selected by {' '.join(self.options.select)}: `orderlake tables` lists the marts, "
                "and fct_orders+ takes those that are made of it along"
            )
        return steps

    def built(self, marts: Mapping[str, Candidate]) -> list[Candidate]:
        """Those of the marts that this build has made."""
        done = {result["unique_id"] for result in self.workshop.results()}
        return [mart for node, mart in marts.items() if node in done]

    def marts(self, schema: str) -> dict[str, Candidate]:
        """The marts that there are models of, by dbt's ids."""
        return candidates(self.workshop.manifest(), schema)

    def publication(self, heads: Mapping[str, str | None], last: Publication | None) -> Publication:
        """What this build is of. After one of a part, the marts as a whole are no newer than they were."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        if not self.options.select:
            return Publication(name, utc_now(), {}, self.models.digest, heads)
        if last is not None and last.models == self.models.digest:
            return Publication(name, utc_now(), {}, last.models, last.sources)
        return Publication(name, utc_now(), {})
