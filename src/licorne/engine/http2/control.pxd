cimport cython

from licorne.engine.http2.frames cimport FrameReader, parse_settings, parse_word, put_head
from licorne.engine.http2.guard cimport Guard
from licorne.engine.http2.hpack.decoder cimport Decoder
from licorne.engine.http2.intake cimport Intake
from licorne.engine.http2.outgoing cimport Outgoing
from licorne.engine.http2.scheduler cimport parse_priority
from licorne.engine.http2.stream cimport Http2Stream
from licorne.engine.http2.streams cimport StreamTable
from licorne.engine.http2.windows cimport ReceiveWindow, widened

cdef int _ACK
cdef int _CONTINUATION
cdef int _GOAWAY
cdef int _PING
cdef int _PRIORITY
cdef int _PRIORITY_UPDATE
cdef int _PUSH_PROMISE
cdef int _SETTINGS
cdef Py_ssize_t _PRIORITY_BYTES
cdef Py_ssize_t _PRIORITY_WORK


@cython.final
cdef class Controls:
    cdef Decoder decoder
    cdef Guard guard
    cdef public bint has_pong
    cdef Intake intake
    cdef bint is_acknowledged
    cdef public bint is_leaving
    cdef object limits
    cdef Outgoing outgoing

    @cython.locals(kind=int)
    cpdef receive(self, FrameReader reader, double now)
    @cython.locals(stream_id=int, credit="long long", outgoing=Outgoing, stream=Http2Stream)
    cpdef receive_credit(self, FrameReader reader, double now)
    cpdef receive_settings(self, FrameReader reader)
    cpdef apply(self, list pairs)
    @cython.locals(outgoing=Outgoing, delta="long long", stream=Http2Stream)
    cdef _apply(self, long long identifier, long long value)
    @cython.locals(stream=Http2Stream)
    cdef _acknowledge(self)
    cdef _on_ping(self, FrameReader reader)
    cdef _on_priority(self, FrameReader reader)
    @cython.locals(stream_id=int, priority=int, table=StreamTable, stream=Http2Stream)
    cdef _on_priority_update(self, FrameReader reader)
