cdef object _EXHAUSTED


cdef class Ready:
    cdef object result
