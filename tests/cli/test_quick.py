"""Options are converted and refused without importing what is heavy."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.cli._help import Verb

_add_verbs()
plain = typer.Typer()


class Form(StrEnum):
    """A choice."""

    csv = "csv"
    wandb = "wandb"


@plain.command(cls=Verb)
def show(
    places: list[str],
    out: Annotated[Path, typer.Option("--out")] = Path("o"),
    count: Annotated[int, typer.Option(min=1)] = 3,
    size: Annotated[list[float] | None, typer.Option("--size")] = None,
    form: Form = Form.csv,
    json: bool = False,
) -> None:
    print([places, out, count, size, form, json])


def call(*words: str):
    return CliRunner().invoke(plain, list(words))


def test_values_have_their_types():
    said = call("a", "b", "--size", "1e3", "--size", "2", "--count", "7", "--form", "wandb").stdout
    assert said.strip() == str([["a", "b"], Path("o"), 7, [1000.0, 2.0], Form.wandb, False])
    assert call("a", "--json").stdout.strip() == str([["a"], Path("o"), 3, None, Form.csv, True])


BY_PYDANTIC = hasattr(typer.main.get_command(plain).params[0], "_runtime_param")


@pytest.mark.skipif(not BY_PYDANTIC, reason="this typer converts and refuses in its own words")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument"),
        (("a", "--count", "many"), "expected a whole number, 1 or more, got 'many'"),
        (("a", "--count", "0"), "expected a whole number, 1 or more, got '0'"),
        (("a", "--size", "big"), "expected a number, got 'big'"),
        (("a", "--form", "xml"), "expected csv or wandb, got 'xml'"),
    ],
)
def test_what_is_no_such_value_is_refused_in_words(words, said):
    answer = call(*words)
    assert answer.exit_code == 2
    assert said in " ".join(answer.output.replace("│", " ").split())


def test_usage_errors_import_nothing_heavy():
    code = (
        "import sys, normlaws.cli as cli\n"
        "for words in (['fit'], ['fit', 'x', '--resamples', 'x'], ['export', 'x', '--to', 'x', "
        "'--out', 'y'], ['import', 'table'], ['nothing']):\n"
        "    sys.argv = ['normlaws', *words]\n"
        "    try:\n        cli.main()\n"
        "    except SystemExit as end:\n        assert end.code == 2, words\n"
        "print(sorted({'torch', 'pydantic', 'numpy', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert len(done.stderr.splitlines()) == 5


def test_forms_of_import_have_their_examples():
    answer = CliRunner().invoke(app, ["import", "--help"])
    for kind in ("deep-norm", "table", "tensorboard", "mlflow", "wandb"):
        assert f"$ normlaws import {kind} " in answer.output
