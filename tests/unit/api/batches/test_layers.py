"""What layers say together, and a program from its problem's frame and its sample's own part."""

import json

from cloche.api.batches.layers import canonical, compose, content_id, make_frame, merge, own_part
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, File, Program


def program(**changes: object) -> Program:
    fields = {
        "runtime": "python",
        "files": [File(path="main.py", content="before x after"), File(path="d.txt", content="d")],
        "entrypoint": "main.py",
        "limits": Limits(),
        "compile_limits": CompileLimits(),
        "cases": [Case(stdin="1", expected_stdout="2")],
    }
    return Program.model_validate({**fields, **changes})


def test_later_layers_replace_and_maps_are_merged_by_name():
    merged = merge(
        [
            {"runtime": "python", "limits": {"wall_time_s": 1, "processes": 2}, "labels": {"a": "1"}, "files": ["x"]},
            {"limits": {"wall_time_s": 3}, "env": {"A": "1"}, "stdin": "s"},
            {"runtime": "c", "labels": {"b": "2"}, "files": ["y"]},
        ]
    )
    assert merged == {
        "runtime": "c",
        "limits": {"wall_time_s": 3, "processes": 2},
        "labels": {"a": "1", "b": "2"},
        "env": {"A": "1"},
        "stdin": "s",
        "files": ["x", "y"],
    }


def test_id_is_of_the_content_not_of_its_order():
    assert content_id(canonical({"a": 1, "b": {"c": 2, "d": 3}})) == content_id(
        canonical({"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert content_id(canonical({"a": 1})) != content_id(canonical({"a": 2}))


def test_whole_program_comes_back_from_frame_and_own_part():
    shared = [{"path": "d.txt", "content": "d"}]
    frame = json.loads(make_frame(program(), shared, "before ", " after"))
    changed = program(limits=Limits(wall_time_s=3.0), stdin="s")
    own = own_part(changed, frame, [{"path": "main.py", "content": "x"}]).encode()
    assert set(json.loads(own)) == {"limits", "stdin", "files", "entrypoint"}
    assert b"expected" not in own
    assert Program.model_validate(compose(frame, own)) == changed


def test_plain_sample_keeps_nothing_but_its_source():
    frame = json.loads(make_frame(program(), [], "before ", " after"))
    own = own_part(program(), frame, [{"path": "main.py", "content": "x"}]).encode()
    assert json.loads(own) == {"files": [{"path": "main.py", "content": "x"}], "entrypoint": "main.py"}
