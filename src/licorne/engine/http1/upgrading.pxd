cimport cython

from licorne.engine.connection cimport Connection
from licorne.engine.headers cimport list_tokens
from licorne.engine.http1.connection cimport Http1Connection
from licorne.engine.received cimport RequestHead

cdef int _NOT_ENDING


cdef class UpgradingConnection(Http1Connection):
    cdef object upgrade

    cpdef receive_data(self, bytes data, double now)
    @cython.locals(offer=bytes, rest=bytes)
    cdef _decide(self, object upgrade, RequestHead head, double now)


@cython.locals(settings=list, options=list, is_named=bint, is_h2c=bint)
cpdef bytes offered_settings(RequestHead head)
@cython.locals(field=tuple)
cdef list _values(RequestHead head, bytes name)
