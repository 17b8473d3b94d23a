"""Requests to the Hub: bounded in bytes and redirects, and with the token for the Hub alone."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import httpx
from huggingface_hub import get_session

from ira_manifests.errors import InputError
from ira_manifests.hub.library import Settings
from ira_manifests.hub.refusals import SERVER_ERROR, Asked, failure, is_passing, refusal

_MOST_REDIRECTS = 10
_PAUSE = 0.5  # seconds before the second try
_CONTENT_RANGE = re.compile(r"bytes 0-\d{1,18}/(\d{1,18})")
_LENGTH = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Start:
    """The first bytes of something, and the size of the whole if the answer has it."""

    content: bytes
    size: int | None


class _PassingError(Exception):
    """An error that another try may not have. `lasting`: what to raise if it has."""

    def __init__(self, lasting: InputError) -> None:
        self.lasting = lasting


@dataclass(frozen=True)
class Client:
    """Sends requests about one model."""

    settings: Settings
    asked: Asked

    def get(
        self, address: str, name: str, most: int, *, in_part: bool = False, may_leave: bool = False
    ) -> Start:
        """Return at most `most` bytes from the start of what is at an address.

        `name`: what it is, in messages. `in_part`: whether to request these bytes alone.
        `may_leave`: whether to follow redirects to other hosts, which don't get the token.

        Raises InputError that says why there is no such answer.
        """
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise InputError(f"{name} can't be requested: its address would be too long") from None
        try:
            return self._followed(url, name, most, in_part, may_leave)
        except _PassingError:
            time.sleep(_PAUSE)
        try:
            return self._followed(url, name, most, in_part, may_leave)
        except _PassingError as error:
            raise error.lasting from None

    def _followed(
        self, url: httpx.URL, name: str, most: int, in_part: bool, may_leave: bool
    ) -> Start:
        for _ in range(_MOST_REDIRECTS):
            answer = self._answer(url, name, most, in_part)
            if isinstance(answer, Start):
                return answer
            if not may_leave and not self._is_hub(answer):
                raise InputError(
                    f"{origin(url)} redirects {name} to another host, {origin(answer)}, which is "
                    "not followed; see HF_ENDPOINT"
                )
            if url.scheme == "https" != answer.scheme:
                raise InputError(f"{origin(url)} redirects {name} to an address without https")
            url = answer
        raise InputError(f"{origin(url)} redirects {name} without end")

    def _answer(self, url: httpx.URL, name: str, most: int, in_part: bool) -> Start | httpx.URL:
        """Return what is at an address, or where that redirects to."""
        headers = {"User-Agent": self.settings.user_agent, "Accept-Encoding": "identity"}
        if self.settings.token is not None and self._is_hub(url):
            headers["Authorization"] = f"Bearer {self.settings.token}"
        if in_part:
            headers["Range"] = f"bytes=0-{most - 1}"
        timeout = self.settings.timeout
        session = get_session()
        try:
            with session.stream(
                "GET", url, headers=headers, follow_redirects=False, timeout=timeout
            ) as response:
                if response.has_redirect_location:
                    return url.join(response.headers["Location"])
                if not response.is_success:
                    raise self._refusal(response, name)
                return _content(response, name, most)
        except httpx.HTTPError as error:
            failed = failure(error, origin(url), name, timeout)
            raise _PassingError(failed) if is_passing(error) else failed from None

    def _refusal(self, response: httpx.Response, name: str) -> Exception:
        """Return the error for an answer that is no success."""
        status, place = response.status_code, origin(response.url)
        if self._is_hub(response.url) or status >= SERVER_ERROR:
            error = refusal(self.asked, response, place, name)
        else:
            error = InputError(f"{place}, to which the Hub redirects {name}, answers {status}")
        return _PassingError(error) if status >= SERVER_ERROR else error

    def _is_hub(self, url: httpx.URL) -> bool:
        return origin(url) == origin(httpx.URL(self.settings.endpoint))


def _content(response: httpx.Response, name: str, most: int) -> Start:
    """Return the first bytes of an answer, which must be as many as it says."""
    size = _size(response, name)
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) >= most:
            break
    if size is not None and len(content) < min(most, size):
        raise _PassingError(
            InputError(f"{name} has arrived cut off: {len(content)} of {min(most, size)} bytes")
        )
    return Start(bytes(content[:most]), size)


def _size(response: httpx.Response, name: str) -> int | None:
    """Return the size of the whole, of which the answer may be a part."""
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None:
            raise InputError(f"{origin(response.url)} sends another part of {name} than requested")
        return int(found[1])
    length = response.headers.get("Content-Length", "")
    return int(length) if _LENGTH.fullmatch(length) else None


def origin(url: httpx.URL) -> str:
    """Return the server of an address, without what may be secret: user, password and query."""
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"
