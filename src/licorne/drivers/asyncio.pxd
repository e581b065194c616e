cimport cython

from licorne.drivers.base cimport Runtime
from licorne.drivers.gates cimport AsyncioGate, Latch, new_gate
from licorne.drivers.link cimport DriverLink
from licorne.drivers.sweep cimport sweep
from licorne.link cimport Cycle, Gate

cdef int _STOPPING
cdef int _LINGER
cdef int _FLUSH
cdef object _Task


@cython.final
cdef class AsyncioRuntime(Runtime):
    cdef object context
    cdef AsyncioGate empty
    cdef bint is_plain
    cdef public object loop
    cdef dict task_options
    cdef object timer
    cdef bint uses_factory

    cpdef spawn(self, object coroutine, bint is_clean)
    cpdef take_end(self, object task)
    cpdef check_empty(self)


cpdef outcome(object task)


@cython.final
cdef class AsyncioLink(DriverLink):
    cdef bint is_clean
    cdef Latch latch
    cdef object loop
    cdef AsyncioRuntime shared
    cdef public object transport
    cdef AsyncioGate write_gate

    cpdef resume_writing(self)
    cdef _take_in(self, bytes data, Latch latch)


cdef _address(object name)
cdef _server_address(object name)
