cimport cython

cdef double _NEVER


@cython.final
cdef class Clock:
    cdef public double block_until
    cdef public bint has_rested
    cdef double head_timeout
    cdef double keep_alive
    cdef public double now
    cdef public double warned_until

    cpdef bint mark_block(self, bint owes) except -1
    cpdef double own_deadline(self) except -2
    cpdef double idle_deadline(self) except -2
