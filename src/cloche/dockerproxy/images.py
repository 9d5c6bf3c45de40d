"""Aliases and the image that each means, resolved once to its id, so that a tag moved later changes nothing."""

import asyncio
import re
from typing import Any, Final, cast

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import Engine, image_id_in
from cloche.kit.errors import ClocheError, InvalidRequestError, NotFoundError, UnavailableError
from cloche.kit.logs import get_logger

log = get_logger()

_LOOK_AGAIN_S: Final = 30.0
_OWN: Final = re.compile(policy.OWN_IMAGE.format(f"({policy.ALIAS})"))


class Images:
    """What ``create`` may name: ``named`` images (alias → reference), or with None those of Cloche's that there are.

    ``fit`` is alias → image id (``sha256:…``), ``unfit`` alias → why it is not there. One that comes later
    is found by ``watch``; one that was found keeps its id.
    """

    def __init__(self, engine: Engine, named: dict[str, str] | None) -> None:
        self._engine = engine
        self._named = named
        self.fit: dict[str, str] = {}
        self.unfit: dict[str, str] = {}

    async def look(self) -> None:
        """Resolve what is not resolved yet.

        Raises:
            UnavailableError: the Engine does not answer.
        """
        wanted = self._named if self._named is not None else await self._own()
        unfit: dict[str, str] = {}
        for alias, reference in sorted(wanted.items()):
            if alias not in self.fit and (reason := await self._resolve(alias, reference)):
                unfit[alias] = reason
                if self.unfit.get(alias) != reason:
                    log.warning("image.unfit", alias=alias, reason=reason)
        self.unfit = unfit

    def lost(self, alias: str) -> None:
        """The Engine no longer has what ``alias`` meant; the next look may find something else."""
        self.fit.pop(alias, None)

    async def watch(self) -> None:
        """Look every 30 s, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_AGAIN_S)
            try:
                await self.look()
            except ClocheError as error:
                log.warning("images.unknown", error=error.code)

    async def _own(self) -> dict[str, str]:
        found = await self._engine.call(policy.list_images())
        try:
            tags = [str(tag) for image in cast(list[Any], found) for tag in image["RepoTags"] or ()]
        except (KeyError, TypeError):
            raise UnavailableError("The Docker Engine answered without a list.") from None
        return {own[1]: tag for tag in tags if (own := _OWN.fullmatch(tag))}

    async def _resolve(self, alias: str, reference: str) -> str | None:
        try:
            found = await self._engine.tell(policy.image(reference))
        except (NotFoundError, InvalidRequestError):
            return f"The Docker Engine has no image {reference}; 'cloche images build' builds Cloche's own."
        if brought := _brought(found.get("Config") or {}):
            return f"The image {reference} declares {brought}."
        self.fit[alias] = image_id_in(found)
        log.info("image.found", alias=alias, id=self.fit[alias])
        return None


def _brought(config: dict[str, Any]) -> str | None:
    """What the image brings that ``create`` can't take away: a volume is writable disk without a limit."""
    for key, word in (("Volumes", "volumes"), ("Healthcheck", "a health check"), ("OnBuild", "ONBUILD steps")):
        if config.get(key):
            return word
    return None
