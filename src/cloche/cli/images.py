"""``cloche images``: build the images that the docker engine runs programs in, and see which there are."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cloche.cli.failures import told
from cloche.cli.options import AsJson, DataDir, resolved
from cloche.cli.quantities import byte_count

app = typer.Typer(help="Build the images of the docker engine, and list them.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Images, such as python.")]
All = Annotated[bool, typer.Option("--all", help="Every image there is.")]
Folder = Annotated[Path | None, typer.Option("--folder", help="Where Dockerfiles lie.", show_default="Cloche's own")]


@app.command()
def build(
    names: Names = None,
    every: All = False,  # noqa: FBT002  (an option)
    folder: Folder = None,
    data_dir: DataDir = None,
) -> None:
    """Build images that are missing or changed; print each with its size.

    The Engine is the one that DOCKER_HOST or the docker command's context names. Where no image
    registry can be reached, the base is made by debootstrap, as root.
    """
    from cloche.stack.image_builds import build_images, image_names, images_folder
    from cloche.stack.spawn import StackError

    place = folder or images_folder()
    with told():
        if bool(names) == every:
            raise StackError("Give either names of images or --all; 'cloche images list' names all.")
        wanted = image_names(place) if every else list(dict.fromkeys(names or []))
        for image, changed in build_images(wanted, place, _launcher(), resolved(data_dir) / "images"):
            print(
                f"{image.reference}\t{byte_count(image.size_bytes)}\t{'built' if changed else 'unchanged'}", flush=True
            )


@app.command(name="list")
def list_(
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    folder: Folder = None,
) -> None:
    """List every image: built, outdated (its Dockerfile, the launcher or the base changed since) or missing.

    Piped, a line each with tabs between: name, state, bytes. With --json, one JSON object a line.
    """
    from cloche.stack.image_builds import images_folder, list_images

    with told():
        images = list_images(folder or images_folder(), _launcher())
    if as_json:
        for image in images:
            print(json.dumps(asdict(image)))
    elif sys.stdout.isatty():
        table = Table("image", "state", box=None, pad_edge=False, header_style="bold")
        table.add_column("size", justify="right")
        for image in images:
            table.add_row(image.name, image.state, byte_count(image.size_bytes) if image.size_bytes else "-")
        console.print(table)
    else:
        for image in images:
            print(f"{image.name}\t{image.state}\t{image.size_bytes}")


def _launcher() -> Path:
    from cloche.executor.engines.engine import EngineUnusableError
    from cloche.executor.launcher.binary import find_launcher
    from cloche.stack.spawn import StackError

    try:
        return find_launcher()
    except EngineUnusableError as error:
        raise StackError(f"{error}.") from error
