cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.frames cimport put_head, put_word
from licorne.engine.http2.outgoing cimport Outgoing
from licorne.engine.http2.stream cimport Http2Stream
from licorne.engine.http2.windows cimport ReceiveWindow
from licorne.engine.tunnel cimport Tunnel

cdef double _NEVER
cdef int _CLOSED
cdef int _WINDOW_UPDATE
cdef Py_ssize_t _MAX_LATE_BYTES


@cython.final
cdef class Uploads:
    cdef public list changed
    cdef public long long held
    cdef object limits
    cdef Outgoing outgoing
    cdef public list resting
    cdef public dict streams
    cdef public ReceiveWindow window

    cpdef add(self, Http2Stream stream)
    cpdef remove(self, Http2Stream stream)
    @cython.locals(resting=list, stream=Http2Stream, tunnel=Tunnel)
    cpdef go_on(self, double now)
    @cython.locals(stream=Http2Stream, tunnel=Tunnel)
    cpdef shutdown(self, double now)
    @cython.locals(due=double, streams=list, stream=Http2Stream)
    cpdef double settle(self, double now) except -2
    @cython.locals(stream=Http2Stream)
    cpdef double review(self, double now) except -2
    cpdef double linger_until(self, Http2Stream stream) except -2
    @cython.locals(exchange=Exchange, window=ReceiveWindow, is_open=bint)
    cpdef bint awaits(self, Http2Stream stream) except -1
    @cython.locals(held="long long", window=ReceiveWindow)
    cdef double _settle_stream(self, Http2Stream stream, double now) except -2
    @cython.locals(exchange=Exchange)
    cdef _follow(self, Http2Stream stream, double now)
    @cython.locals(tunnel=Tunnel, data=bytes)
    cdef _start_tunnel(self, Http2Stream stream, Exchange exchange, double now)
    @cython.locals(exchange=Exchange, tunnel=Tunnel, window=ReceiveWindow)
    cdef Py_ssize_t _held(self, Http2Stream stream) except -1
    @cython.locals(credit="long long")
    cdef _give_back(self, int stream_id, ReceiveWindow window, long long held)
    @cython.locals(exchange=Exchange, tunnel=Tunnel)
    cdef double _deadline_of(self, Http2Stream stream, double now) except -2
    @cython.locals(due=double, stream=Http2Stream)
    cdef double _reopen(self, double now) except -2
