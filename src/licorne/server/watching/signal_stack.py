"""Signal stack: room for all signals that can come at once.

`faulthandler` gives the main thread a small stack for signals, and every handler that Python has installed runs there
too. A signal whose handler has not returned yet leaves its frame, several KiB with the registers of a wide processor:
a handful that come together fill the stack, and Linux ends the process with SIGSEGV.

Rules: the larger stack is never freed, because signals come until the last moment of a process. It costs an address
range; memory only as far as it is used. Other systems than Linux have larger stacks from the beginning.
"""

import ctypes
import sys

__all__ = ["widen_signal_stack"]

#: For each of 64 signals the largest frame that a processor of today has.
_SIZE_BYTES = 64 * 16 * 1024
_SS_DISABLE = 2


class _Stack(ctypes.Structure):
    """Be what C calls `stack_t`, in the order of Linux."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def widen_signal_stack() -> None:
    """Replace the stack that signals of the calling thread have, if they have a small one of their own, on Linux."""
    if sys.platform != "linux":
        return
    try:
        library = ctypes.CDLL(None)
        present = _Stack()
        if library.sigaltstack(None, ctypes.byref(present)) or not _is_small(present):
            return
        library.malloc.restype = ctypes.c_void_p
        library.malloc.argtypes = (ctypes.c_size_t,)
        if address := library.malloc(_SIZE_BYTES):
            library.sigaltstack(ctypes.byref(_Stack(address, 0, _SIZE_BYTES)), None)
    except (OSError, AttributeError):  # a C library of another kind
        return


def _is_small(stack: _Stack) -> bool:
    return not stack.flags & _SS_DISABLE and stack.size < _SIZE_BYTES
