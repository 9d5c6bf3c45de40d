"""What a running executor's standing self-test says of its tiers."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

from cloche.contracts.execution import ExecutorOffer, TierOffer
from cloche.stack.finding import Finding
from cloche.stack.options import Layout
from cloche.stack.status import read_status
from cloche.stack.unix_http import UnanswerableError, ask

AREA: Final = "executor"


def executor_findings(layout: Layout) -> Iterator[Finding]:
    """One a tier; nothing where no executor runs. Blocks, for seconds at most."""
    try:
        status = read_status(layout)
        if status is None or all(child.name != "executor" for child in status.children):
            return
        token = str(json.loads(layout.credentials.read_text(encoding="utf-8"))["tokens"]["executor"])
        answer = ask(layout.run / "executor.sock", "/executor/v1/offer", token=token)
        offer = ExecutorOffer.model_validate(answer)
    except (OSError, ValueError, KeyError, UnanswerableError, ValidationError) as error:
        detail = f"Cloche runs, but its executor can't be asked: {getattr(error, 'strerror', None) or error}"
        remedy = "Ask as the user who started it; 'cloche status' shows whether it runs."
        yield Finding(AREA, "self-test", "limited", detail[:300], remedy)
    else:
        yield from tier_findings(offer.tiers)


def tier_findings(tiers: list[TierOffer]) -> Iterator[Finding]:
    """How the last self-test of each went. Pure."""
    for tier in tiers:
        name = f"tier {tier.isolation}"
        if tier.healthy:
            detail = f"{tier.held} hostile programs were held at {tier.tested_at}; {', '.join(tier.features)}"
            yield Finding(AREA, name, "ok", detail)
        elif tier.tested_at is None:
            yield Finding(AREA, name, "limited", "its self-test still runs", "Ask again in a moment.")
        else:
            said = "; ".join(f"{broken.name}: {broken.message}" for broken in tier.broken)
            remedy = "Nothing runs there. Mend what the lines about isolation say; it is tested again within 30 s."
            yield Finding(AREA, name, "missing", f"not held at {tier.tested_at}: {said}", remedy)
