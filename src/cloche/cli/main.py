"""The command ``cloche``. Each group of commands is a module that registers itself here in one line.

A command imports what only it needs when it is called: `cloche run` starts without the libraries of migrations
and databases.
"""

import typer

from cloche.cli import (
    batches,
    dockerproxy,
    doctor,
    evaluating,
    evaluations,
    executors,
    fsck,
    images,
    keys,
    mcp_server,
    migrate,
    queue,
    run,
    runtimes,
    stack,
)

app = typer.Typer(
    name="cloche",
    help="Put untrusted code under glass: run it isolated, watch it live, keep every verdict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
run.register(app)
evaluations.register(app)
executors.register(app)
stack.register(app)
doctor.register(app)
migrate.register(app)
fsck.register(app)
mcp_server.register(app)
app.add_typer(evaluating.app, name="eval")
app.add_typer(batches.app, name="batches")
app.add_typer(images.app, name="images")
app.add_typer(keys.app, name="keys")
app.add_typer(queue.app, name="queue")
app.add_typer(runtimes.app, name="runtimes")
app.add_typer(dockerproxy.app, name="dockerproxy")

if __name__ == "__main__":
    app()
