"""When spans are made, and what comes of a place that somebody sent."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cloche.kit import tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
PLACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_environment_switches_traces_on(environ: dict[str, str], wanted: bool):
    assert tracing.is_wanted(environ) is wanted


def test_service_without_traces_imports_nothing_for_them():
    code = (
        "import sys; from cloche.kit.tracing import configure_traces, span; configure_traces('x', {})\n"
        "with span('a'): pass\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 'google', 'requests'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_traces_there_is_no_place_to_hand_on():
    with tracing.span("a", parent=PLACE) as span:
        span.tell(n=1)
        assert (span.place, tracing.place(), tracing.trace_id()) == (None, None, None)
    assert tracing.past("b", datetime.now(UTC), parent=PLACE) is None
    assert tracing.sent_place({"traceparent": PLACE}) is None


@pytest.mark.parametrize(
    "sent", ["", "nonsense", PLACE[:-1], PLACE.replace("4bf9", "zzzz"), PLACE + "\0", "00-" + "0" * 32]
)
def test_nonsense_for_a_place_begins_a_new_trace(sent: str):
    # In a process of its own: tracing is the process's.
    code = f"""
import os
os.environ["OTEL_TRACES_EXPORTER"] = "otlp"
from cloche.kit import tracing
tracing.configure_traces("x")
with tracing.span("a", parent=tracing.sent_place({{"traceparent": {sent!r}}}), links=[{sent!r}, None]) as span:
    assert span.place[3:35] == tracing.trace_id() != {PLACE[3:35]!r}
with tracing.span("b", parent=tracing.sent_place({{"traceparent": {PLACE!r}}})) as span:
    assert span.place[3:35] == {PLACE[3:35]!r}
assert tracing.sent_place({{"traceparent": "0" * 500}}) is None
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
