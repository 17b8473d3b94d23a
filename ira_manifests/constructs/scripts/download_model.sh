#!/usr/bin/env bash
# Copies one model from the Hugging Face Hub into the bucket, as gs://IRA_BUCKET_NAME/MODEL_ID/.
#
# Files are downloaded to MODEL_ROOT/.ira-model-download/MODEL_ID, compared with the Hub's checksums
# and then moved to MODEL_ROOT/MODEL_ID, config.json last: where it is, the model is whole (where a
# repository has none, params.json of Mistral's own format, or an adapter's adapter_config.json). No
# other record is kept: a later run compares what it finds with the Hub and fetches the difference.
#
# The token is read from a file, by the Python program that takes the place of this shell. It is in
# no environment, no argument, no message and no other file.
#
# Optional settings and their defaults: MODEL_ROOT /local, DOWNLOAD_ATTEMPTS 5,
# DOWNLOAD_RETRY_SECONDS 10 (doubles with each try), HF_HUB_DISABLE_XET 1, HUB_PACKAGES /packages,
# HUGGING_FACE_TOKEN_FILE /etc/hugging-face-token/HUGGING_FACE_TOKEN. What to leave out, as
# patterns separated by blanks: DOWNLOAD_EXCLUDE, and DOWNLOAD_EXCLUDE_DUPLICATES, which counts only
# where the same folder holds safetensors that it doesn't match. Default: nothing. DOWNLOAD_BY_MODEL
# has what is of single models, as JSON: {"MODEL_ID": {"exclude": [...], "keep": [...], "revision":
# "..."}}; patterns to keep count before all others. MODEL_REVISION counts before that revision;
# without either, the revision is main.
#
# Exit codes. A failure that another try can't mend ends the Job at once.
#   10  a variable or the token is missing or empty   22  the Hub refuses the token (401)
#   11  a placeholder is left in                      23  the model's terms are not accepted (403)
#   12  MODEL_ID is not an id of the Hub              24  no such repository or revision (404)
#   13  the token has spaces, quotes or a line end    25  no space left
#   14  MODEL_ROOT is missing or not writable         26  the repository holds nothing to serve
#   21  huggingface_hub is not installed              27  failed DOWNLOAD_ATTEMPTS times
#  143  stopped by SIGTERM                           28  old weights in the bucket would be served
export MODEL_ROOT="${MODEL_ROOT:-/local}"
[[ -d $MODEL_ROOT && -w $MODEL_ROOT ]] ||
  fail 14 "$MODEL_ROOT is not a folder that can be written to: is the bucket mounted there?"
has_release ||
  fail 21 "huggingface_hub $HUGGINGFACE_HUB_VERSION is not in $packages: see the first container"

# HTTP writes a file front to back, which Cloud Storage FUSE streams into the bucket, and goes on
# where a connection broke. Xet writes out of order, which FUSE must stage on disk first.
export HF_HUB_DISABLE_XET="${HF_HUB_DISABLE_XET:-1}" HF_HOME="${TMPDIR:-/tmp}/huggingface"
export HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_VERBOSITY=error
exec python3 - << 'PYTHON'
import errno, hashlib, json, os, re, shutil, signal, sys, time

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from threading import Lock

import httpx
from huggingface_hub import HfApi, constants, hf_hub_download

TOKEN = ""
TOKEN_FILE = "/etc/hugging-face-token/HUGGING_FACE_TOKEN"
MODEL_ID = os.environ["MODEL_ID"]
ROOT = Path(os.environ["MODEL_ROOT"])
MODEL = ROOT / MODEL_ID
STAGING = ROOT / ".ira-model-download" / MODEL_ID
# What vLLM looks for first; moved last, in this order.
MARKS = ("adapter_config.json", "params.json", "config.json")
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".gguf")
ATTEMPTS = int(os.environ.get("DOWNLOAD_ATTEMPTS") or 5)
LARGEST_INDEX = 64 << 20  # bytes; that of DeepSeek-V3 has 9 million
RETRY_SECONDS = float(os.environ.get("DOWNLOAD_RETRY_SECONDS") or 10)
OWN = json.loads(os.environ.get("DOWNLOAD_BY_MODEL") or "{}").get(MODEL_ID, {})
REVISION = os.environ.get("MODEL_REVISION") or OWN.get("revision") or "main"
KEEP = OWN.get("keep", [])
EXCLUDE = os.environ.get("DOWNLOAD_EXCLUDE", "").split() + OWN.get("exclude", [])
DUPLICATES = os.environ.get("DOWNLOAD_EXCLUDE_DUPLICATES", "").split()
FAILING = Lock()


