cimport cython

from licorne.link cimport Gate

cdef Py_ssize_t _MAX_SPARE
cdef Py_ssize_t _MAX_OTHERS
cdef object _current_task
cdef object _Task
cdef object _Builtin


@cython.final
cdef class Latch:
    cdef object clock
    cdef object done
    cdef bint is_held
    cdef object loop
    cdef list more
    cdef object opened
    cdef list spare

    cdef new_future(self)
    cdef double hold(self) except? -1
    cdef let_through(self, object future)
    @cython.locals(more=list)
    cdef release(self)
    @cython.locals(callbacks=list, pair=tuple)
    cdef _go_on(self, object future)
    cdef bint _call(self, object callback, object context, object done, object future) except -1


@cython.final
cdef class AsyncioGate(Gate):
    cdef object first
    cdef bint is_open
    cdef Latch latch
    cdef list others

    cpdef wait(self)
    cdef _let_through(self, list futures)
    @cython.locals(others=list)
    cdef _add(self, object future)


@cython.locals(gate=AsyncioGate)
cpdef AsyncioGate new_gate(Latch latch)
cdef _finish(object future)
