from licorne.engine.connection cimport Connection
from licorne.engine.exchange cimport Exchange
from licorne.engine.http1.parser cimport Parser
from licorne.engine.http1.request cimport Http1Request
from licorne.engine.http1.response cimport Http1Response

cdef int _FRESH
cdef int _IDLE
cdef int _HEAD
cdef int _BODY
cdef int _BUSY
cdef int _DISCARD
cdef int _LINGER
cdef double _NEVER
cdef int _CLOSING_LINGER
cdef int _CLOSING_FLUSH
cdef int _CLOSING_ABORT
cdef double _DRAIN_GRACE


cdef class Http1Connection(Connection):
    cdef Exchange current
    cdef bint has_eof
    cdef bint is_draining
    cdef double keep_alive
    cdef object limits
    cdef long long mark_bytes
    cdef double mark_time
    cdef Parser parser
    cdef int phase
    cdef Http1Request request
    cdef Http1Response response
    cdef Py_ssize_t served
    cdef Py_ssize_t max_requests

    @cython.locals(exchange=Exchange)
    cpdef Exchange next_exchange(self, double now)
    @cython.locals(exchange=Exchange)
    cpdef bint wants_data(self)
    cdef _parse(self, bytes data, double now)
    cdef _mark_head(self, double now)
    cdef _mark_body(self, double now)
    cdef _restart_rate(self, double now)
    cdef bint _is_too_slow(self, double now) except -1
    cdef _swallow(self, Py_ssize_t size)
    @cython.locals(is_last=bint)
    cdef _begin(self, Exchange exchange)
    cdef _settle(self, double now)
    cdef _follow_reader(self, double now)
    cdef _resume(self, double now)
    cdef _settle_unread(self, double now)
    cdef _linger(self, double now)