def say(text, stream=sys.stdout):
    line = " ".join((text.replace(TOKEN, "***") if TOKEN else text).split())
    print(f"download-model: {line}\n", end="", file=stream, flush=True)


def fail(code, text):
    FAILING.acquire()  # for good: of the threads that fail at the same time one speaks
    say(text, sys.stderr)
    os._exit(code)  # without the other threads' files, which the next run fetches


def fail_if_permanent(error):
    number, response = getattr(error, "errno", None), getattr(error, "response", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        fail(25, f"no space left for {MODEL_ID}: {error}")
    # An error of TLS has the number of EPERM, but no file.
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename:
        fail(14, f"the bucket can't be written to: {error}")
    # A CDN answers 403 when a signed address has run out; the next try gets a new one.
    if response is not None and response.url.netloc == httpx.URL(constants.ENDPOINT).netloc:
        reason = response.headers.get("X-Error-Message", "")
        if response.status_code == 401:
            fail(22, f"the Hub refuses the token in HUGGING_FACE_TOKEN (401). {reason}")
        if response.status_code == 403:
            page = f"https://huggingface.co/{MODEL_ID}"
            fail(23, f"no access (403): accept the terms on {page} as the token's owner. {reason}")
        if response.status_code == 404:
            fail(24, f"the Hub shows this token no {MODEL_ID} at revision {REVISION} (404)")
    if cause := error.__cause__ or error.__context__:
        fail_if_permanent(cause)


def read_token():
    where = "write the token into base/hugging-face-token.env, or as that key into your own Secret"
    try:
        with open(os.environ.get("HUGGING_FACE_TOKEN_FILE") or TOKEN_FILE, "rb") as file:
            token = file.read(10_000).decode(errors="replace")
    except OSError as error:
        fail(10, f"HUGGING_FACE_TOKEN is not set: {where} ({error})")
    if not token:
        fail(10, f"HUGGING_FACE_TOKEN is not set: {where}")
    if "<HUGGING_FACE_TOKEN>" in token:
        fail(11, f"HUGGING_FACE_TOKEN is still the placeholder <HUGGING_FACE_TOKEN>: {where}")
    if not re.fullmatch("[A-Za-z0-9._~+/=-]+", token):
        fail(13, "HUGGING_FACE_TOKEN has spaces, quotes or a line end: write it bare")
    return token


def retry(what, action, *arguments):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action(*arguments)
        except Exception as error:
            fail_if_permanent(error)
            say(f"try {attempt} of {ATTEMPTS}, {what}: {type(error).__name__}: {error}", sys.stderr)
        if attempt < ATTEMPTS:
            time.sleep(RETRY_SECONDS * 2 ** (attempt - 1))
    fail(27, f"giving up after {ATTEMPTS} tries: {what}")


def needed(files):
    def matches(path, patterns):
        return any(fnmatchcase(path, pattern) for pattern in patterns)

    own = {path for path in files if matches(path, KEEP)}
    kept = {path: files[path] for path in files if path in own or not matches(path, EXCLUDE)}
    plain = {path for path in kept if path in own or not matches(path, DUPLICATES)}
    served = {PurePosixPath(path).parent for path in plain if path.endswith(".safetensors")}
    for path in kept.keys() - plain:
        if PurePosixPath(path).parent in served:
            del kept[path]
    if not any(mark in kept for mark in MARKS):
        fail(26, f"{MODEL_ID} has none of {', '.join(reversed(MARKS))}, or they are excluded")
    if not any(path.endswith(WEIGHTS) for path in kept):
        fail(26, f"{MODEL_ID} has no weights, or the exclusions leave none")
    if "config.json" not in kept and "params.json" not in kept:
        say(f"{MODEL_ID} is an adapter: name it in lora_adapters of its model")
    elif "config.json" not in kept:
        flags = " ".join(f"--{name}=mistral" for name in ("config-format", "load-format"))
        say(f"{MODEL_ID} has params.json alone: serve it with {flags} --tokenizer-mode=mistral")
    return kept


def check_old_weights(files):
    """Of weights without an index, vLLM reads every file: also those of an earlier download."""
    if any("/" not in path and path.endswith(".safetensors.index.json") for path in files):
        return
    read = (".safetensors", ".safetensors.index.json")
    found = sorted(path.name for path in MODEL.glob("*") if path.name.endswith(read))
    if old := [name for name in found if name not in files]:
        where = f"gs://{os.environ['IRA_BUCKET_NAME']}/{MODEL_ID}/{old[0]}"
        others = f" and {len(old) - 1} more beside it" if len(old) > 1 else ""
        fail(28, f"{where}{others} is not of revision {REVISION}, and would be served with it: "
                 "delete the old weights, and start the download again")


def intact(path, file):
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256() if file.lfs else hashlib.sha1(b"blob %d\0" % file.size)
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest() == (file.lfs.sha256 if file.lfs else file.blob_id)


def obtain(path, file, commit):
    """Leave the file, intact, in exactly one of the two folders."""
    staged = STAGING / path
    if intact(MODEL / path, file):
        staged.unlink(missing_ok=True)
    elif not intact(staged, file):
        staged.unlink(missing_ok=True)
        hf_hub_download(MODEL_ID, path, revision=commit, local_dir=STAGING, token=TOKEN)
        if not intact(staged, file):
            raise OSError("what arrived differs from the Hub's checksum")
        say(f"downloaded {path}, {file.size} bytes")


def check_paths(paths):
    for path in paths:
        no_name = any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in path)
        if no_name or {"", ".", ".."} & set(path.split("/")):
            name = ascii(path)[:200]
            fail(26, f"{MODEL_ID} lists {name}, which is no path inside of it")


