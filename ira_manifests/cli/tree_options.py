"""Options and arguments of the commands that read trees of other authors: `lint`, `import`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ira_manifests.cli import rule_names
from ira_manifests.cli import shared_options as shared
from ira_manifests.cli.parser import Parser

SEVERITIES = ("error", "warning", "note")


def lint(parser: Parser) -> None:
    """Add the arguments of `lint`."""
    _paths(parser)
    shared.output_format(parser)
    for name, what in (("--rule", "Only this rule"), ("--ignore", "Not this rule")):
        parser.add_argument(
            name,
            dest={"--rule": "only_rules", "--ignore": "ignored"}[name],
            metavar="RULE",
            action="append",
            type=_known_rule(name),
            help=f"{what}, by id or name. Repeatable.",
        )
    parser.add_argument(
        "--severity",
        choices=SEVERITIES,
        default="warning",
        metavar="SEVERITY",
        help="The least severity to report: error, warning, or note, which tells what is not "
        "judged. [default: warning]",
    )
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        type=shared.file("--baseline"),
        help="Leave out the findings of this file, which --write-baseline has written.",
    )
    parser.add_argument(
        "--write-baseline",
        metavar="FILE",
        type=shared.file("--write-baseline"),
        help="Write the findings to this file, and exit with 0.",
    )
    _models(
        parser,
        "Judge the memory of these models too: a folder with ORG/NAME/config.json of each, or with "
        "profiles of models.",
    )
    _remote(parser, "they are not judged")


def import_(parser: Parser) -> None:
    """Add the arguments of `import`."""
    _paths(parser)
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=shared.folder("--out"),
        default=Path("profiles"),
        help="The new folder of profiles, which must not exist. [default: profiles]",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Print the profiles, and write nothing."
    )
    shared.as_json(parser)
    _models(
        parser,
        "Take the geometry of models from a folder with ORG/NAME/config.json of each, or with "
        "profiles of models.",
    )
    _remote(parser, "kustomizations with one are not read")


def _paths(parser: Parser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH|-",
        nargs="+",
        help="A folder with kustomizations or manifests, or a file; - for standard input, such as "
        "the output of kustomize, helm template or kubectl get -o yaml.",
    )


def _models(parser: Parser, what: str) -> None:
    parser.add_argument(
        "--models",
        dest="models_folder",
        metavar="FOLDER",
        type=shared.folder("--models"),
        help=what,
    )


def _remote(parser: Parser, default: str) -> None:
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help=f"Let kustomize fetch remote bases. [default: {default}]",
    )


def _known_rule(option: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        found = rule_names.id_of(value)
        if found is None:
            raise rule_names.unknown(value, option)
        return found

    return parse
