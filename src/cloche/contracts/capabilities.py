"""Executor → people and their tools: everything that it can do, and how it knows.

``GET /executor/v1/capabilities`` → ``Capabilities``
"""

from pydantic import BaseModel, ConfigDict, Field

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.values import Count, Message, Word
from cloche.contracts.words import Isolation


class DefenceTest(BaseModel):
    """One hostile program of the standing self-test.

    ``threat`` completes "a program could …". ``message`` says what it could do, or why it could not be tried.
    """

    model_config = ConfigDict(frozen=True)

    name: Word
    threat: Message
    held: bool
    message: Message = ""


class TierTests(BaseModel):
    """The last standing self-test of one tier; empty before the first."""

    model_config = ConfigDict(frozen=True)

    isolation: Isolation
    duration_ms: Count = 0
    tests: list[DefenceTest] = Field(default_factory=list[DefenceTest], max_length=64)


class Capabilities(BaseModel):
    """The offer (with its tiers, runtimes, refused runtimes and facts) and each test behind it."""

    offer: ExecutorOffer
    standing: list[TierTests] = Field(max_length=8)
