cimport cython

from licorne.asgi.http cimport HttpCycle
from licorne.asgi.shared cimport Shared
from licorne.engine.exchange cimport Exchange
from licorne.link cimport Cycle, Link


cdef class Application:
    cdef public double now
    cdef object options
    cdef public Shared shared

    @cython.locals(cycle=HttpCycle, shared=Shared)
    cpdef begin(self, Exchange exchange, Link link)
