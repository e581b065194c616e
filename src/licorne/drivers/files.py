"""Send a file over a transport of asyncio: by sendfile(2) where the socket allows, by reading it elsewhere.

Works on every loop that speaks asyncio's transports: the kernel writes to a duplicate of the socket's
descriptor, and only while the transport holds nothing, so that the order of bytes is kept.
"""

import asyncio
import errno
import os
from typing import Any, BinaryIO

from licorne.drivers.link import DriverLink
from licorne.errors import ClientDisconnected

__all__ = ["send_file"]

# Sent at a time, so that the progress of a slow peer can be seen.
_SLICE_BYTES = 1024 * 1024
_READ_BYTES = 128 * 1024
# Some file systems cannot be sent from.
_NOT_FOR_THIS_FILE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


async def send_file(link: DriverLink, transport: Any, file: BinaryIO, offset: int, count: int) -> None:
    """Send `count` bytes of `file` from `offset`, after what the transport holds.

    Raises:
        ClientDisconnected: The peer left.
        OSError: The file cannot be read, or is shorter than `count`.
    """
    sock = transport.get_extra_info("socket")
    if link.tls is not None or sock is None or not hasattr(os, "sendfile"):
        await _send_by_reading(link, transport, file, offset, count)
        return
    await _emptied(link, transport)
    descriptor = os.dup(sock.fileno())
    try:
        reached = await _send_by_kernel(link, transport, (descriptor, file.fileno()), offset, count)
    finally:
        os.close(descriptor)
    if reached < offset + count:
        await _send_by_reading(link, transport, file, reached, offset + count - reached)


async def _emptied(link: DriverLink, transport: Any) -> None:
    """Wait until the transport has handed everything to the kernel."""
    transport.set_write_buffer_limits(high=0)
    try:
        while transport.get_write_buffer_size():
            await (link.drain() or asyncio.sleep(0))
            _check(transport)
    finally:
        transport.set_write_buffer_limits(high=link.runtime.write_high_water)


async def _send_by_kernel(link: DriverLink, transport: Any, pair: tuple[int, int], offset: int, count: int) -> int:
    """Return how far into the file the kernel came: to the end, or to where it could not."""
    target, source = pair
    end = offset + count
    while offset < end:
        _check(transport)
        try:
            sent = os.sendfile(target, source, offset, min(end - offset, _SLICE_BYTES))
        except BlockingIOError:
            await _writable(link, target)
            continue
        except (BrokenPipeError, ConnectionError):
            raise ClientDisconnected("The client disconnected.") from None
        except OSError as error:
            if error.errno not in _NOT_FOR_THIS_FILE:
                raise
            return offset
        if not sent:
            raise OSError(f"the file ends {end - offset} bytes early")
        offset += sent
        link.written += sent
        await asyncio.sleep(0)  # others have their turn
    return offset


async def _writable(link: DriverLink, descriptor: int) -> None:
    """Wait until the kernel takes more bytes, or the peer is dropped for taking none."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(descriptor, lambda: None if ready.done() else ready.set_result(None))
    timeout = link.runtime.options.write_stall_timeout or None
    try:
        await asyncio.wait_for(ready, timeout)
    except TimeoutError:
        link.reset()
    finally:
        loop.remove_writer(descriptor)


async def _send_by_reading(link: DriverLink, transport: Any, file: BinaryIO, offset: int, count: int) -> None:
    while count:
        _check(transport)
        data = os.pread(file.fileno(), min(count, _READ_BYTES), offset)
        if not data:
            raise OSError(f"the file ends {count} bytes early")
        transport.write(data)
        link.written += len(data)
        offset += len(data)
        count -= len(data)
        waiting = link.drain()
        if waiting is not None:
            await waiting


def _check(transport: Any) -> None:
    if transport.is_closing():
        raise ClientDisconnected("The client disconnected.")
