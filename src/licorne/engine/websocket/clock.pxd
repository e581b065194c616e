cimport cython

cdef double _NEVER
cdef int _MAX_PONGS
cdef double _PONG_SECONDS


@cython.final
cdef class Clock:
    cdef long long activity
    cdef double idle_at
    cdef double idle_timeout
    cdef double interval
    cdef public double limit_at
    cdef public double now
    cdef object options
    cdef double ping_at
    cdef double pong_by
    cdef int pongs
    cdef double pongs_at
    cdef public double rtt
    cdef bytes seed
    cdef bint was_full

    cpdef double start_limit(self, double timeout) noexcept
    cpdef shorten_limit(self, double seconds)
    @cython.locals(due=double)
    cpdef double follow(self, long long activity, bint is_full, bint owes_pong) noexcept
    cpdef take_pong(self)
    cpdef bytes next_ping(self)
    cpdef bint count_pong(self) noexcept
    cpdef bint is_over(self) noexcept
    cpdef bint is_ping_due(self) noexcept
    cpdef bint is_pong_overdue(self) noexcept
    cpdef bint is_idle(self) noexcept
