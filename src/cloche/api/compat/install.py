"""Opens the doors that the settings name."""

from typing import Final

from fastapi import APIRouter, FastAPI

from cloche.api.compat import judge0_routes, piston_routes, sandboxfusion_routes
from cloche.api.compat.options import DoorOptions
from cloche.api.settings import ApiSettings

_DOORS: Final[dict[str, tuple[APIRouter, ...]]] = {
    "piston": piston_routes.routers,
    "judge0": judge0_routes.routers,
    "sandboxfusion": (sandboxfusion_routes.router,),
}


def install_doors(app: FastAPI, settings: ApiSettings) -> None:
    """Add their routes; what is not there, or off, is a 404."""
    app.state.doors = DoorOptions.of(settings)
    for name in settings.doors:
        for router in _DOORS[name]:
            app.include_router(router)
