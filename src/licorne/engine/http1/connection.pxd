cimport cython

from licorne.engine.connection cimport Connection
from licorne.engine.exchange cimport Exchange
from licorne.engine.http1.pace cimport Pace
from licorne.engine.http1.parser cimport Parser
from licorne.engine.http1.request cimport Http1Request
from licorne.engine.http1.response cimport Http1Response
from licorne.engine.sink cimport ResponseSink
from licorne.engine.tunnel cimport Tunnel

cdef int _FRESH
cdef int _IDLE
cdef int _HEAD
cdef int _BODY
cdef int _BUSY
cdef int _DISCARD
cdef int _LINGER
cdef int _TUNNEL
cdef Parser _NO_PARSER
cdef Http1Request _NO_REQUEST
cdef Pace _NO_PACE
cdef int _NOT_ENDING
cdef int _IS_DRAINING
cdef int _HAS_EOF
cdef double _NEVER
cdef int _CLOSING_LINGER
cdef int _CLOSING_FLUSH
cdef int _CLOSING_ABORT
cdef double _IDLE_GRACE
cdef int _LINGER_SHARE
cdef double _FRESH_GRACE


cdef class Http1Connection(Connection):
    cdef Exchange current
    cdef int ending
    cdef double keep_alive
    cdef object limits
    cdef Pace pace
    cdef Parser parser
    cdef int phase
    cdef Http1Request request
    cdef long long requests_left
    cdef Http1Response response

    @cython.locals(tunnel=Tunnel)
    cpdef receive_data(self, bytes data, double now)
    @cython.locals(exchange=Exchange)
    cpdef Exchange next_exchange(self, double now)
    @cython.locals(exchange=Exchange, tunnel=Tunnel)
    cpdef bint wants_data(self)
    cdef _parse(self, bytes data, double now)
    cdef _mark_head(self, double now)
    cdef _mark_body(self, double now)
    @cython.locals(pace=Pace)
    cdef _swallow(self, Py_ssize_t size)
    cdef Pace _own_pace(self)
    @cython.locals(is_last=bint)
    cdef _begin(self, Exchange exchange)
    cdef _settle(self, double now)
    cdef _settle_open(self, Exchange current, double now)
    @cython.locals(rest=bytes)
    cdef _start_tunnel(self, Tunnel tunnel, double now)
    cdef Tunnel _offered(self)
    cdef _follow_reader(self, double now)
    cdef _resume(self, double now)
    cdef double _clean_linger(self) except -1
    cdef _settle_unread(self, double now)
    cdef _linger(self, double now)
