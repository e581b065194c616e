cimport cython

from licorne.link cimport Cycle


@cython.final
cdef class LinkTasks:
    cdef Cycle cycle
    cdef dict others
    cdef object task

    cpdef add(self, object task, Cycle cycle)
    @cython.locals(cycle=Cycle)
    cpdef Cycle take(self, object task)
