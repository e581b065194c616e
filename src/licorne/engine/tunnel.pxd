cdef class Tunnel:
    cpdef receive_data(self, bytes data, double now)
    cpdef receive_eof(self, double now)
    cpdef lost(self)
    cpdef double settle(self, double now) except? -1
    cpdef expire(self, double now)
    cpdef shutdown(self, double now)
    cpdef bint is_full(self) except -1
    cpdef bint is_resting(self) except -1
    cpdef go_on(self, double now)
