"""Hostile posts and extreme states sent to the explorer: each is answered, without a traceback.

    python benchmarks/explorer.py                   # 1,000 posts, 1,000 states, 20 clients at once

Posts go to every callback with values of every kind in every place, and to the address itself with
bodies that are no request at all. States are addresses with numbers at the ends of what a float
holds; each is opened as a page, then drawn. Clients ask for intervals of different questions at
the same moment: those that would wait for long are told so.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from normlaws.explore.app import build
from normlaws.explore.state import State, from_query
from normlaws.explore.study import Study
from normlaws.laws import plant

POST = "/_dash-update-component"
VALUES: list[Any] = [
    None, True, -1, 0, 1, 2**70, 1e308, -1e308, 1e-308, "", "x" * 5000, "\x1b[2J", "<b>", "nan",
    [], [None], [1, 2], [2, 1], [1e300, -1e300], {}, {"a": 1}, {"window": None, "dragging": False},
    {"window": [0, 0], "dragging": True}, [[[[[]]]]], "log_l1", "../..", {"shapes[1].x0": "a"},
]  # fmt: skip
NUMBERS = ["0", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "5", "1e5", "x", "", "9" * 400]
FIELDS = {
    "tab": ["study", "theory", "x"], "norm": ["spectral_complexity", "nothing"],
    "metric": ["test_error", "test_loss", "x"], "runs": ["mean", "single"],
    "rescale": ["optimum", "exponents"], "seeds": ["0", "0,1", "7", "-1"],
    "hidden": ["100", "100,200,400,800,1600", "1"], "cut": ["100,200", "200,100", "0,0", "400,400"],
    "window": ["0,1", "-1e308,1e308", "0,1e-300", "50,51"],
    "gammas": ["0,0,0", "1e300,1,1", "-5,9,1e-300"],
    "zoom": ["norm,0,0,0,0", "step,1e308,-1e308,1,2", "theory,1,2,3", "x"],
}  # fmt: skip


def server(folder: Path, resamples: int = 20) -> tuple[Any, Study]:
    """The WSGI application of a small study, and the study behind it."""
    study = Study(plant(sizes=(100, 200, 400, 800), seeds=2, records=20).write(folder / "s"),
                  resamples)  # fmt: skip
    app = build(study)
    app.server.logger.setLevel(logging.CRITICAL + 1)
    with app.server.test_client() as client:
        client.get("/")  # callbacks are set up by the first page
    return app, study


def posts(app: Any, state: State, count: int, seed: int) -> Iterator[tuple[str, int, str]]:
    """(callback, status, text) of hostile posts."""
    draw = random.Random(seed)
    names = list(app.callback_map)
    client = app.server.test_client()
    for _ in range(count):
        name = draw.choice(names)
        body = json.dumps(_request(app, name, state, draw)).encode()
        if draw.random() < 0.2:
            body = draw.choice([b"", b"{", b"[]", b"null", b"[" * 5000, body[: len(body) // 2]])
        answer = client.post(POST, data=body, content_type="application/json")
        yield name, answer.status_code, answer.get_data(as_text=True)


def _request(app: Any, name: str, state: State, draw: random.Random) -> dict[str, Any]:
    wires = app.callback_map[name]
    known = {"state": state.as_dict(), "id": "page", "seen": 0}

    def filled(wire: dict[str, Any]) -> dict[str, Any]:
        value = known.get(wire["id"]) if draw.random() < 0.7 else None
        if value is None:
            value = draw.choice(VALUES)
        elif isinstance(value, dict) and draw.random() < 0.6:
            value = value | {draw.choice(list(value)): draw.choice(VALUES)}
        return wire | {"value": value}

    outputs = [_wire(one) for one in name.strip(".").split("...") if one]
    inputs = [filled(dict(wire)) for wire in wires["inputs"]]
    changed = [f"{wire['id']}.{wire['property']}" for wire in inputs[:1]]
    request = {
        "output": name,
        "outputs": outputs if name.startswith("..") else (outputs or [None])[0],
        "inputs": inputs,
        "state": [filled(dict(wire)) for wire in wires["state"]],
        "changedPropIds": changed,
    }
    if draw.random() < 0.2:
        request.pop(draw.choice(list(request)))
    return request


def _wire(text: str) -> dict[str, Any]:
    name, _, prop = text.rpartition(".")
    return {"id": name, "property": prop.partition("@")[0]}


def states(app: Any, study: Study, count: int, seed: int) -> Iterator[tuple[str, int, str]]:
    """(address, status, text) of figures drawn for extreme states."""
    draw = random.Random(seed)
    client = app.server.test_client()
    figures = [name for name in app.callback_map if "figure-" in name and ".figure" in name]
    for _ in range(count):
        asked = {name: draw.choice(values) for name, values in FIELDS.items()
                 if draw.random() < 0.5}  # fmt: skip
        for name in ("size", "target", "alpha", "radius"):
            if draw.random() < 0.5:
                asked[name] = draw.choice(NUMBERS)
        query = f"?{urlencode(asked)}"
        state = from_query(query, study.curves)
        name = draw.choice(figures)
        wires = app.callback_map[name]

        def filled(wire: dict[str, Any], state: State = state) -> dict[str, Any]:
            return wire | {"value": state.as_dict() if wire["id"] == "state" else {"moving": False}}

        outputs = [_wire(one) for one in name.strip(".").split("...")]
        request = {
            "output": name,
            "outputs": outputs if name.startswith("..") else outputs[0],
            "inputs": [filled(dict(wire)) for wire in wires["inputs"]],
            "state": [filled(dict(wire)) for wire in wires["state"]],
            "changedPropIds": [f"{wires['inputs'][0]['id']}.data"],
        }
        answer = client.post(POST, json=request)
        yield query, answer.status_code, answer.get_data(as_text=True)


def clients(app: Any, study: Study, count: int) -> list[tuple[float, str]]:
    """Seconds and answers of clients that ask for intervals of different questions at once."""
    name = next(one for one in app.callback_map if one.startswith("full."))
    found: list[tuple[float, str]] = []

    def ask(index: int) -> None:
        state = from_query(f"?window={0.1 * index},{1 + 0.1 * index}", study.curves)
        request = {
            "output": name, "outputs": _wire(name), "changedPropIds": ["now.data"],
            "inputs": [{"id": "now", "property": "data", "value": {"moving": False}}],
            "state": [{"id": "id", "property": "data", "value": str(index)},
                      {"id": "state", "property": "data", "value": state.as_dict()}],
        }  # fmt: skip
        began = time.perf_counter()
        answer = app.server.test_client().post(POST, json=request)
        found.append((time.perf_counter() - began, answer.get_data(as_text=True)))

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder:
        app, study = server(Path(folder))
        for what, found in (
            ("posts", list(posts(app, from_query("", study.curves), given.posts, given.seed))),
            ("states", list(states(app, study, given.states, given.seed))),
        ):
            broken = [one for one in found if one[1] >= 500 or "Traceback" in one[2]]
            print(f"{len(found)} {what}: {sum(one[1] < 300 for one in found)} answered, "
                  f"{sum(300 <= one[1] < 500 for one in found)} refused in a sentence, "
                  f"{len(broken)} tracebacks")  # fmt: skip
            for one in broken[:3]:
                print(one)
    with TemporaryDirectory() as folder:
        app, study = server(Path(folder), 1000)
        answers = clients(app, study, given.clients)
        late = sum("pages to wait" in text for _, text in answers)
        print(f"{given.clients} clients at once: {late} told to ask again, the others answered; "
              f"the last after {max(seconds for seconds, _ in answers):.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