def shards_of(index):
    folder = STAGING if (STAGING / index).exists() else MODEL
    try:
        names = json.loads((folder / index).read_bytes())
    except (ValueError, RecursionError) as error:
        fail(26, f"{MODEL_ID} can't be served: {index} is not an index of safetensors: {error}")
    names = names.get("weight_map") if isinstance(names, dict) else None
    if isinstance(names, dict) and all(isinstance(name, str) for name in names.values()):
        return set(names.values())
    return set()


def check_index(index, files):
    shards = shards_of(index)
    if not shards:
        fail(26, f"{MODEL_ID} can't be served: {index} has no weight_map that names files")
    for shard in sorted(shards):
        where = f"{MODEL_ID} can't be served: {index} names {ascii(shard)[:200]}"
        if not shard or "/" in shard or shard in (".", ".."):
            fail(26, f"{where}, which is no file beside it")
        if str(PurePosixPath(index).with_name(shard)) not in files:
            fail(26, f"{where}, which is not there")


def obtain_indexes(files, commit):
    """First, since what is wrong in one would be known only after hours otherwise."""
    for index in (path for path in files if path.endswith(".safetensors.index.json")):
        if (size := files[index].size) > LARGEST_INDEX:
            fail(26, f"{MODEL_ID} can't be served: {index} has {size} bytes, more than it needs")
        retry(index, obtain, index, files[index], commit)
        check_index(index, files)


def publish(files):
    if any((STAGING / path).exists() for path in files):
        for mark in {*MARKS} & {*files, "config.json"}:  # an old one would be served
            if (MODEL / mark).exists() and not (STAGING / mark).exists():
                os.replace(MODEL / mark, STAGING / mark)
            (MODEL / mark).unlink(missing_ok=True)
    for path in sorted(files, key=lambda path: MARKS.index(path) if path in MARKS else -1):
        if (STAGING / path).exists():
            (MODEL / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(STAGING / path, MODEL / path)
    if STAGING.exists():
        shutil.rmtree(STAGING)


def prepare():
    STAGING.mkdir(parents=True, exist_ok=True)
    for leftover in STAGING.rglob("*.incomplete"):
        leftover.unlink()


def main():
    query = {"revision": REVISION, "files_metadata": True, "timeout": 30}
    info = retry("listing the files", lambda: HfApi(token=TOKEN).model_info(MODEL_ID, **query))
    if info.id != MODEL_ID and info.id.lower() == MODEL_ID.lower():
        fail(12, f"MODEL_ID is {MODEL_ID}, but the Hub writes {info.id}, and so do servers")
    check_paths([file.rfilename for file in info.siblings])
    files = needed({file.rfilename: file for file in info.siblings})
    size = sum(file.size for file in files.values())
    say(f"{MODEL_ID} at {info.sha}: {len(files)} of {len(info.siblings)} files, {size} bytes")
    retry("looking for old weights", check_old_weights, files)
    retry("preparing the staging folder", prepare)
    obtain_indexes(files, info.sha)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda item: retry(item[0], obtain, *item, info.sha), files.items()))
    retry("moving the files into place", publish, files)
    for folder in STAGING.parents[:2]:
        with suppress(OSError):  # another model is on its way
            folder.rmdir()
    shutil.rmtree(ROOT / ".gcsfuse_tmp", ignore_errors=True)
    found = {str(path.relative_to(MODEL)) for path in MODEL.rglob("*") if path.is_file()}
    if others := sorted(found - files.keys()):
        say(f"left alone: {len(others)} files that are not the Hub's, such as {others[0]}")
    say(f"complete: gs://{os.environ['IRA_BUCKET_NAME']}/{MODEL_ID}/")


TOKEN = read_token()
main()
PYTHON
