"""What the installed huggingface_hub says of the environment: where the Hub is, and who asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ira_manifests import installation
from ira_manifests.errors import InputError

_OLDEST = 1  # major release; older ones are built on another HTTP client
_PACKAGE = f"huggingface_hub>={_OLDEST}"
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Settings:
    """The Hub as the environment describes it.

    Attributes:
        endpoint: its address, without a slash at the end.
        token: what to authorise requests with; None for anonymous ones.
        timeout: seconds without any progress of a request.
        is_offline: whether only the cache may be read.
        cache: the folder of the cache.
        user_agent: what requests call themselves.
    """

    endpoint: str
    token: str | None
    timeout: float
    is_offline: bool
    cache: Path
    user_agent: str

    def __repr__(self) -> str:
        """Return the endpoint alone, so that no token is printed."""
        return f"Settings({self.endpoint!r})"


def settings() -> Settings:
    """Return the Hub's settings.

    Raises InputError where huggingface_hub is missing or too old, or where the environment has
    what it can't use.
    """
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ImportError:
        raise InputError(
            "models are read from the Hub with the package huggingface_hub, the extra `hub`: "
            f"{_install()}; a folder of the model's files is read without: --from"
        ) from None
    except ValueError as error:  # such as HF_HUB_DOWNLOAD_TIMEOUT=soon
        raise InputError(
            f"huggingface_hub refuses a variable of the environment: {error}"
        ) from None
    version = huggingface_hub.__version__
    if int(version.partition(".")[0]) < _OLDEST:
        raise InputError(f"huggingface_hub {version} is too old to read models: {_install()}")
    return Settings(
        _endpoint(constants.ENDPOINT),
        None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else _token(),
        constants.HF_HUB_DOWNLOAD_TIMEOUT,
        constants.HF_HUB_OFFLINE,
        Path(constants.HF_HUB_CACHE),
        f"ira-manifests; hf_hub/{version}",
    )


def _install() -> str:
    return installation.way_to("hub", f"pip install '{_PACKAGE}'")


def _endpoint(address: str) -> str:
    import httpx

    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise InputError("HF_ENDPOINT is no address of a Hub, such as https://huggingface.co")
    return address


def _token() -> str | None:
    from huggingface_hub import get_token

    try:
        token = get_token()
    except Exception as error:  # noqa: BLE001  it depends on where the token comes from
        # Its text may hold the token.
        raise InputError(f"the token for the Hub can't be read ({type(error).__name__})") from None
    if token is not None and not _TOKEN.fullmatch(token):
        raise InputError(
            "the token for the Hub (HF_TOKEN, or the file HF_TOKEN_PATH) has letters that no token "
            "has; copy it again"
        )
    return token
