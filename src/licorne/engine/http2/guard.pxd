cimport cython

cdef Py_ssize_t _RESET_WORK
cdef Py_ssize_t _GLITCH_WORK
cdef long long _FAIR_CREDIT
cdef long long _MAX_SURPLUS


@cython.final
cdef class TokenBucket:
    cdef double burst
    cdef double rate
    cdef double time
    cdef double tokens

    cpdef bint spend(self, double now) except -1


@cython.final
cdef class Guard:
    cdef TokenBucket glitches
    cdef long long max_replies
    cdef public long long replies
    cdef TokenBucket resets
    cdef long long surplus
    cdef public Py_ssize_t work

    cpdef count_reset(self, double now)
    cpdef count_glitch(self, double now)
    cpdef count_credit(self, long long credit, double now)
    cpdef count_reply(self)
