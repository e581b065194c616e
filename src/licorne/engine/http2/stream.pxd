cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.response cimport Http2Response
from licorne.engine.http2.scheduler cimport Scheduler
from licorne.engine.http2.windows cimport ReceiveWindow
from licorne.engine.tunnel cimport Tunnel

cdef int _OPEN
cdef int _HALF_CLOSED_REMOTE
cdef int _HALF_CLOSED_LOCAL
cdef long long _MIN_PROGRESS_BYTES
cdef double _UNKNOWN


@cython.final
cdef class Http2Stream(Http2Response):
    cdef public Exchange exchange
    cdef public long long held
    cdef public bint is_discarding
    cdef public bint is_fed
    cdef long long mark_bytes
    cdef double mark_time
    cdef public double read_at
    cdef public long long received
    cdef public long long sent
    cdef public int state
    cdef public double watched_at
    cdef long long watched_bytes
    cdef public ReceiveWindow window

    cpdef begin(self, int stream_id, Scheduler scheduler, long long send_window, long long capacity)
    cpdef finish_receiving(self)
    cpdef finish_sending(self)
    cpdef start_reading(self, double now)
    @cython.locals(elapsed=double)
    cpdef bint is_too_slow(self, double now, double rate, double grace) except -1
    cpdef double watch(self, double now) except -2
    cpdef Py_ssize_t late_bytes(self) except -1
    cpdef Tunnel tunnel(self)
    cpdef bint can_receive(self) except -1
