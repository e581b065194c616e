cimport cython

from licorne.drivers.base cimport Runtime
from licorne.drivers.link cimport DriverLink
from licorne.drivers.sweep cimport sweep
from licorne.link cimport Cycle, Gate

cdef int _LINGER
cdef int _FLUSH
cdef int _MAX_WAITERS
cdef object _Task


cdef class AsyncioGate(Gate):
    cdef bint is_open
    cdef object loop
    cdef list waiters


cdef class AsyncioRuntime(Runtime):
    cdef object context
    cdef AsyncioGate empty
    cdef public object loop
    cdef object timer
    cdef bint uses_factory

    cpdef spawn(self, object coroutine)
    cpdef take_end(self, object task)
    cpdef check_empty(self)


cpdef outcome(object task)


cdef class AsyncioLink(DriverLink):
    cdef object loop
    cdef AsyncioRuntime shared
    cdef public object transport
    cdef AsyncioGate write_gate

    cpdef resume_writing(self)


cdef _address(object name)
cdef _server_address(object name)
