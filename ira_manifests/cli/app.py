"""The commands and the options that they share."""

from __future__ import annotations

from typing import Annotated

import typer

from ira_manifests.cli import check, show, synth

app = typer.Typer(
    help="GPU × model profiles to the exact kustomize directories that serve open models on GKE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
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


app.command("synth")(synth.command)
app.command("check")(check.command)
app.command("list")(show.list_command)
app.command("explain")(show.explain_command)
