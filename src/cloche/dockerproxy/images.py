"""The configured images, resolved once to ids, so that a tag moved later changes nothing."""

from typing import Any

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import Engine, image_id_in
from cloche.kit.errors import InvalidRequestError, NotFoundError


class UnfitImageError(Exception):
    """A configured image is missing, or brings what a cell must not have."""


async def resolve_images(engine: Engine, images: dict[str, str]) -> dict[str, str]:
    """Alias → image id (``sha256:…``).

    Raises:
        UnfitImageError: the Engine lacks one, or one declares volumes, a health check or ONBUILD steps.
        UnavailableError: the Engine does not answer.
    """
    resolved: dict[str, str] = {}
    for alias, reference in sorted(images.items()):
        try:
            found = await engine.tell(policy.image(reference))
        except (NotFoundError, InvalidRequestError):
            raise UnfitImageError(
                f"the Engine has no image {reference} for {alias}; scripts/build_images.py makes it"
            ) from None
        if unfit := _brought(found.get("Config") or {}):
            raise UnfitImageError(f"the image {reference} for {alias} declares {unfit}")
        resolved[alias] = image_id_in(found)
    return resolved


def _brought(config: dict[str, Any]) -> str | None:
    """What the image brings that ``create`` can't take away: a volume is writable disk without a limit."""
    for key, word in (("Volumes", "volumes"), ("Healthcheck", "a health check"), ("OnBuild", "ONBUILD steps")):
        if config.get(key):
            return word
    return None
