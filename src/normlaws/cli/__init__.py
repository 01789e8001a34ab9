"""The command line: one file per verb; each parses, calls and prints."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import sys
import warnings
from collections.abc import Mapping
from typing import Annotated, TextIO

import typer
from typer.models import CommandInfo

from normlaws.cli._help import EXAMPLES, KINDS, Verb, Verbs
from normlaws.errors import NormlawsError, NormlawsWarning, printable
from normlaws.version import __version__

INTERRUPTED = 130
_LONGEST = 4000  # letters of a message

app = typer.Typer(
    help="Neural scaling laws along the norm of the weights: measure, run, fit, forecast, solve.",
    cls=Verbs,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing what draws boxes takes longer than all else
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"normlaws {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def _add_verbs() -> None:
    """Import every verb; each file puts its command on ``app`` and imports nothing heavy."""
    for module in sorted(name for _, name, _ in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    for verb in app.registered_commands:
        _explain(verb, EXAMPLES)
    for group in app.registered_groups:
        for verb in group.typer_instance.registered_commands if group.typer_instance else ():
            _explain(verb, KINDS)


def _explain(verb: CommandInfo, examples: Mapping[str, str]) -> None:
    """Give a verb its example, its whole first sentence, and conversions that import nothing."""
    verb.short_help = (inspect.getdoc(verb.callback) or "").partition("\n\n")[0]
    name = str(verb.name or getattr(verb.callback, "__name__", ""))
    verb.cls = Verb
    verb.epilog = f"Example: {examples[name]}" if name in examples else None


def main() -> None:
    """Run the command line; a handled mistake prints one line and exits with status 2."""
    _add_verbs()
    _write_what_can_be_encoded()
    warnings.showwarning = _warn
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except NormlawsError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder without permission
        _fail(f"expected to read and write files, but the system said: {error}")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "format_message"):  # usage errors come from click, or typer's copy
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # `normlaws import` alone
            print(error.format_message(), file=sys.stderr)
            sys.exit(2)
        _fail(error.format_message())


def _fail(message: str) -> None:
    print(f"normlaws: {_one_line(message)}", file=sys.stderr)
    sys.exit(2)


def _one_line(message: str) -> str:
    """What a message says, without letters that steer a terminal, and of a length to be read."""
    text = printable(" ".join(message.split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _write_what_can_be_encoded() -> None:
    """Escape names of files that are no UTF-8, rather than end on them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of ours in one line; those of other packages as Python writes them."""
    text = warnings.formatwarning(message, category, filename, lineno, line)
    if issubclass(category, NormlawsWarning):
        text = f"normlaws: warning: {_one_line(str(message))}\n"
    print(text, end="", file=file or sys.stderr)
