"""Faults between the Hub and a download, to be queued with `Hub.fail`."""

from __future__ import annotations

import os
import socket
import struct
import threading

from testing.hub import Fault, Handler


def status(code: int) -> Fault:
    """Answer with the status and nothing else."""

    def fault(handler: Handler) -> bool:
        handler.answer(code)
        return True

    return fault


def refusal(code: int, message: str) -> Fault:
    """Answer with the status and the Hub's headers for the error and its message."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, {"X-Error-Message": message})
        return True

    return fault


def cut_after(count: int) -> Fault:
    """Close the connection in the middle of the body, as a proxy does when it stops."""

    def fault(handler: Handler) -> bool:
        handler.send_file(handler.file, handler.hub.files[handler.file], count)
        handler.close_connection = True
        return True

    return fault


def reset_after(count: int) -> Fault:
    """Reset the connection in the middle of the body."""

    def fault(handler: Handler) -> bool:
        cut_after(count)(handler)
        no_lingering = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
        os.close(handler.connection.detach())
        return True

    return fault


def silent_after(count: int, until: threading.Event) -> Fault:
    """Send the first bytes, and then nothing, with the connection left open."""

    def fault(handler: Handler) -> bool:
        handler.send_file(handler.file, handler.hub.files[handler.file], count)
        until.wait(60)
        handler.close_connection = True
        return True

    return fault


def damaged(handler: Handler) -> bool:
    """Send the right number of bytes, one of them wrong."""
    content = handler.hub.files[handler.file]
    handler.send_file(handler.file, bytes([content[0] ^ 1]) + content[1:])
    return True


def held_until(event: threading.Event) -> Fault:
    """Answer as usual, but not before the event."""

    def fault(handler: Handler) -> bool:
        event.wait(60)
        return False

    return fault
