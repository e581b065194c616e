cimport cython

@cython.final
cdef class Pace:
    cdef long long bytes
    cdef double grace
    cdef double rate
    cdef double time

    cdef restart(self, double now, long long received)
    cdef bint is_too_slow(self, double now, long long received) except -1
