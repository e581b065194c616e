"""permessage-deflate (RFC 7692): what is agreed in the handshake, and the compression of one connection.

All codecs share it: they carry the RSV1 bit, the session asks here. An offer that is not understood is declined,
and the next one is looked at; bytes that cannot be inflated are an error of the connection.

Memory, all of it zlib's and held only once a compressed message went that way, with zlib 1.2 and 1.3:

    sending     4 * 2**window_bits + 2**(mem_level + 9) + 6 KiB    38 KiB by default
    receiving   2**client_window_bits + 9 KiB                      13 KiB by default

(measured: 38.0 and 12.7 KiB for each of 1,000). A client that does not offer `client_max_window_bits` may use a
window of 32 KiB and cannot be told otherwise, so the most that is held to receive is 41 KiB. Without context
takeover nothing is held between two messages. What comes out of inflating stops at the limit given, while it is
inflated.

Level 2 is the default because it takes 23 % less time than zlib's own 6 for a JSON message of 1 KiB, compressed
and inflated, and sends 14 % more bytes; a window of 12 bits because 15 saves 1 % of bytes for 100 KiB more.
"""

import sys
import zlib
from dataclasses import dataclass

from licorne.engine.websocket.handshake import Extension
from licorne.errors import WebSocketError

__all__ = ["Deflate", "DeflateOptions", "DeflateParameters", "negotiate"]

NAME = "permessage-deflate"
MAX_WINDOW_BITS = 15

# RFC 7692 §7.1.2.1: a decimal integer without leading zeroes, from 8 to 15.
_WINDOW_BITS = {str(bits): bits for bits in range(8, MAX_WINDOW_BITS + 1)}

# RFC 7692 §7.2.1: an empty stored block ends what Z_SYNC_FLUSH makes; it is taken off and put back.
_TAIL = b"\x00\x00\xff\xff"
_TAIL_BYTES = 4

# RFC 7692 §7.2.3.6: a message without content is the first byte of an empty stored block.
_EMPTY = b"\x00"

# zlib refuses to compress with 8. With 9 it looks back no further than 250 bytes, which a window of 8 bits holds.
_MIN_ZLIB_BITS = 9

# What follows a final block costs a new zlib object and a copy of the rest; nobody needs many in a message.
_MAX_FINAL_BLOCKS = 32

_INVALID_DATA = 1007
_TOO_BIG = 1009
_MAX_LIMIT = sys.maxsize - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflateOptions:
    """Hold what the server wants of permessage-deflate."""

    level: int = 2
    window_bits: int = 12  # the server's own window, 9 to 15
    client_window_bits: int = 12  # asked of clients that offer to be asked, 8 to 15
    mem_level: int = 5
    threshold: int = 1024  # bytes; shorter messages go out as they are
    takeover: bool = True  # a message may refer to the ones before it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflateParameters:
    """Hold what both sides have agreed on (RFC 7692 §7.1)."""

    server_bits: int = MAX_WINDOW_BITS
    client_bits: int = MAX_WINDOW_BITS
    server_takeover: bool = True
    client_takeover: bool = True


def negotiate(extensions: list[Extension], options: DeflateOptions) -> tuple[bytes, DeflateParameters] | None:
    """Accept the first offer of permessage-deflate that can be met; return the answer to it and what it means."""
    for name, parameters in extensions:
        offer = _read_offer(parameters) if name == NAME else None
        if offer is not None:
            return _accept(offer, options)
    return None


class _Offer:
    """Hold the parameters of one offer; 0 bits when it does not name them."""

    __slots__ = ("client_bits", "client_takeover", "server_bits", "server_takeover")

    def __init__(self) -> None:
        self.server_bits = 0
        self.client_bits = 0
        self.server_takeover = True
        self.client_takeover = True

    def take(self, name: str, value: str | None) -> bool:
        """Take a parameter; False when there is none of this name that may have this value."""
        bits = 0 if value is None else _WINDOW_BITS.get(value, 0)
        if name == "server_max_window_bits" and bits:
            self.server_bits = bits
        elif name == "client_max_window_bits" and (bits or value is None):
            # RFC 7692 §7.1.2.2: without a value it only says that the server may name one.
            self.client_bits = bits or MAX_WINDOW_BITS
        elif name == "server_no_context_takeover" and value is None:
            self.server_takeover = False
        elif name == "client_no_context_takeover" and value is None:
            self.client_takeover = False
        else:
            return False
        return True


def _read_offer(parameters: list[tuple[str, str | None]]) -> _Offer | None:
    """Return what an offer says; None when it must be declined (RFC 7692 §7.1)."""
    offer = _Offer()
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen or not offer.take(name, value):
            return None
        seen.add(name)
    return offer


