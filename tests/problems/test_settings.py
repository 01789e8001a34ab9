"""Settings that later versions add leave what earlier ones wrote, and so the ids of runs, alone."""

from __future__ import annotations

from normlaws.problems.settings import Settings, added
from normlaws.studies import Study


class Example(Settings):
    rate: float = 0.1
    noise: float = added(0.0, ge=0)


def test_an_added_setting_is_written_only_where_it_is_used():
    assert Example().model_dump() == {"rate": 0.1}
    assert Example(noise=0.5).model_dump(mode="json") == {"rate": 0.1, "noise": 0.5}
    assert Example.model_validate_json(Example(noise=0.5).model_dump_json()) == Example(noise=0.5)
    assert Example.model_validate(Example().model_dump()) == Example()


def test_runs_keep_the_ids_of_version_0_1():
    first = {name: Study.load(name).settings.runs()[-1].run_id for name in IDS}
    assert first == IDS


IDS = {
    "digits-cnn": "P32-s4-3b6c08389722",
    "teacher-student": "P50-s4-2a1b302cdbaa",
    "mnist-vit": "P125-s2-cf3824d51377",
    "paper-resnet-cifar10": "P6000-s11-c3247ff4f070",
}
