"""The commands. The module of one is imported when it is called, so that --help costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 80}

# Each with its module, its function and the first line of its help.
COMMANDS = {
    "synth": ("synth", "command", "Write the kustomize directories of the matrix."),
    "check": (
        "check",
        "command",
        "Check profiles, cells, rendered objects, and whether the output is stale.",
    ),
    "list": (
        "show",
        "list_command",
        "Show the matrix: what each cell runs on, and whether it fits.",
    ),
    "explain": (
        "show",
        "explain_command",
        "Explain a cell: where its memory goes, what limits it, where each value comes from.",
    ),
}


class _Commands(typer.core.TyperGroup):
    """A group that knows its commands by name, and imports the one that is called."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[name]
        single = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_HELP)
        found = getattr(import_module(f"ira_manifests.cli.{module}"), function)
        single.command(name)(found)
        return typer.main.get_command(single)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


app = typer.Typer(
    cls=_Commands,
    help="GPU × model profiles to the exact kustomize directories that serve open models on GKE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings=_HELP,
)


def _version(asked: bool) -> None:
    if asked:
        from ira_manifests import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass
