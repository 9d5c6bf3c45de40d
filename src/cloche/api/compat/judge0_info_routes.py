"""What the Judge0 door says of itself: languages, statuses, configuration."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from cloche.api.compat import judge0_config
from cloche.api.compat.doorway import options_of
from cloche.api.compat.judge0_config import Most
from cloche.api.compat.judge0_languages import Flavour, described, listed, versions_of
from cloche.api.parts import get_parts
from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.kit.errors import NotFoundError
from cloche.kit.keys import Caller


class Judge0Info:
    """The routes of one flavour. ``authenticate`` finds the caller; any key may ask."""

    def __init__(self, flavour: Flavour, authenticate: Callable[..., Awaitable[Caller]]) -> None:
        self._flavour = flavour
        self._authenticate = authenticate

    def add_to(self, router: APIRouter) -> None:
        """Add the routes."""
        routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/languages": self.languages,
            "/languages/": self.languages,
            "/languages/all": self.all_languages,
            "/languages/{number}": self.language,
            "/statuses": self.statuses,
            "/about": self.about,
            "/version": self.version,
            "/isolate": self.isolate,
            "/license": self.license,
            "/config_info": self.config_info,
            "/system_info": self.system_info,
            "/workers": self.workers,
        }
        for path, endpoint in routes.items():
            router.add_api_route(path, endpoint, methods=["GET"], response_model=None)
        for path in ("/authenticate", "/authorize"):
            router.add_api_route(path, self.authenticated, methods=["POST"], response_model=None)

    async def languages(self, request: Request) -> Response:
        """Those that can be run."""
        await self._authenticate(request, "submit", "read")
        return JSONResponse(listed(self._flavour, await self._offered(request)))

    async def all_languages(self, request: Request) -> Response:
        """The same, each said not to be archived: archived ones have no names here."""
        await self._authenticate(request, "submit", "read")
        found = listed(self._flavour, await self._offered(request))
        return JSONResponse([{**language, "is_archived": False} for language in found])

    async def language(self, request: Request) -> Response:
        """One that can be run."""
        await self._authenticate(request, "submit", "read")
        number = request.path_params["number"]
        language = self._flavour.languages.get(int(number)) if number.isdecimal() and len(number) < 10 else None
        offer = (await self._offered(request)).get(language.runtime) if language else None
        if language is None or offer is None:
            raise NotFoundError
        return JSONResponse(described(language, offer))

    async def statuses(self, request: Request) -> Response:
        """All statuses."""
        await self._authenticate(request, "submit", "read")
        return JSONResponse(judge0_config.statuses())

    async def about(self, request: Request) -> Response:
        """The version that clients go by."""
        await self._authenticate(request, "submit", "read")
        return JSONResponse(judge0_config.about(self._flavour.version))

    async def version(self, request: Request) -> Response:
        """The same as text."""
        await self._authenticate(request, "submit", "read")
        return PlainTextResponse(self._flavour.version)

    async def isolate(self, request: Request) -> Response:
        """What takes the place of isolate."""
        await self._authenticate(request, "submit", "read")
        return PlainTextResponse("No isolate here: programs run in Cloche's cells.\n")

    async def license(self, request: Request) -> Response:
        """Of this program."""
        await self._authenticate(request, "submit", "read")
        return PlainTextResponse("Cloche: Apache-2.0\n")

    async def config_info(self, request: Request) -> Response:
        """Limits and switches."""
        await self._authenticate(request, "submit", "read")
        return JSONResponse(judge0_config.config_info(Most.of(options_of(request))))

    async def system_info(self, request: Request) -> Response:
        """What executors say of their hosts."""
        await self._authenticate(request, "read")
        return JSONResponse(judge0_config.system_info(await self._executors(request)))

    async def workers(self, request: Request) -> Response:
        """How many there are and work."""
        await self._authenticate(request, "read")
        return JSONResponse(judge0_config.workers(await self._executors(request)))

    async def authenticated(self, request: Request) -> Response:
        """Whether the key is one."""
        await self._authenticate(request, "submit", "read")
        return Response(status_code=200)

    async def _executors(self, request: Request) -> list[ExecutorOffer]:
        return [seen.offer for seen in (await get_parts(request).catalogue.executors()).executors]

    async def _offered(self, request: Request) -> dict[str, RuntimeOffer]:
        return versions_of(runtime for offer in await self._executors(request) for runtime in offer.runtimes)
