cimport cython

from licorne.engine.http1.writer cimport (
    Heads,
    serialize_chunk_line,
    serialize_head,
    serialize_informational,
    serialize_refusal,
    serialize_trailers,
    serialize_upgrade,
)
from licorne.engine.received cimport RequestHead
from licorne.engine.sink cimport ResponseSink

cdef int _IDLE
cdef int _HEAD
cdef int _BODY
cdef int _DONE
cdef int _NO_CONTENT
cdef int _LENGTH
cdef int _CHUNKED
cdef int _UNTIL_CLOSE
cdef long long _UNKNOWN_LENGTH
cdef int _WANTS_CLOSE
cdef int _HAS_NO_CONTENT
cdef int _NAMES_UPGRADE
cdef int _RESET_CONTENT
cdef int _SWITCHING_PROTOCOLS
cdef list _NO_FIELDS
cdef Py_ssize_t _MAX_COPIED_BYTES


@cython.final
cdef class Http1Response(ResponseSink):
    cdef list fields
    cdef int flags
    cdef int framing
    cdef Heads heads
    cdef bytes hint
    cdef bint is_aborted
    cdef bint keeps_alive
    cdef long long length
    cdef int minor
    cdef list out
    cdef Py_ssize_t out_bytes
    cdef int state
    cdef int status

    cdef begin(self, RequestHead head, bint keeps_alive)
    cdef refuse(self, int status, str reason)
    @cython.locals(out=list)
    cdef list take(self)
    cdef bint is_done(self) noexcept
    cdef bint has_left(self) noexcept
    cdef bint ends_with_connection(self) noexcept
    cdef _queue(self, bytes data)
    @cython.locals(first=bytes, last=bytes)
    cdef _send_first(self, bytes data, bint end)
    @cython.locals(line=bytes)
    cdef bytes _frame(self, Py_ssize_t size, bint end)
    @cython.locals(hint=bytes)
    cdef bytes _connection_lines(self)
    cdef _send_chunk(self, bytes data, bint end)
