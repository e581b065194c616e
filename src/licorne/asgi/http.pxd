cimport cython

from licorne.asgi.cycle cimport AsgiCycle, bytes_of
from licorne.asgi.scope cimport ScopeMaker
from licorne.asgi.shared cimport Shared
from licorne.engine.exchange cimport Exchange
from licorne.engine.received cimport BodyBuffer
from licorne.link cimport Link

cdef str _DISCONNECT
cdef str _START
cdef str _BODY
cdef str _TRAILERS
cdef str _EARLY_HINT
cdef str _PATHSEND
cdef str _ZEROCOPYSEND
cdef int _EARLY_HINTS_STATUS


@cython.final
cdef class HttpCycle(AsgiCycle):
    cdef Exchange exchange
    cdef bint has_counted
    cdef bint has_ended
    cdef bint is_body_taken
    cdef bint is_stopping
    cdef Link link
    cdef Shared shared
    cdef double started_at
    cdef object trailers

    cdef begin(self, Exchange exchange, Link link, Shared shared)
    @cython.locals(exchange=Exchange, is_full=bint, data=bytes)
    cdef dict _request(self)
    cdef dict _disconnect(self)
    @cython.locals(kind=str, exchange=Exchange)
    cdef _take(self, dict message)
    @cython.locals(trailers=bint)
    cdef _start_response(self, dict message)
    @cython.locals(exchange=Exchange, more=bint)
    cdef _send_body(self, dict message)
    @cython.locals(exchange=Exchange)
    cdef _send_rare(self, str kind, dict message)
    cdef _send_trailers(self, str kind, dict message)
    cdef _count(self)
    cdef _end(self)
    cdef _fail(self, object error)
    cdef bint _is_expected(self, object error) except -1
    cdef _report(self, object error)
    cdef _answer_failure(self, bint is_told)
