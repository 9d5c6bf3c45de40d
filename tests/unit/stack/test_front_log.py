"""What nginx logs of a request: no key that stands in its path."""

import re
from pathlib import Path

import pytest

CONF = (Path(__file__).parents[3] / "deploy" / "front" / "nginx.conf").read_text(encoding="utf-8")
KEY = "cl_0123456789abcdef_" + "Abc-def_" * 5


def shown(request_uri: str, uri: str) -> str:
    """``$shown_uri``: the first pattern of its map that fits the normalised path, else that of the sent one."""
    return _mapped("uri $shown_uri", uri) or _mapped("request_uri $sent_uri", request_uri) or request_uri


def _mapped(variables: str, value: str) -> str | None:
    found = re.search(rf"map \${re.escape(variables)} {{(.*?)\n  }}", CONF, re.DOTALL)
    assert found, variables
    for pattern, result in re.findall(r'^\s*"~(.*?)" (\S+);$', found[1], re.MULTILINE):
        match = re.search(pattern.replace("(?<", "(?P<").replace("(?P<!", "(?<!"), value)
        if match:
            return result.replace("$rest", match.groupdict().get("rest") or "")
    return None


@pytest.mark.parametrize(
    ("sent", "normalised"),
    [
        (f"/compat/sandboxfusion/{KEY}/run_code", f"/compat/sandboxfusion/{KEY}/run_code"),
        (f"/compat/sandboxfusion/%63{KEY[1:]}/run_code", f"/compat/sandboxfusion/{KEY}/run_code"),
        (f"//compat//sandboxfusion/{KEY}", f"/compat/sandboxfusion/{KEY}"),
        (f"/sandboxfusion/{KEY}/run_code", "/index.html"),
        (f"/compat/judge0/submissions?X-Auth-Token={KEY}", "/compat/judge0/submissions"),
    ],
)
def test_no_key_is_shown(sent: str, normalised: str):
    assert KEY[4:] not in shown(sent, normalised)


@pytest.mark.parametrize(
    "path", ["/compat/sandboxfusion/run_code", "/compat/sandboxfusion/v1/ping", "/api/v2/runtimes?x=1", "/evaluations"]
)
def test_other_paths_are_shown_as_they_were_sent(path: str):
    assert shown(path, path.partition("?")[0]) == path


def test_a_keyed_path_keeps_what_was_asked_for():
    path = f"/compat/sandboxfusion/{KEY}/run_code"
    assert shown(path, path) == "/compat/sandboxfusion/-/run_code"


def test_all_that_is_logged_is_what_is_shown():
    formats = re.findall(r"log_format (\w+) '(.*)';", CONF)
    assert [name for name, _ in formats] == ["shown"]
    assert re.findall(r"access_log (.*);", CONF) == ["/dev/stdout shown"]
    assert "$shown_uri" in formats[0][1]
    assert not re.search(r"\$(request|request_uri|uri|args|http_referer)\b", formats[0][1])
