"""vLLM's releases, the command-line options of each, and checks of a command line.

`vllm serve` exits at once on an unknown option, and its container crash-loops. options.json holds
the options of each release and the values that they take; `python -m tools.vllm_options` reads
them from the published source of each release.

    Release.parse("0.9.0.1") > Release.parse("0.9.0rc2")    one type, in the index's order
    option_strings("0.26.0")                             every option string of that release
    flag_problems(["--swap-space=4"], "0.26.0")   what its parser would refuse, in order
    settings(["-tp", "8"], "0.26.0")              {"--tensor-parallel-size": "8"}
    given_options(["-tp", "8"], "0.26.0")         (("--tensor-parallel-size", 0),)
    human_readable_int("128k")                    128000: the number that an option's text means
    unknown_flags(["--swap-space=4"], "0.26.0")   of these, the options it does not have
"""

from ira_manifests.vllm.command_line import (
    flag_problems,
    given_options,
    settings,
    unknown_flags,
)
from ira_manifests.vllm.flag_problems import FlagProblem, UnknownFlag
from ira_manifests.vllm.option_values import Reason, human_readable_int
from ira_manifests.vllm.options import (
    Kind,
    option_strings,
    releases,
)
from ira_manifests.vllm.release import Release, UnknownReleaseError

__all__ = [
    "FlagProblem",
    "Kind",
    "Reason",
    "Release",
    "UnknownFlag",
    "UnknownReleaseError",
    "flag_problems",
    "given_options",
    "human_readable_int",
    "option_strings",
    "releases",
    "settings",
    "unknown_flags",
]
