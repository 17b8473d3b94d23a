"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ira_manifests.cli.parser import Parser
from ira_manifests.errors import InputError

FORMATS = ("text", "json", "sarif", "github")


def out(parser: Parser) -> None:
    """Add the option of the output folder."""
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=folder("--out"),
        default=Path("dist"),
        help="Output folder. [default: dist]",
    )


def profiles(parser: Parser) -> None:
    """Add the option of the folder of profiles."""
    parser.add_argument(
        "-p",
        "--profiles",
        dest="profiles_folder",
        metavar="FOLDER",
        type=folder("--profiles"),
        help="Profiles folder. [default: ./profiles, else the packaged profiles]",
    )


def only(parser: Parser) -> None:
    """Add the option that chooses cells."""
    parser.add_argument(
        "--only",
        metavar="GPU/MODEL",
        action="append",
        help="Only this cell, such as h100/llama3 or 'h100/*'. Repeatable.",
    )


def environments(parser: Parser) -> None:
    """Add the option that chooses environments."""
    parser.add_argument(
        "--environment",
        dest="environments",
        metavar="NAME",
        action="append",
        help="Only this environment of profiles/environments. Repeatable.",
    )


def names(parser: Parser) -> None:
    """Add the options that replace names of the profiles."""
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        help="Namespace of all objects. [default: the kubectl context's]",
    )
    parser.add_argument(
        "--workload-name",
        metavar="TEMPLATE",
        help="Name of the Deployments, such as vllm-{gpu}-{model} to run several models of one "
        "GPU type side by side. [default: vllm-{gpu}]",
    )


def output_format(parser: Parser) -> None:
    """Add the option of the format of findings."""
    parser.add_argument(
        "-f",
        "--format",
        dest="output_format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"Output format: {', '.join(FORMATS)}. [default: text]",
    )


def format_of(words: Sequence[str]) -> str:
    """Return the value of --format, whatever else is wrong with the arguments of `check`."""
    parser = Parser("check", "")
    output_format(parser)
    try:
        given, _ = parser.parse_known_args(words)
    except InputError:
        return FORMATS[0]
    return str(given.output_format)


def as_json(parser: Parser) -> None:
    """Add the option to print JSON."""
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON.")


def folder(option: str) -> Callable[[str], Path]:
    """Return the parser of an option's folder, whose path must not be empty."""
    return _path(option, "folder")


def file(option: str) -> Callable[[str], Path]:
    """Return the parser of an option's file, whose path must not be empty."""
    return _path(option, "file")


def _path(option: str, what: str) -> Callable[[str], Path]:
    def parse(value: str) -> Path:
        if not value:
            raise InputError(f"{option} is empty; give a {what}")
        return Path(value)

    return parse
