"""What a study file says, read from TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from normlaws.errors import InputError, allowed, meant
from normlaws.problems import DATA_SETS, FAMILIES, DataSettings, ModelSettings
from normlaws.problems.settings import Settings
from normlaws.storage.reading import reading
from normlaws.studies.inherit import read_values, resolved
from normlaws.studies.jobqueue import ClusterSettings
from normlaws.training.settings import (
    Count,
    EffectiveParametersSettings,
    GaugesSettings,
    OptimizerSettings,
    RecurrentRanksSettings,
    RunSettings,
    TelescopeSettings,
    TrainingSettings,
)

MAX_RUNS = 100_000


class StudySettings(Settings):
    """A grid of runs over training-set sizes and seeds, all else equal."""

    name: str = Field(pattern=r"^[\w-][\w.-]*$", description="also the default folder below runs/")
    description: str = ""
    sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    seeds: Count = Field(description="number of seeds: 0, 1, …, seeds - 1")
    data: DataSettings
    model: ModelSettings
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings
    gauges: GaugesSettings | None = Field(default=None, description="what else is measured")
    cluster: ClusterSettings | None = Field(default=None, description="where the runs are done")

    @field_validator("sizes")
    @classmethod
    def _distinct(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(sizes)) < len(sizes):
            raise ValueError("sizes must differ from one another")
        return tuple(sorted(sizes))

    @model_validator(mode="after")
    def _not_endless(self) -> StudySettings:
        if len(self.sizes) * self.seeds > MAX_RUNS:
            raise ValueError(f"sizes times seeds must be at most {MAX_RUNS:,} runs")
        return self

    def runs(self) -> list[RunSettings]:
        """Every run of the grid, the largest sizes first."""
        return [
            RunSettings(
                data=self.data,
                model=self.model,
                optimizer=self.optimizer,
                training=self.training,
                gauges=self.gauges,
                size=size,
                seed=seed,
            )
            for size in reversed(self.sizes)
            for seed in range(self.seeds)
        ]


def parse_study(values: dict[str, Any], source: str) -> StudySettings:
    """Check the contents of a study file; ``extends`` takes the rest from a preset.

    Raises:
        InputError: a key is unknown, missing or out of range; the message names key and file.
    """
    try:
        return StudySettings.model_validate(resolved(values, source))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{source}: {_explain(first)}") from None


def read_study(path: Path) -> StudySettings:
    """Read a study file.

    Raises:
        CorruptFileError: the file is not TOML.
        InputError: as :func:`parse_study`.
    """
    with reading("a study file", path):
        return parse_study(read_values(path), str(path))


def _explain(problem: Any) -> str:
    """One sentence from pydantic's account of the first thing that is wrong."""
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where) or "the study"
    if problem["type"] == "extra_forbidden":
        fields = _known_keys(where)
        if key == "device":
            return "expected no device in a study, which runs anywhere; give it as --device"
        alike = meant(where[-1], fields)
        return f"expected one of the keys {allowed(fields)}, got the key {key!r}{alike}"
    if problem["type"] == "missing":
        return f"expected a value for {key!r}, but it is missing"
    if problem["type"] == "union_tag_invalid":
        context = problem["ctx"]
        tag = f"{key}.{context['discriminator'].strip(chr(39))}"
        tags = context["expected_tags"]
        alike = meant(context["tag"], tags.replace("'", "").split(", "))
        return f"expected {tag} to be one of {tags}, got {context['tag']!r}{alike}"
    return f"expected another value for {key!r}: {problem['msg']}, got {problem['input']!r}"


def _known_keys(where: list[str]) -> list[str]:
    sections: dict[str, Any] = {
        "optimizer": OptimizerSettings,
        "training": TrainingSettings,
        "cluster": ClusterSettings,
        "gauges": GaugesSettings,
        "telescope": TelescopeSettings,
        "effective_parameters": EffectiveParametersSettings,
        "recurrent_ranks": RecurrentRanksSettings,
        **DATA_SETS,
        **FAMILIES,
    }
    section = next((sections[part] for part in reversed(where[:-1]) if part in sections), None)
    return list((section or StudySettings).model_fields)
