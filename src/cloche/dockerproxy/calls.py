"""What each call does: asks the registry, has ``policy`` write the Engine's request, answers in own words."""

import time
from typing import Any
from uuid import uuid4

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import Engine, NoAnswerError, id_in
from cloche.dockerproxy.images import Images
from cloche.dockerproxy.policy import Bounds, Cell, ContainerId
from cloche.dockerproxy.registry import Registry
from cloche.kit.errors import ConflictError, NotFoundError, UnavailableError


class Calls:
    """The calls on own containers. Every answer holds only what is listed here, never the Engine's JSON."""

    def __init__(
        self, engine: Engine, registry: Registry, images: Images, bounds: Bounds, *, instance: str, runtime: str
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._images = images
        self._bounds = bounds
        self._instance = instance
        self._runtime = runtime

    def images(self) -> dict[str, Any]:
        """The aliases that ``create`` takes and the image id each means; why others are not among them."""
        return {"images": self._images.fit, "unfit": self._images.unfit, "runtime": self._runtime}

    async def ready(self) -> None:
        """Return if the Engine answers.

        Raises:
            UnavailableError: it does not, or speaks another version of its API.
        """
        await self._engine.negotiate()

    async def create(self, body: bytes) -> ContainerId:
        """Make a container as ``body`` orders; its id.

        Raises:
            InvalidRequestError: the order is not one. OverloadedError: a cap would be passed.
            UnavailableError: the Engine did not make it; nothing of it is left. Or it did not answer in time and
                may make it yet: its room stays reserved until the janitor has removed it, or found none.
        """
        order = policy.read_order(body, self._bounds)
        with self._registry.reserve(policy.reserved_bytes(order, self._runtime), order.cpus_milli) as share:
            cell = Cell(order, self._bounds.images[order.image], share.uid, self._instance, self._runtime)
            request = policy.create(f"{self._instance}-{uuid4().hex}", policy.create_body(cell))
            try:
                container = id_in(await self._engine.tell(request))
            except NoAnswerError:
                self._registry.doubt(share)
                raise
            except NotFoundError as error:
                self._images.lost(order.image)
                raise UnavailableError("The Docker Engine has lost the image.") from error
            except ConflictError as error:
                raise UnavailableError("The Docker Engine did not make the container.") from error
            self._registry.add(container, share)
        return container

    async def start(self, container: ContainerId) -> None:
        """Start an own container.

        Raises:
            NotFoundError, ConflictError: it is not there, or was started before.
        """
        await self._engine.call(policy.start(self._registry.check(container)))

    async def inspect(self, container: ContainerId) -> dict[str, Any]:
        """How an own container is: ``status``, ``exit_code``, ``oom_killed``. Raises as ``start``."""
        answer = await self._engine.tell(policy.inspect(self._registry.check(container)))
        try:
            state = answer["State"]
            return {
                "status": str(state["Status"]),
                "exit_code": int(state["ExitCode"]),
                "oom_killed": state["OOMKilled"] is True,
            }
        except (KeyError, TypeError, ValueError):
            raise UnavailableError("The Docker Engine answered without a state.") from None

    async def delete(self, container: ContainerId) -> None:
        """Kill and remove an own container; returns when the Engine has none of it.

        Raises:
            NotFoundError: it is not there (any more).
            ConflictError: its removal is already under way.
        """
        self._registry.check(container)
        try:
            await self._engine.call(policy.delete(container))
        except NotFoundError:
            self._registry.forget(container)
            raise
        self._registry.forget(container)

    async def list_own(self) -> list[dict[str, Any]]:
        """Own containers as the Engine has them: ``id``, ``label``, ``status``, ``age_s``."""
        return [
            {
                "id": found.id,
                "label": str(found.labels.get(policy.CELL_LABEL, "")),
                "status": found.state,
                "age_s": max(0, int(time.time() - found.created)),
            }
            for found in await self._engine.list_own(self._instance)
            if found.id in self._registry.ids()
        ]
