cimport cython

from licorne.drivers.base cimport Runtime
from licorne.drivers.gates cimport AsyncioGate, Latch, new_gate
from licorne.drivers.link cimport DriverLink
from licorne.drivers.sweep cimport sweep
from licorne.link cimport Cycle, Gate, Security

cdef Py_ssize_t _GREEDY_BYTES
cdef double _LINGER_PAUSE
cdef Py_ssize_t _TURN_SHARE
cdef int _STOPPING
cdef int _LINGER
cdef int _FLUSH
cdef object _Task


@cython.final
cdef class AsyncioRuntime(Runtime):
    cdef object context
    cdef AsyncioGate empty
    cdef str host
    cdef bint is_plain
    cdef Latch latch
    cdef public object loop
    cdef object on_end
    cdef tuple server
    cdef dict task_options
    cdef object timer
    cdef public object turns

    @cython.locals(options=dict)
    cpdef spawn(self, object coroutine, bint is_clean)
    cpdef take_end(self, object task)
    @cython.locals(server=tuple)
    cdef tuple server_address(self, object name)
    cdef tuple client_address(self, object name)
    cpdef check_empty(self)


cpdef outcome(object task)


@cython.final
cdef class AsyncioLink(DriverLink):
    cdef bint has_gates
    cdef bint is_clean
    cdef AsyncioRuntime shared
    cdef public object transport
    cdef AsyncioGate write_gate

    cpdef resume_writing(self)
    @cython.locals(latch=Latch, now=double, was_pumping=bint)
    cdef _take_in(self, bytes data)
