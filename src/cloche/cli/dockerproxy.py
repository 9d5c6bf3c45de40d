"""``cloche dockerproxy``: what the Docker Socket Proxy lets through."""

import typer

app = typer.Typer(help="Look at the Docker Socket Proxy's policy.")


@app.callback()
def group() -> None:
    """Look at the Docker Socket Proxy's policy."""


@app.command()
def explain() -> None:
    """Print all that can pass: requests, what the Engine is sent, every field of a container, the caps.

    The numbers are those of CLOCHE_DOCKERPROXY_* in the environment, or else the defaults.
    """
    from cloche.dockerproxy.explain import explanation

    print(explanation())
