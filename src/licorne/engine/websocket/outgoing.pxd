cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.websocket.codec cimport Codec
from licorne.engine.websocket.deflate cimport Deflate

cdef int _TEXT_HEAD
cdef int _BINARY_HEAD
cdef int _COMPRESSED
cdef Py_ssize_t _MAX_COPIED_BYTES


@cython.final
cdef class LastFrame:
    cdef bytes frame
    cdef object message


@cython.final
cdef class Outgoing:
    cdef public long long bytes_out
    cdef Codec codec
    cdef public Deflate deflate
    cdef Exchange exchange
    cdef LastFrame last
    cdef public long long messages_out
    cdef long long threshold

    @cython.locals(frame=bytes, last=LastFrame)
    cpdef send_text(self, object text)
    cpdef send_bytes(self, object data)
    cpdef send_control(self, int head, bytes payload)
    @cython.locals(count=Py_ssize_t, deflate=Deflate, last=LastFrame)
    cdef _send_payload(self, int head, bytes data)
