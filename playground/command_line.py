"""Command line: options, and errors in them that are a sentence."""

from __future__ import annotations

import argparse
import io
import math
import os
import socket
import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", int, float)


def in_range(kind: type[T], least: float, most: float = math.inf) -> Callable[[str], T]:
    """Type of an option for numbers in a range.

    Args:
        kind: int or float.
        least: the smallest number allowed.
        most: the largest.

    Returns:
        A function from the option's text to the number, for `argparse`.
    """

    def number(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            value = kind(least) - 1
        if not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            where = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"it must be {what} {where}; it was {text}")
        return value

    return number


def replace_unprintable() -> None:
    """Print ? for what the terminal's encoding lacks, such as a label in Chinese on an older Windows."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def add_address_options(parser: argparse.ArgumentParser) -> None:
    """Add --host and --port; their defaults are Gradio's environment variables."""
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=in_range(int, 1, 65535), default=os.environ.get("GRADIO_SERVER_PORT", "7860"))


def check_address(host: str, port: int) -> None:
    """Check that a server can listen at an address.

    Args:
        host: name or number of a network interface of this machine.
        port: the port.

    Raises:
        ValueError: if there is no such interface, or the port is taken or not allowed. The message is written for
            users.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "this is no name of a host"
        raise ValueError(
            f"The page cannot be served at {host}:{port} ({reason}): choose another --host or --port."
        ) from error
