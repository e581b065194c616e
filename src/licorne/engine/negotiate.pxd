cimport cython

from licorne.engine.connection cimport Connection
from licorne.engine.exchange cimport Exchange

cdef double _NEVER
cdef int _FLUSH
cdef int _ABORT
cdef bytes _MARK
cdef str _H2
cdef double _GRACE


@cython.final
cdef class Engines:
    cdef double head_timeout
    cdef object new_clear_http1
    cdef object new_http1
    cdef object new_http2


cdef class UndecidedConnection(Connection):
    cdef Engines engines
    cdef bytes first
    cdef bint is_retiring
    cdef double shut_at
    cdef double started_at

    @cython.locals(first=bytes)
    cpdef receive_data(self, bytes data, double now)
    cdef Connection _decide(self, Connection engine, double now)
