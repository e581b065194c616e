cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.stream cimport Http2Stream

cdef double _NEVER
cdef Py_ssize_t _MAX_RESET
cdef Py_ssize_t _MAX_GAPS
cdef Py_ssize_t _MAX_PRIORITIES
cdef Py_ssize_t _TIDY_EVERY


@cython.final
cdef class StreamTable:
    cdef list abandoned
    cdef list gaps
    cdef public int highest
    cdef Py_ssize_t limit
    cdef public dict priorities
    cdef dict reset
    cdef public dict streams

    cpdef Http2Stream find(self, int stream_id)
    @cython.locals(expected=int)
    cpdef note(self, int stream_id)
    cpdef add(self, Http2Stream stream)
    cpdef remove(self, Http2Stream stream)
    cpdef remember_reset(self, int stream_id)
    @cython.locals(priorities=dict)
    cpdef expect_priority(self, int stream_id, int priority)
    cpdef abandon(self, Exchange exchange)
    @cython.locals(since=double, stream=Http2Stream)
    cpdef double stall_deadline(self, double now, double timeout) except -2
    @cython.locals(stream=Http2Stream)
    cpdef list stalled(self, double now, double timeout)
    cpdef bint is_empty(self) except -1
    cpdef bint is_full(self) except -1
    cpdef bint is_idle(self, int stream_id) except -1
    cpdef bint was_reset(self, int stream_id) except -1
    cpdef bint was_left_out(self, int stream_id) except -1
    @cython.locals(exchange=Exchange)
    cdef _tidy(self)