def _accept(offer: _Offer, options: DeflateOptions) -> tuple[bytes, DeflateParameters]:
    server_bits = min(options.window_bits, offer.server_bits or MAX_WINDOW_BITS)
    # RFC 7692 §7.1.2.2: the answer must not name it unless the offer did.
    client_bits = min(options.client_window_bits, offer.client_bits) if offer.client_bits else MAX_WINDOW_BITS
    agreed = DeflateParameters(
        server_bits=server_bits,
        client_bits=client_bits,
        server_takeover=options.takeover and offer.server_takeover,
        client_takeover=options.takeover and offer.client_takeover,
    )
    return _answer(agreed, is_server_asked=offer.server_bits > 0, is_client_asked=offer.client_bits > 0), agreed


def _answer(agreed: DeflateParameters, *, is_server_asked: bool, is_client_asked: bool) -> bytes:
    parts = [NAME]
    if not agreed.server_takeover:
        parts.append("server_no_context_takeover")
    if not agreed.client_takeover:
        parts.append("client_no_context_takeover")
    # A server may name its window unasked (RFC 7692 §7.1.2.1): the client then holds no more than it needs.
    if is_server_asked or agreed.server_bits < MAX_WINDOW_BITS:
        parts.append(f"server_max_window_bits={agreed.server_bits}")
    if is_client_asked:
        parts.append(f"client_max_window_bits={agreed.client_bits}")
    return "; ".join(parts).encode("ascii")


class Deflate:
    """Compress and inflate the messages of one connection."""

    __slots__ = (
        "client_bits",
        "client_takeover",
        "compressor",
        "final_blocks",
        "inflator",
        "level",
        "mem_level",
        "server_bits",
        "server_takeover",
    )

    def __init__(self, parameters: DeflateParameters, options: DeflateOptions) -> None:
        self.client_bits = parameters.client_bits
        self.server_bits = max(parameters.server_bits, _MIN_ZLIB_BITS)
        self.client_takeover = parameters.client_takeover
        self.server_takeover = parameters.server_takeover
        self.level = options.level
        self.mem_level = options.mem_level
        self.compressor: zlib._Compress | None = None
        self.inflator: zlib._Decompress | None = None
        #: Final blocks seen in the message being received.
        self.final_blocks = 0

    def inflate(self, data: bytes, is_last: bool, limit: int) -> bytes:
        """Return what the next bytes of a compressed message stand for; `is_last`: the message ends with them.

        `limit` is how many bytes may come out of them; below 0 there is no limit.

        Raises:
            WebSocketError: 1009 when more would come out, 1007 when the bytes cannot be inflated.
        """
        if not data and not is_last:
            return data
        # zlib is asked for one byte more than allowed: with that byte it stops, and it has taken all without it.
        most = min(limit, _MAX_LIMIT) + 1 if limit >= 0 else 0
        inflator = self.inflator
        if inflator is None:
            if not data and self.final_blocks:
                self.final_blocks = 0
                return data
            self.inflator = inflator = zlib.decompressobj(-self.client_bits)
        try:
            out = inflator.decompress(data + _TAIL if is_last else data, most)
            if inflator.eof:
                out = self._go_on(out, is_last, most)
        except zlib.error as error:
            raise WebSocketError(_INVALID_DATA, "the compressed data is corrupt") from error
        if most and len(out) >= most:
            raise WebSocketError(_TOO_BIG, "the message is too large")
        if is_last:
            self._finish_inflating()
        return out

    def compress(self, data: bytes) -> bytes:
        """Return a whole message compressed, without the bytes that end every compressed message."""
        if not data:
            return _EMPTY
        compressor = self.compressor
        if compressor is None:
            compressor = zlib.compressobj(self.level, zlib.DEFLATED, -self.server_bits, self.mem_level)
            self.compressor = compressor if self.server_takeover else None
        out = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return out[:-_TAIL_BYTES]

    # internals

    def _go_on(self, out: bytes, is_last: bool, most: int) -> bytes:
        """Inflate what stands behind a final block, which ends zlib's stream but no message (RFC 7692 §7.2.3.4).

        The window begins anew, as it does in a compressor that has made such a block.
        """
        inflator = self.inflator
        while inflator is not None and inflator.eof and (not most or len(out) < most):
            self.final_blocks += 1
            if self.final_blocks > _MAX_FINAL_BLOCKS:
                raise WebSocketError(_INVALID_DATA, "the compressed data has too many final blocks")
            rest = inflator.unused_data
            # A peer that leaves out the byte which makes room for the tail has nothing more to say.
            is_over = not rest or (is_last and rest == _TAIL)
            self.inflator = inflator = None if is_over else zlib.decompressobj(-self.client_bits)
            if inflator is not None:
                out += inflator.decompress(rest, most - len(out) if most else 0)
        return out

    def _finish_inflating(self) -> None:
        self.final_blocks = 0
        if not self.client_takeover:
            self.inflator = None
