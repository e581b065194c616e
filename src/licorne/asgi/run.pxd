cimport cython

from licorne.asgi.http cimport HttpCycle
from licorne.asgi.shared cimport Shared
from licorne.engine.exchange cimport Exchange
from licorne.link cimport Cycle, Link


cdef class Application:
    cdef bint is_starting
    cdef object clock
    cdef object options
    cdef public Shared shared

    @cython.locals(shared=Shared)
    cpdef begin(self, Exchange exchange, Link link)
    @cython.locals(cycle=HttpCycle)
    cdef HttpCycle _new_cycle(self, Exchange exchange, Link link)
