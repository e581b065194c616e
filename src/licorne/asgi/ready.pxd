cdef class Ready:
    cdef object result
