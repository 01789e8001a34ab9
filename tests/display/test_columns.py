"""Tables of text: whatever the width, nothing is lost and nothing is too long."""

from __future__ import annotations

import re

import pytest

from normlaws.display.columns import columns, wrapped

HEADER = ("name", "value", "95 %", "what it is")
ROWS = [
    ("paper-cnn-cifar10-wd-1e-4", "0.007511", "0.003128 – 0.02114", "The CNN, with weight decay."),
    ("model.layers.10.self_attn.q_proj", "1,234,567", "−1.5e-7 to 2.5", "A layer of attention."),
    ("短い名前", "12", "–", ""),
]


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_without_a_width_every_row_is_a_line():
    lines = columns(HEADER, ROWS)
    assert len(lines) == 4
    for row, line in zip(ROWS, lines[1:], strict=True):
        assert all(cell in line for cell in row)


@pytest.mark.parametrize("width", [30, 44, 60, 72, 80, 100, 200])
def test_no_letter_is_lost_and_no_line_too_long(width):
    lines = columns(HEADER, ROWS, width)
    assert all(len(line) <= width for line in lines)
    letters = sorted(squeezed("".join(lines)))
    for row in ROWS:
        for cell in row:
            for piece in re.split(r"[-_./\s]+", cell):
                assert any(piece in line for line in lines), (width, piece)
    if width >= 60:
        assert letters == sorted(squeezed("".join(map("".join, [HEADER, *ROWS]))))


@pytest.mark.parametrize("width", [44, 60, 80])
def test_numbers_are_never_broken(width):
    text = "\n".join(columns(HEADER, ROWS, width))
    for number in ("0.007511", "1,234,567", "0.003128", "0.02114", "−1.5e-7"):
        assert re.search(rf"(?<!\S){re.escape(number)}(?!\S)", text), number


def test_spare_columns_go_before_letters_and_are_named():
    lines = columns(HEADER, ROWS, 62, spare=(3, 2))
    assert "model.layers.10.self_attn.q_proj" in "\n".join(lines)
    assert "no room for 95 %, what it is" in " ".join(lines)[0:] or "what it is" in lines[-1]
    assert not any("attention." in line for line in lines)


def test_sentences_break_between_words():
    lines = wrapped("Whether the two laws hold is undecided: one of six.\n  indented", 20)
    assert lines == [
        "Whether the two laws",
        "hold is undecided:",
        "one of six.",
        "  indented",
    ]
    assert wrapped("a b", None) == ["a b"]
