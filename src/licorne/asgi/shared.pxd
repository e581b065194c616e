cimport cython

from licorne.asgi.scope cimport ScopeMaker
from licorne.engine.exchange cimport Exchange
from licorne.link cimport Link


@cython.final
cdef class Shared:
    cdef public object app
    cdef public bint is_coroutine
    cdef public bint is_limited
    cdef public Py_ssize_t limit
    cdef public object log_access
    cdef public bint needs_time
    cdef public object on_refusal
    cdef public object on_response
    cdef public object open_session
    cdef public Py_ssize_t running
    cdef public ScopeMaker scopes
    cdef public object start_next
    cdef public object waiting

    cpdef log(self, Exchange exchange, Link link, double started_at, double ended_at)
    cpdef release(self)
