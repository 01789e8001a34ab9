"""A self-contained HTML page from a title and sections of text, figures and tables.

Knows nothing of curves or laws. Every string is untrusted: the template escapes all of them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import jinja2
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure
from matplotlib.figure import SubFigure

from normlaws.storage.folder import replace_file

_SVG_AT_MOST = 400_000
_PNG_DPI = 220
_PHONE = 46  # characters of a table's type across 390 px
_GAP = 1.5  # between columns
_FOLDED = 18  # characters a line of cells that wrap


@dataclass(frozen=True)
class Text:
    """A paragraph, or a list of items; ``tone="notice"`` sets it off."""

    body: str = ""
    items: Sequence[str] = ()
    tone: str = "plain"
    kind: str = "text"


@dataclass(frozen=True)
class Figure:
    """A drawn figure: what it shows in words (``alt``), and how to read it (``caption``)."""

    axes: Axes
    alt: str
    caption: str
    name: str = ""
    kind: str = "figure"

    @property
    def source(self) -> str:
        """The picture as a data URI: SVG, or PNG where the drawing is too large for that."""
        return embed(self.axes)


@dataclass(frozen=True)
class Table:
    """Rows of strings; the first column names the row.

    ``folded`` hides it until asked for; where not ``wide``, two stand beside each other. Cells of a
    ``stacked`` one wrap. On a phone each row of a table that is too wide for it is a card.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    folded: bool = False
    wide: bool = True
    stacked: bool = False
    kind: str = "table"

    @property
    def cards(self) -> bool:
        """Whether the columns do not fit beside each other on a phone."""
        return sum(map(self._characters, range(len(self.header)))) > _PHONE

    def _characters(self, column: int) -> float:
        """Characters across that a column takes, with the gap after it; words are not broken."""
        words = max((len(word) for word in self.header[column].split(" ")), default=0)
        cells = max((len(row[column]) for row in self.rows), default=0)
        return _GAP + max(words, cells if column in self.numeric else min(cells, _FOLDED))


Block = Text | Figure | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; ``anchor`` is its place in the page's links."""

    heading: str
    anchor: str
    blocks: Sequence[Block]


def embed(axes: Axes) -> str:
    """The figure of ``axes`` as a data URI without anything that is fetched or run."""
    figure = laid_out(figure_of(axes))
    svg = _saved(figure, "svg")
    if len(svg) <= _SVG_AT_MOST:
        return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return f"data:image/png;base64,{base64.b64encode(_saved(figure, 'png')).decode()}"


def figure_of(axes: Axes) -> MplFigure:
    """The figure that ``axes`` stand in, through any nesting of subfigures."""
    figure = axes.get_figure()
    while isinstance(figure, SubFigure):
        figure = figure.get_figure()
    assert figure is not None, "these axes were removed from their figure"
    return figure


def laid_out(figure: MplFigure) -> MplFigure:
    """The figure, its axes placed once for all files that are written of it."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    return figure


def _saved(figure: MplFigure, form: str) -> bytes:
    buffer = BytesIO()
    metadata = {"Date": None} if form == "svg" else None
    figure.savefig(buffer, format=form, dpi=_PNG_DPI, metadata=metadata)
    return buffer.getvalue()


def render_page(
    title: str, sections: Iterable[Section], *, lead: Sequence[str] = (), footer: str = ""
) -> str:
    """The page as one string of HTML.

    Args:
        title: heading of the page.
        sections: in reading order; those without blocks are left out.
        lead: short facts below the title.
        footer: closing line.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("normlaws.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filled = [section for section in sections if section.blocks]
    return environment.get_template("page.html").render(
        title=title, sections=filled, lead=lead, footer=footer
    )


def write_page(
    path: str | Path,
    title: str,
    sections: Iterable[Section],
    *,
    lead: Sequence[str] = (),
    footer: str = "",
) -> Path:
    """Render the page and write it to ``path`` (replaced in one step); return the path."""
    path = Path(path)
    text = render_page(title, sections, lead=lead, footer=footer)
    replace_file(path, lambda beside: beside.write_text(text, encoding="utf-8"))
    return path
